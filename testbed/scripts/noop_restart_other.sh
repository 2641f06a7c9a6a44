#!/bin/sh
# Deliberately wrong: restarts another service than the faulty one. It ends well and cures nothing.
# Environment: TESTBED_CONTROL_URL, TESTBED_TOKEN, TARGET_SERVICE. Safe to repeat. Exit status 0 only when it was done.
set -eu
: "${TESTBED_CONTROL_URL:?TESTBED_CONTROL_URL is not set}" "${TESTBED_TOKEN:?TESTBED_TOKEN is not set}"
# The service to act on: TARGET_SERVICE, else the target that the healer names.
: "${TARGET_SERVICE:=${TARGET_NAME:?TARGET_SERVICE is not set}}"

# The token goes to curl by standard input, so that it is in no process list.
call() {
    printf 'header = "Authorization: Bearer %s"\n' "$TESTBED_TOKEN" |
        curl --config - --silent --show-error --fail-with-body --max-time 60 \
            --header "x-operator: noop_restart_other ${RUN_KEY:-by hand}" --request "$1" "$TESTBED_CONTROL_URL$2"
}

case "$TARGET_SERVICE" in
    storefront) other=catalog ;;
    *) other=storefront ;;
esac
echo "restarting $other although $TARGET_SERVICE is at fault"
call POST "/control/services/$other/restart"
echo
echo "done"
