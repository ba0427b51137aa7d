// The admin API on a port of its own over pipelines of the test, and a client for it.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/queue/memory_queue.h"
#include "server/api/api_server.h"
#include "server/pipelines/compiled_pipeline.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_socket.h"

namespace logboom {

/// Pipelines as the test says; nothing of them runs by itself.
class TestDirectory final : public PipelineDirectory {
 public:
  explicit TestDirectory(MetricScope& metrics) : metrics_(metrics) {}

  /// Compiles a text; its pipeline is there and does nothing.
  PipelineView& add(const std::string& id, const std::string& text, const std::string& data) {
    WantedPipeline wanted{id, {}};
    REQUIRE(wanted.settings.set("config.string", text, "test"));
    REQUIRE(wanted.settings.set("path.data", data, "test"));
    REQUIRE(wanted.settings.set("pipeline.workers", "2", "test"));
    MetricScope& scope = metrics_.child("pipelines").child(id);
    CompiledPipeline compiled = compile_pipeline(read_pipeline(wanted, environment_variables()), nullptr, nullptr, scope);
    INFO(compiled.diagnostics);
    REQUIRE(compiled.plan);
    PipelineView view;
    view.id = id;
    view.hash = compiled.config_hash;
    view.ephemeral_id = "e-" + id;
    view.settings = wanted.settings;
    view.plan = compiled.plan;
    view.pipeline =
        std::make_shared<Pipeline>(compiled.plan, compiled.run, std::make_unique<MemoryQueue>(MemoryQueueLimits{}), scope);
    view.metrics = &scope;
    views.push_back(std::move(view));
    return views.back();
  }
  PipelineView& add_failed(const std::string& id, const std::string& failure) {
    PipelineView view;
    view.id = id;
    view.state = ServedState::Failed;
    view.failure = failure;
    view.metrics = &metrics_.child("pipelines").child(id);
    views.push_back(std::move(view));
    return views.back();
  }

  std::vector<PipelineView> pipelines() const override { return views; }
  bool is_stopping() const override { return is_ending; }
  Result<std::vector<ReloadOutcome>> reload(const std::vector<std::string>& ids) override {
    reloads.push_back(ids);
    if (reload_error) return *reload_error;
    return outcomes;
  }
  Result<CheckedPipeline> check(const ProposedPipeline& proposed) override {
    if (proposed.text.find("mutat ") == std::string::npos) return CheckedPipeline{true, "", "hash"};
    return CheckedPipeline{false, proposed.id + ".conf:1:10: error: there is no filter \"mutat\"\n", ""};
  }

  std::vector<PipelineView> views;
  std::vector<ReloadOutcome> outcomes;
  std::optional<Error> reload_error;
  std::vector<std::vector<std::string>> reloads;
  bool is_ending = false;

 private:
  MetricScope& metrics_;
};

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

/// Two viewers' tokens and so on: the token's text is the role's name.
inline std::string test_tokens() {
  std::string text;
  for (const char* role : {"viewer", "operator", "admin"})
    text += std::string(text.empty() ? "" : ",") + role + "-token " + role + " sha256:" + sha256_hex(role);
  return text;
}

class ApiFixture {
 public:
  using Given = std::vector<std::pair<std::string, std::string>>;

  explicit ApiFixture(const Given& given = {}) : pipelines(metrics) {
    REQUIRE(settings.set("path.data", directory.path(), "test"));
    REQUIRE(settings.set("api.http.port", "0", "test"));
    for (const auto& [name, value] : given) REQUIRE(settings.set(name, value, "test"));
    pipelines.add("main",
                  "input { generator { id => \"in\" } } filter { mutate { id => \"mark\" add_tag => [\"x\"] } } "
                  "output { null { id => \"out\" } }",
                  directory.path());
  }
  /// Once, after the pipelines are as they shall be.
  void start() {
    auto options = read_api_options(settings);
    if (!options) FAIL(options.error().message);
    auto started = ApiServer::start(std::move(*options), settings, pipelines, metrics, control);
    if (!started) FAIL(started.error().message);
    server = std::move(*started);
  }

  /// Sends one request and reads its answer. `headers` are whole lines.
  Answer ask(const std::string& method, const std::string& target, const std::string& headers = "",
             const std::string& body = "") const {
    return ask_at(server->port(), method, target, headers, body);
  }
  static Answer ask_at(std::uint16_t port, const std::string& method, const std::string& target,
                       const std::string& headers = "", const std::string& body = "") {
    TestSocket socket(port);
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    socket.send(request + "\r\n" + body);
    socket.finish_sending();
    Answer answer;
    answer.head = socket.read_until("\r\n\r\n");
    answer.body = socket.read_all();
    if (answer.head.size() > 12) answer.status = std::stoi(answer.head.substr(9, 3));
    return answer;
  }
  static std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

  TemporaryDirectory directory;
  MetricScope metrics;
  TestDirectory pipelines;
  ControlHandlers control;
  Settings settings;
  std::unique_ptr<ApiServer> server;
};

}  // namespace logboom
