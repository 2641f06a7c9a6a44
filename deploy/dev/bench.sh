#!/usr/bin/env bash
# Benchmarks: ratios against a limit or a peer measured in the same run. Release builds; nothing here is a test.
set -euo pipefail
cd "$(dirname "$0")/../.."
export AIOPS_DATA=${AIOPS_DATA:-$PWD/../shared/data}
[[ -d $AIOPS_DATA/loghub ]] && export AIOPS_BENCH_LOGS=${AIOPS_BENCH_LOGS:-$AIOPS_DATA/loghub}

echo "=== detectors: rows a second on one core, bytes a series"
cargo bench --locked -p analyzer --bench detect
echo "=== templates: lines a second on one core (beside Drain3 where AIOPS_BENCH_PYTHON has it)"
cargo bench --locked -p analyzer --bench mine
# Its own engine when none is given; it goes on running if it ran before.
engine=
if [[ -z ${AIOPS_TEST_DOCKER_HOST:-} ]] && ! deploy/dev/services status docker >/dev/null 2>&1; then engine=ours; fi
if [[ -n ${AIOPS_TEST_DOCKER_HOST:-} ]] || deploy/dev/services up docker; then
    echo "=== docker: a run beside the docker client, many at once"
    # shellcheck disable=SC1091
    [[ -n ${AIOPS_TEST_DOCKER_HOST:-} ]] || source <(deploy/dev/services env)
    cargo bench --locked -p healer --bench docker
    [[ -z $engine ]] || deploy/dev/services down docker
else
    echo "=== docker: skipped, there is no engine and none can be started"
fi
if [[ -f ${AIOPS_DEV_DIR:-.dev}/env ]]; then source "${AIOPS_DEV_DIR:-.dev}/env"; fi
echo "=== queue: empty runs claimed and ended a second beside a bare loop; one claim with 20,000 waiting"
cargo bench --locked -p store --features testing --bench queue
echo "=== loads: one run with much output, lines to viewers, runs at once"
cargo bench --locked --bench load
if [[ ${CLOSED_LOOP:-0} == 1 ]]; then
    echo "=== closed loop: detect, explain, heal, verify"
    deploy/dev/closed_loop.sh
fi
