# shellcheck shell=bash disable=SC2154,SC2015,SC2034 # variables are those of serve.sh
# Images for the development cluster, made from this system's own programs without any engine: sourced by serve.sh.
#
# pause: sleeps. aiops-test: busybox, bash and python3. aiops-tools: that and kubectl.
pause_image=localhost/pause:1
test_image=localhost/aiops-test:1
tools_image=localhost/aiops-tools:1

# Copies a program with the libraries that it is linked to below a folder.
copy_program() {
    local root=$1 program=$2 library
    mkdir -p "$root/usr/bin"
    cp -L "$program" "$root/usr/bin/${3:-$(basename "$program")}"
    for library in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$root$(dirname "$library")"
        cp -Ln "$library" "$root$library"
    done
}

make_root() {
    local root=$1 python
    mkdir -p "$root"/{bin,etc,tmp,usr/bin,work} && chmod 1777 "$root/tmp"
    cp -L "$(command -v busybox)" "$root/bin/busybox"
    "$root/bin/busybox" --list | while read -r python; do [[ $python == busybox ]] || ln -s busybox "$root/bin/$python"; done
    copy_program "$root" /bin/bash
    python=$(readlink -f /usr/bin/python3)
    copy_program "$root" "$python" python3
    mkdir -p "$root/usr/lib"
    tar -C /usr/lib --exclude=__pycache__ --exclude=test --exclude=idlelib --exclude=dist-packages --exclude='config-*' \
        --exclude=lib2to3 --exclude=ensurepip -cf - "$(basename "$python")" | tar -C "$root/usr/lib" -xf -
    printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
}

# image_archive FOLDER NAME COMMAND-JSON LAYER...: writes FOLDER.tar as `docker save` would.
image_archive() {
    local folder=$1 name=$2 command=$3 layer files='' ids=''
    shift 3
    mkdir -p "$folder"
    for layer in "$@"; do
        ln -f "$layer" "$folder/"
        files+=${files:+,}\"$(basename "$layer")\"
        ids+=${ids:+,}\"sha256:$(sha256sum "$layer" | cut -d' ' -f1)\"
    done
    printf '{"architecture":"%s","os":"linux","config":{"Cmd":%s,"Env":["PATH=/usr/bin:/bin"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
        "$(go_arch)" "$command" "$ids" >"$folder/config.json"
    printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":[%s]}]' "$name" "$files" >"$folder/manifest.json"
    tar -C "$folder" -cf "$folder.tar" .
}

go_arch() { case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac; }

load_images() {
    local tmp=$run/tmp
    make_root "$tmp/root" || { say "the test image cannot be made"; return 1; }
    mkdir -p "$tmp/tools/usr/bin" && ln -f "$bin/kubectl" "$tmp/tools/usr/bin/kubectl" 2>/dev/null || cp "$bin/kubectl" "$tmp/tools/usr/bin/kubectl"
    tar -C "$tmp/root" --owner=0 --group=0 -cf "$tmp/base.tar" . && tar -C "$tmp/tools" --owner=0 --group=0 -cf "$tmp/kubectl.tar" .
    tar -C "$tmp/root" --owner=0 --group=0 -cf "$tmp/busybox.tar" ./bin/busybox
    image_archive "$tmp/pause" "$pause_image" '["/bin/busybox","sleep","2147483647"]' "$tmp/busybox.tar"
    image_archive "$tmp/test" "$test_image" '["/bin/sh"]' "$tmp/base.tar"
    image_archive "$tmp/full" "$tools_image" '["/bin/sh"]' "$tmp/base.tar" "$tmp/kubectl.tar"
    for archive in pause test full; do
        containers images import "$tmp/$archive.tar" >/dev/null || { say "containerd did not take the $archive image"; return 1; }
    done
    rm -rf "$tmp"
}
