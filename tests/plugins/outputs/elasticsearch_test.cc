// The elasticsearch output against a cluster that the test plays.
#include <fmt/format.h>

#include <atomic>
#include <future>
#include <map>

#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_sink.h"
#include "tests/support/fake_web_service.h"
#include "tests/support/recorded_delivery.h"
#include "tests/support/test_acceptor.h"
#include "tests/support/test_certificates.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

/// Answers as Elasticsearch does; bulk requests as the test says.
struct FakeCluster {
  using Bulk = std::function<HttpResponse(const HttpRequest&)>;
  explicit FakeCluster(Bulk bulk = {}, std::shared_ptr<const TlsContext> tls = nullptr)
      : web(
            [this, bulk = std::move(bulk)](const HttpRequest& request) {
              if (request.target.find("_bulk") != std::string::npos)
                return bulk ? bulk(request) : json_answer(200, taken(documents_in(request)));
              if (request.target == "/") return json_answer(200, root);
              if (request.target == "/_ilm/status") return json_answer(has_ilm ? 200 : 400, "{}");
              if (request.method == "GET" || request.method == "HEAD") return json_answer(404, "{}");
              return json_answer(200, "{}");
            },
            std::move(tls)) {}
  static std::size_t documents_in(const HttpRequest& request) {
    const std::string_view body = request.body.view();
    std::size_t lines = 0;
    for (const char c : body) lines += c == '\n';
    return lines / 2;
  }
  static std::string taken(std::size_t documents) {
    std::string items;
    for (std::size_t i = 0; i < documents; ++i) items += R"(,{"create":{"status":201}})";
    return R"({"errors":false,"items":[)" + items.substr(items.empty() ? 0 : 1) + "]}";
  }
  std::vector<HttpRequest> bulks() const {
    std::vector<HttpRequest> found;
    for (const HttpRequest& request : web.requests())
      if (request.target.find("_bulk") != std::string::npos) found.push_back(request);
    return found;
  }
  std::string hosts() const { return fmt::format("hosts => [\"{}\"]", web.url()); }

  std::string root = R"({"version":{"number":"8.12.0","build_flavor":"default"}})";
  bool has_ilm = false;
  FakeWebService web;
};

struct StartedOutput {
  explicit StartedOutput(std::string_view text, EcsMode ecs = EcsMode::V1) : harness("output", text, ecs) {
    INFO(harness.diagnostics.render());
    REQUIRE(harness.plugin != nullptr);
    REQUIRE(harness.plugin->start().has_value());
  }
  ~StartedOutput() { harness.plugin->stop(); }
  std::vector<Outcome> deliver(const std::vector<std::string>& events) {
    const auto delivery = std::make_shared<RecordedDelivery>(events);
    harness.plugin->deliver(delivery);
    return delivery->wait();
  }
  std::uint64_t counter(std::string_view name) { return harness.metrics.counter(name).value(); }
  PluginHarness<Output> harness;
};

std::string refusals(std::string_view options, EcsMode ecs = EcsMode::V1) {
  PluginHarness<Output> harness("output", fmt::format("elasticsearch {{ {} }}", options), ecs);
  CHECK(harness.plugin == nullptr);
  return harness.diagnostics.render();
}

/// The body of the only bulk request that an output with these options makes of the events.
std::string body_of(std::string_view options, const std::vector<std::string>& events, EcsMode ecs = EcsMode::V1,
                    bool has_ilm = false) {
  FakeCluster cluster;
  cluster.has_ilm = has_ilm;
  StartedOutput output(fmt::format("elasticsearch {{ {} compression_level => 0 {} }}", cluster.hosts(), options), ecs);
  for (const Outcome& outcome : output.deliver(events)) CHECK(outcome.kind == OutcomeKind::Delivered);
  REQUIRE(cluster.bulks().size() == 1);
  return std::string(cluster.bulks()[0].body.view());
}

}  // namespace

