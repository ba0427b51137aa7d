// Byte-level cases of the forward protocol (data/forward_messages.json), each over a connection in memory. Nearly all were
// seen live: what Fluentd's own server does with these bytes.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "plugins/inputs/forward/security.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_sink.h"
#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

using nlohmann::json;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}
std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

/// Fluentd's options as ours: "name value" lines, <security> and its <user> sections flat.
std::string as_our_options(const std::string& fluentd) {
  std::string options, users, name, line;
  std::istringstream lines(fluentd);
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key, value;
    words >> key >> value;
    if (key.empty() || key.front() == '<') continue;
    if (key == "username") {
      name = value;
    } else if (key == "password") {
      users += fmt::format("\"{}\" => \"{}\" ", name, value);
    } else {
      options += fmt::format("{} => \"{}\" ", key, value);
    }
  }
  if (!users.empty()) options += fmt::format("users => {{ {}}} ", users);
  return options;
}

std::vector<json> all_cases() {
  std::ifstream file("tests/plugins/inputs/data/forward_messages.json");
  REQUIRE(file.good());
  return json::parse(file).at("cases").get<std::vector<json>>();
}

constexpr const char* kStillOpen = "93aa7374696c6c2e6f70656ece6041d8d980";  // ["still.open", time, {}]
constexpr const char* kStillOpenJson = "5b227374696c6c2e6f70656e222c312c7b7d5d";

void run_stream_case(const json& given) {
  PluginHarness<Input> harness("input", "forward { " + as_our_options(given.value("source_options", "")) + "}");
  INFO(harness.diagnostics.render());
  REQUIRE(harness.plugin != nullptr);
  std::vector<std::string> pieces;
  for (const auto& hex : given.at("send_hex")) pieces.push_back(from_hex(hex));
  const bool is_json = pieces[0][0] == '[' || pieces[0][0] == '{';
  pieces.push_back(from_hex(is_json ? kStillOpenJson : kStillOpen));
  MemoryStream stream(pieces);
  RecordingSink sink;
  run_to_end(harness.plugin->endpoints().at(0).stream->serve(stream, sink));

  auto lines = sink.lines();
  auto metadata = sink.metadata();
  const bool is_open = !given.at("expect_closed").get<bool>();
  REQUIRE(lines.size() == given.at("expect").size() + (is_open ? 1 : 0));
  const bool has_own_tag = given.value("source_options", "").find("tag") != std::string::npos;
  if (is_open && !has_own_tag) CHECK(json::parse(metadata.back()).at("fluent").at("tag") == "still.open");
  for (std::size_t i = 0; i < given.at("expect").size(); ++i) {
    const json& wanted = given.at("expect")[i];
    json event = json::parse(lines[i]);
    CHECK(json::parse(metadata[i]).at("fluent").at("tag") == wanted.at("tag"));
    const Timestamp time{wanted.at("time").get<std::int64_t>(), wanted.value("nsec", std::uint32_t{0})};
    CHECK(event.at("@timestamp") == to_iso8601(time));
    event.erase("@timestamp");
    event.erase("@version");
    CHECK(event == wanted.at("record"));
  }
  CHECK(to_hex(stream.written) == given.at("expect_reply_hex"));
}

ForwardSecurity security_of(const std::string& options) {
  ForwardSecurity security;
  std::istringstream words(options);
  std::string word, user;
  while (words >> word) {
    if (word == "self_hostname") words >> security.self_hostname;
    if (word == "shared_key") words >> security.shared_key;
    if (word == "user_auth") security.wants_users = true;
    if (word == "username") words >> user;
    if (word == "password") words >> security.users[user];
  }
  return security;
}

void run_handshake_case(const json& given) {
  const ForwardSecurity security = security_of(given.at("source_options"));
  const ForwardHandshake handshake(security, true, from_hex(given.at("server_nonce_hex")),
                                   from_hex(given.at("server_auth_salt_hex")));
  CHECK(to_hex(handshake.helo()) == given.at("helo_hex"));
  const auto verdict = handshake.judge(from_hex(given.at("ping_hex")), "127.0.0.1");
  CHECK(to_hex(verdict.pong) == given.at("expect_pong_hex"));
  CHECK(verdict.is_accepted == given.at("expect_established"));
}

}  // namespace

TEST_CASE("forward answers the protocol's bytes as Fluentd does", "[input][forward]") {
  const std::vector<json> cases = all_cases();
  REQUIRE(cases.size() >= 60);
  for (const json& given : cases) {
    DYNAMIC_SECTION(given.at("id").get<std::string>() << ": " << given.at("why").get<std::string>()) {
      if (given.value("kind", "") == "handshake") {
        run_handshake_case(given);
      } else if (given.value("expect_error", false)) {
        PluginHarness<Input> refused("input", "forward { " + as_our_options(given.at("source_options")) + "}");
        CHECK(refused.plugin == nullptr);
      } else {
        run_stream_case(given);
      }
    }
  }
}

}  // namespace logboom
