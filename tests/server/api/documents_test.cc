// Answers on the wire: Logstash's shapes, errors, the audit log, changes that happen whole or not at all.
#include <sys/stat.h>

#include <fstream>

#include "pipeline/base/log.h"
#include "server/api/certificates.h"
#include "server/api/openapi.h"
#include "server/pipelines/stored_pipelines.h"
#include "tests/server/api/api_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using nlohmann::json;

/// Fails the test when a path ("jvm.mem.heap_used_percent") is not in the document.
const json& at(const json& document, const std::string& path) {
  const json* here = &document;
  std::string rest = path;
  while (!rest.empty()) {
    const std::size_t dot = rest.find('.');
    const std::string name = rest.substr(0, dot);
    INFO(path << " lacks " << name);
    REQUIRE(here->contains(name));
    here = &(*here)[name];
    rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
  }
  return *here;
}

std::vector<json> audit_lines(const ApiFixture& fixture) {
  std::vector<json> lines;
  std::istringstream in(fixture.directory.read("logboom-audit.jsonl"));
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

const std::string kText = "input { generator { } } output { null { } }";

}  // namespace

TEST_CASE("every Logstash answer begins with who answers", "[api]") {
  ApiFixture fixture(ApiFixture::Given{{"node.name", "edge-1"}});
  fixture.start();
  for (const char* path :
       {"/", "/_node", "/_node/os", "/_node/plugins", "/_node/stats", "/_node/stats/jvm", "/_node/logging",
        "/_node/pipelines/main", "/_node/stats/pipelines/main", "/_node/hot_threads?threads=3"}) {
    INFO(path);
    const Answer answer = fixture.ask("GET", path);
    REQUIRE(answer.status == 200);
    const json document = answer.json();
    CHECK(document["name"] == "edge-1");
    CHECK(document["version"].get<std::string>().substr(0, 2) == "8.");
    CHECK(document["http_address"] == "127.0.0.1:" + std::to_string(fixture.server->port()));
    for (const char* part : {"host", "id", "ephemeral_id", "snapshot", "status", "pipeline.workers", "pipeline.batch_size"})
      at(document, part);
  }
  const json root = fixture.ask("GET", "/").json();
  CHECK(root["logboom"]["version"].is_string());
}

