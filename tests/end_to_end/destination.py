"""An HTTP destination for tests of the whole process."""
import http.server, json, socket, threading

PATIENCE = 60  # seconds until something that never comes is given up


class Destination:
    """An HTTP server that refuses what `refuses` says, and keeps the rest."""

    def __init__(self, port=0):
        self.taken, self.asked, self.changed = [], 0, threading.Condition()
        self.status_of = lambda event: 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                events = content if isinstance(content, list) else [content]
                event = events[0]
                status = outer.status_of(event)
                with outer.changed:
                    outer.asked += len(events)
                    if status == 200:
                        outer.taken += events
                    outer.changed.notify_all()
                body = b"" if status == 200 else ('field "user.%d" of request 3f2a-%d is %d bytes too long' % (event["n"], event["n"], event["n"])).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that was killed while it waited
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def numbers(self):
        with self.changed:
            return sorted(event["n"] for event in self.taken)

    def wait_until(self, condition):
        with self.changed:
            if not self.changed.wait_for(condition, PATIENCE):
                raise AssertionError("the destination has %d of %d" % (len(self.taken), self.asked))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
