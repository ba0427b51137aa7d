#!/usr/bin/env python3
"""One dead output of three, with the real process: its disk buffer outlives kill -9. Usage: disk_buffer_test.py BINARY"""
import json, os, pathlib, signal, subprocess, sys, tempfile, time, unittest, urllib.error, urllib.request

from destination import PATIENCE, Destination, free_port

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["LOGBOOM_BIN"]


class DiskBufferTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.live, self.dead = Destination(), None
        self.port, self.dead_port = free_port(), free_port()
        self.child, self.acknowledged = None, []

    def tearDown(self):
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.live.close()
        if self.dead is not None:
            self.dead.close()
        self.temporary.cleanup()

    def output(self, port, more):
        return "http { url => 'http://127.0.0.1:%d/' http_method => post format => json_batch %s }" % (port, more)

    def config(self, dead=None):
        dead = dead or self.output(self.dead_port, "id => dead buffer => { type => disk } retry => { initial_interval => '50ms' max_interval => '200ms' }")
        return ("input { http { host => '127.0.0.1' port => %d ecs_compatibility => disabled } } output { %s %s file { path => '%s/file.json' } }"
                % (self.port, self.output(self.live.port, "id => live"), dead, self.folder))

    def serve(self, config=None):
        with open(self.folder + "/log", "ab") as log:
            self.child = subprocess.Popen([BINARY, "--path.data", "data", "-e", config or self.config()], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_for(lambda: self.ledger() is not None)

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertIsNone(self.child.poll(), self.log())
            self.assertLess(time.monotonic(), deadline, self.log())
            time.sleep(0.02)

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(PATIENCE)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.assertEqual(self.child.wait(PATIENCE), 0, self.log())

    def log(self):
        return pathlib.Path(self.folder, "log").read_text()

    def post(self, first, count):
        body = json.dumps([{"n": n} for n in range(first, first + count)]).encode()
        request = urllib.request.Request("http://127.0.0.1:%d/" % self.port, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            self.assertEqual(answer.status, 200)
        self.acknowledged += range(first, first + count)

    def ledger(self):
        done = subprocess.run([BINARY, "queue", "ls", "--json", "--path.data", "data"], cwd=self.folder, text=True, capture_output=True, timeout=PATIENCE)
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
        return answer["pipelines"][0]["ledger"] if answer.get("pipelines") else None

    def line(self, output):
        return next(line for line in self.ledger()["outputs"] if line["id"] == output)

    def rise(self):
        self.dead = Destination(self.dead_port)

    def test_a_backlog_outlives_kills_and_drains_while_new_events_come(self):
        self.serve()
        for round_number in range(3):
            for i in range(10):
                self.post(len(self.acknowledged), 200)
            self.wait_for(lambda: set(self.live.numbers()) >= set(self.acknowledged))
            line = self.line("dead")
            self.assertEqual((line["buffered"], line["delivered"], line["gap"]), (len(self.acknowledged), 0, 0), line)
            self.kill()
            self.serve()
        self.assertIn("6000 events wait in the disk buffer", self.log())
        self.rise()
        self.post(6000, 50)
        self.dead.wait_until(lambda: len(self.dead.taken) >= 1500)
        self.kill()  # in the middle, or after it
        self.serve()
        self.post(6050, 50)
        self.dead.wait_until(lambda: len({event["n"] for event in self.dead.taken}) == 6100)
        self.wait_for(lambda: self.line("dead")["buffered"] == 0)
        self.assertEqual(self.line("dead")["gap"], 0)
        self.stop()
        self.assertEqual(set(self.dead.numbers()), set(self.acknowledged))
        with open(self.folder + "/file.json") as file:
            self.assertEqual({json.loads(line)["n"] for line in file}, set(self.acknowledged))

    def test_an_end_with_a_backlog_is_quick_and_clean(self):
        self.serve()
        self.post(0, 500)
        self.stop()
        self.serve()
        self.rise()
        self.dead.wait_until(lambda: len(self.dead.taken) >= 500)
        self.wait_for(lambda: self.line("dead")["buffered"] == 0)
        self.stop()
        self.assertEqual(self.dead.numbers(), list(range(500)))

    def test_the_buffer_of_an_output_that_is_gone_is_reported_and_kept(self):
        self.serve()
        self.post(0, 20)
        self.stop()
        self.serve(self.config("null {}"))
        self.stop()
        self.assertIn("about 20 events wait in data/buffers/main/dead, the disk buffer of an output that is not there any more", self.log())
        done = subprocess.run([BINARY, "queue", "export", "--path.queue", "data/buffers/main", "--pipeline.id", "dead"], cwd=self.folder, text=True, capture_output=True)
        self.assertEqual([json.loads(line).get("n", json.loads(line).get("event", {}).get("n")) for line in done.stdout.splitlines()], list(range(20)), done.stdout + done.stderr)
        self.serve()
        self.rise()
        self.dead.wait_until(lambda: len(self.dead.taken) >= 20)
        self.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
