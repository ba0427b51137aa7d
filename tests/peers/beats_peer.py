"""Elastic's own Lumberjack client (Go module github.com/elastic/go-lumber), as Beats use it, into the beats input, and a
version 1 client (Node package lumberjack-protocol).

Built once from beats_client/ below build/peers. Delivers exactly once while nothing fails; when servers are killed and
restarted under it, every number that it was told was safe must have come out.
"""
import contextlib, json, os, pathlib, random, shutil, signal, subprocess, time

from harness import CACHE, Logboom, call, certificates, check_exactly_once, free_port, skip, wait_for

SOURCE = pathlib.Path(__file__).resolve().parent / "beats_client"
V1_SOURCE = SOURCE.with_name("beats_v1_client")


def client():
    """The client's executable; built when its source changed."""
    if shutil.which("go") is None:
        skip("there is no Go compiler (docker/install-deps.sh peers)")
    CACHE.mkdir(parents=True, exist_ok=True)
    binary = CACHE / "beats_client"
    newest = max(path.stat().st_mtime for path in SOURCE.iterdir())
    if not binary.exists() or binary.stat().st_mtime < newest:
        call("go", "build", "-o", str(binary), ".", cwd=SOURCE, env={"GOFLAGS": "-mod=readonly"})
    return str(binary)


def pipeline(port, options=""):
    return """input { beats { port => %d host => "127.0.0.1" %s } }
              output { file { path => "${OUT}" codec => json_lines } }""" % (port, options)


def tls_options(authentication):
    folder = certificates()
    text = 'ssl_enabled => true ssl_certificate => "%s/server.pem" ssl_key => "%s/server.key"' % (folder, folder)
    if authentication:
        text += ' ssl_client_authentication => %s ssl_certificate_authorities => "%s/ca.pem" enrich => all' % (
            authentication, folder)
    return text, folder


def deliver(n, work, *arguments, options="", copy_metadata=""):
    """Sends n events with one client; the events that came out."""
    port = free_port()
    text = pipeline(port, options).replace("output {", copy_metadata + " output {", 1)
    with Logboom(work, text) as server:
        server.wait_for_port(port)
        call(client(), "-address", "127.0.0.1:%d" % port, "-n", str(n), "-acked", str(work / "acked"), *arguments)
    events = server.events()
    check_exactly_once(events, n)
    assert len((work / "acked").read_text().split()) == n
    event = events[0]
    assert event["message"] == 'event number %d of "the" test' % event["n"], event
    assert event["@timestamp"] == "2024-05-06T07:08:09.123Z", event
    assert "beats_input_codec_plain_applied" in event["tags"], event
    return events


def run_sync(n, work):
    deliver(n, work, "-compression", "0")


def run_sync_compressed(n, work):
    deliver(n, work, "-compression", "3")


def run_async(n, work):
    deliver(n, work, "-async", "-compression", "0", "-inflight", "8")


def run_async_compressed(n, work):
    deliver(n, work, "-async", "-compression", "3", "-inflight", "8")


def run_small_windows(n, work):
    deliver(min(n, 5000), work, "-async", "-window", "7", "-inflight", "100")


def run_tls(n, work):
    options, folder = tls_options(None)
    deliver(n, work, "-ca", str(folder / "ca.pem"), options=options)


def run_tls_async_client_certificate(n, work):
    options, folder = tls_options("required")
    events = deliver(n, work, "-async", "-ca", str(folder / "ca.pem"), "-cert", str(folder / "client.pem"), "-key",
                     str(folder / "client.key"), options=options, copy_metadata="""filter { mutate { copy => {
                     "[@metadata][input][beats][tls][client][subject]" => "subject"
                     "[@metadata][tls_peer][status]" => "status" } } }""")
    assert events[0]["subject"] == "CN=peer" and events[0]["status"] == "verified", events[0]