TEST_CASE("elasticsearch writes to the data stream that the event names, and to logs-generic-default otherwise",
          "[output][elasticsearch]") {
  CHECK(body_of("", {R"({"n":1})", R"({"n":2,"data_stream":{"dataset":"shop","x":1}})"}) ==
        R"({"create":{"_index":"logs-generic-default"}}
{"n":1,"data_stream":{"type":"logs","dataset":"generic","namespace":"default"}}
{"create":{"_index":"logs-shop-default"}}
{"n":2,"data_stream":{"dataset":"shop","x":1,"type":"logs","namespace":"default"}}
)");
  CHECK(body_of(R"(data_stream_sync_fields => false data_stream_auto_routing => false data_stream_dataset => "a.b")",
                {R"({"data_stream":{"dataset":"shop"}})"}) ==
        "{\"create\":{\"_index\":\"logs-a.b-default\"}}\n{\"data_stream\":{\"dataset\":\"shop\"}}\n");
}

TEST_CASE("elasticsearch decides for a data stream as Logstash does", "[output][elasticsearch]") {
  const auto index_of = [](std::string_view options, EcsMode ecs = EcsMode::V1, bool has_ilm = false) {
    const std::string body = body_of(options, {R"({"year":"2024"})"}, ecs, has_ilm);
    const std::size_t from = body.find("\"_index\":\"") + 10;
    return body.substr(from, body.find('"', from) - from);
  };
  CHECK(index_of("") == "logs-generic-default");
  CHECK(index_of("manage_template => false action => create routing => \"r\"") == "logs-generic-default");
  // The events of this test have no @timestamp: dates in names stay empty.
  CHECK(index_of("", EcsMode::Disabled) == "logstash-");
  CHECK(index_of("template_overwrite => true") == "ecs-logstash-");
  CHECK(index_of("action => index") == "ecs-logstash-");
  CHECK(index_of("index => \"web-%{year}\"") == "web-2024");
  CHECK(index_of("data_stream => true", EcsMode::Disabled) == "logs-generic-default");
  CHECK(index_of("data_stream => false", EcsMode::V1, true) == "ecs-logstash");  // the write alias
  CHECK(index_of("ilm_rollover_alias => shop", EcsMode::V1, true) == "shop");
  CHECK_THAT(refusals("hosts => \"h\" data_stream => true index => \"a\""), Contains("no meaning for a data stream"));
  CHECK_THAT(refusals("hosts => \"h\" data_stream_dataset => \"a\" index => \"a\""), Contains("because of index"));
}

TEST_CASE("elasticsearch writes actions, ids, routing, versions and pipelines", "[output][elasticsearch]") {
  const std::string event = R"({"id":"7","a":"x","p":""})";
  CHECK(
      body_of(
          R"(index => "i" document_id => "%{id}" routing => "%{a}" pipeline => "%{p}" version => "3" version_type => external)",
          {event}) == R"({"index":{"_index":"i","_id":"7","routing":"x","version":"3","version_type":"external"}}
{"id":"7","a":"x","p":""}
)");
  CHECK(body_of(R"(index => "i" action => update document_id => "%{id}" doc_as_upsert => true)", {event}) ==
        R"({"update":{"_index":"i","_id":"7","retry_on_conflict":1}}
{"doc":{"id":"7","a":"x","p":""},"doc_as_upsert":true}
)");
  CHECK(body_of(R"(index => "i" action => update document_id => "%{id}" script => "ctx._source.n++" upsert => '{"n":1}')",
                {event}) == R"({"update":{"_index":"i","_id":"7","retry_on_conflict":1}}
{"script":{"source":"ctx._source.n++","lang":"painless","params":{"event":{"id":"7","a":"x","p":""}}},"upsert":{"n":1}}
)");
  CHECK(body_of(R"(index => "i" join_field => "a" parent => "p1")", {event}) ==
        R"({"index":{"_index":"i","routing":"p1"}}
{"id":"7","a":{"name":"x","parent":"p1"},"p":""}
)");
  CHECK(
      body_of(
          R"(index => "i")",
          {R"({"@metadata":{"_ingest_document":{"id":"9","index":"no"},"target_ingest_pipeline":"geo","s":"\u0000"},"a":"\""})"}) ==
      "{\"index\":{\"_index\":\"i\",\"_id\":\"9\",\"pipeline\":\"geo\"}}\n{\"a\":\"\\\"\"}\n");
}

