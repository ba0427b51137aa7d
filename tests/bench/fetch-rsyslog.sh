#!/usr/bin/env bash
# Unpacks Debian's rsyslog, and what it needs, below a directory and prints it. Nothing is installed: rsyslog and syslog-ng exclude
# each other as packages, not as programs.
set -euo pipefail
to="$1"
if [ ! -x "$to/usr/sbin/rsyslogd" ]; then
  mkdir -p "$to"
  (cd "$to" && apt-get download rsyslog > /dev/null 2>&1 && dpkg -x rsyslog_*.deb . && rm rsyslog_*.deb)
fi
realpath "$to"
