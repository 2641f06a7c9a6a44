#!/usr/bin/env bash
# Checks the development services themselves, in throw-away checkouts: selftest.sh [--quick]   (quick: no Elasticsearch)
set -uo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
quick=${1:-}
passed=0
failed=0
tmp=$(mktemp -d)
foreign=()

# Two checkouts of these scripts, each with its own state; the caller's addresses must not matter here.
for name in one two; do
    mkdir -p "$tmp/$name/deploy"
    cp -R "$here" "$tmp/$name/deploy/dev"
done
unset AIOPS_DEV_DIR "${!AIOPS_TEST_@}"
one=$tmp/one/deploy/dev/services
two=$tmp/two/deploy/dev/services

clean_up() {
    "$one" down --purge >/dev/null 2>&1
    "$two" down --purge >/dev/null 2>&1
    AIOPS_DEV_DIR=$tmp/private "$one" down --purge >/dev/null 2>&1
    local process
    for process in "${foreign[@]}"; do kill "$process" 2>/dev/null; done
    rm -rf "$tmp"
}
trap clean_up EXIT

# check TEXT COMMAND...: one line, and the command's output when it fails.
check() {
    local text=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok      $text"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n' "$text" "$output" | sed '2,$s/^/        | /'
    fi
}

not() { ! "$@"; }
same() { [[ $1 == "$2" ]] || { echo "'$1' is not '$2'"; return 1; }; }
differ() { [[ $1 != "$2" ]] || { echo "both are '$1'"; return 1; }; }
pid_of() { cut -d' ' -f1 "$tmp/$1/.dev/$2/pid"; }
url_of() { sed -n "s/^export AIOPS_TEST_$2_URL=//p" "$tmp/$1/.dev/env"; }
alive() { kill -0 "$1" 2>/dev/null; }
pids() { cat "$tmp/$1"/.dev/*/pid; }
pong() { [[ $(redis-cli -u "$1" ping) == PONG ]]; }
# Processes whose output goes below our folder: every service that was started here.
leftovers() { find /proc/[0-9]*/fd/1 -lname "$tmp/*" 2>/dev/null | cut -d/ -f3; }

names=(prometheus redis postgres alertmanager)
[[ $quick == --quick ]] || names+=(elasticsearch)
[[ ! -x ${XDG_CACHE_HOME:-$HOME/.cache}/aiops-dev/prometheus3-3.16.0/prometheus ]] || names+=(prometheus3)
if ((EUID == 0)) && command -v dockerd >/dev/null && command -v docker >/dev/null && [[ -w /sys/fs/cgroup ]]; then names+=(docker); fi
echo "services: ${names[*]}"

