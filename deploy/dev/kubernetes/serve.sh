#!/usr/bin/env bash
# One Kubernetes cluster with one node in one process tree: serve.sh serve|clean SERVICE-FOLDER STATE-FOLDER PROGRAMS PORT HASH
#
# Everything lies below the two folders and on a bridge of its own; the cluster is new at each start. `clean` ends and
# removes what an earlier one left behind and may be repeated.
set -uo pipefail
action=$1 service=$2 state=$3 bin=$4 port=$5 hash=$6
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=images.sh
. "$here/images.sh"
# shellcheck source=configs.sh
. "$here/configs.sh"

bridge=aik$(printf %08x "$hash")
group=aiops-$(printf %08x "$hash")
run=$state/node
socket=$run/c.sock
export KUBECONFIG=$service/kubeconfig
say() { printf '%s\n' "$*"; }
kube() { "$bin/kubectl" --request-timeout=10s "$@"; }
containers() { ctr -a "$socket" -n k8s.io "$@"; }

# ---- addresses: pods in 10.A.B.0/24 with us as .1, services in 10.A.B+1.0/24 -----------------------------------------

choose_network() {
    local n a b
    for n in {0..19}; do
        a=$((64 + (hash + n * 31) % 60)) b=$(((hash / 60 + n) % 120 * 2))
        net=10.$a.$b services=10.$a.$((b + 1))
        ip -4 route show to match "$net.1" | grep -qv ^default || return 0
    done
    say "no free network for pods was found in 10.64.0.0 to 10.123.0.0"
    return 1
}

# shellcheck disable=SC2015
make_bridge() {
    ip link add "$bridge" type bridge && ip addr add "$net.1/24" dev "$bridge" && ip addr add "$services.1/32" dev "$bridge" &&
        ip link set "$bridge" up || { say "a network bridge cannot be made here"; return 1; }
}

# ---- control groups: a branch of our own, so that two nodes do not sweep each other's --------------------------------

group_roots() {
    if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then echo /sys/fs/cgroup; return; fi
    find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d ! -name unified
}

make_groups() {
    local root file
    while read -r root; do
        if [[ -e $root/cgroup.controllers && -e $root/cgroup.subtree_control ]]; then
            for file in cpuset cpu io memory pids hugetlb; do echo "+$file" >"$root/cgroup.subtree_control"; done 2>/dev/null
        fi
        mkdir -p "$root/$group" || { say "a control group cannot be made below $root"; return 1; }
        for file in cpuset.cpus cpuset.mems; do
            [[ ! -e $root/$group/$file || -n $(<"$root/$group/$file") || ! -s $root/$file ]] || cat "$root/$file" >"$root/$group/$file"
        done
    done < <(group_roots)
}

remove_groups() {
    local root
    while read -r root; do
        [[ ! -d $root/$group ]] || find "$root/$group" -depth -type d -exec rmdir {} + 2>/dev/null
    done < <(group_roots; echo /sys/fs/cgroup/unified)
}

# ---- parts -----------------------------------------------------------------------------------------------------------

declare -A parts=()

# Starts a part that dies with us; its output goes to a file of its own.
part() {
    local name=$1
    shift
    setpriv --pdeathsig KILL "$@" >"$service/logs/$name.log" 2>&1 </dev/null &
    parts[$name]=$!
}

# Ends a part: TERM, then KILL after the seconds given.
end_part() {
    local pid=${parts[$1]:-} until=$((SECONDS + ${2:-10}))
    [[ -n $pid ]] || return 0
    kill "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < until)); do sleep 0.1; done
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    unset "parts[$1]"
}

# Fails when a part has ended, with the end of its output (a port in use is then seen by who started us).
all_alive() {
    local name
    for name in "${!parts[@]}"; do
        kill -0 "${parts[$name]}" 2>/dev/null && continue
        say "$name has ended; the end of $service/logs/$name.log:"
        tail -n 5 "$service/logs/$name.log"
        return 1
    done
}

# until_true SECONDS TEXT COMMAND...: asks again and again while all parts live.
until_true() {
    local until=$((SECONDS + $1)) text=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        all_alive || return 1
        ((SECONDS < until)) || { say "$text"; return 1; }
        sleep 0.2
    done
}

# ---- the end ---------------------------------------------------------------------------------------------------------

# Processes that hold our containers; they outlive containerd.
shims() { grep -lzs -- "^$socket\$" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3; }

clean() {
    local pid mount
    for pid in $(shims); do
        # Their containers first: processes in our control groups.
        kill -9 "$pid" 2>/dev/null
    done
    while read -r root; do
        [[ ! -d $root/$group ]] || find "$root/$group" -name cgroup.procs -exec cat {} + 2>/dev/null
    done < <(group_roots) | sort -u | xargs -r kill -9 2>/dev/null
    while read -r mount; do umount -l "$mount" 2>/dev/null; done < <(cut -d' ' -f2 /proc/self/mounts | grep -F "$state/" | sort -r)
    if ip link show "$bridge" >/dev/null 2>&1; then
        ip -o link show master "$bridge" | sed -n 's/^[0-9]*: \([^@:]*\).*/\1/p' | while read -r pid; do ip link del "$pid"; done 2>/dev/null
        ip link del "$bridge"
    fi
    find /var/log/containers -maxdepth 1 -lname "$state/*" -delete 2>/dev/null
    sleep 0.2
    remove_groups
    rm -rf "$run" "$service/ready"
}

