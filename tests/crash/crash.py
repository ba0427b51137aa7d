#!/usr/bin/env python3
"""kill -9 at random moments under load, and what comes out after it.

usage: crash.py [--rounds N] [--clean-rounds N] [--seed N] [--logboom PATH]

Beats, forward with `chunk` and HTTP senders deliver at once into one pipeline with a persisted queue; 1 and 4 workers, a fast, a slow and
a dead output take turns. After N rounds of kill -9 and restart every acknowledged event must have come out at least once; after rounds
of SIGTERM and restart exactly once. The ledger must agree over all lives: whatever is done is in the output's line, after orderly ends
exactly once. The last line is a summary: 'N passed, N failed'.
"""
import argparse, collections, contextlib, http.server, json, os, pathlib, random, shutil, signal, socket, subprocess, sys, tempfile, threading, time, traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "peers"))
import harness, senders

SLOWEST_START = 2.0   # CPU seconds (the machine may be busy); with what the last crash left
LONGEST_LIFE = 0.35   # seconds of load before a kill
DEAD_STOP = 5.0       # seconds that SIGTERM may take with a dead output


class Sink(http.server.ThreadingHTTPServer):
    """A destination that takes its time and counts what it took."""
    daemon_threads = True

    def __init__(self, delay):
        self.delay, self.lock, self.seen = delay, threading.Lock(), collections.Counter()
        super().__init__(("127.0.0.1", 0), Sink.Handler)
        self.handle_error = lambda *_: None  # a killed sender
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(self.server.delay)
            with self.server.lock:
                self.server.seen.update(event["id"] for event in events)
            with contextlib.suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_):
            pass


class World:
    """One data directory through many lives of the process."""

    def __init__(self, work, workers, output, seed):
        self.work, self.workers, self.output = work, workers, output
        self.random = random.Random(seed)
        self.ports = [harness.free_port() for _ in range(3)]
        self.dead_port = harness.free_port()
        self.sink = Sink(0.03)
        self.numbers = senders.Numbers()
        self.out = work / "out.json"
        self.log = open(work / "logboom.log", "ab")
        self.starts, self.costs = [], []  # wall and CPU seconds until the last port answers
        kinds = (senders.Beats, senders.Forward, senders.Http)
        self.senders = [kind(self.numbers, port, self.random.choice((1, 5, 50)), seed + i)
                        for i, (kind, port) in enumerate(zip(kinds, self.ports))]

    def outputs(self, output):
        if output == "fast":
            return 'file { id => "out" path => "%s" codec => json_lines }' % self.out
        port = self.sink.server_address[1] if output == "slow" else self.dead_port
        return 'http { id => "out" url => "http://127.0.0.1:%d/" http_method => "post" format => "json_batch" }' % port

    def start(self, output=None):
        config = self.work / "pipeline.conf"
        config.write_text("""input {
  beats { host => "127.0.0.1" port => %d }
  forward { host => "127.0.0.1" port => %d udp_heartbeat => false }
  http { host => "127.0.0.1" port => %d }
}
output { %s }
""" % (*self.ports, self.outputs(output or self.output)))
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [ARGUMENTS.logboom, "-f", str(config), "--path.data", str(self.work / "data"), "--queue.type", "persisted",
             "--queue.page_capacity", "256kb", "--pipeline.workers", str(self.workers), "--pipeline.batch.size", "50"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        harness.wait_for("the port of http", self.answers, 30)
        self.starts.append(time.monotonic() - begun)
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        self.costs.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("logboom ended with %s: %s" % (self.process.returncode, self.log_tail()))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[2]), 1):
            return True
        return False

    def log_tail(self):
        return (self.work / "logboom.log").read_text(errors="replace")[-3000:]

    def ledger(self):
        """The pipeline's numbers, as the running process has them, and its output's line."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(str(self.work / "data" / ".control"))
            control.sendall(b'{"do":"pipelines"}\n')
            answer = b""
            while not answer.endswith(b"\n"):
                part = control.recv(65536)
                assert part, "the control channel closes: %s" % answer
                answer += part
        ledger = json.loads(answer)["pipelines"][0]["ledger"]
        return ledger, ledger["outputs"][0]

    def check_ledger(self):
        """Of numbers that move: what was done by the first look is in the output's line by the second."""
        ledger, _ = self.ledger()
        _, line = self.ledger()
        done = ledger["received"] - ledger["queued"] - ledger["lost"]
        assert line["delivered"] >= done, "%d events are done, and the output's line says %s" % (done, line)

    def check_ledger_at_rest(self, is_exact):
        """All has come out: every number is of all lives together."""
        ledger = line = None

        def is_at_rest():
            nonlocal ledger, line
            ledger, line = self.ledger()
            return ledger["queued"] == ledger["in_flight"] == line["buffered"] == line["gap"] == 0
        with contextlib.suppress(AssertionError):
            harness.wait_for("the ledger at rest", is_at_rest, 30)
        came_out = sum(self.seen().values())
        told = "%s; %d came out" % (ledger, came_out)
        assert is_at_rest(), "the ledger has a gap: " + told
        assert ledger["finished"] == ledger["received"] >= self.numbers.count(), told
        assert ledger["received"] <= line["delivered"] <= came_out, "the output's line is not of all lives: " + told
        assert not is_exact or ledger["received"] == came_out, told

    def load(self):
        """Senders work for a while; at least something is acknowledged meanwhile."""
        before = self.numbers.count()
        end = time.monotonic() + 20
        while self.numbers.count() == before and time.monotonic() < end:
            assert self.process.poll() is None, self.log_tail()
            time.sleep(0.001)
        time.sleep(self.random.random() * LONGEST_LIFE)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        took = time.monotonic() - begun
        assert self.process.returncode == 0, "exit status %s: %s" % (self.process.returncode, self.log_tail())
        assert took < DEAD_STOP, "SIGTERM took %.1f s: %s" % (took, self.log_tail())
        return took

    def seen(self):
        seen = collections.Counter()
        with self.sink.lock:
            seen.update(self.sink.seen)
        if self.out.exists():
            with open(self.out, "rb") as f:
                for line in f:
                    with contextlib.suppress(ValueError):
                        seen[json.loads(line)["id"]] += 1
        return seen

    def finish(self, is_exact):
        """Lets everything come out; returns how often each id came."""
        for sender in self.senders:
            sender.ending.set()
        for sender in self.senders:
            sender.join(10)
        self.start("fast")
        missing = None

        def all_are_there():
            nonlocal missing
            missing = self.numbers.acknowledged - set(self.seen())
            return not missing
        with contextlib.suppress(AssertionError):
            harness.wait_for("all events", all_are_there, 120)
        assert not missing, "%d of %d acknowledged events are lost, the first is %d: %s" % (
            len(missing), self.numbers.count(), min(missing), self.log_tail())
        self.check_ledger_at_rest(is_exact)
        self.stop()
        text = (self.work / "logboom.log").read_text(errors="replace")
        assert "are lost" not in text and "is missing" not in text, "a loss is reported: " + self.log_tail()
        return self.seen()