command -v shellcheck >/dev/null && check 'shellcheck finds nothing' \
    shellcheck -x "$here"/{services,lib.sh,prometheus.sh,selftest.sh} "$here"/services.d/*.sh "$here/elasticsearch/build.sh"

# ---- start, start again, two checkouts at once
check 'starts' "$one" up "${names[@]}"
check 'status says running' "$one" status "${names[@]}"
before=$(pids one)
check 'a second start succeeds' "$one" up "${names[@]}"
check 'and starts nothing' same "$before" "$(pids one)"
check 'a second checkout starts beside it' "$two" up prometheus redis
check 'with other addresses' differ "$(url_of one REDIS) $(url_of one PROMETHEUS)" "$(url_of two REDIS) $(url_of two PROMETHEUS)"
check 'the first still runs untouched' same "$before" "$(pids one)"
check 'status of something stopped fails' not "$two" status postgres
check 'an unknown name fails' not "$two" up mongodb

# ---- they are what they say
check 'redis answers' pong "$(url_of one REDIS)"
check 'postgres has the database' psql -X -q "$(url_of one POSTGRES)" -c 'create table t (a int)' -c 'drop table t'
check 'prometheus answers' curl -fsS "$(url_of one PROMETHEUS)/api/v1/query?query=vector(1)"
check 'alertmanager answers' curl -fsS "$(url_of one ALERTMANAGER)/api/v2/status"
[[ $quick == --quick ]] || check 'elasticsearch stores a document' curl -fsS -XPOST -H 'content-type: application/json' \
    "$(url_of one ELASTICSEARCH)/logs/_doc?refresh=true" -d '{"message":"hello"}'
engine() { docker -H "$(sed -n 's/^export AIOPS_TEST_DOCKER_HOST=//p' "$tmp/one/.dev/env")" "$@"; }
# Processes and mounts of the engine: daemons, shims, what they run.
engine_leftovers() {
    local pid
    for pid in $(pgrep -f "$tmp/one/.dev/docker/"); do [[ $pid == "$$" ]] || echo "process $pid"; done
    grep -F " $tmp/one/.dev/docker/" /proc/mounts
    pgrep -ax sleep | grep ' sleep 4711$'
}
if [[ " ${names[*]} " == *' docker '* ]]; then
    check 'the engine runs a container' same hello "$(engine run --rm --network none aiops-busybox:1 echo hello 2>&1)"
    check 'the engine has the tools image' engine image inspect localhost/aiops-tools:1
    check 'a container is left running' engine run --detach --network none aiops-busybox:1 sleep 4711
    check 'the look for what an engine leaves sees it' differ '' "$(engine_leftovers)"
fi
scraped() {
    local end=$((SECONDS + 20))
    until curl -fsS "$1/api/v1/query?query=up%7Bjob=%22shop%22%7D" | grep -q '"service":"checkout"'; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}
printf '[{"targets": ["%s"], "labels": {"job": "shop", "service": "checkout"}}]' "$(url_of one PROMETHEUS | cut -d/ -f3)" \
    >"$tmp/one/.dev/prometheus/targets/shop.json"
check 'a target registered by a file is scraped' scraped "$(url_of one PROMETHEUS)"

# ---- stop and start one: same address, same data; killed from outside: starts again
address=$(url_of one PROMETHEUS)
check 'one service stops' "$one" down prometheus
check 'and is gone from the env file' same '' "$(url_of one PROMETHEUS)"
check 'and starts again' "$one" up prometheus
check 'at the same address' same "$address" "$(url_of one PROMETHEUS)"
check 'with its data' scraped "$address"
kill -9 "$(pid_of two redis)"
sleep 0.2
check 'status notices a killed service' not "$two" status redis
check 'and it starts again' "$two" up redis

# ---- what we did not start is not touched
check 'stops before a stale pid file is laid' "$two" down redis
sleep 300 &
foreign+=($!)
echo "$! 1 $(</proc/sys/kernel/random/boot_id)" >"$tmp/two/.dev/redis/pid"
check 'down with the pid of another process' "$two" down redis
check 'leaves that process alone' alive "${foreign[0]}"
echo "${foreign[0]}" >"$tmp/two/.dev/redis/pid"
check 'up with a bare pid of another process' "$two" up redis
check 'leaves that process alone too' alive "${foreign[0]}"
check 'stops redis again' "$two" down redis
port=$(<"$tmp/two/.dev/redis/port")
redis-server --bind 127.0.0.1 --port "$port" --save '' >/dev/null 2>&1 &
foreign+=($!)
taken() { local end=$((SECONDS + 10)); until pong "$1" 2>/dev/null; do ((SECONDS < end)) || return 1; sleep 0.1; done; }
check 'another process holds its port' taken "redis://127.0.0.1:$port/0"
check 'then it starts on another port' "$two" up redis
check 'really another' differ "redis://127.0.0.1:$port/0" "$(url_of two REDIS)"
check 'and the holder still answers' pong "redis://127.0.0.1:$port/0"

# ---- addresses from outside, private instances
export AIOPS_TEST_REDIS_URL=redis://127.0.0.1:$port/0
check 'stops redis' "$two" down redis
check 'an address given from outside' "$two" up redis
check 'wins' same "$AIOPS_TEST_REDIS_URL" "$(url_of two REDIS)"
check 'and nothing was started' not test -e "$tmp/two/.dev/redis/pid"
check 'a private instance starts all the same' env AIOPS_DEV_DIR="$tmp/private" "$two" up redis
check 'and stops without a trace' env AIOPS_DEV_DIR="$tmp/private" "$two" down --purge
check 'its folder is gone' not test -e "$tmp/private"
unset AIOPS_TEST_REDIS_URL
check 'an address from our own env file is not taken for a foreign one' \
    env AIOPS_TEST_PROMETHEUS_URL="$(url_of one PROMETHEUS)" "$one" down prometheus
check 'so the service starts again' env AIOPS_TEST_PROMETHEUS_URL="$address" "$one" up prometheus
check 'and runs' "$one" status prometheus

# ---- nothing is left
check 'the look for running processes sees them' differ '' "$(leftovers)"
outside=$(cat "$tmp/one/.dev/postgres/outside" 2>/dev/null)
check 'everything stops' "$one" down
check 'everything stops in the second checkout' "$two" down
check 'no process is left' same '' "$(leftovers)"
check 'no container, shim or mount is left' same '' "$(engine_leftovers)"
check 'no pid file is left' not compgen -G "$tmp/*/.dev/*/pid"
check 'data goes on request' "$one" down --purge
check 'and the state folder with it' not test -e "$tmp/one/.dev"
check 'and what lay outside of it' not test -e "${outside:-/nonexistent}"

echo "$passed passed, $failed failed"
((failed == 0))
