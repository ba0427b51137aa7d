#!/usr/bin/env python3
"""What the elasticsearch output costs: JSON lines over TCP, bulk requests to a server that throws them away.

usage: elasticsearch_output.py [--lines N] [--rounds R]
Prints, for each compression level, CPU seconds of the whole process per million events, what of them is the output's (the process with
a null output is subtracted), and events per second; medians of the rounds.
"""
import argparse, os, statistics, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run
from fed_over_tcp import DiscardingServer, cpu_of_input_alone, cpu_seconds, logboom, send_file


class BulkServer(DiscardingServer):
    """Answers every bulk request as if all of its documents had been created."""

    def __init__(self):
        self.answers = {}
        super().__init__()

    def answer(self, headers, body):
        count = int(headers.get(b"x-elastic-event-count", 0))
        if count and count not in self.answers:
            self.answers[count] = b'{"errors":false,"items":[' + b",".join([b'{"create":{"status":201}}'] * count) + b"]}"
        return count, b"content-type: application/json\r\n", self.answers[count] if count else b'{"version":{"number":"8.12.0"}}'


def one_round(lines, data, level, flags):
    server = BulkServer()
    output = ("elasticsearch { hosts => ['http://127.0.0.1:%d'] index => 'bench' manage_template => false ilm_enabled => false "
              "compression_level => %d }" % (server.port, level))
    with logboom(output, *flags) as (process, feed):
        before, begun = cpu_seconds(process.pid), time.monotonic()
        send_file(feed, data)
        server.wait_for(lines)
        took = time.monotonic() - begun
        assert server.count == lines, "%d of %d documents" % (server.count, lines)
        return (cpu_seconds(process.pid) - before) * 1e6 / lines, lines / took


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flags", nargs="*", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/in.json"
        run.make_json(data, arguments.lines)
        rounds = {0: [], 1: []}
        alone = []
        for _ in range(arguments.rounds):
            alone.append(cpu_of_input_alone(data, arguments.lines, *arguments.flags))
            for level, results in rounds.items():
                results.append(one_round(arguments.lines, data, level, arguments.flags))
        print("input alone: %.2f CPU s per million events" % statistics.median(alone))
        for level, results in rounds.items():
            whole = statistics.median(r[0] for r in results)
            print("compression_level %d: %.2f CPU s per million events, of which the output %.2f, %.0f events/s"
                  % (level, whole, whole - statistics.median(alone), statistics.median(r[1] for r in results)), flush=True)
