#!/usr/bin/env python3
"""Dead letters from their making to their end, with the real process and a destination that refuses. Usage: dead_letter_test.py BINARY"""
import base64, json, os, pathlib, signal, socket, subprocess, sys, tempfile, time, unittest, urllib.request

from destination import PATIENCE, Destination, free_port

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["LOGBOOM_BIN"]


class DeadLetterTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.destination = Destination()
        self.port = free_port()
        self.child = None

    def tearDown(self):
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.destination.close()
        self.temporary.cleanup()

    def config(self, filters=""):
        return ("input { http { host => '127.0.0.1' port => %d ecs_compatibility => disabled } } filter { %s } "
                "output { http { id => store url => 'http://127.0.0.1:%d/' http_method => post format => json } }"
                % (self.port, filters, self.destination.port))

    def start(self, *arguments):
        log = open(self.folder + "/log", "ab")
        self.child = subprocess.Popen([BINARY, "--path.data", "data", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if "pipelines" in json.loads(self.command("queue", "ls", "--json")[1]):
                return  # its control channel comes last
            self.assertIsNone(self.child.poll(), self.log())
            time.sleep(0.02)
        self.fail("the server does not listen: " + self.log())

    def serve(self, config=None, *more):
        self.start("-e", config or self.config(), "--dead_letter_queue.enable", *more)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.assertEqual(self.child.wait(PATIENCE), 0, self.log())

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(PATIENCE)

    def log(self):
        return pathlib.Path(self.folder, "log").read_text()

    def post(self, events):
        request = urllib.request.Request("http://127.0.0.1:%d/" % self.port, json.dumps(events).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            self.assertEqual(answer.status, 200)

    def command(self, *words):
        done = subprocess.run([BINARY, *words, "--path.data", "data"], cwd=self.folder, text=True, capture_output=True, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def dlq(self, *words):
        status, out, error = self.command("dlq", *words)
        self.assertEqual(status, 0, out + error)
        return out

    def dlq_json(self, *words):
        return json.loads(self.dlq(*words, "--json"))

    def entries(self, pipeline="main"):
        return {queue["pipeline"]: queue["entries"] for queue in self.dlq_json("ls")}.get(pipeline, 0)

    def wait_for_entries(self, count):
        """What a server has done is in the files within a second."""
        deadline = time.monotonic() + PATIENCE
        while self.entries() != count:
            self.assertLess(time.monotonic(), deadline, "%d entries, not %d" % (self.entries(), count))
            time.sleep(0.05)

    def ledger(self):
        status, out, error = self.command("queue", "ls", "--json")
        self.assertEqual(status, 0, error)
        return json.loads(out)["pipelines"][0]["ledger"]

    def assert_balanced(self):
        """At rest everything that came in has gone somewhere."""
        deadline = time.monotonic() + PATIENCE
        while True:
            ledger = self.ledger()
            gaps = [ledger["in_flight"], ledger["queued"]] + [output["gap"] for output in ledger["outputs"]] + [output["buffered"] for output in ledger["outputs"]]
            if not any(gaps):
                return ledger
            self.assertLess(time.monotonic(), deadline, ledger)
            time.sleep(0.05)

    def refuse_bad_ones(self):
        self.destination.status_of = lambda event: 400 if event.get("bad") else 200

    def test_refused_grouped_mended_replayed_and_gone(self):
        self.refuse_bad_ones()
        self.serve()
        self.post([{"n": n, "bad": n % 4 == 0} for n in range(20)])
        self.assertEqual(self.destination.numbers(), [n for n in range(20) if n % 4])
        self.assertEqual(self.entries(), 5)
        group, = self.dlq_json("groups")
        self.assertEqual((group["entries"], group["plugin_id"], group["plugin_type"], group["code"]), (5, "store", "http", 400))
        shown = [json.loads(line) for line in self.dlq("show", "--json", "--group", group["group"]).splitlines()]
        self.assertEqual(sorted(entry["event"]["n"] for entry in shown), [0, 4, 8, 12, 16])  # outputs refuse in any order
        self.assertIn("400", self.dlq("show", "--sequence", str(shown[0]["sequence"])))
        ledger = self.assert_balanced()
        self.assertEqual((ledger["received"], ledger["finished"], ledger["outputs"][0]["dead_lettered"]), (20, 20, 5))

        self.destination.status_of = lambda event: 200
        told = self.dlq_json("replay", "--group", group["group"])
        self.assertEqual((told["sent"], told["delivered"], told["is_over"]), (5, 5, True))
        self.assertEqual(self.destination.numbers(), list(range(20)))
        self.wait_for_entries(0)
        ledger = self.assert_balanced()
        self.assertEqual((ledger["replayed"], ledger["finished"], ledger["outputs"][0]["delivered"]), (5, 25, 20))
        self.stop()
        self.assertEqual(self.entries(), 0)

    def test_killed_between_replay_and_delivery_nothing_is_lost(self):
        self.refuse_bad_ones()
        self.serve()
        self.post([{"n": n, "bad": True} for n in range(10)])
        for _ in range(3):
            asked = self.destination.asked
            self.destination.status_of = lambda event: 503  # not now: the events wait in the output
            told = self.dlq_json("replay", "--all", "--wait", "0")
            self.destination.wait_until(lambda: self.destination.asked > asked)
            self.kill()
            self.assertEqual(self.destination.taken, [])
            self.assertEqual(self.entries(), 10)  # read from the files of the dead server
            self.serve()
        self.destination.status_of = lambda event: 200
        told = self.dlq_json("replay", "--all")
        self.assertEqual((told["sent"], told["delivered"]), (10, 10))
        self.assertEqual(self.destination.numbers(), list(range(10)))
        self.wait_for_entries(0)
        self.stop()

    def test_killed_right_after_the_answer_every_entry_is_there(self):
        self.refuse_bad_ones()
        for round_number in range(3):
            self.serve()
            self.post([{"n": round_number * 5 + n, "bad": True} for n in range(5)])
            self.kill()
            self.assertEqual(self.entries(), 5 * (round_number + 1))

    def test_what_fails_again_and_again_is_left_after_three_rounds(self):
        self.refuse_bad_ones()
        self.serve()
        self.post([{"n": 1, "bad": True}])
        for round_number in range(3):
            told = self.dlq_json("replay", "--all")
            self.assertEqual((told["sent"], told["delivered"]), (1, 1))  # delivered: it is an entry again
            self.wait_for_entries(1)
            entry = json.loads(self.dlq("show", "--json"))
            self.assertEqual(entry["replays"], round_number + 1)
        told = self.dlq_json("replay", "--all")
        self.assertEqual((told["sent"], told["left_for_too_many_replays"]), (0, 1))
        self.assertIn("1 have failed 3 times again and were left", self.dlq("replay", "--all"))
        self.destination.status_of = lambda event: 200
        self.assertEqual(self.dlq_json("replay", "--all", "--max-replays", "4")["delivered"], 1)
        self.stop()

    def test_filters_and_conditions_that_fail_set_their_event_aside_alone(self):
        self.serve(self.config("grok { match => { text => '%{INT:number:int}!' } on_failure => dlq } if [size] > 5 { mutate { add_tag => big } }"))
        self.post([{"n": 1, "text": "1!", "size": 9}, {"n": 2, "text": "none", "size": 9}, {"n": 3, "text": "3!", "size": "x"}, {"n": 4, "text": "4!", "size": 1}])
        self.assertEqual(self.destination.numbers(), [1, 4])
        entries = [json.loads(line) for line in self.dlq("show", "--json").splitlines()]
        self.assertEqual(sorted((e["event"]["n"], e["plugin_type"]) for e in entries), [(2, "grok"), (3, "if-statement")])
        self.assertIn("_grokparsefailure", entries[0]["reason"] + entries[1]["reason"])
        self.assertNotIn("tags", [e for e in entries if e["plugin_type"] == "grok"][0]["event"])
        ledger = self.assert_balanced()
        self.assertEqual((ledger["received"], ledger["dead_lettered"], ledger["finished"]), (4, 2, 2))
        self.stop()

    def test_what_a_codec_cannot_decode_is_kept_as_it_came(self):
        self.serve("input { tcp { host => '127.0.0.1' port => %d codec => json_lines { id => wire on_failure => dlq } ecs_compatibility => disabled } } "
                   "output { http { url => 'http://127.0.0.1:%d/' http_method => post format => json } }" % (self.port, self.destination.port))
        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            peer.sendall(b'{"n":1}\n{"n":\nplain \xff\xfe bytes\n{"n":2}\n')
        self.destination.wait_until(lambda: len(self.destination.taken) == 2)
        self.wait_for_entries(2)
        first, second = [json.loads(line) for line in self.dlq("show", "--json").splitlines()]
        self.assertEqual((first["plugin_type"], first["plugin_id"], first["event"]["message"]), ("json_lines", "wire", '{"n":'))
        self.assertNotIn("tags", first["event"])
        self.assertEqual(base64.b64decode(second["@metadata"]["raw_base64"]), b"plain \xff\xfe bytes")
        self.stop()

    def test_on_failure_without_a_dead_letter_queue_is_refused(self):
        done = subprocess.run([BINARY, "--path.data", "data", "-t", "-e", self.config("grok { match => { 'a' => 'b' } on_failure => dlq }")],
                              cwd=self.folder, text=True, capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("dead_letter_queue.enable: true", done.stderr)

    def test_purge_takes_what_was_chosen_running_or_not(self):
        self.refuse_bad_ones()
        self.serve()
        for n in range(6):
            self.post([{"n": n, "bad": True}])
        status, _, error = self.command("dlq", "purge")
        self.assertEqual(status, 2)
        self.assertIn("--all", error)
        first = json.loads(self.dlq("show", "--json", "--limit", "1"))["sequence"]
        self.assertEqual(self.dlq_json("purge", "--sequence", "%d-%d" % (first + 1, first + 2)), {"removed": 2})
        self.wait_for_entries(4)
        self.stop()
        self.assertEqual(self.dlq_json("purge", "--sequence", str(first)), {"removed": 1})
        self.assertEqual([json.loads(line)["event"]["n"] for line in self.dlq("show", "--json").splitlines()], [3, 4, 5])
        self.assertEqual(self.dlq_json("purge", "--all"), {"removed": 3})
        self.assertEqual(self.entries(), 0)
        status, _, error = self.command("dlq", "replay", "--all")
        self.assertEqual(status, 1)
        self.assertIn("start the server", error)

    def test_with_a_persisted_queue_the_ledger_goes_on_over_restarts_and_kills(self):
        self.refuse_bad_ones()
        sent = 0
        for ending in (self.stop, self.kill, self.stop):
            self.serve(self.config(), "--queue.type", "persisted")
            ledger = self.assert_balanced()
            self.assertEqual((ledger["received"], ledger["lost"]), (sent, 0))
            self.post([{"n": sent + n, "bad": n == 0} for n in range(10)])
            sent += 10
            self.destination.wait_until(lambda: len(set(self.destination.numbers())) >= sent // 10 * 9)
            ledger = self.assert_balanced()
            self.assertEqual((ledger["received"], ledger["finished"]), (sent, sent))
            ending()
        self.assertEqual(self.entries(), 3)
        self.assertEqual(len(self.destination.numbers()), 27)

    def test_replayed_into_a_persisted_queue_and_killed_nothing_is_lost(self):
        self.refuse_bad_ones()
        self.serve(self.config(), "--queue.type", "persisted")
        self.post([{"n": n, "bad": True} for n in range(10)])
        self.wait_for_entries(10)
        self.destination.status_of = lambda event: 503
        told = self.dlq_json("replay", "--all")
        self.assertEqual((told["sent"], told["delivered"]), (10, 10))  # they are safe in the queue
        self.kill()
        self.destination.status_of = lambda event: 200
        self.serve(self.config(), "--queue.type", "persisted")
        self.destination.wait_until(lambda: set(self.destination.numbers()) == set(range(10)))
        self.assert_balanced()
        self.stop()

    def two_pipelines(self, options):
        pathlib.Path(self.folder, "pipelines.yml").write_text(json.dumps([
            {"pipeline.id": "web", "dead_letter_queue.enable": True, "config.string": self.config()},
            {"pipeline.id": "again", "config.string": (
                "input { dead_letter_queue { path => 'data/dead_letter_queue' pipeline_id => web %s } } "
                "filter { mutate { remove_field => [bad] add_field => { why => '%%{[@metadata][dead_letter_queue][plugin_type]} %%{[@metadata][dead_letter_queue][plugin_id]} %%{[@metadata][dead_letter_queue][reason]}' } } } "
                "output { http { url => 'http://127.0.0.1:%d/' http_method => post format => json } }") % (options, self.destination.port)}]))

    def test_an_input_reads_them_once_over_restarts(self):
        self.refuse_bad_ones()
        self.two_pipelines("")
        for round_number in range(3):
            self.start("--path.settings", ".")
            self.post([{"n": round_number * 4 + n, "bad": True} for n in range(4)])
            self.destination.wait_until(lambda: len(self.destination.taken) >= 4 * (round_number + 1))
            self.stop()
        self.assertEqual(self.destination.numbers(), list(range(12)))
        self.assertTrue(all(event["why"].startswith("http store ") and "400" in event["why"] for event in self.destination.taken))
        self.assertEqual(self.entries("web"), 12)

    def test_an_input_that_cleans_leaves_nothing(self):
        self.refuse_bad_ones()
        self.two_pipelines("clean_consumed => true")
        self.start("--path.settings", ".")
        self.post([{"n": n, "bad": True} for n in range(4)])
        self.destination.wait_until(lambda: len(self.destination.taken) >= 4)
        self.stop()
        self.assertEqual(self.entries("web"), 0)
        self.assertEqual(self.destination.numbers(), list(range(4)))


if __name__ == "__main__":
    unittest.main()
