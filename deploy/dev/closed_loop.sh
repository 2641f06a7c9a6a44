#!/usr/bin/env bash
# The closed-loop benchmark: every scenario against the product on services of its own; writes JSON and prints the summary.
#   SCENARIOS="checkout_error_rate control" REPEAT=2 OUTPUT=closed-loop.json deploy/dev/closed_loop.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
export AIOPS_DEV_DIR=$work/dev
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    deploy/dev/services down --purge >/dev/null 2>&1 || true
    if [[ ${KEEP:-0} == 1 ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > end)); then echo "waited in vain for: $*"; return 1; fi
        sleep 0.5
    done
}

deploy/dev/services up prometheus elasticsearch redis
# shellcheck disable=SC1091
source "$work/dev/env"
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
url=http://127.0.0.1:$port
"$target/debug/testbed" up --dir "$work/shop" --redis-url "$AIOPS_TEST_REDIS_URL" \
    --elasticsearch-url "$AIOPS_TEST_ELASTICSEARCH_URL" --prometheus-targets-dir "$work/dev/prometheus/targets" \
    >"$work/shop.log" 2>&1 &
pids+=($!)
password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "$password" | "$target/debug/aiops" user add bench --role admin --data-dir "$work/data" >/dev/null
"$target/debug/aiops" serve --data-dir "$work/data" --listen "127.0.0.1:$port" --discover false --index 'shop-logs*' \
    --prometheus "$AIOPS_TEST_PROMETHEUS_URL" --elasticsearch "$AIOPS_TEST_ELASTICSEARCH_URL" >"$work/aiops.log" 2>&1 &
pids+=($!)
until_true 60 curl -sf "$url/readyz"
until_true 60 test -f "$work/shop/testbed.json"
export AIOPS_USERNAME=bench AIOPS_PASSWORD=$password
"$target/debug/testbed" catalog --aiops-url "$url" --dir "$work/shop" >/dev/null
files=()
for name in ${SCENARIOS:-$(cd testbed/scenarios && ls -- *.yaml)}; do files+=("testbed/scenarios/${name%.yaml}.yaml"); done
"$target/debug/testbed" run --scenario "${files[@]}" --repeat "${REPEAT:-1}" --output "${OUTPUT:-closed-loop.json}" \
    --dir "$work/shop" --aiops-url "$url"
