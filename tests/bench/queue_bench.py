#!/usr/bin/env python3
"""The persisted queue beside the memory queue: same input, output, batch size and file system, alternating in one run.

usage: queue_bench.py [--events N] [--batch N] [--connections N] [--rounds N] [--inputs http,forward] [--backlog BYTES]
Prints the disk's own fdatasync time, then events/s with every request acknowledged (persisted: synced before), CPU seconds per million
events, the latency of one event on one connection, and how long a start takes with an empty queue and with a backlog.
"""
import argparse, contextlib, json, os, pathlib, selectors, shutil, signal, socket, statistics, struct, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGBOOM = os.environ.get("LOGBOOM_BIN", str(ROOT / "build/release/logboom"))
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def event(i):
    return {"message": "10.1.%d.%d - - [06/May/2024:07:%02d:%02d +0000] \"GET /shop/cart?item=%d HTTP/1.1\" 200 %d" % (
        i % 250, i % 99, i % 60, i % 59, i, i * 7), "host": {"name": "web-%d" % (i % 40)}, "level": "info", "n": i, "app": "shop",
        "kubernetes": {"namespace": "prod", "pod": "web-%d" % (i % 40)}}


def pack(value):
    if isinstance(value, int):
        return struct.pack(">BI", 0xce, value)
    if isinstance(value, str):
        text = value.encode()
        return struct.pack(">BH", 0xda, len(text)) + text
    if isinstance(value, list):
        return struct.pack(">BI", 0xdd, len(value)) + b"".join(map(pack, value))
    return struct.pack(">BH", 0xde, len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())


class Again(Exception):
    """The queue was full for too long: to be sent again."""


class HttpRequests:
    port_options = 'http { host => "127.0.0.1" port => %d }'

    def __init__(self, batch):
        body = json.dumps([event(i) for i in range(batch)]).encode()
        self.request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    @staticmethod
    def is_answered(received):
        head, end, rest = received.partition(b"\r\n\r\n")
        if not end:
            return False
        status = head.split(b" ", 2)[1]
        if status == b"429":
            raise Again()
        if status != b"200":
            raise RuntimeError(head.decode())
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return len(rest) >= int(line.split(b":")[1])
        return True


class ForwardRequests:
    port_options = 'forward { host => "127.0.0.1" port => %d udp_heartbeat => false }'

    def __init__(self, batch):
        self.request = pack(["app", [[1715000000, event(i)] for i in range(batch)], {"chunk": "abcdefgh"}])

    @staticmethod
    def is_answered(received):
        return len(received) >= len(b"\x81\xa3ack\xa8abcdefgh")


KINDS = {"http": HttpRequests, "forward": ForwardRequests}