def run_tls_refused(n, work):
    """A client without the certificate that is asked for gets nothing in, and harms nobody."""
    options, folder = tls_options("required")
    port = free_port()
    with Logboom(work, pipeline(port, options)) as server:
        server.wait_for_port(port)
        base = [client(), "-address", "127.0.0.1:%d" % port, "-n", "10", "-acked", str(work / "acked"), "-ca",
                str(folder / "ca.pem")]
        refused = subprocess.run(base, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        assert refused.returncode != 0, "a client without a certificate was served"
        call(*base, "-cert", str(folder / "client.pem"), "-key", str(folder / "client.key"))
    check_exactly_once(server.events(), 10)


def run_version_1(n, work):
    """Lumberjack 1 by the Node package lumberjack-protocol, which only speaks TLS."""
    if shutil.which("npm") is None:
        skip("there is no npm (docker/install-deps.sh peers)")
    client_folder = CACHE / "beats_v1_client"
    if not (client_folder / "node_modules").exists():
        shutil.copytree(V1_SOURCE, client_folder, dirs_exist_ok=True)
        call("npm", "install", "--no-audit", "--no-fund", cwd=client_folder)
    options, folder = tls_options(None)
    n = max(1, n // 1000) * 1000
    port = free_port()
    with Logboom(work, pipeline(port, options)) as server:
        server.wait_for_port(port)
        call("node", str(V1_SOURCE / "main.js"), str(port), str(folder / "ca.pem"), str(n),
             env={"NODE_PATH": str(client_folder / "node_modules")})
    events = server.events()
    check_exactly_once(events, n, "message")
    assert events[0]["host"] == "peer" and "line" not in events[0], events[0]


def run_blocked_pipeline(n, work):
    """The output takes nothing for longer than the client waits: keep-alives hold it, and nothing is sent twice."""
    n = min(n, 5000)
    port = free_port()
    blocked = work / "blocked"
    os.mkfifo(blocked)  # whoever writes to it waits until somebody reads
    with Logboom(work, pipeline(port).replace('path => "${OUT}"', 'path => "%s"' % blocked)) as server:
        server.wait_for_port(port)
        sender = subprocess.Popen([client(), "-address", "127.0.0.1:%d" % port, "-n", str(n), "-acked", str(work / "acked"),
                                   "-timeout", "8s"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(12)
        assert sender.poll() is None, "the client gave up: %s" % sender.stdout.read()
        assert not (work / "acked").read_bytes(), "something was acknowledged that is nowhere"
        came = []
        with open(blocked, "rb") as reading:
            while len(came) < n:
                came.append(json.loads(reading.readline()))
        assert sender.wait(60) == 0, sender.stdout.read()
    check_exactly_once(came, n)


def killed(n, work, *arguments):
    """Kills and restarts the server while a client sends; the oracle is the client's own list of what it was told."""
    port = free_port()
    text = pipeline(port)
    chance = random.Random(7)
    command = [client(), "-address", "127.0.0.1:%d" % port, "-n", str(n), "-acked", str(work / "acked"), "-window", "500",
               "-reconnects", "1000000", *arguments]
    server, sender, kills = None, None, 0
    try:
        while sender is None or sender.poll() is None:
            server = Logboom(work, text)
            server.wait_for_port(port)
            sender = sender or subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            wanted = server.lines() + chance.randint(n // 20, n // 8)
            wait_for("the next kill", lambda: sender.poll() is not None or server.lines() >= wanted, 300)
            if sender.poll() is not None:
                break
            server.process.send_signal(signal.SIGKILL if chance.random() < 0.7 else signal.SIGTERM)
            server.process.wait(60)
            server.log.close()
            kills += 1
        assert sender.wait() == 0, sender.stdout.read()
        if server.process.poll() is None:
            server.stop()
    finally:
        for process in (sender, server and server.process):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
    told = set(map(int, (work / "acked").read_text().split()))
    # A kill may leave a line half written, and the next server's first line stands behind it; that one counts.
    came = []
    with open(work / "out.json", "rb") as lines:
        for line in lines:
            whole = line[line.rindex(b'{"@timestamp"'):]
            with contextlib.suppress(ValueError):
                came.append(json.loads(whole)["n"])
    total, came = len(came), set(came)
    assert told == set(range(n)), "the client was not told of %d events" % (n - len(told))
    lost = told - came
    assert not lost, "%d acknowledged events are lost, one is %d" % (len(lost), min(lost))
    assert kills > 0, "no server was killed: send more events"
    return "%d restarts, %d events came twice" % (kills, total - len(came))


def run_killed_servers_sync(n, work):
    return killed(n, work)


def run_killed_servers_async(n, work):
    return killed(n, work, "-async")
