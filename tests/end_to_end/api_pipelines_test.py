#!/usr/bin/env python3
"""Pipelines that come through the admin API of a running process, with its real files. Usage: api_pipelines_test.py BINARY"""
import hashlib, json, os, pathlib, resource, socket, sys, unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import api_test
from api_test import PATIENCE, free_port

TOKEN = "the-admin's"
ADMIN = {"Authorization": "Bearer " + TOKEN}


class ApiPipelinesTest(unittest.TestCase):
    setUp, tearDown, server = api_test.ApiTest.setUp, api_test.ApiTest.tearDown, api_test.ApiTest.server

    def write(self, name, text):
        path = pathlib.Path(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def started(self, pipelines=None, **more):
        """A process with a settings directory; its pipelines come from files and from the API."""
        if pipelines is None:
            pipelines = "- pipeline.id: files\n  config.string: \"%s\"\n" % self.pipeline("files", free_port())
        self.write("settings/pipelines.yml", pipelines)
        self.write("settings/api-tokens", "boss admin sha256:%s\n" % hashlib.sha256(TOKEN.encode()).hexdigest())
        server = self.server("--path.settings", self.folder + "/settings", config=None, **more)
        server.until(lambda: server.ask("GET", "/ready")[0] == 200)  # the API answers before the pipelines are there
        return server

    def pipeline(self, name, port, filters=""):
        return ("input { tcp { host => '127.0.0.1' port => %d codec => line } } filter { %s } "
                "output { file { path => '%s/%s.out' codec => line { format => '%%{message}' } } }" % (port, filters, self.folder, name))

    def put(self, server, name, text, query="", headers={}):
        status, answer = server.ask("PUT", "/v1/pipelines/%s%s" % (name, query), text, {**ADMIN, **headers})
        return status, json.loads(answer)

    def send(self, port, line):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(line.encode() + b"\n")

    def arrives(self, server, name, text):
        path = pathlib.Path(self.folder, name + ".out")
        server.until(lambda: path.exists() and path.read_text().endswith(text))

    def stored(self):
        folder = pathlib.Path(self.folder, "data/pipelines")
        return {p.name: p.read_text() for p in folder.iterdir()} if folder.is_dir() else {}

    def state(self, server, name):
        return {p["id"]: p["state"] for p in server.json("/v1/pipelines")["pipelines"]}.get(name)

    def audit(self):
        return [json.loads(line) for line in pathlib.Path(self.folder, "data/logboom-audit.jsonl").read_text().splitlines()]

    def test_a_pipeline_is_put_changed_kept_over_restarts_and_deleted(self):
        server, port = self.started(), free_port()
        status, answer = self.put(server, "web", self.pipeline("web", port))
        self.assertEqual((status, answer["outcome"], answer["source"]), (201, "added", "stored"), answer)
        self.assertIn("a restart takes the stored text", answer["after_restart"])
        self.send(port, "one")
        self.arrives(server, "web", "one\n")
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as kept:
            kept.sendall(b"two\n")
            self.arrives(server, "web", "two\n")
            status, answer = self.put(server, "web", json.dumps({"config": self.pipeline("web", port, "mutate { uppercase => message }"),
                                                                 "settings": {"pipeline.workers": 1}}), headers={"Content-Type": "application/json"})
            self.assertEqual((status, answer["outcome"]), (200, "reloaded"), answer)
            kept.sendall(b"three\n")
            self.arrives(server, "web", "THREE\n")
        self.assertEqual(server.json("/v1/pipelines/web")["settings"]["workers"], 1)
        config = json.loads(server.ask("GET", "/v1/pipelines/web/config", headers=ADMIN)[1])
        self.assertIn("uppercase", config["config"])
        self.assertEqual(self.put(server, "web", json.dumps({"config": config["config"], "settings": {"pipeline.workers": 1}}),
                                  headers={"Content-Type": "application/json"})[1]["outcome"], "unchanged")
        self.assertEqual(server.stop(), 0)

        server = self.started()
        self.send(port, "four")
        self.arrives(server, "web", "FOUR\n")
        self.assertEqual(server.json("/v1/pipelines/web")["settings"]["workers"], 1)
        self.assertEqual({p["id"]: p["source"] for p in server.json("/v1/pipelines")["pipelines"]}, {"files": "files", "web": "stored"})
        status, text = server.ask("DELETE", "/v1/pipelines/web", headers=ADMIN)
        self.assertEqual((status, json.loads(text)["outcome"]), (200, "removed"), text)
        self.assertIn("a restart takes what pipelines.yml says", json.loads(text)["after_restart"])
        self.assertIsNone(self.state(server, "web"))
        self.assertEqual(self.stored(), {})
        server.until(lambda: not self.listens(port))
        status, answer = self.put(server, "web", self.pipeline("web", port))  # the id comes back
        self.assertEqual((status, answer["outcome"]), (201, "added"), answer)
        server.until(lambda: self.listens(port))
        self.send(port, "five")
        self.arrives(server, "web", "five\n")
        done = [line for line in self.audit() if line["phase"] == "done" and line["method"] == "PUT"]
        self.assertEqual([line["who"] for line in done], ["token:boss"] * 4)
        self.assertIn("uppercase", done[1]["after"]["config"])
        self.assertNotIn("uppercase", done[1]["before"]["config"])
        self.assertEqual(server.stop(), 0)

    def listens(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def test_a_stored_text_comes_before_the_files_and_delete_takes_them_back(self):
        server, port = self.started(), free_port()
        status, answer = self.put(server, "files", self.pipeline("stored", port))
        self.assertEqual((status, answer["outcome"], answer["source"]), (200, "reloaded", "stored"), answer)
        self.send(port, "one")
        self.arrives(server, "stored", "one\n")
        self.assertEqual(json.loads(server.ask("POST", "/_reload")[1])["pipelines"], {"files": {"outcome": "unchanged"}})
        status, text = server.ask("DELETE", "/v1/pipelines/files", headers=ADMIN)
        self.assertEqual((status, json.loads(text)["outcome"], json.loads(text)["source"]), (200, "reloaded", "files"), text)
        self.assertEqual(server.ask("DELETE", "/v1/pipelines/files", headers=ADMIN)[0], 409)
        self.assertEqual(server.ask("DELETE", "/v1/pipelines/nobody", headers=ADMIN)[0], 404)
        self.assertEqual(server.ask("GET", "/v1/pipelines/files/config", headers=ADMIN)[0], 404)

    def test_what_is_refused_changes_nothing(self):
        server, port = self.started(), free_port()
        self.put(server, "web", self.pipeline("web", port))
        before = self.stored()
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bad = self.pipeline("web", port, "mutat { } truncat { }")
        for status, says, arguments in (
                (422, 'there is no filter \\"mutat\\"', ("web", bad)),
                (422, 'there is no filter \\"truncat\\"', ("web", bad, "?dry_run=true")),
                (422, "%d" % taken.getsockname()[1], ("web", self.pipeline("web", taken.getsockname()[1]))),
                (422, "pipeline.wrokers", ("web", '{"config":"input { } output { }","settings":{"pipeline.wrokers":1}}', "", {"Content-Type": "application/json"})),
                (422, "path.data", ("web", '{"config":"input { } output { }","settings":{"path.data":"/"}}', "", {"Content-Type": "application/json"})),
                (400, "", ("web", '{"config":', "", {"Content-Type": "application/json"})),
                (400, "an id has letters", ("..", self.pipeline("web", port))),
                (400, "an id has letters", ("%2e%2e%2fx", self.pipeline("web", port))),
                (413, "", ("web", b"#" * (100 * 1024 * 1024)))):
            got, answer = self.put_tolerant(server, *arguments)
            self.assertEqual(got, status, (arguments[0], answer))
            self.assertIn(says, answer)
            self.assertEqual(self.stored(), before)
        self.send(port, "still")
        self.arrives(server, "web", "still\n")
        status, answer = self.put(server, "web", "input { generator { count => 1 } } output { null { } }", "?dry_run=true")
        self.assertEqual((status, answer["outcome"]), (200, "valid"))
        self.assertEqual(self.stored(), before)
        self.assertEqual(server.ask("PUT", "/v1/pipelines/web", "x")[0], 401)
        self.assertEqual([p for p in pathlib.Path(self.folder, "data").iterdir() if "proposed" in p.name], [])

    def put_tolerant(self, server, name, text, query="", headers={}):
        """A server that refuses a large body may close before it is sent."""
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            body = text if isinstance(text, bytes) else text.encode()
            head = "PUT /v1/pipelines/%s%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n" % (name, query, len(body))
            head += "".join("%s: %s\r\n" % pair for pair in {**ADMIN, **headers}.items())
            try:
                connection.sendall(head.encode() + b"\r\n")
                connection.sendall(body)
            except OSError:
                pass
            got = b""
            try:
                while piece := connection.recv(65536):
                    got += piece
            except OSError:
                pass
        return int(got.split(b" ")[1]), got.decode()

    def test_pipelines_in_a_circle_and_taken_addresses_are_refused_by_the_dry_run_too(self):
        server = self.started("- pipeline.id: first\n  config.string: \"input { pipeline { address => one } } output { pipeline { send_to => two } }\"\n")
        circle = "input { pipeline { address => two } } output { pipeline { send_to => one } }"
        twice = "input { pipeline { address => one } } output { null { } }"
        for text in (circle, twice):
            for query in ("?dry_run=true", ""):
                status, answer = self.put(server, "second", text, query)
                self.assertEqual(status, 422, answer)
                self.assertIn("one", answer["diagnostics"])
        self.assertIsNone(self.state(server, "second"))
        self.assertEqual(self.stored(), {})

    def test_a_disk_that_takes_nothing_changes_nothing(self):
        server, port = self.started(), free_port()
        self.put(server, "web", self.pipeline("web", port))
        before = self.stored()
        large = self.pipeline("web", port, "mutate { uppercase => message }") + "\n#" + "x" * 2_000_000
        usual = resource.prlimit(server.child.pid, resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        for query in ("", "?dry_run=true"):
            status, answer = self.put(server, "web", large, query)
            self.assertEqual(status, 507, answer)
            self.assertIn("nothing was changed", answer["detail"])
        self.assertEqual(self.stored(), before)
        resource.prlimit(server.child.pid, resource.RLIMIT_FSIZE, usual)
        self.assertEqual(self.put(server, "web", large)[1]["outcome"], "reloaded")
        self.send(port, "up")
        self.arrives(server, "web", "UP\n")

    def test_a_directory_that_cannot_be_written_changes_nothing(self):
        server, port = self.started(), free_port()
        self.write("data/pipelines", "a file where the directory belongs")
        status, answer = self.put(server, "web", self.pipeline("web", port))
        self.assertEqual(status, 500, answer)
        self.assertIn("nothing was changed", answer["detail"])
        self.assertIsNone(self.state(server, "web"))
        os.unlink(self.folder + "/data/pipelines")
        self.assertEqual(self.put(server, "web", self.pipeline("web", port))[0], 201)
        # A crash in the middle of an earlier write left its file behind.
        pathlib.Path(self.folder, "data/pipelines/web.conf.new.%d" % server.child.pid).write_text("half")
        self.assertEqual(self.put(server, "web", self.pipeline("web", port, "mutate { uppercase => message }"))[1]["outcome"], "reloaded")
        self.assertEqual(sorted(self.stored()), ["web.conf"])

    def test_pipelines_of_the_command_line_are_not_changed(self):
        server = self.server(settings=[("api.tokens", "boss admin sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest())])
        self.assertEqual(self.put(server, "main", "input { generator { } } output { null { } }")[0], 409)
        self.assertEqual(server.ask("DELETE", "/v1/pipelines/main", headers=ADMIN)[0], 409)

    def test_a_reload_tells_what_it_did_to_each_pipeline(self):
        ports = {name: free_port() for name in ("same", "changed", "queue", "gone", "broken", "new")}
        entry = lambda name, filters="", more="": "- pipeline.id: %s\n  config.string: \"%s\"\n%s" % (name, self.pipeline(name, ports[name], filters), more)
        server = self.started("".join(entry(name) for name in ("same", "changed", "queue", "gone", "broken")))
        server.until(lambda: all(self.state(server, name) == "running" for name in ("same", "changed", "queue", "gone", "broken")))
        self.write("settings/pipelines.yml", entry("same") + entry("changed", "mutate { uppercase => message }") +
                   entry("queue", more="  queue.max_events: 77\n") + entry("broken", "mutat { } truncat { }") + entry("new"))
        status, text = server.ask("POST", "/_reload")
        answer = json.loads(text)
        self.assertEqual(status, 422, answer)
        self.assertEqual({name: line["outcome"] for name, line in answer["pipelines"].items()},
                         {"same": "unchanged", "changed": "reloaded", "queue": "restarted", "gone": "removed", "broken": "refused", "new": "added"})
        for problem in ('there is no filter "mutat"', 'there is no filter "truncat"'):
            self.assertIn(problem, answer["pipelines"]["broken"]["diagnostics"])
        self.send(ports["broken"], "on")
        self.arrives(server, "broken", "on\n")
        self.send(ports["changed"], "up")
        self.arrives(server, "changed", "UP\n")
        self.assertEqual(server.json("/_node/stats/pipelines/broken")["pipelines"]["broken"]["reloads"]["failures"], 1)
        # One pipeline alone: others stay as they are.
        self.write("settings/pipelines.yml", "".join(entry(name, "mutate { lowercase => message }") for name in ("same", "changed", "broken", "new")))
        status, text = server.ask("POST", "/v1/pipelines/changed/reload")
        self.assertEqual((status, json.loads(text)["pipelines"]), (200, {"changed": {"outcome": "reloaded"}}))
        self.assertEqual(self.state(server, "queue"), "running")
        self.assertEqual(server.ask("POST", "/v1/pipelines/nobody/reload")[0], 404)
        status, text = server.ask("POST", "/v1/reload")
        self.assertEqual({name: line["outcome"] for name, line in json.loads(text)["pipelines"].items()},
                         {"same": "reloaded", "changed": "unchanged", "queue": "removed", "broken": "reloaded", "new": "reloaded"})
        self.write("settings/pipelines.yml", "- pipeline.id: same\n- pipeline.id: same\n")
        status, text = server.ask("POST", "/v1/reload")
        self.assertEqual(status, 422)
        self.assertIn('"same" is used twice', json.loads(text)["detail"])
        self.assertEqual(self.state(server, "same"), "running")

    def test_answers_are_as_the_description_says(self):
        server = self.started()
        description = server.json("/v1/openapi.json")
        schemas = description["components"]["schemas"]
        described = lambda method, path, status: schemas[description["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]]
        reload = json.loads(server.ask("POST", "/_reload")[1])
        self.check(described("post", "/_reload", "200"), reload)
        status, change = self.put(server, "web", self.pipeline("web", free_port()))
        self.check(described("put", "/v1/pipelines/{id}", str(status)), change)
        self.check(described("delete", "/v1/pipelines/{id}", "200"), json.loads(server.ask("DELETE", "/v1/pipelines/web", headers=ADMIN)[1]))
        with self.assertRaises(AssertionError):
            self.check(described("post", "/_reload", "200"), {"pipelines": {"web": {"outcome": "vanished"}}})

    def check(self, schema, value):
        """The part of JSON Schema that the description uses."""
        self.assertIsInstance(value, {"object": dict, "array": list, "string": str, "integer": int}[schema["type"]])
        if "enum" in schema:
            self.assertIn(value, schema["enum"])
        if schema["type"] == "object":
            self.assertLessEqual(set(schema.get("required", [])), set(value))
            for name, member in value.items():
                inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
                self.assertIsNotNone(inner, name)
                self.check(inner, member)
        for member in value if schema["type"] == "array" else []:
            self.check(schema["items"], member)

    def test_settings_of_the_process_that_changed_are_told(self):
        server = self.started()
        self.write("settings/logboom.yml", "log.level: warn\n")
        answer = json.loads(server.ask("POST", "/v1/reload")[1])
        self.assertIn("log.level", answer["remarks"][0])

    def test_pause_resume_and_drain_of_a_stored_pipeline(self):
        server, port = self.started(), free_port()
        self.put(server, "web", self.pipeline("web", port))
        self.assertEqual(json.loads(server.ask("POST", "/v1/pipelines/web/pause")[1])["state"], "paused")
        self.send(port, "waits")
        status, text = server.ask("POST", "/v1/pipelines/web/drain?timeout=30s")
        self.assertEqual((status, json.loads(text)["drained"]), (200, True), text)
        # A reload does not end a pause.
        self.put(server, "web", self.pipeline("web", port, "mutate { uppercase => message }"))
        self.assertEqual(self.state(server, "web"), "paused")
        self.assertFalse(pathlib.Path(self.folder, "web.out").exists())
        self.assertEqual(json.loads(server.ask("POST", "/v1/pipelines/web/resume")[1])["state"], "running")
        self.arrives(server, "web", "WAITS\n")
        self.assertEqual(server.ask("POST", "/v1/pipelines/nobody/pause")[0], 404)


if __name__ == "__main__":
    unittest.main()
