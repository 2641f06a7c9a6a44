# shellcheck shell=bash
# Elasticsearch 8.19, from its published artifacts and a small launcher (deploy/dev/elasticsearch), cached by version.
svc_variable() { echo AIOPS_TEST_ELASTICSEARCH_URL; }
svc_packages() { printf '%s\n' '/usr/lib/jvm/java-17-openjdk-*/bin/javac openjdk-17-jdk-headless' 'mvn maven'; }
svc_offset() { echo 2; }
svc_url() { echo "http://127.0.0.1:$1"; }
svc_stop_signals() { printf 'TERM 25\nKILL 5\n'; }

es_source() { echo "$DEV_HERE/elasticsearch"; }
es_java_bin() {
    local bins=(/usr/lib/jvm/java-17-openjdk-*/bin)
    echo "${bins[0]}"
}

# The server's version and the launcher's content: a changed launcher is built anew, beside the old one.
es_cache_name() {
    local source version sum
    source=$(es_source)
    version=$(sed -n 's:.*<elasticsearch.version>\(.*\)</elasticsearch.version>.*:\1:p' "$source/pom.xml")
    sum=$(cd "$source" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | cksum | cut -d' ' -f1)
    echo "elasticsearch-$version-$sum"
}

es_build() { "$(es_source)/build.sh" "$1" "$(es_java_bin)"; }
svc_build() { cached_build "$(es_cache_name)" es_build; }
svc_prepare() { mkdir -p "$SVC_DIR/config" "$SVC_DIR/data" "$SVC_DIR/logs" "$SVC_DIR/tmp"; }

# Only the quick compiler: half the processor time of a start, which counts more here than the last bit of speed.
svc_command() {
    local home
    home=$DEV_CACHE/$(es_cache_name)
    printf '%s\0' "$(es_java_bin)/java" -Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Djava.io.tmpdir="$SVC_DIR/tmp" -cp "$home/classes:$home/lib/*" \
        Launcher "$home" "$SVC_DIR" "$1"
}

# HTTP answers before the shards are there; a search in that gap is refused.
svc_ready() { http_ok "http://127.0.0.1:$1/_cluster/health?wait_for_status=yellow&timeout=4s"; }
