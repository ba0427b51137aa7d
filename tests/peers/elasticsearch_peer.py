"""Elasticsearch's own client for Python, with its product check, delivers through the bulk API: gzip, then TLS with an API key."""
import pathlib

import harness
from python_packages import python_with

CLIENT = """
import sys
from elasticsearch import Elasticsearch, helpers

url, count, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]
options = dict(ca_certs=ca, api_key=("al", "secret")) if ca else dict(http_compress=True)
client = Elasticsearch(url, request_timeout=60, **options)
print(client.info()["version"]["number"])
assert client.indices.exists(index="shop")
client.indices.put_index_template(name="shop", index_patterns=["shop*"])
actions = ({"_op_type": "create", "_index": "shop", "_id": "doc-%d" % i, "n": i, "message": "order %d" % i} for i in range(count))
sent = 0
for ok, item in helpers.parallel_bulk(client, actions, thread_count=4, chunk_size=500):
    assert ok and item["create"]["_id"].startswith("doc-"), item
    sent += 1
assert sent == count, sent
"""


def deliver(n, work, tls):
    python = python_with("elasticsearch", "elasticsearch==8.19.3")
    client = pathlib.Path(work) / "client.py"
    client.write_text(CLIENT)
    port = harness.free_port()
    options, scheme, ca = "", "http", ""
    if tls:
        folder = harness.certificates()
        options = ('ssl_enabled => true ssl_certificate => "%s/server.pem" ssl_key => "%s/server.key" user => "al" password => "secret"'
                   % (folder, folder))
        scheme, ca = "https", str(folder / "ca.pem")
    pipeline = ('input { http { host => "127.0.0.1" port => %d elasticsearch_api => true %s } } '
                'filter { mutate { add_field => { "index" => "%%{[@metadata][elasticsearch][index]}" "id" => "%%{[@metadata][elasticsearch][id]}" } } } '
                'output { file { path => "${OUT}" } }' % (port, options))
    with harness.Logboom(work, pipeline) as logboom:
        logboom.wait_for_port(port)
        harness.call(python, str(client), "%s://localhost:%d" % (scheme, port), str(n), ca)
        assert logboom.lines() == n, "the client was answered before its documents were written: %d of %d" % (logboom.lines(), n)
    events = logboom.events()
    harness.check_exactly_once(events, n, "n")
    assert all(event["index"] == "shop" and event["id"] == "doc-%d" % event["n"] for event in events)


def run_gzip(n, work):
    deliver(n, work, False)


def run_tls(n, work):
    deliver(n, work, True)
