"""For benches of outputs: an HTTP server that throws away what it gets, and a Logboom process that is fed JSON lines over TCP."""
import contextlib, os, socket, subprocess, tempfile, threading, time

import run

TICK = os.sysconf("SC_CLK_TCK")


class DiscardingServer:
    """Answers requests by answer(); `count` is what it has taken."""

    def __init__(self):
        self.count, self.changed = 0, threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def answer(self, headers, body):
        """How many events the request held, further header lines of the answer, and its body."""
        raise NotImplementedError

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(ConnectionError):  # the process was ended
            held = b""
            while True:
                while b"\r\n\r\n" not in held:
                    part = connection.recv(65536)
                    if not part:
                        return
                    held += part
                head, held = held.split(b"\r\n\r\n", 1)
                headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
                if headers.get(b"expect") == b"100-continue":
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                parts = [held]
                left = int(headers.get(b"content-length", 0)) - len(held)
                while left > 0:
                    part = connection.recv(min(left, 1 << 20))
                    if not part:
                        return
                    parts.append(part)
                    left -= len(part)
                held = b""
                count, more, body = self.answer(headers, b"".join(parts))
                connection.sendall(b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n" % (more, len(body)) + body)
                with self.changed:
                    self.count += count
                    self.changed.notify_all()

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: self.count >= count, 600), "%d of %d events" % (self.count, count)


def cpu_seconds(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def cpu_of_input_alone(data, lines, *flags):
    """CPU seconds per million events of a process that reads the file's lines and throws them away."""
    with logboom("null { }", *flags) as (process, feed):
        before = cpu_seconds(process.pid)
        send_file(feed, data)
        now, last = cpu_seconds(process.pid), -1.0
        while now != last:
            time.sleep(0.3)
            now, last = cpu_seconds(process.pid), now
        return (now - before) * 1e6 / lines


def send_file(feed, path):
    with open(path, "rb") as f:
        while part := f.read(1 << 20):
            feed.sendall(part)


@contextlib.contextmanager
def logboom(outputs, *flags):
    """A process with these outputs and the connection that it reads."""
    port = run.free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = run.w(folder + "/lb.conf", "input { tcp { host => '127.0.0.1' port => %d codec => json_lines } }\noutput { %s }" % (port, outputs))
        process = subprocess.Popen([os.environ.get("LOGBOOM", "build/release/logboom"), "-f", config, "--path.data", folder + "/data",
                                    "--pipeline.ecs_compatibility", "disabled", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    feed = socket.create_connection(("127.0.0.1", port), 1)
                    break
                except OSError:
                    time.sleep(0.05)
            feed.settimeout(None)  # a busy server takes its time
            with feed:
                yield process, feed
        finally:
            process.kill()
            process.wait()
