#!/usr/bin/env bash
# The demo: sets up everything, then hands over to `aiops demo`. ONCE=1 ends after one fault and leaves nothing running.
set -euo pipefail
cd "$(dirname "$0")/../.."

begun=$SECONDS
step() { printf '[%4d s] %s\n' $((SECONDS - begun)) "$*"; }

state=${AIOPS_DEV_DIR:-$PWD/.dev}
mkdir -p "$state"
started=0
finish() {
    if [[ $started == 1 && ${ONCE:-0} == 1 ]]; then
        deploy/dev/services down >"$state/down.log" 2>&1 || cat "$state/down.log"
    fi
}
trap finish EXIT

step "starting Prometheus, Elasticsearch and Redis, and building the UI and the product beside it"
services=(prometheus elasticsearch redis)
if ! deploy/dev/services status "${services[@]}" >/dev/null 2>&1; then started=1; fi
deploy/dev/services up "${services[@]}" >"$state/up.log" 2>&1 &
up=$!
deploy/dev/ui.sh >"$state/ui.log" 2>&1 &
ui=$!
cargo build --locked --workspace --bins
step "product built"
wait $ui || { cat "$state/ui.log"; exit 1; }
step "UI built"
wait $up || { cat "$state/up.log"; exit 1; }
step "services ready"

given=${AIOPS_TEST_PROMETHEUS_URL:-}${AIOPS_TEST_ELASTICSEARCH_URL:-}
# shellcheck disable=SC1091
source "$state/env"
args=(demo --targets "$state/prometheus/targets" --dir "$state/demo")
[[ -z $given ]] && args+=(--fresh)
[[ ${ONCE:-0} == 1 ]] && args+=(--once)
[[ -n ${LISTEN:-} ]] && args+=(--listen "$LISTEN")
[[ -n ${FAULT:-} ]] && args+=(--fault "$FAULT")
[[ -n ${SERVICE:-} ]] && args+=(--service "$SERVICE")
target=${CARGO_TARGET_DIR:-target}
"$target/debug/aiops" "${args[@]}"
