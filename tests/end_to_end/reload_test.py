#!/usr/bin/env python3
"""Reloads and settings directories as an operator does them. Usage: reload_test.py BINARY"""
import os, pathlib, signal, socket, subprocess, sys, tempfile, time, unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import process_test
from process_test import PATIENCE, Process, free_port, run


class ReloadTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.port = free_port()

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, text):
        """In one step, as editors and configuration tools do."""
        pathlib.Path(self.folder, name + ".next").write_text(text)
        os.rename(self.folder + "/" + name + ".next", self.folder + "/" + name)

    def pipeline(self, filters="", output="out"):
        return ("input { tcp { host => '127.0.0.1' port => %d codec => line } } filter { %s } "
                "output { file { id => 'file' path => '%s/%s' codec => line { format => '%%{message}' } } }" % (self.port, filters, self.folder, output))

    def written(self, name="out"):
        path = pathlib.Path(self.folder, name)
        return path.read_text() if path.exists() else ""

    def wait_for(self, text, name="out"):
        end = time.monotonic() + PATIENCE
        while self.written(name) != text:
            self.assertLess(time.monotonic(), end, "%r is there, not %r" % (self.written(name), text))
            time.sleep(0.01)

    def started(self, *arguments):
        process = Process(*arguments, folder=self.folder)
        process.wait_until_said("pipeline started")
        self.addCleanup(process.child.kill)
        return process

    def end(self, process):
        process.child.send_signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)

    def test_sighup_takes_a_new_configuration_and_keeps_the_connection(self):
        self.write("a.conf", self.pipeline())
        process = self.started("-f", "a.conf")
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"one\n")
            self.wait_for("one\n")
            self.write("a.conf", self.pipeline("mutate { uppercase => message }"))
            process.child.send_signal(signal.SIGHUP)
            process.wait_until_said("pipeline reloaded")
            connection.sendall(b"two\n")
            self.wait_for("one\nTWO\n")
            self.write("a.conf", self.pipeline("mutate { uppercase => message }", "other"))
            process.child.send_signal(signal.SIGHUP)
            process.wait_until_said("0 of 1 pipelines unchanged")
            deadline = time.monotonic() + PATIENCE
            while process.said.count("pipeline reloaded") < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            connection.sendall(b"three\n")
            self.wait_for("THREE\n", "other")
        self.end(process)
        self.assertEqual(self.written(), "one\nTWO\n")

    def test_a_broken_configuration_changes_nothing(self):
        self.write("a.conf", self.pipeline())
        process = self.started("-f", "a.conf")
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            self.write("a.conf", self.pipeline("mutat { } grok { }"))
            process.child.send_signal(signal.SIGHUP)
            process.wait_until_said("the new configuration is refused")
            process.wait_until_said('there is no filter "mutat"')
            connection.sendall(b"one\n")
            self.wait_for("one\n")
        self.end(process)

    def test_automatic_reload_sees_changed_files(self):
        self.write("a.conf", self.pipeline())
        process = self.started("-f", "*.conf", "-r", "--config.reload.interval", "100ms")
        self.write("a.conf", self.pipeline("mutate { uppercase => message }"))
        process.wait_until_said("pipeline reloaded")
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"one\n")
            self.wait_for("ONE\n")
        self.end(process)

    def test_automatic_reload_waits_for_a_configuration_that_can_run(self):
        self.write("a.conf", "filter { mutat { } }")
        process = Process("-f", "a.conf", "-r", "--config.reload.interval", "100ms", folder=self.folder)
        self.addCleanup(process.child.kill)
        process.wait_until_said("the pipeline is refused")
        self.write("a.conf", self.pipeline())
        process.wait_until_said("pipeline started")
        self.end(process)

    def test_a_dictionary_that_was_replaced_is_read_again(self):
        """Without a change of the configuration's text."""
        self.write("levels.yml", "a: first\n")
        self.write("a.conf", self.pipeline("translate { source => message target => message override => true dictionary_path => '%s/levels.yml' }" % self.folder))
        process = self.started("-f", "a.conf")
        process.child.send_signal(signal.SIGHUP)
        process.wait_until_said("1 of 1 pipelines unchanged")
        self.write("levels.yml", "a: second, and longer\n")
        process.child.send_signal(signal.SIGHUP)
        process.wait_until_said("pipeline reloaded")
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"a\n")
            self.wait_for("second, and longer\n")
        self.end(process)

    def test_a_settings_directory_of_logstash_starts_as_it_is(self):
        os.makedirs(self.folder + "/conf.d")
        self.write("conf.d/one.conf", "input { generator { count => 1 message => 'm' } }")
        self.write("conf.d/two.conf", "output { file { path => '%s/out' codec => line { format => '%%{message}' } } }" % self.folder)
        self.write("logstash.yml", "node:\n  name: mill\npath.data: %s/data\npath.logs: %s\nsome.future.setting: 1\npipeline.wrokers: 3\n"
                                   "xpack.monitoring.enabled: true\n" % (self.folder, self.folder))
        self.write("pipelines.yml", "- pipeline.id: main\n  path.config: \"%s/conf.d/*.conf\"\n  pipeline.workers: 1\n"
                                    "- pipeline.id: second\n  config.string: \"input { generator { count => 1 } } output { null { } }\"\n" % self.folder)
        for name in ("jvm.options", "log4j2.properties", "startup.options"):
            self.write(name, "-Xms1g\n")
        status, _, error = run("--path.settings", self.folder, folder=self.folder)
        self.assertEqual(status, 0, error)
        self.assertEqual(self.written(), "m\n")
        self.assertEqual(error.count("jvm.options"), 1)
        self.assertIn('did you mean "pipeline.workers"?', error)
        self.assertIn("some.future.setting", error)

    def test_the_whole_settings_directory_of_an_installation_is_taken(self):
        """As packages lay it out: keys flat and nested, lists, secrets, several pipelines, files for Java."""
        settings = self.folder + "/etc"
        secrets = {**os.environ, "LOGBOOM_KEYSTORE_PASS": "pass", "EDGE": "7"}
        os.makedirs(settings + "/conf.d")
        for words, stdin in ((("create",), ""), (("add", "ES_PWD", "--stdin"), "s3cret-of-the-store")):
            subprocess.run([process_test.BINARY, "keystore", "--path.settings", settings, *words], input=stdin, text=True, check=True, env=secrets, capture_output=True)
        self.write("etc/logstash.yml", """# Settings file in YAML
node.name: "mill-${EDGE}"
path:
  data: %(folder)s/data
  logs: %(folder)s/logs
pipeline:
  batch:
    size: 125
    delay: 5
  ordered: auto
  ecs_compatibility: disabled
pipeline.workers: 2
pipeline.unsafe_shutdown: false
config.reload.automatic: False
config.support_escapes: yes
api.enabled: true
api.http.host: 127.0.0.1
api.http.port: 9600-9700
api.ssl.supported_protocols: [TLSv1.2, TLSv1.3]
queue.type: persisted
queue.max_bytes: 64mb
queue.page_capacity: 8mb
queue.checkpoint.writes: 1
dead_letter_queue.enable: true
dead_letter_queue.flush_interval: 5000
log.level: info
log.format: plain
path.plugins: []
slowlog.threshold.warn: 2s
xpack.monitoring.enabled: false
xpack.monitoring.elasticsearch.hosts: ["https://es1:9200", "https://es2:9200"]
xpack.management.enabled: false
pipeline.separate_logs: true
pipeline.wrokers: 3
""" % {"folder": self.folder})
        self.write("etc/pipelines.yml", """- pipeline.id: access
  path.config: "%(folder)s/etc/conf.d/{10-input,20-output}.conf"
  pipeline.workers: 1
- pipeline.id: audit
  queue.type: memory
  config.string: |
    # a comment with ${ES_PWD} in it
    input { generator { count => 2 lines => ["a\\tb"] } }
    output { file { path => "%(folder)s/audit" codec => line { format => "%%{message} ${ES_PWD} ${NOT_SET:default}" } } }
""" % {"folder": self.folder})
        self.write("etc/conf.d/10-input.conf", "input {\n  generator { count => 3 message => '127.0.0.1 GET /' }\n}\nfilter {\n  grok { match => { message => '%{IP:client} %{WORD:verb} %{NOTSPACE:path}' } }\n}\n")
        self.write("etc/conf.d/20-output.conf", "output {\n  file { path => '" + self.folder + "/access' codec => line { format => '%{client} %{verb}' } }\n}\n")
        self.write("etc/conf.d/30-unused.conf~", "this is no configuration")
        for name in ("jvm.options", "log4j2.properties", "startup.options", "logstash-sample.conf"):
            self.write("etc/" + name, "-Xms1g\n")
        done = subprocess.run([process_test.BINARY, "--path.settings", settings], cwd=self.folder, text=True, capture_output=True, timeout=PATIENCE, env=secrets)
        error = done.stderr
        self.assertEqual(done.returncode, 0, error)
        self.assertEqual(self.written("access"), "127.0.0.1 GET\n" * 3)
        self.assertEqual(self.written("audit"), "a\tb s3cret-of-the-store default\n" * 2)
        self.assertNotIn("s3cret", error)
        self.assertEqual(sum(error.count(name) for name in ("jvm.options", "log4j2.properties", "startup.options")), 3)
        self.assertEqual(len([line for line in error.splitlines() if "jvm.options" in line]), 1)
        for told in ("slowlog.threshold.warn has no effect", "xpack.monitoring.elasticsearch.hosts has no effect", 'did you mean "pipeline.workers"?'):
            self.assertIn(told, error)
        for silent in ("xpack.management.enabled", "xpack.monitoring.enabled"):
            self.assertNotIn(silent, error)
        self.assertTrue(os.path.isdir(self.folder + "/data/queue/access"))
        self.assertFalse(os.path.isdir(self.folder + "/data/queue/audit"))
        explained = subprocess.run([process_test.BINARY, "--path.settings", settings, "--config.explain"], cwd=self.folder, text=True, capture_output=True, timeout=PATIENCE, env=secrets).stdout
        process, access, audit = explained.split("\npipeline ")
        self.assertIn("node.name: mill-7  (%s/logstash.yml:2:" % settings, process)
        self.assertIn("config.support_escapes: true  (", process)
        self.assertTrue(access.startswith("access:\n") and audit.startswith("audit:\n"))
        self.assertIn("  pipeline.workers: 1  (%s/pipelines.yml:3:" % settings, access)
        self.assertIn("  pipeline.workers: 2  (%s/logstash.yml:" % settings, audit)
        self.assertIn("  queue.type: memory  (%s/pipelines.yml:" % settings, audit)
        self.assertIn("  pipeline.batch.size: 125  (%s/logstash.yml:" % settings, access)
        self.assertNotIn("s3cret", explained)


if __name__ == "__main__":
    unittest.main()