def crash(work, workers, output, rounds, seed):
    world = World(work, workers, output, seed)
    for sender in world.senders:
        sender.start()
    try:
        for _ in range(rounds):
            world.start()
            world.load()
            world.check_ledger()
            world.kill()
        seen = world.finish(is_exact=False)
    finally:
        with contextlib.suppress(OSError):
            world.kill()
    assert max(world.costs) < SLOWEST_START, "a start took %.2f s of CPU time" % max(world.costs)
    doubled = sum(1 for times in seen.values() if times > 1)
    return "%d rounds of kill -9: %d acknowledged, all came out, %d more than once; slowest start %.2f s" % (
        rounds, world.numbers.count(), doubled, max(world.starts))


def clean(work, workers, output, rounds, seed):
    world = World(work, workers, output, seed)
    for sender in world.senders:
        sender.start()
    longest = 0
    try:
        for _ in range(rounds):
            world.start()
            world.load()
            world.check_ledger()
            longest = max(longest, world.stop())
        seen = world.finish(is_exact=True)
    finally:
        with contextlib.suppress(OSError):
            world.kill()
    doubled = [number for number, times in seen.items() if times > 1]
    assert not doubled, "%d events came out more than once without a crash, the first is %d" % (len(doubled), min(doubled))
    return "%d rounds of SIGTERM: %d acknowledged, each came out once; longest stop %.2f s" % (
        rounds, world.numbers.count(), longest)


parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=60)
parser.add_argument("--clean-rounds", type=int, default=30)
parser.add_argument("--seed", type=int, default=int(time.time()))
parser.add_argument("--logboom", default=harness.LOGBOOM)
ARGUMENTS = parser.parse_args()

CASES = [(workers, output) for output in ("fast", "slow", "dead") for workers in (1, 4)]
passed = failed = 0
print("seed %d" % ARGUMENTS.seed)
for kind, rounds in ((crash, ARGUMENTS.rounds), (clean, ARGUMENTS.clean_rounds)):
    for place, (workers, output) in enumerate(CASES):
        share = rounds // len(CASES) + (1 if place < rounds % len(CASES) else 0)
        if share == 0:
            continue
        work = pathlib.Path(tempfile.mkdtemp(prefix="logboom-crash-", dir=os.environ.get("CRASH_DIR")))
        title = "%s, %s output, %d worker%s" % (kind.__name__, output, workers, "" if workers == 1 else "s")
        begun = time.monotonic()
        try:
            note = kind(work, workers, output, share, ARGUMENTS.seed + place)
            passed += 1
            shutil.rmtree(work, ignore_errors=True)
            print("passed   %-30s %6.1f s  %s" % (title, time.monotonic() - begun, note), flush=True)
        except Exception:
            failed += 1
            print("failed   %-30s %6.1f s  kept in %s\n%s" % (title, time.monotonic() - begun, work, traceback.format_exc()), flush=True)
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
