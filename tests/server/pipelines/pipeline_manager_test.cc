#include "server/pipelines/pipeline_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>

#include "tests/support/temporary_directory.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Changes = std::map<std::string, std::string>;

/// A client of a unix socket that is kept open.
class Client {
 public:
  explicit Client(const std::string& path) : descriptor_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    is_connected_ = connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(descriptor_); }
  bool is_connected() const { return is_connected_; }
  bool send(std::string_view text) { return ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) > 0; }

 private:
  int descriptor_;
  bool is_connected_ = false;
};

/// A settings directory, and the pipelines of a process that was started on it.
class Rig {
 public:
  Rig() {
    REQUIRE(command_line_.set("path.settings", folder.path(), "test"));
    REQUIRE(command_line_.set("path.data", folder.at("data"), "test"));
    REQUIRE(command_line_.set("pipeline.workers", "1", "test"));
  }
  /// Writes pipelines.yml with these texts, by id. `own` goes under each.
  void write(const std::vector<std::pair<std::string, std::string>>& pipelines, const std::string& own = "") {
    std::string text;
    for (const auto& [id, config] : pipelines) {
      put(id + ".conf", config);
      text += "- pipeline.id: " + id + "\n  path.config: " + folder.at(id + ".conf") + "\n" + own;
    }
    put("pipelines.yml", text);
  }
  /// In one step: a reload may be reading.
  void put(const std::string& name, const std::string& text) {
    folder.write(name + ".next", text);
    std::filesystem::rename(folder.at(name + ".next"), folder.at(name));
  }
  std::size_t start() {
    auto process = load_process_settings(command_line_);
    REQUIRE(process);
    auto entries = configured_pipelines(*process);
    REQUIRE(entries);
    manager = std::make_unique<PipelineManager>(command_line_, std::move(*process), metrics);
    manager->compile(*entries);
    return manager->start();
  }
  Changes reload() {
    report = manager->reload();
    Changes changes;
    for (const auto& line : report.pipelines) changes[line.id] = reload_change_name(line.change);
    return changes;
  }
  std::string diagnostics_of(const std::string& id) const {
    for (const auto& line : report.pipelines)
      if (line.id == id) return line.diagnostics;
    return "";
  }
  bool wait_until(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  PipelineState state_of(const std::string& id) const { return manager->find(id)->state(); }
  std::string listening(const std::string& name, const std::string& rest = "output { null {} }") const {
    return "input { unix { path => \"" + folder.at(name + ".sock") + "\" } } " + rest;
  }
  std::uint64_t received(const std::string& id) { return metrics.child("pipelines").child(id).counter("events.in").value(); }

  TemporaryDirectory folder;
  MetricScope metrics;
  std::unique_ptr<PipelineManager> manager;
  ReloadReport report;

 private:
  Settings command_line_;
};

TEST_CASE("a pipeline that cannot start is kept with its reason, and the others run", "[pipelines]") {
  Rig rig;
  rig.write({{"good", rig.listening("good")},
             {"refused", "input { stdin {} } filter { mutat {} }"},
             {"no_address", "input { unix { path => \"/nowhere/at/all\" } }"}});
  CHECK(rig.start() == 1);
  CHECK(rig.state_of("good") == PipelineState::Running);
  CHECK(rig.state_of("refused") == PipelineState::Failed);
  CHECK_THAT(rig.manager->find("refused")->problem(), Contains("there is no filter \"mutat\""));
  CHECK(rig.state_of("no_address") == PipelineState::Failed);
  CHECK_THAT(rig.manager->find("no_address")->problem(), Contains("/nowhere/at/all"));
  CHECK(Client(rig.folder.at("good.sock")).is_connected());
}

TEST_CASE("a pipeline whose files the disk refuses says so, and starts when it does better", "[pipelines]") {
  const std::string kind = GENERATE("queue", "dead letters", "disk buffer");
  CAPTURE(kind);
  Rig rig;
  const std::string below = rig.folder.at("blocked") + "/deep";
  std::string own, buffer = rig.folder.at("buffer");
  if (kind == "queue") own = "  queue.type: persisted\n  path.queue: " + below + "\n";
  if (kind == "dead letters") own = "  dead_letter_queue.enable: true\n  path.dead_letter_queue: " + below + "\n";
  if (kind == "disk buffer") buffer = below;
  rig.folder.write("blocked", "a file where a directory should be");
  rig.put("good.conf", rig.listening("good"));
  rig.put("waits.conf", rig.listening("waits", "output { null { buffer => { type => disk path => \"" + buffer + "\" } } }"));
  rig.put("pipelines.yml", "- pipeline.id: good\n  path.config: " + rig.folder.at("good.conf") +
                               "\n- pipeline.id: waits\n  path.config: " + rig.folder.at("waits.conf") + "\n" + own);
  CHECK(rig.start() == 2);
  CHECK(rig.state_of("good") == PipelineState::Running);
  CHECK(Client(rig.folder.at("good.sock")).is_connected());
  CHECK(rig.state_of("waits") == PipelineState::Starting);
  CHECK(rig.manager->find("waits")->waits_for_disk());
  CHECK_THAT(rig.manager->find("waits")->problem(), Contains(rig.folder.at("blocked")));
  CHECK_FALSE(Client(rig.folder.at("waits.sock")).is_connected());

  SECTION("by itself") {
    std::filesystem::remove(rig.folder.at("blocked"));
    REQUIRE(rig.wait_until([&] { return rig.state_of("waits") == PipelineState::Running; }));
    CHECK(rig.manager->find("waits")->problem().empty());
    CHECK(Client(rig.folder.at("waits.sock")).is_connected());
  }
  SECTION("with a reload at once") {
    CHECK(rig.reload()["waits"] == "added");
    CHECK_THAT(rig.diagnostics_of("waits"), Contains("when the disk does better"));
    CHECK(rig.manager->find("waits")->waits_for_disk());
    std::filesystem::remove(rig.folder.at("blocked"));
    CHECK(rig.reload()["waits"] == "added");
    CHECK(rig.state_of("waits") == PipelineState::Running);
  }
  SECTION("never, when it is removed or the process ends") {
    const auto waits = rig.manager->find("waits");
    if (GENERATE(true, false)) {
      rig.write({{"good", rig.listening("good")}});
      CHECK(rig.reload()["waits"] == "removed");
    }
    rig.manager->request_stop();
    CHECK(rig.wait_until([&] { return rig.manager->has_ended(); }));
    CHECK(waits->state() == PipelineState::Failed);
    CHECK_THAT(waits->problem(), Contains(rig.folder.at("blocked")));
  }
}

TEST_CASE("a failed pipeline lets go of its dead letters: the repaired one opens them", "[pipelines]") {
  Rig rig;
  const std::string own = "  dead_letter_queue.enable: true\n";
  rig.write({{"main", "input { unix { path => \"/nowhere/at/all\" } }"}}, own);
  CHECK(rig.start() == 0);
  rig.write({{"main", rig.listening("main")}}, own);
  CHECK(rig.reload() == Changes{{"main", "added"}});
  CHECK(rig.state_of("main") == PipelineState::Running);
}

TEST_CASE("a reload says of each pipeline what became of it", "[pipelines]") {
  Rig rig;
  rig.write({{"same", rig.listening("same")},
             {"changed", rig.listening("changed")},
             {"gone", rig.listening("gone")},
             {"broken", rig.listening("broken")}});
  REQUIRE(rig.start() == 4);
  const auto before = rig.manager->pipelines();
  rig.write({{"new", rig.listening("new")},
             {"same", rig.listening("same")},
             {"changed", rig.listening("changed", "filter { drop {} } output { null {} }")},
             {"broken", rig.listening("broken", "filter { mutat {} grok { } }")}});
  CHECK(
      rig.reload() ==
      Changes{{"same", "unchanged"}, {"changed", "reloaded"}, {"gone", "removed"}, {"new", "added"}, {"broken", "refused"}});
  CHECK_THAT(rig.diagnostics_of("broken"), Contains("broken.conf:1:") && Contains("did you mean \"mutate\"?"));
  CHECK(rig.state_of("broken") == PipelineState::Running);
  CHECK(rig.manager->find("broken")->reloads().failures == 1);
  CHECK(rig.manager->find("changed")->reloads().successes == 1);
  CHECK(rig.manager->pipelines().front()->id() == "new");
  CHECK(before[2]->id() == "gone");  // a snapshot stays valid
  CHECK(rig.wait_until([&] { return before[2]->state() == PipelineState::Finished; }));
}

TEST_CASE("connections live through the reload of their pipeline", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}});
  REQUIRE(rig.start() == 1);
  Client client(rig.folder.at("a.sock"));
  REQUIRE(client.send("one\n"));
  REQUIRE(rig.wait_until([&] { return rig.received("a") == 1; }));
  for (int round = 0; round < 5; ++round) {
    const std::string filter =
        "filter { mutate { add_field => { version => " + std::to_string(round) + " } } } output { null {} }";
    rig.write({{"a", rig.listening("a", filter)}});
    CHECK(rig.reload() == Changes{{"a", "reloaded"}});
    REQUIRE(client.send("more\n"));
    REQUIRE(rig.wait_until([&] { return rig.received("a") == static_cast<std::uint64_t>(round) + 2; }));
  }
  // The input itself changes: its socket is handed over.
  rig.write({{"a", "input { unix { tags => edge path => \"" + rig.folder.at("a.sock") + "\" } } output { null {} }"}});
  CHECK(rig.reload() == Changes{{"a", "reloaded"}});
  REQUIRE(client.send("last\n"));
  CHECK(rig.wait_until([&] { return rig.received("a") == 7; }));
}

