#!/bin/sh
# Starts Redis again, or restarts it when it runs.
# Environment: TESTBED_CONTROL_URL, TESTBED_TOKEN. Safe to repeat. Exit status 0 only when it was done.
set -eu
: "${TESTBED_CONTROL_URL:?TESTBED_CONTROL_URL is not set}" "${TESTBED_TOKEN:?TESTBED_TOKEN is not set}"

# The token goes to curl by standard input, so that it is in no process list.
call() {
    printf 'header = "Authorization: Bearer %s"\n' "$TESTBED_TOKEN" |
        curl --config - --silent --show-error --fail-with-body --max-time 60 \
            --header "x-operator: restart_redis ${RUN_KEY:-by hand}" --request "$1" "$TESTBED_CONTROL_URL$2"
}

echo "restarting redis"
call POST /control/dependencies/redis/restart
echo
echo "redis accepts connections"
