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
echo "=== templates: lines a second on one core (beside Drain3 where AIOPS_BENCH_PYTHON has it)"
cargo bench --locked -p analyzer --bench mine
if [[ ${CLOSED_LOOP:-0} == 1 ]]; then
    echo "=== closed loop: detect, explain, heal, verify"
    deploy/dev/closed_loop.sh
fi
