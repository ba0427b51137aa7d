// The main job as a user runs it: the built binary on a file of Apache lines, grok, date, geoip, mutate and if, to a file.
// LOGBOOM_BIN names the binary (make test sets it). The real log lies beside the checkout, not in it.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace logboom {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A folder that goes away with the test.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "logboom-apache-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

std::string geoip_filter() {
  const char* directory = std::getenv("LOGBOOM_GEOIP_DIR");
  if (directory == nullptr || !fs::exists(directory)) return "";
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.path().filename().string().find("City") != std::string::npos && entry.path().extension() == ".mmdb")
      return fmt::format("geoip {{ source => \"clientip\" database => \"{}\" }}", entry.path().string());
  return "";
}

/// Runs the binary on `log` with four workers and returns the events of the output file.
std::vector<json> events_of(const fs::path& log, const Folder& folder) {
  const fs::path out = folder.path / "out.json";
  std::ofstream(folder.path / "apache.conf")
      << fmt::format(R"(
input {{ file {{ path => "{}" mode => "read" exit_after_read => true sincedb_path => "/dev/null"
                 file_completed_action => "log" file_completed_log_path => "{}" }} }}
filter {{
  grok {{ match => {{ "message" => "%{{COMBINEDAPACHELOG}}" }} }}
  if "_grokparsefailure" not in [tags] {{
    date {{ match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] }}
    {}
    mutate {{ convert => {{ "response" => "integer" }} remove_field => ["message"] }}
    if [response] >= 500 {{ mutate {{ add_tag => ["server_error"] }} }}
  }}
}}
output {{ file {{ path => "{}" }} }})",
                     log.string(), (folder.path / "done").string(), geoip_filter(), out.string());
  const std::string command =
      fmt::format("{} -f {} --path.data {} -w 4 --pipeline.ecs_compatibility disabled --log.level error",
                  std::getenv("LOGBOOM_BIN"), (folder.path / "apache.conf").string(), (folder.path / "data").string());
  REQUIRE(std::system(command.c_str()) == 0);
  std::vector<json> events;
  std::ifstream file(out);
  for (std::string line; std::getline(file, line);) events.push_back(json::parse(line));
  return events;
}

void check_events(const std::vector<json>& events, std::size_t good, std::size_t bad) {
  std::size_t parsed = 0, failed = 0;
  for (const json& event : events) {
    if (event.contains("tags") && event["tags"][0] == "_grokparsefailure") {
      ++failed;
      CHECK(event.contains("message"));
      continue;
    }
    bool is_whole = event["response"].is_number_integer() && !event.contains("message");
    for (const char* field :
         {"clientip", "ident", "auth", "timestamp", "verb", "request", "httpversion", "referrer", "agent", "@timestamp"})
      is_whole &= event.contains(field) && event[field].is_string();
    // @timestamp is the line's time, not that of the reading: year, hour and minute agree (the samples' offset is full
    // hours).
    is_whole &= event["@timestamp"].get<std::string>().substr(0, 4) == event["timestamp"].get<std::string>().substr(7, 4);
    is_whole &= event["@timestamp"].get<std::string>().substr(14, 5) == event["timestamp"].get<std::string>().substr(15, 5);
    parsed += is_whole ? 1 : 0;
  }
  CHECK(events.size() == good + bad);
  CHECK(parsed == good);
  CHECK(failed == bad);
}

}  // namespace

TEST_CASE("the shipped sample comes out whole: forty events, one failure", "[end_to_end]") {
  if (std::getenv("LOGBOOM_BIN") == nullptr) {
    WARN("SKIPPED: LOGBOOM_BIN does not name the binary");
    return;
  }
  const Folder folder;
  check_events(events_of(fs::current_path() / "config/samples/access.log", folder), 40, 1);
}

TEST_CASE("ten thousand real Apache lines come out whole: 9,999 events with all fields, one failure, none lost",
          "[end_to_end]") {
  const fs::path log = fs::current_path() / "../shared/data/apache_access.log";
  if (std::getenv("LOGBOOM_BIN") == nullptr || !fs::exists(log)) {
    WARN("SKIPPED: the real log is not beside this checkout, or LOGBOOM_BIN is not set");
    return;
  }
  const Folder folder;
  const auto events = events_of(fs::canonical(log), folder);
  check_events(events, 9999, 1);
  std::size_t placed = 0;
  for (const json& event : events) placed += event.contains("geoip") ? 1 : 0;
  if (geoip_filter().empty()) {
    WARN("SKIPPED: no GeoIP database; LOGBOOM_GEOIP_DIR names a folder with GeoLite2 databases");
  } else {
    CHECK(placed > 9000);  // public addresses, nearly all known
  }
}

}  // namespace logboom
