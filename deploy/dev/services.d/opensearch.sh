# shellcheck shell=bash
# OpenSearch 2.19, from its published artifacts and a small launcher.
# shellcheck source=../search.sh
. "$DEV_HERE/search.sh"
SEARCH_JAVA='/usr/lib/jvm/java-17-openjdk-*/bin'
svc_offset() { echo 13; }