TEST_CASE("a pipeline that was removed can come back at once", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}, {"b", rig.listening("b")}});
  REQUIRE(rig.start() == 2);
  for (int round = 0; round < 3; ++round) {
    rig.write({{"a", rig.listening("a")}});
    CHECK(rig.reload() == Changes{{"a", "unchanged"}, {"b", "removed"}});
    CHECK(rig.manager->find("b") == nullptr);
    rig.write({{"a", rig.listening("a")}, {"b", rig.listening("b")}});
    CHECK(rig.reload() == Changes{{"a", "unchanged"}, {"b", "added"}});
    CHECK(rig.wait_until([&] { return rig.state_of("b") == PipelineState::Running; }));
    CHECK(Client(rig.folder.at("b.sock")).is_connected());
  }
}

TEST_CASE("settings of the queue take a restart of the pipeline", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}});
  REQUIRE(rig.start() == 1);
  rig.write({{"a", rig.listening("a")}}, "  queue.type: persisted\n");
  CHECK(rig.reload() == Changes{{"a", "restarted"}});
  REQUIRE(rig.wait_until([&] { return rig.state_of("a") == PipelineState::Running; }));
  CHECK(rig.manager->find("a")->pipeline()->queue().keeps_events());
  CHECK(rig.manager->find("a")->reloads().successes == 1);
  rig.write({{"a", rig.listening("a")}}, "  queue.type: persisted\n  pipeline.workers: 3\n");
  CHECK(rig.reload() == Changes{{"a", "reloaded"}});
  CHECK(rig.manager->find("a")->pipeline()->settings().workers == 3);
}

