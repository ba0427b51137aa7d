#!/usr/bin/env python3
"""What a dead output costs the others: two http outputs alone, beside a third one with a disk buffer that is alive, and beside it dead.

usage: isolation.py [--lines N] [--rounds R]
Feeds the same lines over TCP each time. Prints events per second until both live outputs have everything, and CPU seconds of the whole
process per million events; medians of the rounds. The third output alive is the fair comparison: a disk buffer's writing is work that two
outputs alone do not have.
"""
import argparse, os, statistics, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run
from fed_over_tcp import DiscardingServer, cpu_seconds, logboom


class Counter(DiscardingServer):
    """Counts the items of JSON arrays by their "n"."""

    def answer(self, headers, body):
        return body.count(b'"n":'), b"", b""


def one_round(lines, data, third):
    live = [Counter(), Counter()]
    output = "http { url => 'http://127.0.0.1:%d/' http_method => post format => json_batch %s }"
    outputs = " ".join(output % (server.port, "") for server in live)
    if third != "absent":
        port = Counter().port if third == "alive" else run.free_port()
        outputs += output % (port, "id => third buffer => { type => disk max_bytes => '20gb' }")
    with logboom(outputs) as (process, feed):
        before, start = cpu_seconds(process.pid), time.monotonic()
        feed.sendall(data)
        for server in live:
            server.wait_for(lines)
        return lines / (time.monotonic() - start), (cpu_seconds(process.pid) - before) / lines * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=300000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    line = '{"n":%d,"message":"' + "GET /images/logo.png HTTP/1.1 200 4123 Mozilla/5.0 (X11; Linux x86_64)" * 2 + '","host":"web-1"}\n'
    data = "".join(line % n for n in range(arguments.lines)).encode()
    results = {third: [] for third in ("absent", "alive", "dead")}
    for _ in range(arguments.rounds):
        for third in results:
            results[third].append(one_round(arguments.lines, data, third))
    print("%-28s %12s %22s" % ("third output (disk buffer)", "events/s", "CPU s/million events"))
    for third, rounds in results.items():
        print("%-28s %12.0f %22.2f" % (third, statistics.median(r[0] for r in rounds), statistics.median(r[1] for r in rounds)))
    rates = {third: statistics.median(r[0] for r in rounds) for third, rounds in results.items()}
    print("with the third output dead the others have %.0f %% of their rate with it alive" % (100 * rates["dead"] / rates["alive"]))


if __name__ == "__main__":
    main()
