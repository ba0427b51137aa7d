#!/usr/bin/env python3
"""Secrets as their operator sees them: kept by the command, used by a pipeline, never printed. Usage: keystore_test.py BINARY"""
import os, pathlib, pty, subprocess, sys, tempfile, unittest

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["LOGBOOM_BIN"]
PATIENCE = 60
SECRET = "correct-horse-battery"


class KeystoreTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.environment = {**os.environ, "LOGBOOM_KEYSTORE_PASS": "pass"}
        self.assertEqual(self.run_binary("keystore", "--path.settings", self.folder, "create")[0], 0)
        self.assertEqual(self.run_binary("keystore", "--path.settings", self.folder, "add", "SECRET", "--stdin", stdin=SECRET)[0], 0)

    def tearDown(self):
        self.temporary.cleanup()

    def run_binary(self, *arguments, stdin="", environment=None):
        done = subprocess.run([BINARY, *arguments], cwd=self.folder, input=stdin, text=True, capture_output=True, timeout=PATIENCE,
                              env=environment or self.environment)
        return done.returncode, done.stdout, done.stderr

    def serve(self, config, *more, **how):
        return self.run_binary("--path.data", self.folder + "/data", "--path.settings", self.folder, "-e", config, *more, **how)

    def test_a_pipeline_uses_it_and_the_log_does_not_show_it(self):
        status, out, error = self.serve(
            "input { generator { count => 1 message => '${secret}' } } filter { mutate { add_field => { 'b' => '${NOT_THERE:fallback}' } } } "
            "output { stdout { codec => line { format => '%{message} %{b}' } } }", "--log.level", "debug")
        self.assertEqual((status, out), (0, SECRET + " fallback\n"))
        self.assertNotIn(SECRET, error)

    def test_a_refusal_that_quotes_it_hides_it(self):
        for config in ("input { tcp { port => '${SECRET}' } }", "input { stdin { codec => '${SECRET}' } }"):
            status, out, error = self.serve(config, "--log.level", "trace")
            self.assertNotIn(SECRET, out + error)
            self.assertIn("***", error)
            self.assertEqual(status, 1)

    def test_settings_use_it_and_explain_hides_it(self):
        pathlib.Path(self.folder, "logboom.yml").write_text("node.name: ${SECRET}\npipeline.workers: 3\n")
        status, out, error = self.run_binary("--path.settings", self.folder, "--config.explain")
        self.assertEqual(status, 0)
        self.assertIn("node.name: ***  (", out)
        self.assertNotIn(SECRET, out + error)
        pathlib.Path(self.folder, "logboom.yml").write_text("pipeline.workers: ${SECRET}\n")
        status, out, error = self.serve("input { generator { count => 1 } }")
        self.assertEqual(status, 1)
        self.assertIn('not "***"', error)
        self.assertNotIn(SECRET, out + error)

    def test_the_server_does_not_start_without_its_secrets(self):
        status, _, error = self.serve("input { generator { count => 1 } }", environment={**os.environ, "LOGBOOM_KEYSTORE_PASS": "wrong"})
        self.assertEqual(status, 1)
        self.assertIn("password is wrong", error)
        os.chmod(self.folder + "/logboom.keystore", 0o644)
        status, _, error = self.serve("input { generator { count => 1 } }")
        self.assertEqual(status, 1)
        self.assertIn("chmod 600", error)

    def test_a_terminal_does_not_show_what_is_typed(self):
        terminal, end = pty.openpty()
        child = subprocess.Popen([BINARY, "keystore", "--path.settings", self.folder, "add", "TYPED"], stdin=end, stdout=end, stderr=end,
                                 env=self.environment)
        os.close(end)
        shown = b""
        while b"Value of TYPED: " not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, b"typed-secret\n")
        try:
            while piece := os.read(terminal, 4096):
                shown += piece
        except OSError:
            pass  # the other end is closed
        self.assertEqual(child.wait(PATIENCE), 0)
        self.assertNotIn(b"typed-secret", shown)
        self.assertIn(b"Added TYPED", shown)
        _, out, _ = self.serve("input { generator { count => 1 message => '${TYPED}' } } output { stdout { codec => line { format => '%{message}' } } }")
        self.assertEqual(out, "typed-secret\n")


if __name__ == "__main__":
    unittest.main()
