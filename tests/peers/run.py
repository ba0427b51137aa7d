#!/usr/bin/env python3
"""make test-peers: real clients deliver into Logboom, and nothing is lost or doubled.

usage: run.py [-n EVENTS] [NAME ...]     20,000 events for each client by default; NAME (beats, beats/tls) picks some of them
The last line is a summary: 'N passed, N failed, N skipped'.
"""
import argparse, importlib.util, os, pathlib, shutil, sys, time, traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import harness

parser = argparse.ArgumentParser()
parser.add_argument("-n", type=int, default=20_000)
parser.add_argument("names", nargs="*")
arguments = parser.parse_args()

results = {"passed": 0, "failed": 0, "skipped": 0}
for path in sorted(HERE.glob("*_peer.py")):
    name = path.stem[: -len("_peer")]
    if arguments.names and not any(chosen.split("/")[0] == name for chosen in arguments.names):
        continue
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # A peer test file may hold several cases: functions named run, or run_<case>, each with a folder of its own.
    for case in [c for c in vars(module) if c == "run" or c.startswith("run_")]:
        title = name if case == "run" else name + "/" + case[len("run_"):]
        if arguments.names and name not in arguments.names and title not in arguments.names:
            continue
        work = harness.CACHE / "work" / title
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        begun = time.monotonic()
        try:
            note = getattr(module, case)(arguments.n, work) or ""
            outcome = "passed"
        except harness.Skipped as why:
            outcome, note = "skipped", str(why)
        except Exception:
            outcome, note = "failed", traceback.format_exc()
        results[outcome] += 1
        print("%-8s %-40s %6.1f s  %s" % (outcome, title, time.monotonic() - begun, note), flush=True)
print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % results)
sys.stdout.flush()
os._exit(1 if results["failed"] else 0)  # a client library's threads, left by a test that failed, must not hold it up
