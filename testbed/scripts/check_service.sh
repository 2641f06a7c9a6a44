#!/bin/sh
# Changes nothing: asks the testbed whether a service answers its last probes; fails when it does not.
# Environment: TESTBED_CONTROL_URL, TESTBED_TOKEN, TARGET_SERVICE. Safe to repeat. Exit status 0 only when it was done.
set -eu
: "${TESTBED_CONTROL_URL:?TESTBED_CONTROL_URL is not set}" "${TESTBED_TOKEN:?TESTBED_TOKEN is not set}"
# The service to act on: TARGET_SERVICE, else the target that the healer names.
: "${TARGET_SERVICE:=${TARGET_NAME:?TARGET_SERVICE is not set}}"

# The token goes to curl by standard input, so that it is in no process list.
call() {
    printf 'header = "Authorization: Bearer %s"\n' "$TESTBED_TOKEN" |
        curl --config - --silent --show-error --fail-with-body --max-time 60 \
            --header "x-operator: check_service ${RUN_KEY:-by hand}" --request "$1" "$TESTBED_CONTROL_URL$2"
}

state=$(call GET "/control/services/$TARGET_SERVICE")
good=$(printf "%s" "$state" | sed -n 's/.*"probes_ok":\([0-9]*\).*/\1/p')
all=$(printf "%s" "$state" | sed -n 's/.*"probes":\([0-9]*\).*/\1/p')
echo "$TARGET_SERVICE: $good of the last $all probes were answered well"
[ "${all:-0}" -gt 0 ] && [ "$good" = "$all" ]