TEST_CASE("what Metricbeat and the exporters read is there", "[api]") {
  ApiFixture fixture;
  fixture.start();
  MetricScope& scope = *fixture.pipelines.views[0].metrics;
  scope.counter("events.in").add(7);
  scope.child("plugins").child("filters").child("mark").counter("events.in").add(7);
  scope.child("plugins").child("filters").child("mark").counter("events.duration_nanoseconds").add(9'000'000);
  scope.child("plugins").child("inputs").child("in").counter("blocked_microseconds").add(4000);
  const json stats = fixture.ask("GET", "/_node/stats?pretty").json();
  for (const char* path : {"jvm.threads.count",
                           "jvm.threads.peak_count",
                           "jvm.mem.heap_used_percent",
                           "jvm.mem.heap_committed_in_bytes",
                           "jvm.mem.heap_max_in_bytes",
                           "jvm.mem.heap_used_in_bytes",
                           "jvm.mem.non_heap_used_in_bytes",
                           "jvm.mem.pools.young.used_in_bytes",
                           "jvm.mem.pools.old.peak_used_in_bytes",
                           "jvm.mem.pools.survivor.max_in_bytes",
                           "jvm.gc.collectors.young.collection_count",
                           "jvm.gc.collectors.old.collection_time_in_millis",
                           "jvm.uptime_in_millis",
                           "process.open_file_descriptors",
                           "process.peak_open_file_descriptors",
                           "process.max_file_descriptors",
                           "process.mem.total_virtual_in_bytes",
                           "process.cpu.total_in_millis",
                           "process.cpu.percent",
                           "process.cpu.load_average.1m",
                           "process.cpu.load_average.15m",
                           "events.in",
                           "events.filtered",
                           "events.out",
                           "events.duration_in_millis",
                           "events.queue_push_duration_in_millis",
                           "reloads.successes",
                           "reloads.failures",
                           "os",
                           "queue.events_count",
                           "flow.input_throughput",
                           "pipelines.main.events.out",
                           "pipelines.main.flow.worker_utilization",
                           "pipelines.main.reloads.last_error",
                           "pipelines.main.reloads.last_success_timestamp",
                           "pipelines.main.queue.type",
                           "pipelines.main.queue.events_count",
                           "pipelines.main.queue.queue_size_in_bytes",
                           "pipelines.main.queue.max_queue_size_in_bytes",
                           "pipelines.main.hash",
                           "pipelines.main.ephemeral_id",
                           "pipelines.main.plugins.codecs"})
    at(stats, path);
  CHECK(stats["jvm"]["mem"]["heap_used_in_bytes"].get<std::uint64_t>() > 0);
  CHECK(stats["process"]["open_file_descriptors"].get<int>() > 3);
  const json& plugins = stats["pipelines"]["main"]["plugins"];
  CHECK(plugins["inputs"][0]["events"] == json{{"out", 0}, {"queue_push_duration_in_millis", 4}});
  CHECK(plugins["filters"][0]["id"] == "mark");
  CHECK(plugins["filters"][0]["name"] == "mutate");
  CHECK(plugins["filters"][0]["events"] == json{{"in", 7}, {"out", 0}, {"duration_in_millis", 9}});
  CHECK(plugins["outputs"][0]["state"] == "ok");
  CHECK(stats["events"]["in"] == 7);
  const json info = fixture.ask("GET", "/_node").json();
  for (const char* path :
       {"os.name", "os.arch", "os.version", "os.available_processors", "jvm.pid", "jvm.version", "jvm.vm_name",
        "jvm.vm_version", "jvm.vm_vendor", "jvm.start_time_in_millis", "jvm.mem.heap_init_in_bytes",
        "jvm.mem.non_heap_max_in_bytes", "jvm.gc_collectors", "pipelines.main.workers", "pipelines.main.batch_size",
        "pipelines.main.dead_letter_queue_enabled", "pipelines.main.hash"})
    at(info, path);
  CHECK(info["pipelines"]["main"]["workers"] == 2);
  const json graph = fixture.ask("GET", "/_node/pipelines?graph=true").json()["pipelines"]["main"]["graph"]["graph"];
  CHECK(graph["vertices"].size() == 4);
  CHECK(graph["edges"].size() == 3);
  const json vertices = fixture.ask("GET", "/_node/stats/pipelines?vertices=true").json()["pipelines"]["main"]["vertices"];
  CHECK(vertices.size() == 3);
}

TEST_CASE("a list of groups gives these groups alone", "[api]") {
  ApiFixture fixture;
  fixture.start();
  const json some = fixture.ask("GET", "/_node/stats/jvm,events").json();
  CHECK(some.contains("jvm"));
  CHECK(some.contains("events"));
  CHECK_FALSE(some.contains("process"));
  CHECK(fixture.ask("GET", "/_node/stats/jvm,weather").status == 404);
}

TEST_CASE("what is not there is said in each path's own words", "[api]") {
  ApiFixture fixture;
  fixture.start();
  const Answer logstash = fixture.ask("GET", "/_node/weather");
  CHECK(logstash.status == 404);
  CHECK(logstash.json() == json{{"path", "/_node/weather"}, {"status", 404}, {"error", {{"message", "Not Found"}}}});
  CHECK(fixture.ask("GET", "/_node/pipelines/nobody").status == 404);
  const Answer own = fixture.ask("GET", "/v1/pipelines/nobody?x=1");
  CHECK(own.status == 404);
  CHECK_THAT(own.head, Contains("application/problem+json"));
  CHECK(own.json()["title"] == "Not Found");
  CHECK(own.json()["instance"] == "/v1/pipelines/nobody");
  const Answer method = fixture.ask("BREW", "/_node/logging");
  CHECK(method.status == 405);
  CHECK_THAT(method.head, Contains("allow: GET, HEAD, PUT"));
  CHECK(fixture.ask("BREW", "/nowhere").status == 404);
  const Answer head = fixture.ask("HEAD", "/_node/stats");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
}

