"""Acknowledged means delivered: senders note every id that was acknowledged, and each must be in every output - while connections
are cut at random, one output is slow and answers 503 now and then, and the server is stopped and killed under load."""
import http.client, http.server, json, os, random, signal, socket, struct, threading, time
import harness

SENDERS = ("http", "beats", "forward")


class Sink(http.server.ThreadingHTTPServer):
    """A slow destination: takes JSON arrays, refuses one request in ten."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, seed):
        super().__init__(("127.0.0.1", 0), SinkRequest)
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.seen = {}


class SinkRequest(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            pause, refuses = self.server.random.random() * 0.02, self.server.random.random() < 0.1
        time.sleep(pause)
        if not refuses:
            events = json.loads(body)
            with self.server.lock:
                for event in events if isinstance(events, list) else [events]:
                    self.server.seen[event["n"]] = self.server.seen.get(event["n"], 0) + 1
        self.send_response(503 if refuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def msgpack_text(text):
    data = text.encode()
    return bytes([0xd9, len(data)]) + data


class Gone(Exception):
    pass


def receive(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise Gone
        data += more
    return data


class HttpSender:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.connection.connect()

    def send(self, ids):
        self.connection.request("POST", "/", json.dumps([{"n": i} for i in ids]), {"Content-Type": "application/json"})

    def is_acknowledged(self):
        answer = self.connection.getresponse()
        answer.read()
        return answer.status == 200

    def close(self):
        self.connection.close()


class BeatsSender:
    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), 20)

    def send(self, ids):
        self.expected = len(ids)
        frames = b"2W" + struct.pack(">I", len(ids))
        for number, i in enumerate(ids, 1):
            payload = json.dumps({"n": i}).encode()
            frames += b"2J" + struct.pack(">II", number, len(payload)) + payload
        self.connection.sendall(frames)

    def is_acknowledged(self):
        while True:  # keep-alives and partial ones come first
            kind, sequence = struct.unpack(">2sI", receive(self.connection, 6))
            assert kind == b"2A", kind
            if sequence == self.expected:
                return True

    def close(self):
        self.connection.close()


class ForwardSender:
    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), 20)

    def send(self, ids):
        self.chunk = "chunk-%020d" % ids[0]
        entries = b"".join(b"\x92" + b"\xce" + struct.pack(">I", 1_700_000_000) + b"\x81" + msgpack_text("n") +
                           b"\xce" + struct.pack(">I", i) for i in ids)
        self.connection.sendall(b"\x93" + msgpack_text("oracle") + b"\xdc" + struct.pack(">H", len(ids)) + entries +
                                b"\x81" + msgpack_text("chunk") + msgpack_text(self.chunk))

    def is_acknowledged(self):
        answer = receive(self.connection, 1 + 4 + 2 + len(self.chunk))
        assert answer.endswith(self.chunk.encode()), answer
        return True

    def close(self):
        self.connection.close()


def keep_sending(make, port, batches, acknowledged, dice):
    """Sends each batch until it is acknowledged; one time in eight cuts the connection without waiting for the answer."""
    sender = None
    for ids in batches:
        while True:
            try:
                sender = sender or make(port)
                sender.send(ids)
                if dice.random() < 0.125:
                    raise Gone
                if sender.is_acknowledged():
                    acknowledged.update(ids)
                    break
            except (Gone, OSError, http.client.HTTPException):
                if sender:
                    sender.close()
                sender = None
                time.sleep(0.02)
    if sender:
        sender.close()


def run(n, work):
    seed = int(os.environ.get("SEED", time.time()))
    dice = random.Random(seed)
    sink = Sink(seed)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    ports = {name: harness.free_port() for name in SENDERS}
    pipeline = """
      input {
        http { host => "127.0.0.1" port => %(http)d }
        beats { host => "127.0.0.1" port => %(beats)d }
        forward { host => "127.0.0.1" port => %(forward)d }
      }
      filter {
        clone { clones => ["copy"] }
        if [type] == "copy" or "copy" in [tags] { drop {} }
      }
      output {
        file { path => "${OUT}" codec => json_lines }
        http { url => "http://127.0.0.1:%(sink)d/" http_method => "post" format => "json_batch" }
      }""" % {**ports, "sink": sink.server_address[1]}
    makers = {"http": HttpSender, "beats": BeatsSender, "forward": ForwardSender}
    acknowledged = {name: set() for name in SENDERS}
    threads, begin = [], 0
    per_thread = max(100, n // 12)
    for lane in range(6):
        name = SENDERS[lane % 3]
        ids = list(range(begin, begin + per_thread))
        begin += per_thread
        batches, lane_dice = [], random.Random(seed + lane)
        while ids:
            size = lane_dice.randint(1, 60)
            batches.append(ids[:size])
            ids = ids[size:]
        threads.append(threading.Thread(target=keep_sending, daemon=True,
                                        args=(makers[name], ports[name], batches, acknowledged[name], lane_dice)))
    server = harness.Logboom(work, pipeline)
    server.wait_for_port(ports["http"])
    for thread in threads:
        thread.start()
    lives = 1
    while any(thread.is_alive() for thread in threads):
        threads[0].join(dice.uniform(0.5, 1.5))
        if lives > 5 or not any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(120)
                assert not thread.is_alive(), "a sender waits for ever (SEED=%d)\n%s" % (seed, server.log_text()[-3000:])
            break
        lives += 1
        if lives % 2 == 0:
            server.process.kill()
            server.process.wait()
            server.log.close()
        else:
            server.stop()
        server = harness.Logboom(work, pipeline)
        server.wait_for_port(ports["http"])
    server.stop()
    sink.shutdown()
    written = {event["n"] for event in server.events_that_are_whole()}
    for name, ids in acknowledged.items():
        lost = sorted(ids - written)
        assert not lost, "%s: %d acknowledged events are not in the file, the first is %d (SEED=%d)" % (name, len(lost), lost[0], seed)
        lost = sorted(ids - sink.seen.keys())
        assert not lost, "%s: %d acknowledged events did not reach the slow output, the first is %d (SEED=%d)" % (name, len(lost), lost[0], seed)
    assert sum(map(len, acknowledged.values())) == begin
    return "%d events acknowledged over %d lives of the server, every one in both outputs" % (begin, lives)
