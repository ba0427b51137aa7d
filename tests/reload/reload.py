#!/usr/bin/env python3
"""make reload-test: reloads under load are a non-event. 200 live connections (HTTP keep-alive, TCP, TLS) send numbered events while
the configuration is changed 100 times: filters, outputs, their number, workers. No connection may be dropped, no event lost or doubled;
the longest pause between acknowledgements is printed (--limit SECONDS makes it a condition). Every tenth configuration is broken, and
must change nothing.

usage: reload.py [--reloads 100] [--connections 200] [--queue memory|persisted] [--limit SECONDS]
"""
import argparse, asyncio, json, os, pathlib, shutil, signal, ssl, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
import harness

arguments = argparse.ArgumentParser()
arguments.add_argument("--reloads", type=int, default=100)
arguments.add_argument("--connections", type=int, default=200)
arguments.add_argument("--queue", default="memory")
arguments.add_argument("--limit", type=float)
arguments = arguments.parse_args()

WORK = harness.CACHE / "work" / "reload"
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)
TLS = harness.certificates()
HTTP, TCP, SECURE = harness.free_port(), harness.free_port(), harness.free_port()


def configuration(version):
    """Outputs keep their ids, so that a changed one is the same to the reload; the output `extra` comes and goes."""
    extra = "" if version % 3 else 'file { id => "extra" path => "%s/extra.json" codec => json_lines }' % WORK
    return """
    input {
      http { host => "127.0.0.1" port => %d codec => json %s }
      tcp { host => "127.0.0.1" port => %d codec => json_lines }
      tcp { host => "127.0.0.1" port => %d codec => json_lines ssl_enabled => true ssl_certificate => "%s/server.pem"
            ssl_key => "%s/server.key" ssl_client_authentication => "none" }
    }
    filter {
      mutate { add_field => { version => "%d" } }
      %s
    }
    output {
      file { id => "main" path => "%s/out-%d.json" codec => json_lines }
      %s
    }""" % (HTTP, 'tags => "v%d"' % version if version % 4 == 0 else "", TCP, SECURE, TLS, TLS, version,
            "mutate { uppercase => [\"word\"] }" if version % 2 else "", WORK, version % 7, extra)


class Load:
    def __init__(self):
        self.next, self.sent, self.ending = 0, set(), False
        self.last_answer, self.longest_pause, self.slowest_answer, self.answers = None, 0.0, 0.0, 0
        self.dropped, self.refused = [], []

    def take(self, count):
        first, self.next = self.next, self.next + count
        return range(first, first + count)

    def answered(self, seconds):
        now = time.monotonic()
        if self.last_answer is not None:
            self.longest_pause = max(self.longest_pause, now - self.last_answer)
        self.last_answer = now
        self.slowest_answer = max(self.slowest_answer, seconds)
        self.answers += 1

    async def http(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", HTTP)
        while not self.ending:
            ids = self.take(3)
            body = json.dumps([{"n": n, "word": "timber"} for n in ids]).encode()
            begun = time.monotonic()
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            if b"connection: close" in head.lower():
                raise ConnectionError("the server closes: %r" % head)
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.answered(time.monotonic() - begun)
            if head.split()[1] == b"200":
                self.sent.update(ids)
            else:
                self.refused.append(head.split()[1])
            await asyncio.sleep(0.01)
        writer.close()

    async def lines(self, port, context=None):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost" if context else None)
        while not self.ending:
            ids = self.take(5)
            writer.write(b"".join(b'{"n":%d,"word":"timber"}\n' % n for n in ids))
            await writer.drain()
            self.sent.update(ids)
            if reader.at_eof():
                raise ConnectionError("the server closed a TCP connection")
            await asyncio.sleep(0.02)
        writer.write_eof() if context is None else writer.close()
        if context is None:
            await reader.read()  # until the server has taken all of it
            writer.close()

    async def keep(self, session):
        try:
            await session
        except (OSError, asyncio.IncompleteReadError, ConnectionError) as problem:
            self.dropped.append(repr(problem))


class Server:
    def __init__(self):
        self.config = WORK / "pipeline.conf"
        self.write(configuration(0))
        self.log = WORK / "logboom.log"
        self.process = subprocess.Popen([harness.LOGBOOM, "-f", str(self.config), "--path.data", str(WORK / "data"), "-w", "2",
                                         "--queue.type", arguments.queue, "--queue.drain"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.log, "wb"))

    def write(self, text):
        (WORK / "next").write_text(text)
        os.rename(WORK / "next", self.config)

    def said(self, text):
        return self.log.read_text(errors="replace").count(text)

    async def until_said(self, text, times):
        end = time.monotonic() + 60
        while self.said(text) < times:
            if self.process.poll() is not None:
                raise AssertionError("logboom ended with status %s: %s" % (self.process.returncode, self.log.read_text()[-3000:]))
            if time.monotonic() > end:
                raise AssertionError("never said %r: %s" % (text, self.log.read_text()[-3000:]))
            await asyncio.sleep(0.02)

    async def reload(self, times):
        self.process.send_signal(signal.SIGHUP)
        await self.until_said("the configuration was reloaded", times)


async def main():
    server, load = Server(), Load()
    try:
        await server.until_said("pipeline started", 1)
        context = ssl.create_default_context(cafile=str(TLS / "ca.pem"))
        third = arguments.connections // 3
        sessions = [load.http() for _ in range(arguments.connections - 2 * third)]
        sessions += [load.lines(TCP) for _ in range(third)] + [load.lines(SECURE, context) for _ in range(third)]
        tasks = [asyncio.create_task(load.keep(session)) for session in sessions]
        harness_end = time.monotonic() + 60
        while load.answers < arguments.connections and time.monotonic() < harness_end:
            await asyncio.sleep(0.05)
        load.longest_pause = load.slowest_answer = 0.0
        refused = 0
        for version in range(1, arguments.reloads + 1):
            if version % 10 == 0:
                refused += 1
                server.write(configuration(version).replace("mutate {", "mutat {", 1))
            else:
                server.write(configuration(version))
            await server.reload(version)
        pause, slowest, answers = load.longest_pause, load.slowest_answer, load.answers
        load.ending = True
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
        assert not load.dropped, "%d connections were dropped: %s" % (len(load.dropped), load.dropped[:3])
        assert not load.refused, "%d requests were refused: %s" % (len(load.refused), load.refused[:3])
        assert server.said("the new configuration is refused") == refused, "%d refusals" % server.said("the new configuration is refused")
        assert server.said("pipeline reloaded") == arguments.reloads - refused, server.said("pipeline reloaded")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0, server.log.read_text()[-3000:]
    finally:
        server.process.kill()
    came = []
    for path in WORK.glob("out-*.json"):
        came += [json.loads(line)["n"] for line in open(path)]
    lost, doubled = load.sent - set(came), len(came) - len(set(came))
    print("%d reloads, %d connections: %d events, %d lost, %d doubled; %d acknowledgements, the longest pause between two %.3f s, "
          "the slowest answer %.3f s" % (arguments.reloads, arguments.connections, len(came), len(lost), doubled, answers, pause, slowest))
    assert not lost and not doubled, "lost: %s" % sorted(lost)[:10]
    if arguments.limit is not None:
        assert pause < arguments.limit, "a pause of %.3f s" % pause


asyncio.run(main())