TEST_CASE("elasticsearch sorts documents by what is said of each", "[output][elasticsearch]") {
  struct Case {
    std::string item;
    OutcomeKind kind;
    std::string reason;
    std::string counter;
  };
  const std::vector<Case> cases = {
      {R"({"index":{"status":201}})", OutcomeKind::Delivered, "", "documents.taken"},
      {R"({"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"is there"}}})",
       OutcomeKind::Delivered, "", "documents.conflicts"},
      {R"({"index":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse [n]","caused_by":{"type":"number_format_exception","reason":"For input \"x\""}}}})",
       OutcomeKind::Permanent, "number_format_exception", "documents.rejected"},
      {R"({"index":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index [i]"}}})",
       OutcomeKind::Permanent, "create the index", "documents.rejected"},
      {R"({"index":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}})",
       OutcomeKind::Retry, "queue full", "documents.retried"},
      {R"({"index":{"status":503,"error":{"type":"unavailable_shards_exception","reason":"no primary"}}})",
       OutcomeKind::Retry, "no primary", "documents.retried"},
      {R"({"index":{"status":418,"error":{"type":"teapot","reason":"t"}}})", OutcomeKind::Permanent, "teapot",
       "documents.rejected"},
      {R"({"index":{"status":400,"error":{"type":"boring","reason":"b"}}})", OutcomeKind::Delivered, "", "documents.let_go"},
      {R"({"index":{"status":403,"error":"plain words"}})", OutcomeKind::Retry, "plain words", "documents.retried"},
  };
  std::string items;
  for (const Case& one : cases) items += (items.empty() ? "" : ",") + one.item;
  FakeCluster cluster([&](const HttpRequest&) { return json_answer(200, R"({"errors":true,"items":[)" + items + "]}"); });
  StartedOutput output(fmt::format(
      R"(elasticsearch {{ {} index => "i" dlq_custom_codes => [418] drop_error_types => ["boring"] }})", cluster.hosts()));
  const auto outcomes = output.deliver(std::vector<std::string>(cases.size(), "{}"));
  std::map<std::string, std::uint64_t> expected;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].item);
    CHECK(outcomes[i].kind == cases[i].kind);
    CHECK_THAT(outcomes[i].reason, Contains(cases[i].reason));
    if (outcomes[i].kind != OutcomeKind::Delivered) CHECK_THAT(outcomes[i].reason, Contains("pipeline main, output test"));
    ++expected[cases[i].counter];
  }
  for (const auto& [name, count] : expected) CHECK(output.counter(name) == count);
}

TEST_CASE("elasticsearch tries all documents again when nothing is known of any", "[output][elasticsearch]") {
  struct Case {
    int status;
    std::string type;
    std::string body;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {401, "application/json", "{}", "check user and password"},
      {403, "application/json", "{}", "privileges"},
      {404, "application/json", "{}", "check hosts, path and bulk_path"},
      {429, "application/json", "{}", "too busy"},
      {500, "text/plain", "oops", "oops"},
      {503, "application/json", "{}", "not ready"},
      {200, "text/html", "<html>Welcome</html>", "HTML page"},
      {200, "application/json", R"({"errors":false,"items":[{"index":{"status":201}}]})", "1 documents, 2 were sent"},
      {200, "application/json", R"({"errors":true,"items":[{"index":{"status":201}},{"ind)", "no answer to a bulk request"},
      {200, "application/json", R"({"errors":true,"items":[{},{"index":{"status":201}}]})", "without a status"},
      {200, "application/json", "", "no answer to a bulk request"},
      {302, "text/html", "<!DOCTYPE html>", "HTML page"},
  };
  for (const Case& one : cases) {
    FakeCluster cluster([&](const HttpRequest&) {
      HttpResponse response(one.status, one.body);
      response.headers.emplace_back("content-type", one.type);
      return response;
    });
    StartedOutput output(fmt::format("elasticsearch {{ {} index => ii }}", cluster.hosts()));
    const auto outcomes = output.deliver({"{}", "{}"});
    INFO(one.status << " " << one.body << " -> " << outcomes[1].reason);
    CHECK(outcomes[0].kind == OutcomeKind::Retry);
    CHECK(outcomes[1].kind == OutcomeKind::Retry);
    CHECK_THAT(outcomes[1].reason, Contains(one.reason) && Contains("pipeline main, output test"));
    CHECK(output.counter("documents.retried") == 2);
  }
}

