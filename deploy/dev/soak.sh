#!/usr/bin/env bash
# The kill test of tests/it/storm at full size, with the lease of production; prints what it measured.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [[ -f ${AIOPS_DEV_DIR:-.dev}/env ]]; then source "${AIOPS_DEV_DIR:-.dev}/env"; fi
export AIOPS_STORM_RUNS=${RUNS:-10000} AIOPS_STORM_KILLS=${KILLS:-2000} AIOPS_STORM_LEASE=${LEASE:-20}
if [[ -n ${SEED:-} ]]; then export AIOPS_STORM_SEED=$SEED; fi
cargo test --locked --test it -- --nocapture --test-threads 2 runs_survive_a_storm
