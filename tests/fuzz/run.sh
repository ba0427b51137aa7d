#!/usr/bin/env bash
# Fuzzes every target for this many seconds (default 60), from its seeds; new finds stay in build/fuzz/corpus. A crash, a leak, an
# input that takes 10 s or 2 GB of memory ends it with status 1 and the input's name.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-60}"
cmake --preset fuzz > /dev/null
names=()
for source in tests/fuzz/*_fuzz.cc; do names+=("$(basename "$source" .cc)"); done
cmake --build build/fuzz --target "${names[@]}" > /dev/null
for name in "${names[@]}"; do
  subject=${name%_fuzz}
  mkdir -p "build/fuzz/corpus/$subject"
  if "build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix="build/fuzz/$subject-" "build/fuzz/corpus/$subject" "tests/fuzz/corpus/$subject" > "build/fuzz/$subject.log" 2>&1; then
    echo "$subject: $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$subject.log") inputs in $seconds s, nothing found"
  else
    grep -E "ERROR|SUMMARY|runtime error|Test unit written" "build/fuzz/$subject.log" || tail -5 "build/fuzz/$subject.log"
    echo "$subject: an input was found that must not be (build/fuzz/$subject.log)"
    exit 1
  fi
done