class Server:
    def __init__(self, kind, queue, *flags, directory=None, output="fast"):
        self.directory = directory or tempfile.mkdtemp(prefix="queue-bench-", dir=os.environ.get("BENCH_DIR"))
        self.port = free_port()
        target = 'file { path => "%s/out.json" codec => json_lines }' % self.directory
        if output == "dead":
            target = 'http { url => "http://127.0.0.1:%d/" http_method => "post" format => "json_batch" }' % free_port()
        config = os.path.join(self.directory, "bench.conf")
        with open(config, "w") as f:
            f.write("input { %s }\noutput { %s }\n" % (KINDS[kind].port_options % self.port, target))
        self.log = open(os.path.join(self.directory, "log"), "ab")
        self.begun = time.monotonic()
        self.process = subprocess.Popen([LOGBOOM, "-f", config, "--path.data", os.path.join(self.directory, "data"), "--queue.type", queue,
                                         *flags], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                break
            if self.process.poll() is not None:
                raise RuntimeError(open(os.path.join(self.directory, "log")).read()[-2000:])
            time.sleep(0.002)
        self.start_seconds = time.monotonic() - self.begun

    def cpu(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def end(self, keep=False):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)


def load(server, requests, connections, wanted):
    """Keeps one request under way on each connection until so many are answered; seconds."""
    selector = selectors.DefaultSelector()
    states = []
    for _ in range(connections):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.setblocking(False)
        state = {"socket": s, "sent": 0, "received": b""}
        states.append(state)
        selector.register(s, selectors.EVENT_WRITE, state)
    answered, started = 0, connections
    begun = time.monotonic()
    while answered < wanted:
        for key, ready in selector.select(10):
            state = key.data
            if ready & selectors.EVENT_WRITE:
                state["sent"] += state["socket"].send(memoryview(requests.request)[state["sent"]:])
                if state["sent"] == len(requests.request):
                    selector.modify(state["socket"], selectors.EVENT_READ, state)
            elif ready & selectors.EVENT_READ:
                part = state["socket"].recv(65536)
                if not part:
                    raise RuntimeError("the server closed a connection")
                state["received"] += part
                try:
                    is_answered = requests.is_answered(state["received"])
                except Again:
                    state["sent"], state["received"] = 0, b""
                    selector.modify(state["socket"], selectors.EVENT_WRITE, state)
                    continue
                if is_answered:
                    answered += 1
                    state["sent"], state["received"] = 0, b""
                    if started < wanted:
                        started += 1
                        selector.modify(state["socket"], selectors.EVENT_WRITE, state)
                    else:
                        selector.unregister(state["socket"])
    seconds = time.monotonic() - begun
    for state in states:
        state["socket"].close()
    return seconds


def latencies(server, requests, count):
    found = []
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            begun = time.monotonic()
            s.sendall(requests.request)
            received = b""
            while not requests.is_answered(received):
                received += s.recv(65536)
            found.append(time.monotonic() - begun)
    return found


def disk(directory):
    """Milliseconds of write(4 KiB) and fdatasync in a file whose room is reserved."""
    path = os.path.join(directory, "fdatasync")
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    os.posix_fallocate(descriptor, 0, 8 << 20)
    os.fsync(descriptor)
    found = []
    for i in range(200):
        begun = time.monotonic()
        os.pwrite(descriptor, b"x" * 4096, i * 4096)
        os.fdatasync(descriptor)
        found.append((time.monotonic() - begun) * 1000)
    os.close(descriptor)
    os.unlink(path)
    return found


def show(values, unit):
    ordered = sorted(values)
    return "median %.3f %s, 99th percentile %.3f %s" % (statistics.median(ordered), unit, ordered[int(len(ordered) * 0.99)], unit)


def forget_files():
    """What a machine that was just switched on finds in its page cache: nothing, not even the program."""
    subprocess.run(["sh", "-c", "sync; echo 1 > /proc/sys/vm/drop_caches"], stderr=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inputs", default="http,forward")
    parser.add_argument("--backlog", type=int, default=1 << 30)
    a = parser.parse_args()
    place = tempfile.mkdtemp(prefix="queue-bench-", dir=os.environ.get("BENCH_DIR"))
    print("disk: write and fdatasync of 4 KiB: %s" % show(disk(place), "ms"), flush=True)
    os.rmdir(place)
    for name in a.inputs.split(","):
        requests, one = KINDS[name](a.batch), KINDS[name](1)
        rates = {"memory": [], "persisted": []}
        for _ in range(a.rounds):
            for queue in rates:
                server = Server(name, queue)
                load(server, requests, a.connections, a.connections)  # warm
                before = server.cpu()
                seconds = load(server, requests, a.connections, a.events // a.batch)
                cpu = (server.cpu() - before) / a.events * 1e6
                rates[queue].append(a.events / seconds)
                print("%-8s %-9s %2d connections, %d events a request: %8.0f events/s acknowledged, %5.2f CPU s per million" % (
                    name, queue, a.connections, a.batch, rates[queue][-1], cpu), flush=True)
                server.end()
        print("%-8s persisted/memory, medians of %d: %.0f %%" % (
            name, a.rounds, 100 * statistics.median(rates["persisted"]) / statistics.median(rates["memory"])), flush=True)
        for queue in rates:
            server = Server(name, queue)
            latencies(server, one, 50)
            print("%-8s %-9s one event on one connection: %s" % (
                name, queue, show([1000 * x for x in latencies(server, one, 500)], "ms")), flush=True)
            server.end()
    if a.backlog:
        starts = []
        for _ in range(5):
            forget_files()
            server = Server("http", "persisted")
            starts.append(server.start_seconds)
            server.end()
        print("start with an empty queue: %.0f ms" % (1000 * statistics.median(starts)), flush=True)
        requests = HttpRequests(2000)
        server = Server("http", "persisted", "--queue.max_bytes", str(64 << 30), output="dead")
        queue = os.path.join(server.directory, "data/queue/main")
        size = 0
        while size < a.backlog:
            load(server, requests, 8, 200)
            size = sum(os.path.getsize(os.path.join(queue, f)) for f in os.listdir(queue) if f.endswith(".segment"))
        directory = server.directory
        server.end(keep=True)
        starts = []
        for _ in range(5):
            forget_files()
            server = Server("http", "persisted", "--queue.max_bytes", str(64 << 30), directory=directory, output="dead")
            starts.append(server.start_seconds)
            server.end(keep=True)
        print("start with a backlog of %.2f GB in %d segments: %.0f ms" % (
            size / 1e9, len([f for f in os.listdir(queue) if f.endswith(".segment")]), 1000 * statistics.median(starts)))
        shutil.rmtree(directory, ignore_errors=True)


main()
