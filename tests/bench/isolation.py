#!/usr/bin/env python3
"""What a dead output costs the others: two http outputs alone, beside a third one with a disk buffer that is alive, and beside it dead.

usage: isolation.py [--lines N] [--rounds R]
Feeds the same lines over TCP each time. Prints events per second until both live outputs have everything, and CPU seconds of the whole
process per million events; medians of the rounds. The third output alive is the fair comparison: a disk buffer's writing is work that two
outputs alone do not have.
"""
import argparse, os, socket, statistics, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run
from elasticsearch_output import cpu_seconds


class Counter:
    """An HTTP server that counts the items of JSON arrays by their "n" and throws them away."""

    def __init__(self):
        self.count, self.changed = 0, threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            self.answer_all(connection)
        except ConnectionError:
            pass  # the process was ended

    def answer_all(self, connection):
        held = b""
        while True:
            while b"\r\n\r\n" not in held:
                part = connection.recv(65536)
                if not part:
                    return
                held += part
            head, held = held.split(b"\r\n\r\n", 1)
            lower = head.lower()
            if b"expect: 100-continue" in lower:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            size = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            parts = [held]
            left = size - len(held)
            while left > 0:
                part = connection.recv(min(left, 1 << 20))
                if not part:
                    return
                parts.append(part)
                left -= len(part)
            held = b""
            count = b"".join(parts).count(b'"n":')
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            with self.changed:
                self.count += count
                self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            return self.changed.wait_for(lambda: self.count >= count, 600)


def one_round(lines, data, third):
    live = [Counter(), Counter()]
    output = "http { url => 'http://127.0.0.1:%d/' http_method => post format => json_batch %s }"
    outputs = " ".join(output % (server.port, "") for server in live)
    if third != "absent":
        port = Counter().port if third == "alive" else run.free_port()
        outputs += output % (port, "id => third buffer => { type => disk max_bytes => '20gb' }")
    port = run.free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = run.w(folder + "/lb.conf", "input { tcp { host => '127.0.0.1' port => %d codec => json_lines } } output { %s }" % (port, outputs))
        process = subprocess.Popen([os.environ.get("LOGBOOM", "build/release/logboom"), "-f", config, "--path.data", folder + "/data",
                                    "--pipeline.ecs_compatibility", "disabled"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    feed = socket.create_connection(("127.0.0.1", port), 1)
                    break
                except OSError:
                    time.sleep(0.05)
            before, start = cpu_seconds(process.pid), time.monotonic()
            feed.sendall(data)
            feed.close()
            for server in live:
                if not server.wait_for(lines):
                    raise SystemExit("the live outputs have %s of %d" % ([s.count for s in live], lines))
            return lines / (time.monotonic() - start), (cpu_seconds(process.pid) - before) / lines * 1e6
        finally:
            process.kill()
            process.wait()


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
