// logboom dlq on the files of a server that does not run; tests/end_to_end/dead_letter_test.py has the running one.
#include "server/cli/dlq_command.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pipeline/dead_letter/dead_letter_queue.h"
#include "pipeline/dead_letter/entry_cursor.h"
#include "server/data_directory.h"
#include "tests/support/command_answer.h"
#include "tests/support/json_events.h"
#include "tests/support/temporary_directory.h"

using Catch::Contains;

namespace logboom {
namespace {

class Server {
 public:
  /// Entries {"n":0}, {"n":1} …: every second one of another output.
  void keep(const std::string& pipeline, int count) {
    DeadLetterOptions options;
    options.directory = data.at("dead_letter_queue/" + pipeline);
    options.pipeline_id = pipeline;
    auto queue = DeadLetterQueue::open(options);
    REQUIRE(queue);
    for (int i = 0; i < count; ++i) {
      const ChunkPtr chunk = numbered_chunk(i, 1);
      const std::string reason = fmt::format("field {} is no number", i);
      const bool is_odd = i % 2 == 1;
      (*queue)->put(*chunk->events()[0], {"http", is_odd ? "odd" : "even", reason, is_odd ? 400 : 0}, nullptr);
    }
    (*queue)->close(std::chrono::seconds(10));
  }
  CommandAnswer run(std::vector<std::string> words) {
    words.insert(words.end(), {"--path.data", data.path()});
    std::ostringstream out, err;
    const int status = run_dlq_command(words, {out, err});
    return {status, out.str(), err.str()};
  }
  TemporaryDirectory data;
};

}  // namespace

TEST_CASE("dlq ls and groups count what is there", "[dlq]") {
  Server server;
  server.keep("main", 5);
  server.keep("web", 1);
  const auto queues = server.run({"ls", "--json"}).json();
  REQUIRE(queues.size() == 2);
  CHECK(queues[0]["pipeline"] == "main");
  CHECK(queues[0]["entries"] == 5);
  CHECK(queues[0]["damaged"] == 0);
  CHECK(queues[1]["entries"] == 1);
  CHECK_THAT(server.run({"ls"}).out, Contains("PIPELINE") && Contains("main") && Contains("web"));
  const auto groups = server.run({"groups", "-p", "main", "--json"}).json();
  REQUIRE(groups.size() == 2);
  CHECK(groups[0]["entries"] == 3);
  CHECK(groups[0]["plugin_id"] == "even");
  CHECK(groups[0]["failure"] == "field N is no number");
  CHECK(groups[0]["example"]["reason"] == "field 0 is no number");
  CHECK(groups[1]["code"] == 400);
}

TEST_CASE("dlq show chooses by group, plugin, sequence and time", "[dlq]") {
  Server server;
  server.keep("main", 5);
  const auto shown = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"show", "--json"});
    std::istringstream lines(server.run(words).out);
    std::vector<int> numbers;
    for (std::string line; std::getline(lines, line);) numbers.push_back(nlohmann::json::parse(line)["event"]["n"]);
    return numbers;
  };
  using Numbers = std::vector<int>;
  CHECK(shown({}) == Numbers{0, 1, 2, 3, 4});
  CHECK(shown({"--limit", "2"}) == Numbers{0, 1});
  CHECK(shown({"--plugin", "odd"}) == Numbers{1, 3});
  CHECK(shown({"--plugin", "http"}) == Numbers{0, 1, 2, 3, 4});
  CHECK(shown({"--sequence", "1-2"}) == Numbers{1, 2});
  CHECK(shown({"--sequence", "3-"}) == Numbers{3, 4});
  CHECK(shown({"--sequence", "-1"}) == Numbers{0, 1});
  CHECK(shown({"--sequence", "2", "--plugin", "odd"}).empty());
  CHECK(shown({"--since", "2999-01-01"}).empty());
  CHECK(shown({"--until", "2999-01-01"}).size() == 5);
  const std::string group = server.run({"groups", "--json"}).json()[1]["group"];
  CHECK(shown({"--group", group}) == Numbers{1, 3});
  CHECK_THAT(server.run({"show", "--limit", "1"}).out, Contains("#0  ") && Contains("even (http)") &&
                                                           Contains("field 0 is no number") && Contains("\"n\"") &&
                                                           Contains("more entries follow"));
}

TEST_CASE("dlq purge works on the files when no server runs", "[dlq]") {
  Server server;
  server.keep("main", 5);
  CHECK(server.run({"purge", "--plugin", "odd", "--json"}).json()["removed"] == 2);
  CHECK(server.run({"ls", "--json"}).json()[0]["entries"] == 3);
  CHECK_THAT(server.run({"purge", "--all"}).out, Contains("3 entries removed"));
  CHECK_THAT(server.run({"show"}).out, Contains("no such entries"));
}

