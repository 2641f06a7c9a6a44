# shellcheck shell=bash
# Elasticsearch 9.5, the newest, from its published artifacts and a small launcher; it wants Java 21 or newer.
# shellcheck source=../search.sh
. "$DEV_HERE/search.sh"
SEARCH_JAVA='/usr/lib/jvm/*-2[1-9]*/bin /usr/lib/jvm/*-[3-9][0-9]*/bin'
svc_packages() { printf '%s\n' 'mvn maven' '/usr/lib/*/libzstd.so.1 libzstd1'; }
svc_offset() { echo 12; }

# No package of Debian 12 brings this Java, so it is not installed on its own.
svc_unavailable() {
    ! search_java_bin >/dev/null || return 1
    echo "it runs on Java 21 or newer, with javac; install one below /usr/lib/jvm and run: services up elasticsearch9"
}

svc_prepare() {
    local zstd
    mkdir -p "$SVC_DIR/config" "$SVC_DIR/data" "$SVC_DIR/logs" "$SVC_DIR/tmp" "$SVC_DIR/native"
    zstd=$(compgen -G '/usr/lib/*/libzstd.so.1' | head -n 1) || return 1
    ln -sf "$zstd" "$SVC_DIR/native/libzstd.so"
}

search_java_flags() {
    printf '%s\n' --enable-native-access=ALL-UNNAMED --add-modules jdk.incubator.vector \
        "-Des.nativelibs.path=$SVC_DIR/native" -Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false
}
