#!/usr/bin/env bash
# make bench: micro-benchmarks, then Logboom beside its peers on the same work in one run; writes docs/performance.md.
# The Apache work is longer than the rest: a second of CPU is over before caches and clocks have settled.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --preset release > /dev/null
cmake --build build/release --target logboom logboom_bench
out=build/bench; mkdir -p "$out"
build/release/logboom_bench --benchmark_min_time=0.3 --benchmark_repetitions=3 --benchmark_report_aggregates_only=true | tee "$out/micro.txt"
export LOGBOOM="$PWD/build/release/logboom" WARM=3
export APACHE_LOG="${APACHE_LOG:-$(cd .. && pwd)/shared/data/apache_access.log}"
if [ ! -f "$APACHE_LOG" ]; then
  # Without the real log: the shipped sample, repeated. Figures are not comparable with those in the design.
  APACHE_LOG="$PWD/config/samples/access.log"
fi
python3 tests/bench/run.py apache-file logboom,syslog-ng --lines "${APACHE_LINES:-1500000}" --rounds "${ROUNDS:-3}" | tee "$out/apache.txt"
rsyslog="$(tests/bench/fetch-rsyslog.sh "$out/rsyslog")"  # beside syslog-ng, which Debian does not install together with it
export RSYSLOGD="$rsyslog/usr/sbin/rsyslogd" RSYSLOG_MODULES="$rsyslog/usr/lib/$(gcc -print-multiarch)/rsyslog"
python3 tests/bench/run.py json-tcp,syslog logboom,rsyslog --rounds "${ROUNDS:-3}" | tee "$out/lines.txt"
python3 tests/bench/run.py http,beats,forward logboom --rounds "${ROUNDS:-3}" | tee "$out/network.txt"
for connections in 1 2 4 8; do
  python3 tests/bench/run.py http,json-tcp logboom --connections "$connections" --rounds "${ROUNDS:-3}"
done | tee "$out/connections.txt"
python3 tests/bench/elasticsearch_output.py --rounds "${ROUNDS:-3}" | tee "$out/elasticsearch.txt"
python3 tests/bench/report.py "$out" > docs/performance.md
echo "wrote docs/performance.md"
