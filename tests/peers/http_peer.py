"""curl posts JSON arrays and lines on kept connections: plain, gzip, chunked, zstd, over TLS and with a client certificate; and
ten thousand connections at once."""
import gzip, json, os, pathlib, resource, selectors, shutil, socket, subprocess, time

import harness

PER_REQUEST = 100


def bodies(n, work, encode=None, suffix=""):
    paths = []
    for first in range(0, n, PER_REQUEST):
        events = [{"n": i, "message": "order %d" % i} for i in range(first, min(n, first + PER_REQUEST))]
        data = json.dumps(events).encode()
        path = pathlib.Path(work) / ("body-%d%s" % (first, suffix))
        path.write_bytes(encode(data) if encode else data)
        paths.append(path)
    return paths


def curl_config(work, name, url, paths, *lines):
    options = ["fail", "silent", "show-error", 'noproxy = "*"', 'write-out = "%{stderr}%{num_connects}\\n"', 'header = "Content-Type: application/json"', *lines]
    transfers = ['url = "%s"\ndata-binary = "@%s"\n%s\n' % (url, path, "\n".join(options)) for path in paths]
    config = pathlib.Path(work) / name
    config.write_text("next\n".join(transfers))
    return str(config)


def deliver(n, work, *lines, encode=None, options="", scheme="http", clients=4):
    """Several curls, each with one connection that it keeps."""
    port = harness.free_port()
    pipeline = 'input { http { host => "127.0.0.1" port => %d %s } } output { file { path => "${OUT}" } }' % (port, options)
    with harness.Logboom(work, pipeline) as logboom:
        logboom.wait_for_port(port)
        paths = bodies(n, work, encode)
        url = "%s://localhost:%d/in" % (scheme, port)
        configs = [curl_config(work, "curl-%d.conf" % c, url, paths[c::clients], *lines) for c in range(clients) if paths[c::clients]]
        running = [subprocess.Popen(["curl", "--config", config], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for config in configs]
        for client in running:
            answers, notes = client.communicate(timeout=900)
            assert client.returncode == 0, notes[-2000:]
            assert set(answers) <= set("ok"), answers[:200]
            made = sum(int(word) for word in notes.split() if word.isdigit())
            assert made == 1, "curl made %d connections: they were not kept" % made
        assert logboom.lines() == n, "curl was answered before its events were written: %d of %d" % (logboom.lines(), n)
    harness.check_exactly_once(logboom.events(), n, "n")


def run_plain(n, work):
    deliver(n, work)


def run_gzip(n, work):
    deliver(n, work, 'header = "Content-Encoding: gzip"', encode=gzip.compress)


def run_zstd(n, work):
    if shutil.which("zstd") is None:
        harness.skip("there is no zstd command")
    def encode(data):
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    deliver(n, work, 'header = "Content-Encoding: zstd"', encode=encode)


def run_chunked(n, work):
    deliver(n, work, 'header = "Transfer-Encoding: chunked"', 'header = "Expect: 100-continue"')


def run_password(n, work):
    deliver(n, work, 'user = "al:pa:ss"', options='user => "al" password => "pa:ss"')


def tls_options(folder):
    return 'ssl_enabled => true ssl_certificate => "%s/server.pem" ssl_key => "%s/server.key"' % (folder, folder)


def run_tls(n, work):
    folder = harness.certificates()
    deliver(n, work, 'cacert = "%s/ca.pem"' % folder, 'header = "Content-Encoding: gzip"', encode=gzip.compress,
            options=tls_options(folder), scheme="https")


def run_tls_client_certificate(n, work):
    folder = harness.certificates()
    deliver(n, work, 'cacert = "%s/ca.pem"' % folder, 'cert = "%s/client.pem"' % folder, 'key = "%s/client.key"' % folder,
            options=tls_options(folder) + ' ssl_client_authentication => "required" ssl_certificate_authorities => "%s/ca.pem"' % folder,
            scheme="https")


def run_ten_thousand_connections(n, work):
    """As many connections as descriptors allow, at most 10,000: each sends a request, waits for its answer and stays."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10_000, hard - 200)
    if count < 1_000:
        harness.skip("only %d descriptors are allowed" % hard)
    port = harness.free_port()
    pipeline = 'input { http { host => "127.0.0.1" port => %d codec => json max_pending_requests => %d } } output { file { path => "${OUT}" } }' % (port, count)

    def resident(process):
        text = pathlib.Path("/proc/%d/status" % process.pid).read_text()
        return int(text.split("VmRSS:")[1].split()[0]) * 1024

    def settled(level):
        """The level when it has not changed for a while."""
        last, same = level(), 0
        while same < 5:
            time.sleep(0.1)
            last, same = (last, same + 1) if level() == last else (level(), 0)
        return last

    with harness.Logboom(work, pipeline) as logboom:
        logboom.wait_for_port(port)
        before = resident(logboom.process)
        # Loopback has about 28,000 client ports for an address.
        sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        descriptors = "/proc/%d/fd" % logboom.process.pid
        harness.wait_for("connections to be accepted", lambda: len(os.listdir(descriptors)) > count)
        idle = settled(lambda: resident(logboom.process)) - before
        with selectors.DefaultSelector() as selector:
            for i, peer in enumerate(sockets):
                peer.sendall(b"POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nUser-Agent: peer\r\n"
                             b'Content-Length: %d\r\n\r\n{"n":%d' % (len('{"n":%d}' % i), i))
            active = settled(lambda: resident(logboom.process)) - before
            for peer in sockets:
                peer.sendall(b"}")
                selector.register(peer, selectors.EVENT_READ)
            waiting = count
            while waiting:
                ready = selector.select(60)
                assert ready, "%d of %d requests were not answered" % (waiting, count)
                for key, _ in ready:
                    answer = key.fileobj.recv(4096)
                    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
                    selector.unregister(key.fileobj)
                    waiting -= 1
        used = resident(logboom.process) - before
        for peer in sockets:
            peer.close()
    harness.check_exactly_once(logboom.events(), count, "n")
    assert idle < count * 8192, "%d bytes for each idle connection" % (idle // count)
    return "%d connections: %d bytes each when idle, %d within a request, %d after it" % (
        count, idle // count, active // count, used // count)
