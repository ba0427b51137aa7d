"""An output that stops stalls its senders, memory stays flat with 2,000 connected clients, and when it goes on everything that was
taken comes out, once, and the senders get on with their work."""
import contextlib, http.server, json, pathlib, re, resource, selectors, socket, threading, time
import harness

CLIENTS = 2000
MOST_MEMORY = 400 * 1024 * 1024  # queue 64 MiB and output buffer 64 MiB at most, the connections, and what the allocator keeps


class Gate(http.server.ThreadingHTTPServer):
    """A destination that answers nobody until it is opened."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), GateRequest)
        self.is_open = threading.Event()
        self.lock = threading.Lock()
        self.numbers = []


class GateRequest(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.is_open.wait()
        with self.server.lock:
            self.server.numbers.extend(event["n"] for event in json.loads(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def resident_bytes(pid):
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(re.search(r"VmRSS:\s*(\d+) kB", text).group(1)) * 1024


class Lines:
    """The numbered lines of one client, made as they are sent."""

    def __init__(self, first, end):
        self.next, self.end, self.waiting = first, end, b""

    def send_some(self, connection):
        if not self.waiting:
            until = min(self.next + 16, self.end)
            self.waiting = b"".join(b'{"n":%d,"padding":"%s"}\n' % (i, b"x" * 1000) for i in range(self.next, until))
            self.next = until
        sent = connection.send(self.waiting)
        self.waiting = self.waiting[sent:]
        return sent

    def is_done(self):
        return self.next == self.end and not self.waiting


class Senders:
    """All clients in one thread: each sends its own lines as fast as the server takes them."""

    def __init__(self, port, lines_each):
        self.selector = selectors.DefaultSelector()
        self.sent_bytes = 0
        self.open = 0
        for client in range(CLIENTS):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # what is not taken stays here, not in the kernel
            connection.connect(("127.0.0.1", port))
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_WRITE, Lines(client * lines_each, (client + 1) * lines_each))
            self.open += 1

    def send_until(self, is_over):
        """Sends what can be sent until is_over() holds."""
        while self.open and not is_over():
            for key, _ in self.selector.select(0.1):
                with contextlib.suppress(BlockingIOError):
                    self.sent_bytes += key.data.send_some(key.fileobj)
                if key.data.is_done():
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()
                    self.open -= 1


def run(n, work):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * CLIENTS:
        harness.skip("only %d files may be open" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lines_each = max(500, n // CLIENTS)  # 1 GB of lines at the least: more than the server and the kernel hold, of each client too
    gate = Gate()
    threading.Thread(target=gate.serve_forever, daemon=True).start()
    port = harness.free_port()
    pipeline = """
      input { tcp { host => "127.0.0.1" port => %d codec => json_lines dns_reverse_lookup_enabled => false } }
      output { http { url => "http://127.0.0.1:%d/" http_method => "post" format => "json_batch" request_timeout => 600
                      socket_timeout => 600 } }""" % (port, gate.server_address[1])
    with harness.Logboom(work, pipeline) as server:
        server.wait_for_port(port)
        senders = Senders(port, lines_each)
        progress = {"bytes": -1, "since": time.monotonic()}

        def stands_still():
            if senders.sent_bytes != progress["bytes"]:
                progress.update(bytes=senders.sent_bytes, since=time.monotonic())
            return time.monotonic() - progress["since"] > 3

        senders.send_until(stands_still)
        assert senders.open == CLIENTS, "%d senders were not held up" % (CLIENTS - senders.open)
        stalled = resident_bytes(server.process.pid)
        until = time.monotonic() + 3
        senders.send_until(lambda: time.monotonic() > until)
        later = resident_bytes(server.process.pid)
        assert later < MOST_MEMORY, "%d MB are held behind a dead output" % (later // 2**20)
        assert later - stalled < 16 * 2**20, "memory grows while nothing moves: from %d to %d MB" % (stalled // 2**20, later // 2**20)
        gate.is_open.set()
        total = CLIENTS * lines_each
        before = len(gate.numbers)
        begun = time.monotonic()
        senders.send_until(lambda: len(gate.numbers) >= before + total // 10)
        first_tenth = time.monotonic() - begun
        senders.send_until(lambda: False)
        harness.wait_for("the rest of the events", lambda: len(gate.numbers) >= total, 300)
    harness.check_exactly_once([{"n": i} for i in gate.numbers], total)
    return "%d clients stalled at %d MB (%d MB later), %d events once each; a tenth of them %.1f s after the output went on" % (
        CLIENTS, stalled // 2**20, later // 2**20, total, first_tenth)
