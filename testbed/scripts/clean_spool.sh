#!/bin/sh
# Removes debug dumps from the spool of a service, by hand where the folder can be seen, else by the control API.
# Environment: TESTBED_CONTROL_URL, TESTBED_TOKEN, TARGET_SERVICE. Safe to repeat. Exit status 0 only when it was done.
set -eu
: "${TESTBED_CONTROL_URL:?TESTBED_CONTROL_URL is not set}" "${TESTBED_TOKEN:?TESTBED_TOKEN is not set}"
# The service to act on: TARGET_SERVICE, else the target that the healer names.
: "${TARGET_SERVICE:=${TARGET_NAME:?TARGET_SERVICE is not set}}"

# The token goes to curl by standard input, so that it is in no process list.
call() {
    printf 'header = "Authorization: Bearer %s"\n' "$TESTBED_TOKEN" |
        curl --config - --silent --show-error --fail-with-body --max-time 60 \
            --header "x-operator: clean_spool ${RUN_KEY:-by hand}" --request "$1" "$TESTBED_CONTROL_URL$2"
}

data_dir=$(call GET "/control/services/$TARGET_SERVICE" | sed -n 's/.*"data_dir":"\([^"]*\)".*/\1/p')
if [ -n "$data_dir" ] && [ -w "$data_dir/spool" ]; then
    echo "before: $(du -sk "$data_dir" | cut -f1) KiB in $data_dir"
    find "$data_dir/spool" -type f -name 'debug-dump-*' -print -delete
    echo "after: $(du -sk "$data_dir" | cut -f1) KiB"
else
    echo "the folder of $TARGET_SERVICE is not on this machine: asking the control API"
    call POST "/control/services/$TARGET_SERVICE/spool/clean"
    echo
fi
