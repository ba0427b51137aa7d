#!/usr/bin/env python3
"""What a service manager is told (sd_notify), over a datagram socket of the test. Usage: service_test.py BINARY"""
import os, pathlib, signal, socket, subprocess, sys, tempfile, time, unittest

BINARY = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["LOGBOOM_BIN"]
PATIENCE = 60  # seconds until something that never comes is given up


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.socket.settimeout(PATIENCE)
        self.told = []

    def wait_for(self, wanted):
        """The next message with this assignment, as a dictionary; what came before it is in `told`."""
        name, _, value = wanted.partition("=")
        while True:
            message = dict(line.split("=", 1) for line in self.socket.recv(65536).decode().splitlines())
            self.told.append(message)
            if message.get(name) == value:
                return message


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name

    def tearDown(self):
        self.temporary.cleanup()

    def started(self, address, **environment):
        manager = Manager(address)
        self.addCleanup(manager.socket.close)
        self.config = pathlib.Path(self.folder, "a.conf")
        self.config.write_text("input { generator { count => 0 message => 'm' } } output { null { } }")
        child = subprocess.Popen([BINARY, "--path.data", self.folder + "/data", "--api.enabled", "false", "-f", str(self.config)], cwd=self.folder,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env={**os.environ, "NOTIFY_SOCKET": address, **environment})
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return manager, child

    def test_ready_reloading_and_stopping_are_told(self):
        for address in (self.folder + "/notify", "@logboom-test-%d" % os.getpid()):
            manager, child = self.started(address)
            ready = manager.wait_for("READY=1")
            self.assertEqual((ready["MAINPID"], ready["STATUS"]), (str(child.pid), "1 of 1 pipelines run"))
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            child.send_signal(signal.SIGHUP)
            reloading = manager.wait_for("RELOADING=1")
            self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before)
            self.assertLessEqual(int(reloading["MONOTONIC_USEC"]), time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)
            manager.wait_for("READY=1")
            self.config.write_text("filter { mutat { } }")
            child.send_signal(signal.SIGHUP)
            manager.wait_for("RELOADING=1")
            self.assertIn("the last reload was refused", manager.wait_for("READY=1")["STATUS"])
            child.send_signal(signal.SIGTERM)
            manager.wait_for("STOPPING=1")
            self.assertEqual(child.wait(PATIENCE), 0)
            self.assertFalse([message for message in manager.told if "WATCHDOG" in message])

    def test_a_watchdog_is_fed_while_the_process_works(self):
        manager, child = self.started(self.folder + "/notify", WATCHDOG_USEC="4000000")
        for _ in range(3):
            manager.wait_for("WATCHDOG=1")
        self.assertEqual(list(manager.told[0])[0], "READY")
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(PATIENCE), 0)

    def test_a_watchdog_of_another_process_is_left_alone(self):
        manager, child = self.started(self.folder + "/notify", WATCHDOG_USEC="200000", WATCHDOG_PID="1")
        manager.wait_for("READY=1")
        child.send_signal(signal.SIGHUP)
        manager.wait_for("RELOADING=1")
        manager.wait_for("READY=1")
        child.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        self.assertFalse([message for message in manager.told if "WATCHDOG" in message])

    def test_a_manager_that_is_gone_or_misnamed_is_no_reason_to_fail(self):
        for address in (self.folder + "/nobody", "not-an-address", "/" + "x" * 200, "@"):
            done = subprocess.run([BINARY, "--path.data", self.folder + "/data", "--api.enabled", "false", "-e",
                                   "input { generator { count => 1 } } output { null { } }"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=PATIENCE, env={**os.environ, "NOTIFY_SOCKET": address})
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