stop() {
    trap '' TERM INT
    rm -f "$service/ready"
    # Nothing makes pods any more; the kubelet then ends those that are there.
    end_part scheduler 3
    end_part controllers 5
    if [[ -n ${parts[kubelet]:-} ]]; then
        kube delete pods --all --all-namespaces --grace-period=1 --wait=false >/dev/null 2>&1
        local until=$((SECONDS + 20))
        while [[ -n $(timeout 5 ctr -a "$socket" -n k8s.io tasks ls -q 2>/dev/null) ]] && ((SECONDS < until)); do sleep 0.3; done
    fi
    for name in kubelet door apiserver etcd containerd; do end_part "$name" 5; done
    clean
}

# ---- the start -------------------------------------------------------------------------------------------------------

start() {
    mkdir -p "$service/logs" "$run"/{etcd,pki,kubelet,pods,cni/conf,cni/data,containerd,tmp} && chmod 700 "$run/pki"
    choose_network && make_bridge && make_groups && write_configs || return 1
    part containerd containerd --config "$run/containerd.toml"
    part etcd etcd --data-dir "$run/etcd" --listen-client-urls "http://127.0.0.1:$((port + 1))" --unsafe-no-fsync \
        --advertise-client-urls "http://127.0.0.1:$((port + 1))" --listen-peer-urls "http://127.0.0.1:$((port + 2))"
    # Members of one: the peer address is never used.
    part apiserver "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$((port + 1))" --cert-dir "$run/pki" \
        --secure-port "$port" --bind-address "$net.1" --advertise-address "$net.1" --token-auth-file "$run/pki/tokens.csv" \
        --service-account-key-file "$run/pki/sa.pub" --service-account-signing-key-file "$run/pki/sa.key" \
        --service-account-issuer https://kubernetes.default.svc --authorization-mode Node,RBAC --allow-privileged=true \
        --service-cluster-ip-range "$services.0/24" --kubelet-preferred-address-types InternalIP --profiling=false
    until_true 120 "the API server did not answer" certificate_there || return 1
    write_kubeconfig
    until_true 120 "the API server did not get ready" kube get --raw /readyz || return 1
    part controllers "$bin/kube-controller-manager" --kubeconfig "$KUBECONFIG" --service-account-private-key-file "$run/pki/sa.key" \
        --root-ca-file "$run/pki/apiserver.crt" --use-service-account-credentials=true --leader-elect=false \
        --bind-address 127.0.0.1 --secure-port $((port + 3)) --cert-dir "$run/pki/controllers" --concurrent-gc-syncs 4
    part scheduler "$bin/kube-scheduler" --kubeconfig "$KUBECONFIG" --leader-elect=false --bind-address 127.0.0.1 \
        --secure-port $((port + 4)) --cert-dir "$run/pki/scheduler"
    # The service address of the API, as pods are told it.
    part door socat "TCP-LISTEN:443,bind=$services.1,fork,reuseaddr,backlog=256" "TCP:$net.1:$port"
    until_true 60 "containerd did not answer" containers version || return 1
    load_images || return 1
    part kubelet "$bin/kubelet" --config "$run/kubelet.yaml" --kubeconfig "$KUBECONFIG" --root-dir "$run/kubelet" \
        --cert-dir "$run/pki/kubelet" --hostname-override "$group" --node-ip "$net.1"
    until_true 120 "the node did not get ready; see $service/logs/kubelet.log" \
        kube wait --for=condition=Ready "node/$group" --timeout=1s || return 1
    until_true 60 "no service account appeared" kube get serviceaccount default || return 1
    probe
}

# Whether pods run here at all.
probe() {
    kube run probe --image="$test_image" --image-pull-policy=Never --restart=Never -- true >/dev/null || return 1
    ended() { [[ $(kube get pod probe -o 'jsonpath={.status.phase}') == Succeeded ]]; }
    if ! until_true 90 "PODS CANNOT RUN ON THIS HOST; set AIOPS_TEST_KUBECONFIG to a cluster of yours. What was told:" ended; then
        kube get events --field-selector involvedObject.name=probe -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}' | tail -n 5
        return 1
    fi
    kube delete pod probe --wait=false >/dev/null
}

case $action in
    clean) clean ;;
    serve)
        clean
        trap 'stop; exit 0' TERM INT
        if ! start; then
            stop
            exit 1
        fi
        echo "$port" >"$service/ready"
        say "ready: KUBECONFIG=$KUBECONFIG node $group, pods in $net.0/24"
        while all_alive; do sleep 1 & wait $!; done
        stop
        exit 1
        ;;
esac