TEST_CASE("elasticsearch halves a request that is too large until only what is too large by itself is left",
          "[output][elasticsearch]") {
  FakeCluster cluster([](const HttpRequest& request) {
    const std::size_t limit = 200;
    if (request.body.size() > limit) return HttpResponse(413, "too large");
    return json_answer(200, FakeCluster::taken(FakeCluster::documents_in(request)));
  });
  StartedOutput output(fmt::format("elasticsearch {{ {} index => ii compression_level => 0 }}", cluster.hosts()));
  std::vector<std::string> events(7, R"({"message":"small enough for us"})");
  events[3] = fmt::format(R"({{"message":"{}"}})", std::string(300, 'x'));
  const auto outcomes = output.deliver(events);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK(outcomes[i].kind == (i == 3 ? OutcomeKind::Permanent : OutcomeKind::Delivered));
  CHECK(outcomes[3].code == 413);
  CHECK(cluster.bulks().size() > 4);
}

TEST_CASE("elasticsearch cuts a bulk of more than 20 MiB", "[output][elasticsearch]") {
  FakeCluster cluster;
  StartedOutput output(fmt::format("elasticsearch {{ {} index => ii }}", cluster.hosts()));
  const std::string event = fmt::format(R"({{"message":"{}"}})", std::string(6 * 1024 * 1024, 'y'));
  for (const Outcome& outcome : output.deliver(std::vector<std::string>(7, event)))
    CHECK(outcome.kind == OutcomeKind::Delivered);
  const auto bulks = cluster.bulks();
  CHECK(bulks.size() == 3);
  for (const HttpRequest& bulk : bulks) CHECK(bulk.header("content-encoding") == "gzip");
}

TEST_CASE("elasticsearch refuses events whose index or action cannot be named", "[output][elasticsearch]") {
  FakeCluster cluster;
  StartedOutput output(fmt::format(R"(elasticsearch {{ {} index => "i-%{{a}}" action => "%{{do}}" }})", cluster.hosts()));
  const auto outcomes = output.deliver({R"({"a":"1","do":"index"})", R"({"do":"index"})", R"({"a":"1","do":"burn"})"});
  CHECK(outcomes[0].kind == OutcomeKind::Delivered);
  CHECK(outcomes[1].kind == OutcomeKind::Permanent);
  CHECK_THAT(outcomes[1].reason, Contains("i-%{a}"));
  CHECK(outcomes[2].kind == OutcomeKind::Permanent);
  CHECK_THAT(outcomes[2].reason, Contains("burn"));
}

TEST_CASE("elasticsearch goes on with the servers that are well and comes back to the others", "[output][elasticsearch]") {
  FakeCluster well;
  TestAcceptor dead;
  const std::uint16_t dead_port = dead.port();
  dead.stop();
  StartedOutput output(
      fmt::format(R"(elasticsearch {{ hosts => ["{}", "http://127.0.0.1:{}"] index => ii resurrect_delay => 0.05 }})",
                  well.web.url(), dead_port));
  for (int i = 0; i < 6; ++i) CHECK(output.deliver({"{}"}).at(0).kind == OutcomeKind::Delivered);
  CHECK(well.bulks().size() == 6);
  well.web.stop();
  CHECK(output.deliver({"{}"}).at(0).kind == OutcomeKind::Retry);
  const auto delivery = std::make_shared<RecordedDelivery>(std::vector<std::string>{"{}"});
  output.harness.plugin->deliver(delivery);  // nobody is well: it waits
  output.harness.plugin->stop();             // and does not hold up the end
  CHECK_THAT(delivery->wait().at(0).reason, Contains("stopping"));
}