TEST_CASE("dlq replay without a server runs the pipeline itself, and removes what is delivered", "[dlq]") {
  Server server;
  server.keep("main", 5);
  server.data.write("main.conf", "input { unix { path => '" + server.data.at("never.sock") +
                                     "' } } filter { if [n] == 3 { drop {} } } output { file { path => '" +
                                     server.data.at("out.json") + "' codec => json_lines } }");
  const std::vector<std::string> replay = {"replay", "--json", "-f", server.data.at("main.conf")};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), replay.begin(), replay.end());
    return server.run(more);
  };
  const auto first = with({"--plugin", "even", "-n", "2"}).json();
  CHECK(first["sent"] == 2);
  CHECK(first["delivered"] == 2);
  CHECK(server.run({"ls", "--json"}).json()[0]["entries"] == 3);
  const auto rest = with({"--all"}).json();
  CHECK(rest["delivered"] == 3);
  CHECK(rest["not_delivered"] == 0);
  CHECK(server.run({"ls", "--json"}).json()[0]["entries"] == 0);
  std::istringstream lines(server.data.read("out.json"));
  std::vector<int> numbers;
  for (std::string line; std::getline(lines, line);) numbers.push_back(nlohmann::json::parse(line)["n"]);
  CHECK_THAT(numbers, Catch::UnorderedEquals(std::vector<int>{0, 1, 2, 4}));  // of several workers
}

TEST_CASE("dlq replay without a server leaves what no output takes in time, and goes where --to says", "[dlq]") {
  Server server;
  server.keep("main", 2);
  server.data.write("pipelines.yml",
                    "- pipeline.id: main\n  config.string: \"input { stdin {} } output { http { url => "
                    "'http://127.0.0.1:1/' http_method => post } }\"\n"
                    "- pipeline.id: other\n  config.string: \"input { stdin {} } output { file { path => '" +
                        server.data.at("out.json") + "' codec => json_lines } }\"\n");
  const auto replay = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"replay", "--all", "--json", "--path.settings", server.data.path()});
    return server.run(more);
  };
  const auto refused = replay({"--wait", "1"}).json();
  CHECK(refused["sent"] == 2);
  CHECK(refused["not_delivered"] == 2);
  CHECK(server.run({"ls", "--json"}).json()[0]["entries"] == 2);
  CHECK(replay({"--to", "other"}).json()["delivered"] == 2);
  CHECK(server.run({"ls", "--json"}).json()[0]["entries"] == 0);
  CHECK_THAT(replay({"--to", "nobody"}).err, Contains("there is no pipeline \"nobody\"") && Contains("start the server"));
}

TEST_CASE("dlq replay without a server refuses what it cannot do", "[dlq]") {
  Server server;
  server.keep("main", 1);
  server.data.write("main.conf", "input { stdin {} } output { pipeline { send_to => 'next' } }");
  const std::vector<std::string> replay = {"replay", "--all", "-f", server.data.at("main.conf")};
  CHECK_THAT(server.run(replay).err, Contains("sends to other pipelines"));
  const auto lock = DataDirectoryLock::take(server.data.path());
  REQUIRE(lock);
  CHECK_THAT(server.run(replay).err, Contains("another logboom uses path.data"));
  CHECK(server.run({"ls", "--json"}).json()[0]["entries"] == 1);
}

TEST_CASE("dlq says what is wrong and what is right", "[dlq]") {
  Server server;
  server.keep("main", 1);
  const auto [words, status, told] = GENERATE(table<std::vector<std::string>, int, std::string>({
      {{}, 2, "logboom dlq --help"},
      {{"look"}, 2, "logboom dlq --help"},
      {{"purge"}, 2, "or say --all"},
      {{"replay"}, 2, "or say --all"},
      {{"replay", "--all"}, 1, "start the server"},
      {{"show", "--sequence", "x"}, 2, "no range"},
      {{"show", "--sequence", "9-7"}, 2, "no range"},
      {{"show", "--since", "yesterday"}, 2, "no ISO 8601 time"},
      {{"show", "-p", "nobody"}, 1, "there is no dead-letter queue"},
      {{"show", "--path.settings", "/", "--path.dead_letter_queue", "/nowhere"},
       1,
       "there are no dead-letter queues in /nowhere"},
  }));
  const CommandAnswer answer = server.run(words);
  CAPTURE(words);
  CHECK(answer.status == status);
  CHECK_THAT(answer.err, Contains(told));
}

TEST_CASE("dlq asks which pipeline when there are several", "[dlq]") {
  Server server;
  server.keep("main", 1);
  server.keep("web", 1);
  CHECK_THAT(server.run({"groups"}).err, Contains("--pipeline.id is one of main, web"));
}

}  // namespace logboom
