# shellcheck shell=bash
# What the search servers beside Elasticsearch 8 share: elasticsearch7, elasticsearch9, opensearch (their folders here hold
# a pom, a launcher and a log configuration). A service file sets SEARCH_JAVA and may give search_java_flags.

svc_variable() { echo "AIOPS_TEST_${SVC^^}_URL"; }
svc_packages() { printf '%s\n' '/usr/lib/jvm/java-17-openjdk-*/bin/javac openjdk-17-jdk-headless' 'mvn maven'; }
svc_url() { echo "http://127.0.0.1:$1"; }
svc_stop_signals() { printf 'TERM 25\nKILL 5\n'; }
search_java_flags() { :; }

# Prints the folder with the first javac that the patterns of SEARCH_JAVA find.
search_java_bin() {
    local pattern found
    for pattern in $SEARCH_JAVA; do
        found=$(compgen -G "$pattern/javac" | sort -rV | head -n 1) || true
        [[ -z $found ]] || { dirname "$found"; return 0; }
    done
    return 1
}

search_version() { sed -n 's:.*<search.version>\(.*\)</search.version>.*:\1:p' "$DEV_HERE/$SVC/pom.xml"; }

# The server's version and the launcher's content: a changed launcher is built anew, beside the old one.
search_cache_name() {
    local sum
    sum=$(cd "$DEV_HERE/$SVC" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | cksum | cut -d' ' -f1)
    echo "$SVC-$(search_version)-$sum"
}

search_build() {
    local out=$1 from=$DEV_HERE/$SVC jdk
    jdk=$(search_java_bin) || return 1
    mkdir -p "$out/lib" "$out/modules" "$out/classes" &&
        mvn -q -B -f "$from/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$out/lib" &&
        cp "$from/log4j2.properties" "$out/classes/" &&
        search_modules "$out" "$from" "$jdk" &&
        "$jdk/javac" -nowarn -cp "$out/lib/*" -d "$out/classes" "$from/Launcher.java"
}

# Versions that know modules have their HTTP transport in one, whose jars must not be on the class path as well, and a
# second one that answers GET /.
search_modules() {
    local out=$1 from=$2 jdk=$3 module=$1/modules/transport-netty4 version
    [[ -d $from/rest-root ]] || return 0
    version=$(search_version)
    mkdir -p "$module" "$out/modules/rest-root" "$out/rest-root"
    mv "$out"/lib/transport-netty4-*.jar "$out"/lib/netty-*.jar "$out"/lib/elasticsearch-ssl-config-*.jar "$module/" || return 1
    printf '%s\n' name=transport-netty4 'description=Netty 4 transport' "version=$version" "elasticsearch.version=$version" \
        java.version=21 classname=org.elasticsearch.transport.netty4.Netty4Plugin >"$module/plugin-descriptor.properties"
    "$jdk/javac" -nowarn -cp "$out/lib/*" -d "$out/rest-root" "$from/rest-root/RestRootPlugin.java" &&
        "$jdk/jar" --create --file "$out/modules/rest-root/rest-root.jar" -C "$out/rest-root" . || return 1
    sed "s/@VERSION@/$version/" "$from/rest-root/plugin-descriptor.properties" >"$out/modules/rest-root/plugin-descriptor.properties"
    rm -rf "$out/rest-root"
}

svc_build() { cached_build "$(search_cache_name)" search_build; }
svc_prepare() { mkdir -p "$SVC_DIR/config" "$SVC_DIR/data" "$SVC_DIR/logs" "$SVC_DIR/tmp" "$SVC_DIR/native"; }

# Only the quick compiler and a small heap: these are here for their answers.
svc_command() {
    local home flags=()
    home=$DEV_CACHE/$(search_cache_name)
    mapfile -t flags < <(search_java_flags)
    printf '%s\0' "$(search_java_bin)/java" -Xms192m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${flags[@]}" \
        -Djava.io.tmpdir="$SVC_DIR/tmp" -cp "$home/classes:$home/lib/*" Launcher "$home" "$SVC_DIR" "$1"
}

# HTTP answers before the shards are there; a search in that gap is refused.
svc_ready() { http_ok "http://127.0.0.1:$1/_cluster/health?wait_for_status=yellow&timeout=4s"; }
