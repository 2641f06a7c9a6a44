# shellcheck shell=bash
# A Docker engine of its own, from the system's packages (Debian 12: 20.10): data, state and socket below the service's
# folder, no bridge and no iptables rules, so that it disturbs neither another checkout nor an engine of the machine. Root only.
# Two images are imported once: aiops-busybox:1 (static busybox) and aiops-tools:1 (bash and python besides); as localhost/aiops-test:1
# and localhost/aiops-tools:1 they have the names that the cluster's images have.
svc_variable() { echo AIOPS_TEST_DOCKER_HOST; }
svc_packages() {
    ((EUID == 0)) || return 0
    printf '%s\n' 'dockerd docker.io' 'docker docker.io' 'docker-init tini' 'runc runc' 'busybox busybox-static' \
        'package python3-minimal' 'bash bash'
}
svc_offset() { echo 9; }
svc_url() { echo "unix://$(docker_home)/docker.sock"; }
svc_stop_signals() { printf 'TERM 30\nKILL 5\n'; }
# It has a socket and no port.
svc_owns() { :; }

svc_unavailable() {
    if ((EUID != 0)); then
        echo 'an engine of its own needs root; run it as root, or set AIOPS_TEST_DOCKER_HOST to an engine of yours'
    elif ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
        echo 'dockerd and docker are not installed (Debian: docker.io)'
    elif [[ ! -w /sys/fs/cgroup ]]; then
        echo '/sys/fs/cgroup cannot be written here; set AIOPS_TEST_DOCKER_HOST to an engine of yours'
    else
        return 1
    fi
}

# Socket paths may have 107 bytes; a deep checkout keeps its engine outside.
docker_home() {
    if ((${#SVC_DIR} > 60)); then outside_dir; else echo "$SVC_DIR"; fi
}

docker_client() { docker -H "$(svc_url)" "$@"; }

svc_prepare() {
    local home
    home=$(docker_home) || return 1
    mkdir -p "$home/data" "$home/exec"
    cat >"$home/daemon.json" <<JSON
{ "hosts": ["unix://$home/docker.sock"], "data-root": "$home/data", "exec-root": "$home/exec", "pidfile": "$home/docker.pid",
  "bridge": "none", "iptables": false, "ip6tables": false, "live-restore": false, "shutdown-timeout": 5 }
JSON
    rm -f "$home/docker.pid"
}

svc_command() { printf '%s\0' dockerd --config-file "$(docker_home)/daemon.json"; }
svc_ready() { docker_client version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# A root file system of busybox alone.
docker_rootfs() {
    local root=$1 busybox
    busybox=$(command -v busybox)
    mkdir -p "$root"/{bin,tmp,etc,dev,proc,sys,usr}
    cp "$busybox" "$root/bin/busybox"
    ln -s ../bin "$root/usr/bin"
    chroot "$root" /bin/busybox --install -s /bin
    printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$root/etc/passwd"
}

# Adds a program of this machine with the libraries that it is linked with.
docker_add_program() {
    local root=$1 program=$2 library
    rm -f "$root/bin/$(basename "$program")"
    cp -L "$program" "$root/bin/$(basename "$program")"
    for library in $(ldd "$program" | grep -oE '/[^ ]+\.so[^ ]*'); do
        mkdir -p "$root$(dirname "$library")"
        cp -Ln "$library" "$root$library"
    done
}

docker_import() {
    local root=$1 name=$2
    tar -C "$root" -c . | docker_client import --change 'ENV PATH=/bin:/usr/bin' - "$name" >/dev/null
}

svc_after_ready() {
    local root python library
    ! docker_client image inspect aiops-busybox:1 localhost/aiops-tools:1 >/dev/null 2>&1 || return 0
    root=$(mktemp -d "$(docker_home)/image.XXXXXX") || return 1
    docker_rootfs "$root" && docker_import "$root" aiops-busybox:1 || return 1
    docker_add_program "$root" /bin/bash
    if python=$(readlink -f /usr/bin/python3) && [[ -x $python ]]; then
        docker_add_program "$root" "$python"
        ln -sf "$(basename "$python")" "$root/bin/python3"
        library=/usr/lib/$(basename "$python")
        mkdir -p "$root/usr/lib"
        tar -C / -c --exclude=test --exclude=__pycache__ --exclude=idlelib --exclude='config-*' "${library#/}" | tar -C "$root" -x
    fi
    docker_import "$root" aiops-tools:1 || return 1
    docker_client tag aiops-busybox:1 localhost/aiops-test:1 && docker_client tag aiops-tools:1 localhost/aiops-tools:1 || return 1
    rm -rf "$root"
}

# Containers end with their engine in order; what a kill left behind is ended here: shims, containerd, mounts.
svc_after_stop() {
    local home pid comm point left
    home=$(docker_home)
    for left in 1 2 3 4 5 6 7 8 9 10; do
        left=
        for pid in /proc/[0-9]*; do
            pid=${pid#/proc/}
            comm=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
            [[ $comm == containerd* ]] || continue
            tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$home/exec/" || continue
            left=yes
            [[ $comm == containerd ]] || pkill -KILL -P "$pid" 2>/dev/null || true
            kill -KILL "$pid" 2>/dev/null || true
        done
        [[ -n $left ]] || break
        sleep 0.2
    done
    while read -r _ point _; do
        [[ $point != "$home"/* ]] || umount -l "$point" 2>/dev/null || true
    done < <(tac /proc/mounts)
    rm -rf "$home/exec" "$home/docker.sock" "$home/docker.pid" "$home"/image.*
}