TEST_CASE("elasticsearch delivers what waited when a server comes up", "[output][elasticsearch]") {
  std::atomic<bool> is_up{false};
  FakeWebService web([&](const HttpRequest& request) {
    if (!is_up) return HttpResponse(503, "starting");
    if (request.target == "/") return json_answer(200, R"({"version":{"number":"2.19.1","distribution":"opensearch"}})");
    return json_answer(200, FakeCluster::taken(FakeCluster::documents_in(request)));
  });
  StartedOutput output(fmt::format("elasticsearch {{ hosts => \"{}\" }}", web.url()));
  const auto delivery = std::make_shared<RecordedDelivery>(std::vector<std::string>{"{}"});
  output.harness.plugin->deliver(delivery);
  is_up = true;
  CHECK(delivery->wait().at(0).kind == OutcomeKind::Delivered);
}

TEST_CASE("elasticsearch installs template, policy and alias that are missing", "[output][elasticsearch]") {
  const auto installed = [](std::string_view root, std::string_view options, bool has_ilm) {
    FakeCluster cluster;
    cluster.root = root;
    cluster.has_ilm = has_ilm;
    StartedOutput output(fmt::format("elasticsearch {{ {} {} }}", cluster.hosts(), options), EcsMode::Disabled);
    output.deliver({"{}"});
    std::map<std::string, std::string> puts;
    for (const HttpRequest& request : cluster.web.requests())
      if (request.method == "PUT") puts[request.target] = request.body.view();
    return puts;
  };
  const std::string es8 = R"({"version":{"number":"8.12.0"}})";
  const std::string es7 = R"({"version":{"number":"7.17.0"}})";
  auto puts = installed(es8, "", false);
  REQUIRE(puts.size() == 1);
  CHECK_THAT(puts["/_index_template/logstash"], Contains(R"("index_patterns":["logstash-*"])") && Contains("geo_point"));
  puts = installed(es7, "template_name => mine", false);
  CHECK_THAT(puts["/_template/mine"], Contains(R"("mappings":{)"));
  CHECK(installed(es8, "manage_template => false", false).empty());
  puts = installed(es8, "ilm_rollover_alias => shop", true);
  CHECK(puts.size() == 3);
  CHECK_THAT(puts["/_index_template/shop"], Contains(R"("index.lifecycle.rollover_alias":"shop")") && Contains("shop-*"));
  CHECK_THAT(puts["/_ilm/policy/logstash-policy"], Contains("rollover"));
  CHECK_THAT(puts["/%3Cshop-%7Bnow%2Fd%7D-000001%3E"], Contains("is_write_index"));
}