TEST_CASE("log levels change at run time, all of them or none", "[api][logging]") {
  ApiFixture fixture;
  fixture.start();
  const LogLevel before = log_level();
  CHECK(fixture.ask("PUT", "/_node/logging", "", R"({"logger.a":"DEBUG","logger.b":"LOUD"})").status == 400);
  CHECK(fixture.ask("PUT", "/_node/logging", "", R"({"a":"DEBUG"})").status == 400);
  CHECK(fixture.ask("PUT", "/_node/logging", "", "no JSON").status == 400);
  CHECK_FALSE(fixture.ask("GET", "/_node/logging").json()["loggers"].contains("a"));
  CHECK(fixture.ask("PUT", "/_node/logging", "", R"({"logger.a":"DEBUG"})").json() == json{{"acknowledged", true}});
  CHECK(fixture.ask("GET", "/_node/logging").json()["loggers"]["a"] == "DEBUG");
  CHECK(most_verbose_log_level() == LogLevel::Debug);
  CHECK(fixture.ask("PUT", "/_node/logging/reset").status == 200);
  CHECK(log_level() == before);
  const auto lines = audit_lines(fixture);
  REQUIRE(lines.size() >= 2);
  CHECK(lines.back()["phase"] == "done");
  CHECK(lines.back()["who"] == "anonymous");
  CHECK(lines.back()["from"] == "127.0.0.1");
  CHECK(lines.back().contains("before"));
}

TEST_CASE("a change whose audit line cannot be written is not made", "[api][audit]") {
  ApiFixture fixture(ApiFixture::Given{{"api.audit.path", "/dev/full"}});
  fixture.start();
  const Answer answer = fixture.ask("PUT", "/_node/logging", "", R"({"logger.never":"DEBUG"})");
  CHECK(answer.status == 507);
  CHECK_THAT(answer.body, Contains("nothing was changed"));
  CHECK_FALSE(fixture.ask("GET", "/_node/logging").json()["loggers"].contains("never"));
  CHECK(fixture.ask("POST", "/v1/reload").status == 507);
  CHECK(fixture.pipelines.reloads.empty());
}

TEST_CASE("probes tell starting, running and stopping apart", "[api][probes]") {
  ApiFixture fixture(ApiFixture::Given{{"probes.host", "127.0.0.1"},
                                       {"probes.port", "0"},
                                       {"api.auth.type", "basic"},
                                       {"api.auth.basic.username", "logstash"},
                                       {"api.auth.basic.password", "Secret-1"}});
  fixture.start();
  const std::uint16_t port = fixture.server->probes_port();
  CHECK(ApiFixture::ask_at(port, "GET", "/live").status == 200);
  CHECK(ApiFixture::ask_at(port, "GET", "/ready").status == 200);
  CHECK(ApiFixture::ask_at(port, "GET", "/metrics").status == 200);
  CHECK(ApiFixture::ask_at(port, "GET", "/_node/stats").status == 404);
  CHECK(ApiFixture::ask_at(port, "PUT", "/_node/logging", "", "{}").status == 404);
  CHECK(fixture.ask("GET", "/live").status == 200);
  CHECK(fixture.ask("GET", "/metrics").status == 401);
  fixture.server.reset();
  fixture.pipelines.views[0].state = ServedState::Starting;
  fixture.start();
  CHECK(fixture.ask("GET", "/ready").status == 503);
  fixture.server.reset();
  fixture.pipelines.views[0].state = ServedState::Failed;
  fixture.start();
  CHECK_THAT(fixture.ask("GET", "/ready").body, Contains("no pipeline runs"));
  fixture.server.reset();
  fixture.pipelines.views[0].state = ServedState::Running;
  fixture.pipelines.is_ending = true;
  fixture.start();
  CHECK_THAT(fixture.ask("GET", "/ready").body, Contains("stopping"));
}

