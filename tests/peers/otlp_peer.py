"""The OpenTelemetry SDK for Python exports log records over OTLP/HTTP: plain, with gzip, and with gzip over TLS."""
import json, pathlib

import harness
from python_packages import python_with

CLIENT = """
import os, sys
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

endpoint, count, compression, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
exporter = OTLPLogExporter(endpoint=endpoint, certificate_file=ca or None, compression=Compression(compression), timeout=60)
provider = LoggerProvider(resource=Resource.create({"service.name": "shop", "host.name": "web-1"}))
provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=count + 1, max_export_batch_size=512))
logger = provider.get_logger("shop.orders", "1.2")
for i in range(count):
    logger.emit(LogRecord(timestamp=1700000000000000000 + i * 1000, body="order %d" % i, severity_number=SeverityNumber.WARN,
                          severity_text="WARNING", trace_id=0x0102030405060708090a0b0c0d0e0f10, span_id=0x0102030405060708,
                          attributes={"n": i, "list": ["a", "b"], "nested": {"x": 1.5}}))
assert provider.force_flush(600000)
provider.shutdown()
"""


def deliver(n, work, compression, tls):
    python = python_with("otlp", "opentelemetry-exporter-otlp-proto-http==1.45.2", "opentelemetry-sdk==1.45.2")
    client = pathlib.Path(work) / "client.py"
    client.write_text(CLIENT)
    port = harness.free_port()
    options, scheme, ca = "", "http", ""
    if tls:
        folder = harness.certificates()
        options = 'ssl_enabled => true ssl_certificate => "%s/server.pem" ssl_key => "%s/server.key"' % (folder, folder)
        scheme, ca = "https", str(folder / "ca.pem")
    pipeline = 'input { otlp { host => "127.0.0.1" port => %d %s } } output { file { path => "${OUT}" } }' % (port, options)
    with harness.Logboom(work, pipeline) as logboom:
        logboom.wait_for_port(port)
        # The machine's own authorities and proxies are not for this client; requests would prefer them to certificate_file.
        environment = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "NO_PROXY": "*"}
        harness.call(python, str(client), "%s://localhost:%d/v1/logs" % (scheme, port), str(n), compression, ca, env=environment)
        acknowledged_lines = logboom.lines()
    assert acknowledged_lines == n, "the exporter was answered before its records were written: %d of %d" % (acknowledged_lines, n)
    events = logboom.events()
    harness.check_exactly_once(events, n, "attributes.n")
    event = min(events, key=lambda e: e["attributes"]["n"])
    wanted = {"message": "order 0", "@timestamp": "2023-11-14T22:13:20.000Z", "log": {"level": "WARNING", "logger": "shop.orders"},
              "trace": {"id": "0102030405060708090a0b0c0d0e0f10"}, "span": {"id": "0102030405060708"},
              "host": {"name": "web-1"}, "scope": {"name": "shop.orders", "version": "1.2"},
              "attributes": {"n": 0, "list": ["a", "b"], "nested": {"x": 1.5}}}
    for key, value in wanted.items():
        got = event[key] if key != "trace" else {"id": event[key]["id"]}
        assert got == value, "%s is %r" % (key, got)
    assert event["service"]["name"] == "shop" and event["event"]["severity"] == 13 and event["resource"]["attributes"]["host.name"] == "web-1"


def run_plain(n, work):
    deliver(n, work, "none", False)


def run_gzip(n, work):
    deliver(n, work, "gzip", False)


def run_tls(n, work):
    deliver(n, work, "gzip", True)


def run_json(n, work):
    """The JSON encoding, by curl: the Python SDK has none."""
    port = harness.free_port()
    records = [{"timeUnixNano": str(1700000000000000000 + i), "severityNumber": 9, "body": {"stringValue": "order %d" % i},
                "attributes": [{"key": "n", "value": {"intValue": str(i)}}]} for i in range(n)]
    with harness.Logboom(work, 'input { otlp { host => "127.0.0.1" port => %d } } output { file { path => "${OUT}" } }' % port) as logboom:
        logboom.wait_for_port(port)
        config = []
        for first in range(0, n, 1000):
            body = pathlib.Path(work) / ("body-%d.json" % first)
            body.write_text(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records[first:first + 1000]}]}]}))
            config.append('url = "http://127.0.0.1:%d/v1/logs"\ndata-binary = "@%s"\nheader = "Content-Type: application/json"\n'
                          'fail\nsilent\nshow-error\nnoproxy = "*"\n' % (port, body))
        (pathlib.Path(work) / "curl.conf").write_text("next\n".join(config))
        answers = harness.call("curl", "--config", str(pathlib.Path(work) / "curl.conf"))
    assert answers == "{}" * len(config), answers[:300]
    harness.check_exactly_once(logboom.events(), n, "attributes.n")
