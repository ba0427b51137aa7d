#include "server/control/control_server.h"

#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "tests/support/temporary_directory.h"

using Catch::Contains;

namespace logboom {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

ControlHandlers handlers() {
  return {{"double",
           [](const std::string& request) -> Result<std::string> {
             const auto json = nlohmann::json::parse(request);
             return nlohmann::json{{"twice", json.value("number", 0) * 2}}.dump();
           }},
          {"refuse",
           [](const std::string&) -> Result<std::string> {
             return Error{ErrorCode::Full, "no room"};
           }},
          {"nonsense", [](const std::string&) -> Result<std::string> { return std::string("no JSON"); }}};
}

}  // namespace

TEST_CASE("what is asked is answered, line by line", "[control]") {
  const auto [line, answer] = GENERATE(table<std::string, std::string>({
      {R"({"do":"double","number":21})", R"({"ok":true,"twice":42})"},
      {R"({"do":"refuse"})", R"({"error":"no room","ok":false})"},
      {R"({"do":"nonsense"})", R"({"error":"the answer cannot be written","ok":false})"},
      {R"({"do":"fly"})", R"({"error":"there is no request \"fly\"","ok":false})"},
      {R"({"do":7})", R"({"error":"a request is a JSON object with the name of what to do in \"do\"","ok":false})"},
      {R"([])", R"({"error":"a request is a JSON object with the name of what to do in \"do\"","ok":false})"},
      {R"({"do")", R"({"error":"a request is a JSON object with the name of what to do in \"do\"","ok":false})"},
      {"", R"({"error":"a request is a JSON object with the name of what to do in \"do\"","ok":false})"},
      {"\xff\xfe", R"({"error":"a request is a JSON object with the name of what to do in \"do\"","ok":false})"},
  }));
  CHECK(ControlServer::answer(handlers(), line) == answer);
}

TEST_CASE("several clients are served at once over the socket, and the socket is its owner's alone", "[control]") {
  const TemporaryDirectory directory;
  auto server = ControlServer::start(directory.path(), handlers());
  REQUIRE(server);
  struct stat found {};
  REQUIRE(stat(directory.at(".control").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  auto first = LocalSocket::connect(directory.path());  // stays connected while others come
  REQUIRE(first);
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&, i] {
      auto socket = LocalSocket::connect(directory.path());
      if (!socket) return;
      for (int k = 0; k < 20; ++k) {
        const int number = i * 100 + k;
        if (!socket->send_line(nlohmann::json{{"do", "double"}, {"number", number}}.dump())) return;
        auto answer = socket->receive_line(kPatience);
        if (answer && nlohmann::json::parse(*answer)["twice"] == number * 2) ++right;
      }
    });
  for (std::thread& client : clients) client.join();
  CHECK(right == 80);
  REQUIRE(first->send_line(R"({"do":"double","number":1})"));
  CHECK(first->receive_line(kPatience).value() == R"({"ok":true,"twice":2})");
}

TEST_CASE("without a server nobody is found, also behind a socket that a killed one left", "[control]") {
  const TemporaryDirectory directory;
  CHECK(LocalSocket::connect(directory.path()).error().code == ErrorCode::NotFound);
  CHECK(LocalSocket::connect(directory.at("missing")).error().code == ErrorCode::NotFound);
  { auto left_over = LocalSocket::listen(directory.path()); }
  CHECK(LocalSocket::connect(directory.path()).error().code == ErrorCode::NotFound);
  auto server = ControlServer::start(directory.path(), handlers());  // takes its place
  REQUIRE(server);
  CHECK(LocalSocket::connect(directory.path()));
}

TEST_CASE("a directory with a long name has a socket too", "[control]") {
  const TemporaryDirectory directory;
  const std::string deep = directory.at(std::string(200, 'd'));
  std::filesystem::create_directory(deep);
  auto server = ControlServer::start(deep, handlers());
  REQUIRE(server);
  CHECK(LocalSocket::connect(deep));
}

}  // namespace logboom
