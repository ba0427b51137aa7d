#!/usr/bin/env bash
# make crash: what the persisted queue promises, three times: under kill -9 of the real process, under power cuts and with damaged files
# (both in memory, with the same code). KILLS, CLEAN_STOPS, POWER_CUTS, MUTATIONS and SEED say how much; the defaults take minutes.
set -uo pipefail
cd "$(dirname "$0")/../.."
seed=${SEED:-$(date +%s)}
echo "seed $seed"
cmake --preset release > /dev/null && cmake --build build/release --target logboom pipeline_queue_tests || exit 1
failed=0
echo "== ${POWER_CUTS:-1000} rounds of power cuts"
ROUNDS=${POWER_CUTS:-1000} SEED=$seed build/release/pipeline_queue_tests "[power]" 2> build/crash-power.log | tail -40 || failed=1
echo "== ${MUTATIONS:-5000} damaged directories"
ROUNDS=${MUTATIONS:-5000} SEED=$seed build/release/pipeline_queue_tests "[mutation]" 2> build/crash-mutation.log | tail -40 || failed=1
echo "== ${KILLS:-120} rounds of kill -9, ${CLEAN_STOPS:-30} orderly stops"
tests/crash/crash.py --rounds "${KILLS:-120}" --clean-rounds "${CLEAN_STOPS:-30}" --seed "$seed" || failed=1
[ "$failed" -eq 0 ] && echo "all proofs hold" || echo "a proof has failed"
exit "$failed"
