#!/usr/bin/env python3
"""The admin API of a running process, as curl, Metricbeat, Prometheus and attackers see it. Usage: api_test.py BINARY"""
import base64, hashlib, http.client, json, os, pathlib, signal, socket, ssl, subprocess, sys, tempfile, time, unittest

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["LOGBOOM_BIN"]
PATIENCE = 60  # seconds until something that never comes is given up
GENERATOR = "input { generator { id => 'in' count => 0 } } output { null { id => 'out' } }"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Server:
    """A running logboom; its API is asked with ask()."""

    def __init__(self, folder, *arguments, config=GENERATOR, tls=None, settings=()):
        self.port, self.tls = free_port(), tls
        given = [x for name, value in settings for x in ("--setting", f"{name}={value}")]
        source = ["-e", config] if config else []
        log = open(folder + "/log", "w")
        self.child = subprocess.Popen([BINARY, "--path.data", folder + "/data", "--api.http.port", str(self.port), *source, *given, *arguments],
                                      cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        log.close()
        self.folder = folder
        self.until(lambda: self.connects() or self.child.poll() is not None)

    def connects(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    @staticmethod
    def until(is_true):
        end = time.monotonic() + PATIENCE
        while not is_true():
            if time.monotonic() > end:
                raise AssertionError("it never came true")
            time.sleep(0.02)

    def ask(self, method, path, body=None, headers={}, port=None):
        if self.tls:
            connection = http.client.HTTPSConnection("127.0.0.1", port or self.port, timeout=PATIENCE, context=self.tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def json(self, path, **more):
        status, text = self.ask("GET", path, **more)
        assert status == 200, (path, status, text)
        return json.loads(text)

    def log(self):
        return pathlib.Path(self.folder, "log").read_text()

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(PATIENCE)
        finally:
            self.child.kill()


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            server.child.kill()
            server.child.wait()
        self.temporary.cleanup()

    def server(self, *arguments, **more):
        self.servers.append(Server(self.folder, *arguments, **more))
        return self.servers[-1]

    def test_numbers_of_a_pipeline_that_runs(self):
        server = self.server()
        server.until(lambda: server.json("/_node/stats/events")["events"]["out"] > 1000)
        stats = server.json("/_node/stats")
        main = stats["pipelines"]["main"]
        self.assertGreater(main["plugins"]["inputs"][0]["events"]["out"], 1000)
        self.assertGreater(main["plugins"]["outputs"][0]["events"]["in"], 1000)
        self.assertEqual(main["state"], "running")
        server.until(lambda: server.json("/_node/stats")["flow"]["input_throughput"].get("current", 0) > 0)
        status, page = server.ask("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn('logboom_pipeline_state{pipeline="main",state="running"} 1', page)
        self.assertIn('logboom_plugin_latency_seconds_bucket{pipeline="main",plugin_type="output"', page)
        self.assertIn(server.json("/_health_report")["status"], ("green", "yellow"))
        busy = server.json("/_node/hot_threads?ignore_idle_threads=false")["hot_threads"]["threads"]
        self.assertTrue(any("worker" in thread["name"] for thread in busy), busy)
        self.assertEqual(server.ask("GET", "/ready")[0], 200)
        self.assertEqual(server.stop(), 0)

    def test_the_id_stays_over_restarts(self):
        first = self.server()
        before = first.json("/")
        first.stop()
        after = self.server().json("/")
        self.assertEqual(before["id"], after["id"])
        self.assertNotEqual(before["ephemeral_id"], after["ephemeral_id"])

    def test_basic_authentication_and_its_password_are_kept(self):
        server = self.server(settings=[("api.auth.type", "basic"), ("api.auth.basic.username", "logstash"), ("api.auth.basic.password", "Very-secret-1")])
        self.assertEqual(server.ask("GET", "/_node/stats")[0], 401)
        self.assertEqual(server.ask("GET", "/_node/stats", headers=basic("logstash", "Very-secret-1"))[0], 200)
        self.assertEqual(server.ask("GET", "/_node/stats", headers=basic("logstash", "wrong"))[0], 401)
        server.ask("PUT", "/_node/logging", '{"logger.listen":"DEBUG"}', basic("logstash", "Very-secret-1"))
        audit = pathlib.Path(self.folder, "data/logboom-audit.jsonl").read_text()
        self.assertIn('"who":"user:logstash"', audit)
        self.assertNotIn("Very-secret-1", audit + server.log())

    def test_an_open_address_is_refused_unless_somebody_can_prove_who_he_is(self):
        server = self.server(settings=[("api.http.host", "0.0.0.0")])
        self.assertEqual(server.child.wait(PATIENCE), 1)
        self.assertIn("nothing says who may ask", server.log())
        self.assertEqual(self.server(settings=[("api.http.host", "0.0.0.0"), ("api.anonymous_role", "viewer")]).ask("POST", "/_reload")[0], 403)

    def test_a_port_that_is_in_use_is_told(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            done = subprocess.run([BINARY, "--path.data", self.folder + "/data", "--api.http.port", str(taken.getsockname()[1]), "-e", GENERATOR],
                                  cwd=self.folder, text=True, capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the port is in use", done.stderr)

    def test_tls(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "30",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], cwd=self.folder, check=True, capture_output=True)
        context = ssl.create_default_context(cafile=self.folder + "/cert.pem")
        server = self.server(tls=context, settings=[("api.ssl.enabled", "true"), ("api.ssl.certificate", self.folder + "/cert.pem"),
                                                    ("api.ssl.key", self.folder + "/key.pem")])
        self.assertEqual(server.ask("GET", "/")[0], 200)
        page = server.ask("GET", "/metrics")[1]
        line = next(l for l in page.splitlines() if l.startswith("logboom_certificate_not_after_timestamp_seconds{"))
        self.assertAlmostEqual(float(line.split()[-1]), time.time() + 30 * 86400, delta=3600)

    def test_a_certificate_that_was_replaced_is_served_without_a_restart(self):
        def make(name):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-days", "30",
                            "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1"], cwd=self.folder, check=True, capture_output=True)
        make("first")
        make("second")
        both = ssl.create_default_context(cafile=self.folder + "/first.pem")
        both.load_verify_locations(self.folder + "/second.pem")
        for kind in ("pem", "key"):
            os.rename(self.folder + "/first." + kind, self.folder + "/served." + kind)
        server = self.server(tls=both, settings=[("api.ssl.enabled", "true"), ("api.ssl.certificate", self.folder + "/served.pem"),
                                                 ("api.ssl.key", self.folder + "/served.key")])

        def served():
            with both.wrap_socket(socket.create_connection(("127.0.0.1", server.port), PATIENCE), server_hostname="127.0.0.1") as connection:
                return dict(pair[0] for pair in connection.getpeercert()["subject"])["commonName"]

        self.assertEqual(served(), "first")
        os.rename(self.folder + "/second.pem", self.folder + "/served.pem")
        server.until(lambda: "the earlier ones stay in use" in server.log())  # the key does not fit yet
        self.assertEqual(served(), "first")
        os.rename(self.folder + "/second.key", self.folder + "/served.key")
        server.until(lambda: served() == "second")
        self.assertEqual(server.ask("GET", "/")[0], 200)

    def test_a_client_certificate_has_the_role_of_its_name(self):
        def run(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1")
        for name in ("metricbeat", "stranger"):
            run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/O=Example/CN=" + name)
            run("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", name + ".pem")
        def asking_as(name=None):
            context = ssl.create_default_context(cafile=self.folder + "/ca.pem")
            if name:
                context.load_cert_chain(self.folder + "/%s.pem" % name, self.folder + "/%s.key" % name)
            return context
        server = self.server(tls=asking_as(), settings=[
            ("api.ssl.enabled", "true"), ("api.ssl.certificate", self.folder + "/ca.pem"), ("api.ssl.key", self.folder + "/ca.key"), ("api.anonymous_role", "none"),
            ("api.ssl.certificate_authorities", self.folder + "/ca.pem"), ("api.ssl.client_authentication", "optional"), ("api.ssl.client_roles", "metricbeat viewer")])
        for name, reads, reloads in ((None, 401, 401), ("stranger", 401, 401), ("metricbeat", 200, 403)):
            server.tls = asking_as(name)
            self.assertEqual((server.ask("GET", "/_node/stats")[0], server.ask("POST", "/_reload")[0]), (reads, reloads), name)

    def test_a_slow_loris_holds_up_nobody(self):
        server = self.server()
        slow = []
        for _ in range(200):
            peer = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
            peer.send(b"GET /_node HTTP/1.1\r\nHost: lo")
            slow.append(peer)
        self.assertEqual(server.ask("GET", "/_node/stats")[0], 200)
        for peer in slow:
            peer.close()

    def test_many_questions_at_once(self):
        server = self.server()
        import concurrent.futures
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda i: server.ask("GET", ["/_node/stats", "/metrics", "/_health_report", "/live"][i % 4])[0], range(200)))
        self.assertEqual(set(answers), {200})

    def test_a_full_disk_changes_nothing(self):
        server = self.server(settings=[("api.audit.path", "/dev/full")])
        status, text = server.ask("PUT", "/_node/logging", '{"logger.x":"DEBUG"}')
        self.assertEqual(status, 507)
        self.assertNotIn("x", server.json("/_node/logging")["loggers"])

    def test_probes_have_an_address_of_their_own(self):
        probes = free_port()
        server = self.server(settings=[("probes.host", "127.0.0.1"), ("probes.port", str(probes)), ("api.anonymous_role", "none")])
        self.assertEqual([server.ask("GET", path, port=probes)[0] for path in ("/ready", "/live", "/metrics", "/_node/stats", "/")], [200, 200, 200, 404, 404])
        self.assertEqual(server.ask("GET", "/_node/stats")[0], 401)

    def test_pause_drain_and_resume(self):
        server = self.server()
        taken = lambda: server.json("/_node/stats/events")["events"]["in"]
        server.until(lambda: taken() > 0)
        self.assertEqual(json.loads(server.ask("POST", "/v1/pipelines/main/pause")[1])["state"], "paused")
        self.assertEqual(server.json("/v1/pipelines/main")["state"], "paused")
        status, text = server.ask("POST", "/v1/pipelines/main/drain?timeout=30s")
        self.assertEqual((status, json.loads(text)["drained"], json.loads(text)["queued_events"]), (200, True, 0), text)
        before = taken()
        self.assertEqual(taken(), before)
        server.ask("POST", "/v1/pipelines/main/resume")
        server.until(lambda: taken() > before)
        server.ask("POST", "/v1/pipelines/main/pause")
        self.assertEqual(server.stop(), 0)

    def test_tap_shows_the_events_that_a_condition_wants(self):
        server = self.server(config="input { generator { message => 'hello' } } filter { mutate { id => 'mark' add_field => { '[@metadata][m]' => 'x' 'n' => '7' } } } output { null { id => 'out' } }")
        status, text = server.ask("GET", "/v1/pipelines/main/tap?plugin=mark&limit=3&seconds=30&condition=%5Bn%5D%20%3D%3D%20%227%22", headers={"Accept": "text/event-stream"})
        self.assertEqual(status, 200)
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        self.assertEqual([(e["message"], e["n"], e["@metadata"]) for e in events], [("hello", "7", {"m": "x"})] * 3)
        before = server.ask("GET", "/v1/pipelines/main/tap?plugin=mark&side=in&limit=1&seconds=30", headers={"Accept": "application/x-ndjson"})[1]
        self.assertNotIn("n", json.loads(before))
        nothing = server.ask("GET", "/v1/pipelines/main/tap?plugin=out&seconds=1&condition=%5Bn%5D%20%3D%3D%20%228%22")[1]
        self.assertNotIn("data:", nothing)
        slow = server.ask("GET", "/v1/pipelines/main/tap?plugin=out&seconds=2&rate=5")[1]
        self.assertIn("event: missed", slow)
        self.assertLessEqual(slow.count('"message"'), 15)
        status, text = server.ask("GET", "/v1/pipelines/main/tap?condition=%5Bn")
        self.assertEqual(status, 422)
        self.assertEqual(server.ask("GET", "/v1/pipelines/main/tap?plugin=nobody")[0], 404)

    def test_tap_goes_on_until_the_client_leaves_and_over_reloads(self):
        os.mkdir(self.folder + "/settings")
        config = pathlib.Path(self.folder, "settings/pipelines.yml")
        text = "- pipeline.id: main\n  config.string: \"input { generator { id => in message => '%s' } } output { null { id => out } }\"\n"
        config.write_text(text % "first")
        server = self.server("--path.settings", self.folder + "/settings", config=None)

        def opened(more=""):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            connection.request("GET", "/v1/pipelines/main/tap?plugin=out" + more)
            answer = connection.getresponse()
            return connection, answer

        def until_seen(answer, word):
            while word not in answer.readline():
                pass

        connection, answer = opened()
        self.assertEqual((answer.status, answer.getheader("content-type"), answer.getheader("content-length")), (200, "text/event-stream", None))
        until_seen(answer, b'"first"')
        config.write_text(text % "second")
        self.assertEqual(server.ask("POST", "/_reload")[0], 200)
        until_seen(answer, b'"second"')
        # A client that does not read loses samples; the pipeline goes on.
        stuck = [opened("&rate=2000") for _ in range(15)]
        self.assertEqual(server.ask("GET", "/v1/pipelines/main/tap?plugin=out&limit=1")[0], 429)
        taken = lambda: server.json("/_node/stats/events")["events"]["out"]
        before = taken()
        server.until(lambda: taken() > before + 10000)
        for each in stuck + [(connection, answer)]:
            each[1].close()
            each[0].close()
        server.until(lambda: server.ask("GET", "/v1/pipelines/main/tap?plugin=out&limit=1")[0] == 200)
        connection, answer = opened()
        until_seen(answer, b'"second"')
        self.assertEqual(server.stop(), 0)  # a client that looks does not hold up the end

    def test_dead_letters_are_shown_replayed_and_purged(self):
        # An output that refuses everything for good: an HTTP server of the test.
        import http.server, threading

        class Refusing(http.server.BaseHTTPRequestHandler):
            status = 400

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(Refusing.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        receive = free_port()
        token = "the-admin's"
        config = ("input { tcp { host => '127.0.0.1' port => %d codec => line } } output { http { id => 'web' url => 'http://127.0.0.1:%d/' http_method => post } }"
                  % (receive, web.server_address[1]))
        server = self.server(config=config, settings=[("dead_letter_queue.enable", "true"),
                                                      ("api.tokens", "boss admin sha256:" + hashlib.sha256(token.encode()).hexdigest())])
        server.until(lambda: server.json("/_node/stats/pipelines/main")["pipelines"]["main"]["state"] == "running")
        with socket.create_connection(("127.0.0.1", receive), PATIENCE) as sender:
            sender.sendall(b"one\ntwo\nthree\n")
        server.until(lambda: server.json("/v1/pipelines/main/dlq")["grouped_entries"] == 3)
        health = server.json("/_health_report")["indicators"]["pipelines"]["indicators"]["main"]
        self.assertEqual([d["id"] for d in health.get("diagnosis", []) if d["id"].endswith("disk_refuses")], [])
        groups = server.json("/v1/pipelines/main/dlq")["groups"]
        self.assertEqual([(g["entries"], g["plugin_id"]) for g in groups], [(3, "web")])
        entries = server.json("/v1/pipelines/main/dlq/entries?limit=2")["entries"]
        self.assertEqual([e["event"]["message"] for e in entries], ["one", "two"])
        Refusing.status = 200
        first = entries[0]["sequence"]
        status, text = server.ask("POST", "/v1/pipelines/main/dlq/replay", json.dumps({"selection": {"first": first, "last": first}, "wait_seconds": 30}))
        self.assertEqual((status, json.loads(text)["delivered"]), (200, 1), text)
        self.assertEqual(server.ask("POST", "/v1/pipelines/main/dlq/purge", '{"selection":{}}')[0], 401)
        self.assertEqual(server.ask("POST", "/v1/pipelines/main/dlq/purge", "{}", {"Authorization": "Bearer " + token})[0], 400)
        status, text = server.ask("POST", "/v1/pipelines/main/dlq/purge", '{"selection":{}}', {"Authorization": "Bearer " + token})
        self.assertEqual((status, json.loads(text)["removed"]), (200, 2), text)


if __name__ == "__main__":
    unittest.main()