TEST_CASE("a reload's answer says what became of each pipeline", "[api][reload]") {
  ApiFixture fixture;
  fixture.pipelines.outcomes = {{"main", "unchanged", ""}, {"web", "reloaded", ""}};
  fixture.start();
  const Answer fine = fixture.ask("POST", "/_reload");
  CHECK(fine.status == 200);
  CHECK(fine.json()["pipelines"]["web"]["outcome"] == "reloaded");
  fixture.pipelines.outcomes = {{"main", "refused", "main.conf:1:1: error: …"}};
  const Answer refused = fixture.ask("POST", "/v1/pipelines/main/reload");
  CHECK(refused.status == 422);
  CHECK(refused.json()["pipelines"]["main"]["diagnostics"] == "main.conf:1:1: error: …");
  CHECK(fixture.pipelines.reloads == std::vector<std::vector<std::string>>{{}, {"main"}});
  CHECK(fixture.ask("POST", "/v1/pipelines/nobody/reload").status == 404);
  fixture.pipelines.reload_error = Error{ErrorCode::Cancelled, "the process is stopping"};
  CHECK(fixture.ask("POST", "/v1/reload").status == 503);
}

TEST_CASE("a pipeline is stored and run, or nothing is changed", "[api][pipelines]") {
  ApiFixture fixture(ApiFixture::Given{{"api.tokens", test_tokens()}});
  fixture.start();
  const std::string admin = ApiFixture::bearer("admin");
  const StoredPipelines stored(fixture.settings);
  const Answer bad = fixture.ask("PUT", "/v1/pipelines/web", admin, "filter { mutat { } }");
  CHECK(bad.status == 422);
  CHECK_THAT(bad.json()["diagnostics"].get<std::string>(), Contains("web.conf:1:10: error: there is no filter \"mutat\""));
  CHECK(fixture.ask("PUT", "/v1/pipelines/web?dry_run=true", admin, kText).status == 200);
  CHECK(stored.ids().empty());
  CHECK(fixture.pipelines.reloads.empty());

  fixture.pipelines.outcomes = {{"web", "added", ""}};
  const Answer added = fixture.ask("PUT", "/v1/pipelines/web", admin, kText);
  CHECK(added.status == 201);
  CHECK_THAT(added.json()["after_restart"].get<std::string>(), Contains("takes the stored text"));
  CHECK(stored.read("web")->text == kText);

  fixture.pipelines.outcomes = {{"web", "refused", "port 514 is in use"}};
  const Answer refused = fixture.ask("PUT", "/v1/pipelines/web", admin + "Content-Type: application/json\r\n",
                                     json{{"config", kText + " # new"}, {"settings", {{"pipeline.workers", 3}}}}.dump());
  CHECK(refused.status == 422);
  CHECK_THAT(refused.body, Contains("port 514 is in use"));
  CHECK(stored.read("web")->text == kText);
  CHECK(stored.read("web")->settings.empty());

  fixture.pipelines.outcomes = {{"web", "removed", ""}};
  CHECK(fixture.ask("DELETE", "/v1/pipelines/web", admin).status == 200);
  CHECK(stored.ids().empty());
  CHECK(fixture.ask("DELETE", "/v1/pipelines/web", admin).status == 404);
  CHECK(fixture.ask("DELETE", "/v1/pipelines/main", admin).status == 409);
  CHECK(fixture.ask("PUT", "/v1/pipelines/..%2Fx", admin, kText).status == 400);
  CHECK(fixture.ask("PUT", "/v1/pipelines/x", admin, " \n").status == 400);
  bool was_recorded = false;
  for (const json& line : audit_lines(fixture))
    was_recorded |= line.value("who", "") == "token:admin-token" && line.contains("after") && line["after"].is_object() &&
                    line["after"]["config"] == kText;
  CHECK(was_recorded);
}

