#!/usr/bin/env bash
# Fuzzes every target for this many seconds (default 60), from its seeds; new finds stay in build/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-60}"
cmake --preset fuzz > /dev/null
for source in tests/fuzz/*_fuzz.cc; do
  name=$(basename "$source" .cc); subject=${name%_fuzz}
  cmake --build build/fuzz --target "$name" > /dev/null
  mkdir -p "build/fuzz/corpus/$subject"
  echo "fuzzing $subject for $seconds s"
  "build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build/fuzz/$subject-" \
    "build/fuzz/corpus/$subject" "tests/fuzz/corpus/$subject" 2>&1 | grep -E "^stat::number_of_executed|ERROR|SUMMARY|Test unit written" || true
  compgen -G "build/fuzz/$subject-crash-*" > /dev/null && { echo "$subject: a crash was found"; exit 1; }
done
echo "no crash found"
