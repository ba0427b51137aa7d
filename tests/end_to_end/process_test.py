#!/usr/bin/env python3
"""The process as its operator sees it: exit statuses, signals, what stands on standard error. Usage: process_test.py BINARY"""
import json, os, pathlib, pty, select, signal, socket, subprocess, sys, tempfile, threading, time, unittest

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["LOGBOOM_BIN"]
PATIENCE = 60  # seconds until something that never comes is given up


class Process:
    """A running logboom whose standard error can be waited for."""

    def __init__(self, *arguments, folder):
        self.child = subprocess.Popen([BINARY, "--path.data", folder + "/data", *arguments], cwd=folder, text=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.said, self.changed = "", threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with self.child.stderr as lines:
            self._collect(lines)

    def _collect(self, lines):
        for line in lines:
            with self.changed:
                self.said += line
                self.changed.notify_all()
        with self.changed:
            self.said += "\n(closed)"
            self.changed.notify_all()

    def wait_until_said(self, text):
        with self.changed:
            ok = self.changed.wait_for(lambda: text in self.said or "(closed)" in self.said, PATIENCE)
            if not ok or text not in self.said:
                self.child.kill()
                raise AssertionError("never said %r: %s" % (text, self.said))

    def status(self):
        try:
            return self.child.wait(PATIENCE)
        finally:
            self.child.kill()


def run(*arguments, folder, stdin=""):
    done = subprocess.run([BINARY, "--path.data", folder + "/data", *arguments], cwd=folder, input=stdin, text=True,
                          capture_output=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class ProcessTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, text):
        pathlib.Path(self.folder, name).write_text(text)
        return name

    def test_status_0_when_all_inputs_have_ended(self):
        status, out, _ = run("-e", "input { generator { count => 2 message => 'm' } } output { stdout { codec => line { format => '%{message}' } } }",
                             folder=self.folder)
        self.assertEqual((status, out), (0, "m\nm\n"))

    def test_empty_string_takes_both_defaults(self):
        status, out, _ = run("-e", "", "--log.level", "error", folder=self.folder, stdin="hello\n")
        self.assertEqual(status, 0)
        self.assertIn('"message" => "hello"', out)

    def test_status_1_when_the_configuration_is_refused(self):
        for arguments in (["-e", "filter { mutat { } }"], ["-t", "-e", "filter { mutat { } }"], ["-f", "missing.conf"],
                          ["-f", self.write("empty.conf", "")]):
            status, _, error = run(*arguments, folder=self.folder)
            self.assertEqual(status, 1, arguments)
            self.assertTrue("mutate" in error or "no configuration found" in error or "empty.conf:1:1: error:" in error, error)

    def test_status_1_for_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            status, _, error = run("-e", "input { tcp { host => '127.0.0.1' port => %d } } output { null { } }" % port, folder=self.folder)
        self.assertEqual(status, 1)
        self.assertIn("127.0.0.1:%d" % port, error)

    def test_status_2_for_wrong_use(self):
        for arguments in ([], ["--pipline.workers", "2"], ["-w"], ["-e", "x", "-f", "y"]):
            status, _, error = run(*arguments, folder=self.folder)
            self.assertEqual(status, 2, arguments)
            self.assertIn("logboom: ", error)

    def test_a_comparison_that_cannot_be_made_is_told_with_its_place(self):
        self.write("web.conf", "input { stdin { codec => json_lines } }\nfilter { if [a] > 5 { mutate { add_tag => big } } }\n"
                               "output { stdout { codec => json_lines } }\n")
        status, out, error = run("-f", "web.conf", folder=self.folder, stdin='{"a":"x"}\n{}\n{"a":9}\n')
        self.assertEqual((status, out.count("\n"), out.count("big")), (0, 3, 1))
        self.assertEqual(error.count('web.conf:2:13: "[a] > 5" is false for events'), 1)

    def test_one_refused_pipeline_leaves_the_others(self):
        self.write("pipelines.yml", "- pipeline.id: good\n  config.string: \"input { generator { count => 1 } } output { stdout { codec => line { format => '%{message}' } } }\"\n"
                                    "- pipeline.id: bad\n  config.string: \"filter { mutat { } }\"\n")
        status, out, error = run("--path.settings", ".", folder=self.folder)
        self.assertEqual((status, out), (0, "Hello world!\n"))
        self.assertIn('there is no filter "mutat"', error)

    def test_a_signal_ends_inputs_and_delivers_what_is_queued(self):
        """Also with plugins that start threads while they are made: those must not take the signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            process = Process("-e", "input { tcp { host => '127.0.0.1' port => %d } } output { tcp { mode => server host => '127.0.0.1' port => %d } }"
                              % (free_port(), free_port()), folder=self.folder)
            process.wait_until_said("pipeline started")
            process.child.send_signal(number)
            self.assertEqual(process.status(), 0)
            process.wait_until_said("stopping: inputs end")
            process.wait_until_said("all pipelines have ended")

    def test_a_second_signal_quits_at_once(self):
        process = Process("-e", "input { generator { } } output { tcp { host => '127.0.0.1' port => %d } }" % free_port(), folder=self.folder)
        process.wait_until_said("pipeline started")
        process.child.send_signal(signal.SIGTERM)
        process.wait_until_said("stopping: inputs end")
        process.child.send_signal(signal.SIGTERM)
        self.assertEqual(process.status(), 1)
        process.wait_until_said("second signal: quitting at once")

    def test_a_second_instance_on_the_same_data_is_refused(self):
        first = Process("-e", "input { generator { } } output { null { } }", folder=self.folder)
        first.wait_until_said("pipeline started")
        status, _, error = run("-e", "input { generator { count => 1 } } output { null { } }", folder=self.folder)
        first.child.send_signal(signal.SIGTERM)
        self.assertEqual(first.status(), 0)
        self.assertEqual(status, 1)
        self.assertIn("another logboom uses path.data", error)

    def test_reading_files_on_a_terminal_shows_how_far_it_is(self):
        self.write("big.log", "a line of the log\n" * 300000)
        config = ("input { file { path => '%s/big.log' mode => read exit_after_read => true file_completed_action => log "
                  "file_completed_log_path => '%s/done' sincedb_path => '/dev/null' } } output { null { } }" % (self.folder, self.folder))
        terminal, end = pty.openpty()
        child = subprocess.Popen([BINARY, "--path.data", self.folder + "/data", "-e", config], stderr=end, stdout=end, stdin=subprocess.DEVNULL)
        os.close(end)
        shown = b""
        while select.select([terminal], [], [], PATIENCE)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        self.assertEqual(child.wait(PATIENCE), 0)
        self.assertIn(b"100 % read, 300000 lines", shown)

    def settings(self, pipelines):
        """A settings directory with a pipeline for each id and configuration text."""
        os.mkdir(self.folder + "/settings")
        lines = ""
        for name, text in pipelines.items():
            self.write("settings/%s.conf" % name, text)
            lines += "- pipeline.id: %s\n  path.config: %s/settings/%s.conf\n" % (name, self.folder, name)
        self.write("settings/pipelines.yml", lines)
        return self.folder + "/settings"

    def test_pipelines_that_send_to_each_other_end_when_the_first_one_has_ended(self):
        directory = self.settings({
            "out": "input { pipeline { address => out } } output { file { path => '%s/out.json' } }" % self.folder,
            "middle": "input { pipeline { address => middle } } filter { mutate { add_tag => [seen] } } output { pipeline { send_to => [out] } }",
            "in": "input { generator { count => 5000 } } output { pipeline { send_to => [middle] } }"})
        status, _, err = run("--path.settings", directory, folder=self.folder)
        self.assertEqual(status, 0, err)
        events = pathlib.Path(self.folder, "out.json").read_text().splitlines()
        self.assertEqual(len(events), 5000)
        self.assertIn('"tags":["seen"]', events[0])

    def test_SIGTERM_delivers_what_is_between_pipelines(self):
        directory = self.settings({
            "out": "input { pipeline { address => out } } output { file { path => '%s/out.json' } }" % self.folder,
            "in": "input { generator { } } output { pipeline { send_to => [out] } }"})
        process = Process("--path.settings", directory, folder=self.folder)
        written = pathlib.Path(self.folder, "out.json")
        for _ in range(PATIENCE * 100):
            if written.exists() and written.stat().st_size > 0:
                break
            time.sleep(0.01)
        process.child.send_signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0, process.said)
        self.assertNotIn("not delivered", process.said)
        numbers = [json.loads(line)["event"]["sequence"] for line in written.read_text().splitlines()]
        self.assertEqual(sorted(numbers), list(range(len(numbers))))

    def test_pipelines_in_a_circle_are_refused_and_others_run(self):
        directory = self.settings({
            "aa": "input { pipeline { address => aa } } output { pipeline { send_to => [bb] } }",
            "bb": "input { pipeline { address => bb } } output { pipeline { send_to => [aa] } }",
            "sound": "input { generator { count => 1 message => sound } } output { file { path => '%s/out.json' } }" % self.folder})
        status, _, err = run("--path.settings", directory, folder=self.folder)
        self.assertEqual(status, 0, err)
        self.assertIn("aa.conf:1:70: error: pipelines send to each other in a circle: aa → bb → aa", err)
        self.assertIn("in a circle: bb → aa → bb", err)
        self.assertIn("sound", pathlib.Path(self.folder, "out.json").read_text())
        status, _, err = run("--path.settings", directory, "-t", folder=self.folder)
        self.assertEqual(status, 1)
        self.assertIn("in a circle", err)

    def test_logboom_test_has_the_exit_status_of_its_tests(self):
        self.write("case.yml", "filter: 'mutate { add_field => { bb => cc } }'\ntests:\n"
                               "  - { name: fine, input: { a: 1 }, expect: [{ fields: { a: 1, bb: cc } }] }\n"
                               "  - { name: wrong, input: { a: 1 }, expect: [{ fields: { a: 2, bb: cc } }] }\n")
        command = [BINARY, "test", "case.yml"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("[a]: want 2, got 1", done.stdout)
        done = subprocess.run(command + ["-k", "fine"], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout)
        done = subprocess.run([BINARY, "test", "missing.yml"], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
