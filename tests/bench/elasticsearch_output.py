#!/usr/bin/env python3
"""What the elasticsearch output costs: JSON lines over TCP, bulk requests to a server that throws them away.

usage: elasticsearch_output.py [--lines N] [--rounds R]
Prints, for each compression level, CPU seconds of the whole process per million events and events per second; medians of the rounds.
"""
import argparse, os, socket, statistics, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run

TICK = os.sysconf("SC_CLK_TCK")


class DiscardingServer:
    """Answers every bulk request as if all of its documents had been created."""

    def __init__(self):
        self.documents = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        room = bytearray(1 << 20)
        held = b""
        answers = {}
        while True:
            while b"\r\n\r\n" not in held:
                part = connection.recv(65536)
                if not part:
                    return
                held += part
            head, held = held.split(b"\r\n\r\n", 1)
            headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            left = int(headers.get(b"content-length", 0)) - len(held)
            while left > 0:
                left -= connection.recv_into(room, min(left, len(room)))
            held = b""
            count = int(headers.get(b"x-elastic-event-count", 0))
            if count:
                if count not in answers:
                    answers[count] = b'{"errors":false,"items":[' + b",".join([b'{"create":{"status":201}}'] * count) + b"]}"
                body = answers[count]
            else:
                body = b'{"version":{"number":"8.12.0"}}'
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            with self.lock:
                self.documents += count


def cpu_seconds(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def one_round(lines, data, level, flags):
    server = DiscardingServer()
    port = run.free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = run.w(folder + "/lb.conf", 'input { tcp { host => "127.0.0.1" port => %d codec => json_lines } }\n'
                       'output { elasticsearch { hosts => ["http://127.0.0.1:%d"] index => "bench" manage_template => false '
                       'ilm_enabled => false compression_level => %d } }' % (port, server.port, level))
        process = subprocess.Popen([os.environ.get("LOGBOOM", "build/release/logboom"), "-f", config, "--path.data", folder + "/data",
                                    "--pipeline.ecs_compatibility", "disabled", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    feed = socket.create_connection(("127.0.0.1", port), 1)
                    break
                except OSError:
                    time.sleep(0.05)
            before = cpu_seconds(process.pid)
            begun = time.monotonic()
            with open(data, "rb") as f:
                while part := f.read(1 << 20):
                    feed.sendall(part)
            while server.documents < lines and time.monotonic() - begun < 300:
                time.sleep(0.01)
            took = time.monotonic() - begun
            assert server.documents == lines, "%d of %d documents" % (server.documents, lines)
            return (cpu_seconds(process.pid) - before) * 1e6 / lines, lines / took
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flags", nargs="*", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = folder + "/in.json"
        run.make_json(data, arguments.lines)
        for level in (0, 1):
            rounds = [one_round(arguments.lines, data, level, arguments.flags) for _ in range(arguments.rounds)]
            print("compression_level %d: %.2f CPU s per million events, %.0f events/s"
                  % (level, statistics.median(r[0] for r in rounds), statistics.median(r[1] for r in rounds)), flush=True)
