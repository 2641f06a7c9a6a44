# shellcheck shell=bash
# Kubernetes with one real node and real pods: API server, controllers, scheduler and kubelet from their Go module (cached
# by version, 7 minutes the first time on two cores), etcd and containerd from the system's packages. Root only.
KUBERNETES_VERSION=v1.34.4
svc_variable() { echo AIOPS_TEST_KUBECONFIG; }
svc_offset() { echo 8; }
svc_url() { echo "$SVC_DIR/kubeconfig"; }
# The port is held by the API server, a child of the process that we know; only that process writes the ready file.
svc_owns() { our_pid >/dev/null && [[ $(cat "$SVC_DIR/ready" 2>/dev/null) == "$2" ]]; }
# Starting takes half a minute, and much longer on a busy machine.
# shellcheck disable=SC2034 # read by lib.sh
[[ -n ${AIOPS_DEV_DEADLINE:-} ]] || DEV_DEADLINE=300
svc_stop_signals() { printf 'TERM 90\nKILL 5\n'; }
k8s_cache_name() { echo "kubernetes-${KUBERNETES_VERSION#v}"; }

svc_packages() {
    ! svc_unavailable >/dev/null || return 0
    printf '%s\n' 'etcd etcd-server' 'containerd containerd' 'runc runc' '/*/*/cni/bridge containernetworking-plugins' \
        '/bin/busybox busybox-static' 'ip iproute2' 'openssl openssl' 'socat socat' 'setpriv util-linux' 'python3 python3-minimal'
}

# Says in one line why there can be no cluster here. That pods run is seen only when one ran: see serve.sh.
svc_unavailable() {
    local version
    # Its build is long: it starts only when it is asked for by name, as the tests do.
    if [[ ${verb:-} == up && -z ${UP_NAMED:-} ]]; then
        echo "it starts by its name only: services up kubernetes"
        return 0
    fi
    if ((EUID != 0)); then
        echo "its node needs root; run it as root, or set AIOPS_TEST_KUBECONFIG to a cluster of yours"
        return 0
    fi
    if [[ ! -w /sys/fs/cgroup || ! -e /sys/fs/cgroup/cgroup.controllers && ! -d /sys/fs/cgroup/memory ]]; then
        echo "its node needs to make control groups below /sys/fs/cgroup; set AIOPS_TEST_KUBECONFIG to a cluster of yours"
        return 0
    fi
    [[ ! -x $DEV_CACHE/$(k8s_cache_name)/kubectl ]] || return 1
    version=$(go env GOVERSION 2>/dev/null) || version=none
    if [[ $version != none && $(printf '%s\n' "${version#go}" 1.21 | sort -V | head -n 1) == 1.21 ]]; then return 1; fi
    echo "it is built with Go 1.21 or newer (found: $version); install Go and run: services build kubernetes"
}

k8s_build() { "$DEV_HERE/kubernetes/build.sh" "$1" "$KUBERNETES_VERSION"; }
svc_build() { cached_build "$(k8s_cache_name)" k8s_build; }

# Socket paths may have 107 bytes; a deep checkout keeps its node outside.
k8s_state() {
    if ((${#SVC_DIR} > 55)); then outside_dir; else echo "$SVC_DIR"; fi
}

# A killed one leaves its ready file.
svc_prepare() { k8s_state >/dev/null && rm -f "$SVC_DIR/ready"; }
svc_command() {
    printf '%s\0' "$DEV_HERE/kubernetes/serve.sh" serve "$SVC_DIR" "$(k8s_state)" "$DEV_CACHE/$(k8s_cache_name)" "$1" "$(dev_hash)"
}

svc_ready() { [[ $(cat "$SVC_DIR/ready" 2>/dev/null) == "$1" ]]; }
# After a kill there may be pods, mounts and links of ours.
svc_after_stop() { "$DEV_HERE/kubernetes/serve.sh" clean "$SVC_DIR" "$(k8s_state)" "$DEV_CACHE/$(k8s_cache_name)" 0 "$(dev_hash)"; }
