#!/usr/bin/env bash
# The whole loop in a browser: set up, log in, break the shop, watch the incident heal live, open the run's log.
# Uses services of its own, so nothing learned or left elsewhere matters. SHOTS=DIR keeps screenshots.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
export AIOPS_DEV_DIR=$work/dev
pids=()
finish() {
    local code=$?
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    deploy/dev/services down --purge >/dev/null 2>&1 || true
    if [[ $code != 0 ]]; then
        for log in "$work"/*.log; do echo "--- $log"; tail -n 25 "$log"; done
    fi
    rm -rf "$work"
}
trap finish EXIT
say() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }
until_true() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > end)); then echo "waited in vain for: $*"; return 1; fi
        sleep 0.5
    done
}

deploy/dev/services install browser >"$work/install.log" 2>&1
deploy/dev/services up prometheus elasticsearch redis
# shellcheck disable=SC1091
source "$work/dev/env"
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
url=http://127.0.0.1:$port

say "starting the shop and the product"
"$target/debug/testbed" up --dir "$work/shop" --redis-url "$AIOPS_TEST_REDIS_URL" \
    --elasticsearch-url "$AIOPS_TEST_ELASTICSEARCH_URL" --prometheus-targets-dir "$work/dev/prometheus/targets" \
    >"$work/shop.log" 2>&1 &
pids+=($!)
"$target/debug/aiops" serve --data-dir "$work/data" --listen "127.0.0.1:$port" --discover false --index 'shop-logs*' \
    --prometheus "$AIOPS_TEST_PROMETHEUS_URL" --elasticsearch "$AIOPS_TEST_ELASTICSEARCH_URL" >"$work/aiops.log" 2>&1 &
pids+=($!)
until_true 60 curl -sf "$url/readyz"
until_true 60 test -f "$work/shop/testbed.json"

say "the browser sets up and watches"
export AIOPS_URL=$url AIOPS_USER=admin AIOPS_PASSWORD=correct-horse-battery AIOPS_WAIT_MINUTES=10
AIOPS_SETUP_TOKEN=$(cat "$work/data/setup-token") AIOPS_SHOTS=${SHOTS:-} node frontend/e2e/loop.mjs >"$work/browser.log" 2>&1 &
browser=$!
pids+=($browser)
session() { curl -sf -o /dev/null -H 'content-type: application/json' "$url/api/v1/session" \
    -d "{\"username\":\"$AIOPS_USER\",\"password\":\"$AIOPS_PASSWORD\"}"; }
until_true 90 session
AIOPS_USERNAME=$AIOPS_USER "$target/debug/testbed" catalog --aiops-url "$url" --dir "$work/shop" >"$work/catalog.log" 2>&1
say "learning for 125 s"
sleep 125
"$target/debug/testbed" inject error_rate --dir "$work/shop" >/dev/null
say "fault injected: error_rate on checkout"
wait "$browser" && code=0 || code=$?
cat "$work/browser.log"
if [[ $code != 0 ]]; then exit "$code"; fi
"$target/debug/testbed" truth --dir "$work/shop" >"$work/truth.json"
node -e '
const t = JSON.parse(require("fs").readFileSync(process.argv[1]))
const cured = t.faults.length === 1 && t.faults.every((f) => f.cured_at_ms && !f.active && !f.cleared)
console.log(cured ? "truth: the fault is gone" : "truth: the fault is still there")
process.exit(cured ? 0 : 1)' "$work/truth.json"
say "healed, verified, and true"