TEST_CASE("a request that is too large changes nothing and is told so", "[api][limits]") {
  ApiFixture fixture(ApiFixture::Given{{"api.tokens", test_tokens()}});
  fixture.start();
  TestSocket socket(fixture.server->port());
  socket.send("PUT /v1/pipelines/web HTTP/1.1\r\nHost: localhost\r\n" + ApiFixture::bearer("admin") +
              "Content-Length: 104857600\r\n\r\ninput {");
  CHECK_THAT(socket.read_until("\r\n\r\n"), Catch::Matchers::StartsWith("HTTP/1.1 413 "));
  CHECK(StoredPipelines(fixture.settings).ids().empty());
}

TEST_CASE("stored pipelines come before those of files, and beside them", "[pipelines]") {
  const TemporaryDirectory directory;
  Settings settings;
  REQUIRE(settings.set("path.data", directory.path(), "test"));
  const StoredPipelines stored(settings);
  REQUIRE(stored.write("web", {kText, "pipeline.workers: 3\n"}));
  REQUIRE(stored.write("extra", {kText, ""}));
  std::vector<PipelineEntry> entries(1);
  entries[0].id = "web";
  REQUIRE(entries[0].own.set("config.string", "input { }", "pipelines.yml"));
  REQUIRE(stored.merge_into(entries, environment_variables()));
  REQUIRE(entries.size() == 2);
  CHECK_FALSE(entries[0].own.has("config.string"));
  CHECK(entries[0].own.text("path.config") == directory.at("pipelines/web.conf"));
  CHECK(entries[0].own.number("pipeline.workers") == 3);
  CHECK(entries[1].id == "extra");
  REQUIRE(stored.write("web", {kText, ""}));
  CHECK_FALSE(std::ifstream(directory.at("pipelines/web.yml")));
  CHECK_FALSE(stored.write("../x", {kText, ""}));
}

TEST_CASE("grok patterns are tried on lines, and misses are explained", "[api][grok]") {
  ApiFixture fixture;
  fixture.start();
  const json found = fixture
                         .ask("POST", "/v1/grok/debug", "",
                              R"({"pattern":"%{IP:client} %{WORD:verb}","lines":["10.0.0.1 GET","10.0.0.1 !"]})")
                         .json()["results"];
  CHECK(found[0]["matched"] == true);
  CHECK(found[0]["fields"]["client"] == "10.0.0.1");
  CHECK(found[1]["matched"] == false);
  CHECK(found[1]["prefix_end"] == 9);
  CHECK(fixture.ask("POST", "/v1/grok/debug", "", R"({"pattern":"%{NOSUCH}","line":"x"})").status == 422);
  CHECK(fixture.ask("POST", "/v1/grok/debug", "", R"({"line":7})").status == 400);
  CHECK(fixture.ask("POST", "/v1/grok/debug", "", "{}").status == 400);
  const json checked = fixture.ask("POST", "/v1/config/validate", "", "filter { mutat { } }").json();
  CHECK(checked["valid"] == false);
  CHECK_THAT(checked["diagnostics"].get<std::string>(), Contains("mutat"));
}

TEST_CASE("the OpenAPI description has every endpoint and no other", "[api][docs]") {
  std::ifstream file("docs/reference/openapi.json");
  REQUIRE(file);
  const json document = json::parse(file);
  std::size_t described = 0;
  for (const auto& [path, operations] : document["paths"].items())
    for (const auto& [method, operation] : operations.items()) {
      INFO(method << " " << path);
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      bool is_there = false;
      for (const Route& route : api_routes())
        if (route.path == path && route.method == upper) {
          is_there = true;
          CHECK(operation["x-logboom-role"] == std::string(role_name(route.role)));
          CHECK(operation.contains("requestBody") == !route.body.empty());
        }
      CHECK(is_there);
      ++described;
    }
  CHECK(described == api_routes().size());
}

}  // namespace logboom
