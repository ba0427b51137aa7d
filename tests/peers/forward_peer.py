"""Senders of the forward protocol that people use: the loggers for Python, Node and Go, and Logboom's own output."""
import json, pathlib, shutil, subprocess
from harness import (CACHE, Logboom, call, certificates, check_exactly_once, free_port, skip, wait_for)



def pipeline(port, options=""):
    return """input { forward { host => "127.0.0.1" port => %d udp_heartbeat => false %s } }
output { file { path => "${OUT}" codec => json_lines } }
""" % (port, options)


def tls_options():
    tls = certificates()
    return 'ssl_enabled => true ssl_certificate => "%s" ssl_key => "%s"' % (tls / "server.pem", tls / "server.key")


def once(folder, mark, make):
    """Makes something in CACHE once; `mark` exists when it is whole."""
    if not (folder / mark).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        assert (folder / mark).exists(), "%s was not made" % (folder / mark)
    return folder


def venv():
    def make(folder):
        call("/usr/bin/python3", "-m", "venv", str(folder))
        call(str(folder / "bin/pip"), "install", "-q", "fluent-logger==0.11.1", "msgpack")
        (folder / "whole").touch()
    return once(CACHE / "forward/venv", "whole", make) / "bin/python"


def receive(work, options, n, client):
    """Runs client(port) against a Logboom, and counts what came out."""
    port = free_port()
    with Logboom(work, pipeline(port, options)) as server:
        server.wait_for_port(port)
        client(port)
        wait_for("%d lines" % n, lambda: server.lines() >= n, 60 + n / 2000)
    events = server.events()
    check_exactly_once(events, n)
    return events


PYTHON_CLIENT = """
import sys
from fluent import sender
n, port = int(sys.argv[1]), int(sys.argv[2])
logger = sender.FluentSender("app", host="127.0.0.1", port=port, timeout=30, nanosecond_precision=True)
for i in range(n):
    if not logger.emit("web", {"n": i, "message": "line %d" % i, "nested": {"list": [1, None, True], "text": "\\u00e9"}}):
        sys.exit("event %d: %s" % (i, logger.last_error))
logger.close()
"""


def run_python(n, work):
    python = venv()
    events = receive(work, 'tag_field => "tag"', n, lambda port: call(str(python), "-c", PYTHON_CLIENT, str(n), str(port)))
    assert all(e["tag"] == "app.web" and e["nested"]["text"] == "\u00e9" for e in events)
    return "%d events" % n


NODE_CLIENT = """
const { FluentClient } = require("@fluent-org/logger");
const n = Number(process.argv[2]), port = Number(process.argv[3]), options = JSON.parse(process.argv[4]);
const client = new FluentClient("app", { ...options, socket: { host: "127.0.0.1", port, timeout: 60000, ...(options.socket || {}) } });
(async () => {
  const waves = 500;
  for (let begin = 0; begin < n; begin += waves) {
    const sent = [];
    for (let i = begin; i < Math.min(n, begin + waves); ++i) sent.push(client.emit("node", { n: i, message: "line " + i }));
    await Promise.all(sent);  // with acks: each is confirmed
  }
  await client.disconnect();
})().catch(error => { console.error(error); process.exit(1); });
"""


def node_module():
    if shutil.which("npm") is None:
        skip("there is no npm")

    def make(folder):
        (folder / "package.json").write_text("{}")
        call("npm", "install", "--silent", "--no-audit", "--no-fund", "@fluent-org/logger@1.0.10", cwd=folder)
        (folder / "client.js").write_text(NODE_CLIENT)
    return once(CACHE / "forward/node", "client.js", make)


