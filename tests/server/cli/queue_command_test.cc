// logboom queue on files that a persisted queue wrote.
#include "server/cli/queue_command.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pipeline/store/segment_store.h"
#include "pipeline/store/stored_event.h"
#include "tests/support/command_answer.h"
#include "tests/support/json_events.h"
#include "tests/support/temporary_directory.h"

using Catch::Contains;

namespace logboom {
namespace {

class Server {
 public:
  /// Ten records of two events each, {"n":0} to {"n":19}; the first five events are done.
  Server() {
    StoreOptions options;
    options.directory = data.at("queue/main");
    auto store = SegmentStore::open(options);
    REQUIRE(store);
    for (int i = 0; i < 10; ++i) {
      std::string payload;
      const ChunkPtr chunk = numbered_chunk(i * 2, 2);
      for (const Event* event : chunk->events()) write_stored_event(*event, payload);
      (*store)->append(std::move(payload), 2, 0, nullptr);
    }
    REQUIRE((*store)->wait_until_safe(std::chrono::seconds(30)));
    (*store)->mark_done(0, 5);
    (*store)->close(std::chrono::seconds(30));
  }
  CommandAnswer run(std::vector<std::string> words) {
    words.insert(words.end(), {"--path.data", data.path()});
    std::ostringstream out, err;
    const int status = run_queue_command(words, {out, err});
    return {status, out.str(), err.str()};
  }
  std::vector<int> exported(std::vector<std::string> words = {"export"}) {
    std::istringstream lines(run(words).out);
    std::vector<int> numbers;
    for (std::string line; std::getline(lines, line);) numbers.push_back(nlohmann::json::parse(line)["event"]["n"]);
    return numbers;
  }
  TemporaryDirectory data;
};

}  // namespace

TEST_CASE("queue ls, show and export tell what waits", "[queue command]") {
  Server server;
  const auto queue = server.run({"ls", "--json"}).json()["queues"][0];
  CHECK(queue["pipeline"] == "main");
  CHECK(queue["waiting"] == 15);
  CHECK(queue["state"] == "clean");
  CHECK_THAT(server.run({"ls"}).out, Contains("WAITING") && Contains("main"));
  const auto waiting = server.exported();
  REQUIRE(waiting.size() == 15);
  CHECK(waiting.front() == 5);
  CHECK(waiting.back() == 19);
  CHECK(server.exported({"export", "--done"}).size() == 20);
  CHECK(server.exported({"show", "--json", "--limit", "3"}) == std::vector<int>{5, 6, 7});
}

TEST_CASE("queue verify is content with an intact queue, and names what a damaged one has lost", "[queue command]") {
  Server server;
  const CommandAnswer fine = server.run({"verify"});
  CHECK(fine.status == 0);
  CHECK_THAT(fine.out, Contains("10 records with 20 events (5 done), 0 events missing, 0 damaged places"));
  for (const auto& entry : std::filesystem::directory_iterator(server.data.at("queue/main"))) {
    if (entry.path().extension() != ".segment") continue;
    const std::string name = "queue/main/" + entry.path().filename().string();
    std::string bytes = server.data.read(name);
    const std::size_t at = bytes.find("\x81\xa1n\x0c");  // {"n":12}
    REQUIRE(at != std::string::npos);
    bytes[at + 2] = 'm';
    server.data.write(name, bytes);
  }
  const CommandAnswer damaged = server.run({"verify"});
  CHECK(damaged.status == 1);
  CHECK_THAT(damaged.out, Contains("hold no intact record") &&
                              Contains("2 events are missing: their numbers lie between 12 and 13") &&
                              Contains("9 records with 18 events"));
}

TEST_CASE("queue says what is wrong", "[queue command]") {
  Server server;
  CHECK(server.run({}).status == 2);
  CHECK_THAT(server.run({"show", "-p", "nobody"}).err, Contains("nobody"));
  CHECK(server.run({"show", "-p", "nobody"}).status == 1);
}

}  // namespace logboom
