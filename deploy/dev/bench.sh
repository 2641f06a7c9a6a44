#!/usr/bin/env bash
# Benchmarks: ratios against a limit or a peer measured in the same run. Release builds; nothing here is a test.
set -euo pipefail
cd "$(dirname "$0")/../.."
export AIOPS_DATA=${AIOPS_DATA:-$PWD/../shared/data}
[[ -d $AIOPS_DATA/loghub ]] && export AIOPS_BENCH_LOGS=${AIOPS_BENCH_LOGS:-$AIOPS_DATA/loghub}

peers=$PWD/../shared/bench/detection_baselines.py
[[ -f $peers ]] && export AIOPS_BENCH_PEERS=${AIOPS_BENCH_PEERS:-$peers}

echo "=== detectors: rows a second on one core, bytes a series (beside peers where AIOPS_BENCH_PYTHON has them)"
cargo bench --locked -p analyzer --bench detect
# Drain3 for comparison, in an environment of its own outside the checkout; without it the comparison is skipped.
venv=${XDG_CACHE_HOME:-$HOME/.cache}/aiops-dev/drain3
if [[ -z ${AIOPS_BENCH_PYTHON:-} ]] && command -v python3 >/dev/null; then
    if [[ -x $venv/bin/python ]] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install drain3==0.9.11; } 2>/dev/null; then
        export AIOPS_BENCH_PYTHON=$venv/bin/python
    else
        rm -rf "$venv"
        echo "Drain3 could not be installed: its comparison is skipped"
    fi
fi
# The hostile stream with its truth, where its generator is there.
generator=${AIOPS_BENCH_STRESS_GEN:-$AIOPS_DATA/../bench/logs_stress_gen.py}
if [[ -z ${AIOPS_BENCH_HOSTILE:-} && -f $generator ]] && command -v python3 >/dev/null; then
    stress=$(mktemp -d)
    trap 'rm -rf "$stress"' EXIT
    python3 "$generator" "$stress" && export AIOPS_BENCH_HOSTILE=$stress/stress_2k.log_structured.csv
fi

echo "=== templates: lines a second on one core, beside Drain3; the hostile stream; a million shapes"
cargo bench --locked -p analyzer --bench mine
echo "=== log anomalies: faults put into days of counts"
cargo bench --locked -p analyzer --bench log_anomalies
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
echo "=== alerts: 20,000 in one group beside a bare loop of inserts"
cargo bench --locked --bench alerts
echo "=== loads: one run with much output, lines to viewers, runs at once"
cargo bench --locked --bench load
if [[ ${CLOSED_LOOP:-0} == 1 ]]; then
    echo "=== closed loop: detect, explain, heal, verify"
    deploy/dev/closed_loop.sh
fi
