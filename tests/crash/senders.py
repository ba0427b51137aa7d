"""Senders that remember what was acknowledged: beats (lumberjack v2), forward with `chunk`, and HTTP. Each is a thread of its own that
sends numbered events, waits for the answer, and goes on with new numbers when the connection breaks: what was not answered may come out
or not, what was answered must."""
import http.client, json, random, socket, struct, threading, time


class Numbers:
    """Ids for all senders, and what became of them. Any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.acknowledged = set()

    def take(self, count):
        with self.lock:
            first = self.next
            self.next += count
            return range(first, first + count)

    def acknowledge(self, ids):
        with self.lock:
            self.acknowledged.update(ids)

    def count(self):
        with self.lock:
            return len(self.acknowledged)


class Sender(threading.Thread):
    def __init__(self, numbers, port, largest_batch, seed):
        super().__init__(daemon=True)
        self.numbers, self.port, self.largest_batch = numbers, port, largest_batch
        self.random = random.Random(seed)
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
                    connection.settimeout(5)
                    self.talk(connection)
            except (OSError, ValueError, http.client.HTTPException, struct.error):
                time.sleep(0.01)

    def talk(self, connection):
        while not self.ending.is_set():
            ids = self.numbers.take(self.random.randint(1, self.largest_batch))
            self.send(connection, ids)
            self.numbers.acknowledge(ids)

    def event(self, number):
        return {"id": number, "message": "x" * self.random.randint(0, 300), "nested": {"list": [1, None, 2.5]}}


def read_exactly(connection, size):
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("closed")
        received += part
    return received


class Beats(Sender):
    def send(self, connection, ids):
        frames = [b"2W" + struct.pack(">I", len(ids))]
        for place, number in enumerate(ids):
            payload = json.dumps(self.event(number)).encode()
            frames.append(b"2J" + struct.pack(">II", place + 1, len(payload)) + payload)
        connection.sendall(b"".join(frames))
        while True:
            version, kind, sequence = struct.unpack(">ccI", read_exactly(connection, 6))
            if (version, kind) != (b"2", b"A"):
                raise ValueError("no acknowledgement")
            if sequence == len(ids):
                return


def pack(value):
    """MessagePack of what the events hold."""
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        return struct.pack(">Bq", 0xd3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xcb, value)
    if isinstance(value, str):
        text = value.encode()
        return struct.pack(">BI", 0xdb, len(text)) + text
    if isinstance(value, list):
        return struct.pack(">BI", 0xdd, len(value)) + b"".join(map(pack, value))
    return struct.pack(">BI", 0xdf, len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())


class Forward(Sender):
    def send(self, connection, ids):
        chunk = "chunk-%d" % ids[0]
        entries = [[int(time.time()), self.event(number)] for number in ids]
        connection.sendall(pack(["app", entries, {"chunk": chunk}]))
        short = chunk.encode()
        expected = b"\x81\xa3ack" + bytes([0xa0 | len(short)]) + short
        if read_exactly(connection, len(expected)) != expected:
            raise ValueError("another chunk was acknowledged")


class Http(Sender):
    def send(self, connection, ids):
        body = json.dumps([self.event(number) for number in ids]).encode()
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                           % len(body) + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        answer.read()
        if answer.status != 200:
            raise ValueError("status %d" % answer.status)
