#!/usr/bin/env bash
# make run: Logboom on the shipped pipelines. First the sample log is parsed and shown, then HTTP and TCP are served until
# Ctrl-C; with "once" it ends after the sample.
set -euo pipefail
cd "$(dirname "$0")/.."
export LOGBOOM_DATA="${LOGBOOM_DATA:-$PWD/build/run-data}" LOGBOOM_SAMPLES="${LOGBOOM_SAMPLES:-$PWD/config/samples}"
mkdir -p "$LOGBOOM_DATA"
if [ "${1:-}" = once ]; then
  exec build/release/logboom -f config/pipelines/web-access.conf --path.data "$LOGBOOM_DATA" --log.level warn
fi
cat <<EOF
Logboom parses config/samples/access.log first and then listens. In another terminal try:

  curl -H 'Content-Type: application/json' -d '{"message":"hello","user":"me"}' http://127.0.0.1:${LOGBOOM_HTTP_PORT:-8080}/
  echo '{"message":"over TCP"}' > /dev/tcp/127.0.0.1/${LOGBOOM_TCP_PORT:-5000}

Ctrl-C ends it. Events also land in $LOGBOOM_DATA/*.json
EOF
exec build/release/logboom --path.settings config --path.data "$LOGBOOM_DATA"
