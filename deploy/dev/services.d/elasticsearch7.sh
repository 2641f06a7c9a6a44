# shellcheck shell=bash
# Elasticsearch 7.17, the oldest that is supported, from its published artifacts and a small launcher.
# shellcheck source=../search.sh
. "$DEV_HERE/search.sh"
SEARCH_JAVA='/usr/lib/jvm/java-17-openjdk-*/bin'
svc_offset() { echo 11; }
