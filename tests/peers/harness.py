"""What every peer test uses: a Logboom of its own, certificates, unique events, and the count of what came out.

A peer test is a file tests/peers/<name>_peer.py with `def run(n, work): ...`; run.py finds it. It raises AssertionError (or any
exception) when something is lost or doubled, and calls skip("why") when the peer cannot be had on this machine.
"""
import contextlib, json, os, pathlib, re, shutil, signal, socket, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGBOOM = os.environ.get("LOGBOOM_BIN", str(ROOT / "build/release/logboom"))
CACHE = ROOT / "build/peers"  # clients that were installed or built, kept between runs


class Skipped(Exception):
    pass


def skip(why):
    raise Skipped(why)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=60):
    """Polls until condition() is true; an error that names `what` when it takes too long."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("timed out after %d s waiting for %s" % (seconds, what))
        time.sleep(0.02)


def call(*command, cwd=None, env=None, timeout=900):
    """Runs a command; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        raise AssertionError("%s exited with %d:\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout[-4000:]))
    return done.stdout


def certificates():
    """PEM files made once: ca.pem, and server/client .pem and .key signed by it (server: DNS:localhost, IP:127.0.0.1)."""
    folder = CACHE / "tls"
    if (folder / "client.pem").exists():
        return folder
    making = CACHE / "tls.new"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=Logboom test CA",
         "-keyout", "ca.key", "-out", "ca.pem", cwd=making)
    for name in ("server", "client"):
        (making / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        call("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + ("localhost" if name == "server" else "peer"),
             "-keyout", name + ".key", "-out", name + ".csr", cwd=making)
        call("openssl", "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3650",
             "-extfile", "extensions", "-out", name + ".pem", cwd=making)
    making.rename(folder)
    return folder


class Logboom:
    """A running server on one pipeline; the text may say ${OUT} for the output file. Ends with the with-block, by SIGTERM."""

    def __init__(self, work, pipeline, *flags):
        self.work = pathlib.Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.out = self.work / "out.json"
        config = self.work / "pipeline.conf"
        config.write_text(pipeline.replace("${OUT}", str(self.out)))
        self.log = open(self.work / "logboom.log", "ab")
        self.process = subprocess.Popen([LOGBOOM, "-f", str(config), "--path.data", str(self.work / "data"), *flags],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None and self.process.poll() is None:  # the test has failed: its reason counts, not how this ends
            self.process.kill()
            self.process.wait()
            self.log.close()
            return
        self.stop()

    def wait_for_port(self, port):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError("logboom ended with %s:\n%s" % (self.process.returncode, self.log_text()[-4000:]))
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False
        wait_for("port %d" % port, answers, 20)

    def stop(self):
        """SIGTERM, then the orderly drain; its exit status must be 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.log.close()
        assert self.process.returncode == 0, "logboom exited with %s:\n%s" % (self.process.returncode, self.log_text()[-4000:])

    def log_text(self):
        return (self.work / "logboom.log").read_text(errors="replace")

    def lines(self):
        if not self.out.exists():
            return 0
        with open(self.out, "rb") as f:
            return sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))

    def events_that_are_whole(self):
        """The same, without lines that a killed process left unfinished."""
        found = []
        with open(self.out, "rb") as f:
            for line in f:
                with contextlib.suppress(ValueError):
                    found.append(json.loads(line))
        return found

    def events(self):
        with open(self.out, "rb") as f:
            return [json.loads(line) for line in f]


def check_exactly_once(events, n, field="n"):
    """Every number from 0 to n-1 came out once, whatever the order. `field` names where it is ("message": its last word)."""
    seen = bytearray(n)
    for event in events:
        value = event
        for part in field.split("."):
            value = value[part]
        number = int(value) if not isinstance(value, str) else int(re.search(r"(\d+)\s*$", value).group(1))
        assert 0 <= number < n, "an event that nobody sent: %r" % event
        assert seen[number] < 255
        seen[number] += 1
    lost = [i for i in range(n) if seen[i] == 0]
    doubled = [i for i in range(n) if seen[i] > 1]
    assert not lost, "%d of %d events were lost, the first is %d" % (len(lost), n, lost[0])
    assert not doubled, "%d of %d events were doubled, the first is %d" % (len(doubled), n, doubled[0])