TEST_CASE("effectively once: an event has the same id whenever its source is read, and another one for each copy",
          "[output][elasticsearch]") {
  FakeCluster cluster;
  StartedOutput output(
      fmt::format("elasticsearch {{ {} index => ii effectively_once => true compression_level => 0 }}", cluster.hosts()));
  const auto ids = [&](std::string_view stream, std::vector<std::uint64_t> positions, bool clones) {
    class Given final : public Delivery {
     public:
      explicit Given(std::vector<Event*> events) : held_(std::move(events)) { events_ = held_; }
      void report(std::size_t, Outcome) override { done_.set_value(); }
      void report_all(const Outcome&) override { done_.set_value(); }
      std::vector<Event*> held_;
      std::promise<void> done_;
    };
    auto chunk = std::make_shared<Chunk>(Buffer(), Timestamp{});
    for (std::size_t i = 0; i < 3; ++i) chunk->new_event().add_defaults(Timestamp{});
    if (!stream.empty())
      chunk->token().set_source(std::make_unique<EventSource>(EventSource{std::string(stream), std::move(positions)}));
    chunk->token().arm(3);
    Batch batch;
    for (Event* event : chunk->events()) batch.take(chunk, event);
    std::vector<Event*> events = batch.events();
    if (clones) events = {batch.clone(*events[0]), batch.clone(*events[0]), events[0]};
    const std::size_t before = cluster.bulks().size();
    const auto delivery = std::make_shared<Given>(events);
    output.harness.plugin->deliver(delivery);
    delivery->done_.get_future().wait();
    const std::string body(cluster.bulks().at(before).body.view());
    std::vector<std::string> found;
    for (std::size_t at = body.find("\"_id\":\""); at != std::string::npos; at = body.find("\"_id\":\"", at + 1))
      found.push_back(body.substr(at + 7, 22));
    return found;
  };
  const auto first = ids("kafka/c/t/0", {5, 6, 6}, false);
  REQUIRE(first.size() == 3);
  CHECK(first == std::vector<std::string>{ids("kafka/c/t/0", {5, 6, 6}, false)});
  CHECK(first[1] != first[2]);                                 // two events of one message
  CHECK(ids("kafka/c/t/0", {4, 5, 7}, false)[1] == first[0]);  // read in other pieces
  CHECK(ids("kafka/c/t/1", {5, 6, 6}, false)[0] != first[0]);
  const auto copies = ids("kafka/c/t/0", {5, 6, 6}, true);
  CHECK(copies[0] != copies[1]);
  CHECK(copies[2] == first[0]);
  CHECK(copies == ids("kafka/c/t/0", {5, 6, 6}, true));
  CHECK(output.counter("documents.ids_of_this_run") == 0);
  CHECK(ids("", {}, false) != ids("", {}, false));
  CHECK(output.counter("documents.ids_of_this_run") == 6);
}

TEST_CASE("elasticsearch says what is wrong with a certificate", "[output][elasticsearch]") {
  const TestCertificates certificates;
  TlsServerSettings settings;
  settings.certificate = certificates.path("server.pem");
  settings.key = certificates.path("server.key");
  auto tls = TlsContext::for_server(settings);
  REQUIRE(tls.has_value());
  FakeCluster cluster({}, *tls);
  StartedOutput trusted(
      fmt::format("elasticsearch {{ {} index => ii ssl_certificate_authorities => \"{}\" api_key => \"a:b\" }}",
                  cluster.hosts(), certificates.path("ca.pem")));
  CHECK(trusted.deliver({"{}"}).at(0).kind == OutcomeKind::Delivered);
  CHECK(cluster.bulks().at(0).header("authorization") == "ApiKey YTpi");
  StartedOutput careless(fmt::format("elasticsearch {{ {} index => ii ssl_verification_mode => none }}", cluster.hosts()));
  CHECK(careless.deliver({"{}"}).at(0).kind == OutcomeKind::Delivered);
}

TEST_CASE("elasticsearch output refuses what can never work, all at once", "[output][elasticsearch]") {
  CHECK_THAT(refusals("hosts => [\"ftp://h\"] document_type => \"x\""), Contains("ftp://h") && Contains("obsolete"));
  CHECK_THAT(refusals("hosts => [\"h:port\"] index => ii action => explode"),
             Contains("no number for a port") && Contains("explode"));
  CHECK_THAT(refusals("hosts => \"http://h\" api_key => \"a:b\""), Contains("in clear"));
  CHECK_THAT(refusals("hosts => \"http://h\" user => uu"), Contains("belong together"));
  CHECK_THAT(refusals("hosts => \"http://h\" ssl_enabled => true"), Contains("says otherwise"));
  CHECK_THAT(refusals("cloud_id => \"x\""), Contains("copy it from"));
  CHECK_THAT(refusals("index => ii action => update"), Contains("needs document_id"));
  CHECK_THAT(refusals("index => ii effectively_once => true document_id => \"1\""),
             Contains("effectively_once makes the ids"));
}

}  // namespace logboom
