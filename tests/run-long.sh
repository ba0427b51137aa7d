#!/usr/bin/env bash
# make check-long: what is too long for every change. Every test under gcc's ASan and UBSan, the threaded ones under clang's TSan,
# ten shuffled repeats of the release tests, the long property tests, the persisted queue's proofs in full, and every fuzz target for FUZZ_SECONDS (default 600).
set -euo pipefail
cd "$(dirname "$0")/.."
for preset in asan tsan release; do cmake --preset $preset > /dev/null; done
cmake --build build/asan && ctest --test-dir build/asan --output-on-failure -j2
cmake --build build/tsan && ctest --test-dir build/tsan --output-on-failure -L threads
cmake --build build/release && ctest --test-dir build/release --output-on-failure --repeat until-fail:10 -j2
build/release/pipeline_text_tests "[.long]"  # the text engine against Ruby and against itself, on many random expressions
KILLS=1000 CLEAN_STOPS=200 POWER_CUTS=1000 MUTATIONS=10000 tests/crash/run.sh
tests/fuzz/run.sh "${FUZZ_SECONDS:-600}"
