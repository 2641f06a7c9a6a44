# shellcheck shell=bash disable=SC2154,SC2015,SC2034 # variables are those of serve.sh
# Settings of the parts of the development cluster: sourced by serve.sh.

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

write_configs() {
    openssl genrsa -out "$run/pki/sa.key" 2048 2>/dev/null && openssl rsa -in "$run/pki/sa.key" -pubout -out "$run/pki/sa.pub" 2>/dev/null ||
        { say "openssl could not make a key"; return 1; }
    admin_token=$(random)
    (umask 077 && printf '%s,admin,admin,"system:masters"\n' "$admin_token" >"$run/pki/tokens.csv")
    write_containerd
    write_network
    write_kubelet
}

certificate_there() { [[ -s $run/pki/apiserver.crt ]]; }

write_kubeconfig() {
    (
        umask 077
        cat >"$KUBECONFIG" <<END
apiVersion: v1
kind: Config
current-context: dev
clusters: [{name: dev, cluster: {server: "https://$net.1:$port", certificate-authority-data: $(base64 -w0 "$run/pki/apiserver.crt")}}]
contexts: [{name: dev, context: {cluster: dev, user: admin, namespace: default}}]
users: [{name: admin, user: {token: "$admin_token"}}]
END
    )
}

# restrict_oom_score_adj: without the right to lower scores, which machines like containers and small virtual ones lack,
# runc could not start anything.
write_containerd() {
    local snapshotter=overlayfs
    [[ $(stat -f -c %T "$run") != overlayfs ]] || snapshotter=native
    cat >"$run/containerd.toml" <<END
version = 2
root = "$run/containerd/root"
state = "$run/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$(dirname "$(compgen -G '/*/*/cni/bridge' | head -n 1)")"
    conf_dir = "$run/cni/conf"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "$run/containerd/runc"
END
}

write_network() {
    cat >"$run/cni/conf/10-dev.conflist" <<END
{"cniVersion": "0.4.0", "name": "$bridge", "plugins": [
  {"type": "bridge", "bridge": "$bridge", "isGateway": true,
   "ipam": {"type": "host-local", "dataDir": "$run/cni/data", "routes": [{"dst": "0.0.0.0/0"}],
            "ranges": [[{"subnet": "$net.0/24", "rangeStart": "$net.10", "gateway": "$net.1"}]]}}]}
END
}

write_kubelet() {
    cat >"$run/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $net.1
port: $((port + 5))
readOnlyPort: 0
healthzPort: 0
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix://$socket
cgroupDriver: cgroupfs
cgroupRoot: /$group
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
oomScoreAdj: 0
maxPods: 200
podPidsLimit: 512
makeIPTablesUtilChains: false
podLogsDir: $run/pods
evictionHard: {memory.available: 50Mi, nodefs.available: "1%", imagefs.available: "1%", nodefs.inodesFree: "1%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
syncFrequency: 10s
END
}