TEST_CASE("a failed pipeline starts when its configuration is repaired", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}, {"b", "input { stdin {} } filter { mutat {} }"}});
  REQUIRE(rig.start() == 1);
  CHECK(rig.reload() == Changes{{"a", "unchanged"}, {"b", "refused"}});
  rig.write({{"a", rig.listening("a")}, {"b", rig.listening("b")}});
  CHECK(rig.reload() == Changes{{"a", "unchanged"}, {"b", "added"}});
  CHECK(rig.state_of("b") == PipelineState::Running);
}

TEST_CASE("reloads that are asked for while another is under way are all done", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}});
  REQUIRE(rig.start() == 1);
  std::vector<std::future<ReloadReport>> answers;
  for (int i = 0; i < 8; ++i) {
    rig.write({{"a", rig.listening("a", "filter { mutate { add_field => { version => " + std::to_string(i) +
                                            " } } } output { null {} }")}});
    answers.push_back(rig.manager->request_reload());
  }
  for (auto& answer : answers) CHECK(answer.get().is_accepted());
  CHECK(rig.manager->find("a")->pipeline()->plan()->graph.sources[0]->text().find("version => 7") != std::string_view::npos);
}

TEST_CASE("settings that cannot be read change nothing", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}});
  REQUIRE(rig.start() == 1);
  rig.folder.write("pipelines.yml", "- pipeline.id: a\n  pipeline.workers: many\n");
  rig.reload();
  CHECK_THAT(rig.report.problem, Contains("pipelines.yml:2:") && Contains("a whole number"));
  CHECK(rig.report.pipelines.empty());
  CHECK(rig.state_of("a") == PipelineState::Running);
}

TEST_CASE("only the pipelines that are meant are reloaded", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}, {"b", rig.listening("b")}});
  REQUIRE(rig.start() == 2);
  const std::string other = "filter { drop {} } output { null {} }";
  rig.write({{"a", rig.listening("a", other)}, {"b", rig.listening("b", other)}});
  const auto report = rig.manager->reload({"b", "c"});
  REQUIRE(report.pipelines.size() == 2);
  CHECK(report.pipelines[0].change == ReloadChange::Refused);  // there is no c
  CHECK(report.pipelines[1].id == "b");
  CHECK(rig.reload() == Changes{{"a", "reloaded"}, {"b", "unchanged"}});
}

TEST_CASE("pipelines end when they are asked to, those that wait for a predecessor too", "[pipelines]") {
  Rig rig;
  rig.write({{"a", rig.listening("a")}, {"b", rig.listening("b")}});
  REQUIRE(rig.start() == 2);
  rig.write({{"a", rig.listening("a")}, {"b", rig.listening("b")}}, "  queue.max_events: 77\n");
  CHECK(rig.reload() == Changes{{"a", "restarted"}, {"b", "restarted"}});
  rig.manager->request_stop();
  CHECK(rig.wait_until([&] { return rig.manager->has_ended(); }));
  CHECK(rig.manager->reload().problem == "the process is stopping");
}

}  // namespace
}  // namespace logboom
