#!/usr/bin/env bash
# Builds the Elasticsearch home folder (jars, modules, launcher): build.sh OUTPUT JAVA_BIN_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$1
jdk=$2

version=$(sed -n 's:.*<elasticsearch.version>\(.*\)</elasticsearch.version>.*:\1:p' "$here/pom.xml")
mkdir -p "$out/lib" "$out/modules/transport-netty4" "$out/modules/rest-root" "$out/classes"
cp "$here/pom.xml" "$out/pom.xml"
mvn -q -B -f "$out/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$out/lib"

# A module's jars must not be on the class path as well.
module=$out/modules/transport-netty4
mv "$out"/lib/transport-netty4-*.jar "$out"/lib/netty-*.jar "$out"/lib/elasticsearch-ssl-config-*.jar "$module/"
cat >"$module/plugin-descriptor.properties" <<EOF
name=transport-netty4
description=Netty 4 transport
version=$version
elasticsearch.version=$version
java.version=17
classname=org.elasticsearch.transport.netty4.Netty4Plugin
EOF

"$jdk/javac" -nowarn -cp "$out/lib/*" -d "$out/classes" "$here/launcher/Launcher.java"
cp "$here/log4j2.properties" "$out/classes/"
"$jdk/javac" -nowarn -cp "$out/lib/*" -d "$out/rest-root" "$here/rest-root/RestRootPlugin.java"
"$jdk/jar" --create --file "$out/modules/rest-root/rest-root.jar" -C "$out/rest-root" .
sed "s/@VERSION@/$version/" "$here/rest-root/plugin-descriptor.properties" >"$out/modules/rest-root/plugin-descriptor.properties"
rm -rf "$out/rest-root" "$out/pom.xml"