def run_node_acks(n, work):
    folder = node_module()
    for mode in ("Message", "Forward", "PackedForward", "CompressedPackedForward"):
        options = {"eventMode": mode, "ack": {"ackTimeout": 60000}, "flushInterval": 50}
        part = n if mode == "PackedForward" else max(1, n // 10)
        receive(work / mode, "", part, lambda port: call("node", "client.js", str(part), str(port), json.dumps(options), cwd=folder))
    return "four modes"


def run_node_security(n, work):
    folder = node_module()
    security = 'self_hostname => "srv" shared_key => "k3y" user_auth => true users => { "ann" => "pass" }'
    options = {"eventMode": "Forward", "ack": {"ackTimeout": 60000}, "flushInterval": 50,
               "security": {"clientHostname": "cli", "sharedKey": "k3y", "username": "ann", "password": "pass"}}
    receive(work, security, max(1, n // 10), lambda port: call("node", "client.js", str(max(1, n // 10)), str(port), json.dumps(options), cwd=folder))


GO_CLIENT = """package main

import (
	"log"
	"os"
	"strconv"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
)

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	port, _ := strconv.Atoi(os.Args[2])
	acks := os.Args[3] == "acks"
	config := fluent.Config{FluentHost: "127.0.0.1", FluentPort: port, RequestAck: acks, SubSecondPrecision: true,
		Timeout: 30 * time.Second, WriteTimeout: 30 * time.Second, ReadTimeout: 60 * time.Second}
	if os.Args[4] == "tls" { // certificates: SSL_CERT_FILE
		config.FluentNetwork = "tls"
		config.FluentHost = "localhost"
	}
	logger, err := fluent.New(config)
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < n; i++ {
		if err := logger.Post("go", map[string]interface{}{"n": i, "message": "line"}); err != nil {
			log.Fatal(i, err)
		}
	}
	if err := logger.Close(); err != nil {
		log.Fatal(err)
	}
}
"""


def go_client():
    if shutil.which("go") is None:
        skip("there is no go")

    def make(folder):
        (folder / "main.go").write_text(GO_CLIENT)
        call("go", "mod", "init", "client", cwd=folder)
        call("go", "get", "github.com/fluent/fluent-logger-golang/fluent@v1.10.2", cwd=folder)
        call("go", "build", "-o", "client", ".", cwd=folder)
    return once(CACHE / "forward/go", "client", make) / "client"


def run_go(n, work):
    client = go_client()
    receive(work, "", n, lambda port: call(str(client), str(n), str(port), "blind", "plain"))


def run_go_acks_tls(n, work):
    client = go_client()
    # An acknowledgement for each event, one at a time: each waits for its way through the pipeline.
    part = max(1, n // 20)
    tls = certificates()
    receive(work, tls_options(), part, lambda port: call(str(client), str(part), str(port), "acks", "tls",
                                                         env={"SSL_CERT_FILE": str(tls / "ca.pem")}))
    return "%d events, one acknowledgement each" % part


def generator(n, options):
    return """input { generator { count => %d } }
filter { mutate { rename => { "[event][sequence]" => "n" } } }
output { forward { %s } }
""" % (n, options)


def run_logboom_to_logboom(n, work):
    tls = certificates()
    security = 'shared_key => "k3y" self_hostname => "%s"'
    port = free_port()
    receiving = tls_options() + ' tag_field => "tag" ' + security % "receiver"
    sending = ('servers => "localhost:%d" compress => zstd ssl_enabled => true ssl_certificate_authorities => "%s" tag => "relay" '
               % (port, tls / "ca.pem") + security % "sender")
    with Logboom(work / "receiver", pipeline(port, receiving)) as receiver:
        receiver.wait_for_port(port)
        with Logboom(work / "sender", generator(n, sending)) as sender:
            sender.process.wait(60 + n // 1000)
        wait_for("%d lines" % n, lambda: receiver.lines() >= n)
    events = receiver.events()
    check_exactly_once(events, n)
    assert all(e["tag"] == "relay" for e in events)
    return "TLS, shared key, zstd, acknowledgements"


SINK = """
import gzip, json, socket, struct, sys
import msgpack
place = socket.create_server(("127.0.0.1", int(sys.argv[1])))
n, seen, out = int(sys.argv[2]), 0, open(sys.argv[3], "w")
while seen < n:
    peer, _ = place.accept()
    reader = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape", max_buffer_size=1 << 28)
    while seen < n:
        got = peer.recv(1 << 16)
        if not got:
            break
        reader.feed(got)
        for tag, entries, option in reader:
            if option.get("compressed") == "gzip":
                entries = gzip.decompress(entries)
            batch = msgpack.Unpacker(raw=False, max_buffer_size=1 << 28)
            batch.feed(entries)
            count = 0
            for time, record in batch:
                assert isinstance(time, msgpack.ExtType) and time.code == 0 and struct.unpack(">II", time.data)[1] < 10**9
                out.write(json.dumps({"tag": tag, **record}) + "\\n")
                count += 1
            assert count == option["size"]
            seen += count
            out.flush()
            peer.sendall(msgpack.packb({"ack": option["chunk"]}))
"""


def run_output_to_python(n, work):
    python = venv()
    port = free_port()
    out = work / "sink.json"
    sink = subprocess.Popen([str(python), "-c", SINK, str(port), str(n), str(out)])
    try:
        with Logboom(work, generator(n, 'servers => "127.0.0.1:%d" connections => 1 compress => gzip' % port)) as sender:
            sender.process.wait(60 + n // 1000)
        sink.wait(30)
        assert sink.returncode == 0, "the sink ended with %s" % sink.returncode
    finally:
        if sink.poll() is None:
            sink.kill()
            sink.wait()
    events = [json.loads(line) for line in open(out)]
    check_exactly_once(events, n)
    assert all(e["tag"] == "logboom" for e in events)


def run_short_connections(n, work):
    """Fluentd's way without keepalive: a connection for each chunk, its acknowledgement awaited; and heartbeats in between."""
    python = venv()
    client = """
import socket, sys
import msgpack
n, port, per = int(sys.argv[1]), int(sys.argv[2]), 10
for begin in range(0, n, per):
    entries = b"".join(msgpack.packb([1700000000 + i, {"n": i}]) for i in range(begin, min(n, begin + per)))
    socket.create_connection(("127.0.0.1", port)).close()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(msgpack.packb(["app", entries, {"size": per, "chunk": "c%d\\n" % begin}]))
        answer = msgpack.Unpacker(raw=False)
        while True:
            answer.feed(s.recv(4096))
            for ack in answer:
                break
            else:
                continue
            break
        assert ack == {"ack": "c%d\\n" % begin}, ack
"""
    part = max(10, n // 4)
    receive(work, "", part, lambda port: call(str(python), "-c", client, str(part), str(port)))
    return "%d connections" % (part // 10 * 2)
