#!/usr/bin/env python3
"""Writes docs/performance.md from what tests/bench/run-all.sh printed. usage: report.py DIRECTORY > docs/performance.md"""
import datetime, os, platform, re, sys

directory = sys.argv[1]

def lines(name):
    with open(os.path.join(directory, name), encoding="utf-8") as f:
        return f.read().splitlines()

def cpu_model():
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        if line.startswith("model name"): return line.split(":", 1)[1].strip()
    return platform.machine()

print("# Performance\n")
print("Measured by `make bench` on %s, %d cores (%s). Machines drift and share: judge by the ratios inside one table.\n" % (
    datetime.date.today().isoformat(), os.cpu_count(), cpu_model()))
print("## End to end\n")
print("500,000 events a run, medians of the rounds; CPU seconds of the whole process per million events.\n")
print("| work | system | events/s | CPU s per million | peak memory |\n| --- | --- | --- | --- | --- |")
work = {"apache-file": "Apache access log file → grok, date → JSON lines file", "json-tcp": "JSON lines over TCP → JSON lines file", "syslog": "RFC 3164 lines over TCP → fields and time → JSON lines file",
        "forward": "Fluent forward (PackedForward) over TCP → JSON lines file", "beats": "Beats, windows of 2,048, compressed → JSON lines file",
        "http": "HTTP POST of JSON arrays (500 each), one connection → JSON lines file"}
for name in ("apache.txt", "lines.txt", "network.txt"):
    current = ""
    for line in lines(name):
        if m := re.match(r"== (\S+),", line): current = m.group(1)
        elif m := re.match(r"\s+(\S+)\s+(\d+) ev/s\s+([\d.]+) cpu-s/M\s+([\d.]+) MB$", line):
            print("| %s | %s | %s | %s | %s MB |" % (work.get(current, current), m.group(1), m.group(2), m.group(3), m.group(4)))
print("\n## More connections\n\nThe same events from several senders at once; the senders run on the same cores.\n")
print("| work | connections | events/s | CPU s per million |\n| --- | --- | --- | --- |")
current = connections = ""
for line in lines("connections.txt"):
    if m := re.match(r"== (\S+), \d+ events, (\d+) connection", line): current, connections = m.group(1), m.group(2)
    elif m := re.match(r"\s+(\S+)\s+(\d+) ev/s\s+([\d.]+) cpu-s/M", line):
        print("| %s | %s | %s | %s |" % (work.get(current, current).replace(", one connection", ""), connections, m.group(2), m.group(3)))
if os.path.exists(os.path.join(directory, "elasticsearch.txt")):
    print("\n## elasticsearch output\n\nJSON lines over TCP → bulk requests to a server that throws them away; whole process.\n")
    for line in lines("elasticsearch.txt"): print("- " + line)
print("\n## Micro-benchmarks\n\nMedians of three repetitions.\n")
print("| benchmark | time | CPU | counters |\n| --- | --- | --- | --- |")
for line in lines("micro.txt"):
    if m := re.match(r"(\S+)_median\s+([\d.]+ \w+)\s+([\d.]+ \w+)\s+\d+\s*(.*)$", line):
        print("| `%s` | %s | %s | %s |" % (m.group(1), m.group(2), m.group(3), m.group(4)))
print("""
## Repeat it

    make bench               # ROUNDS=5 for more rounds

The Apache work runs on `../shared/data/apache_access.log` beside the checkout when it is there (or on `APACHE_LOG=…`), else on the shipped
sample repeated; only the first is comparable with the project's goals. syslog-ng comes from Debian and does the same work with its own
Apache parser.""")
