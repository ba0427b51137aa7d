#include "pipeline/dead_letter/failure_shape.h"

#include <catch2/catch.hpp>

namespace logboom {

TEST_CASE("failures that differ in numbers, ids and quoted values have one shape", "[dead_letter]") {
  const auto [reason, shape] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"connection closed", "connection closed"},
      {"field [size] is 1234", "field [size] is N"},
      {"took 3.5 ms at 12:30:05", "took N ms at N"},
      {"value \"a b\" for [user]", "value \"…\" for [user]"},
      {"value \"a \\\" b\" and 'x'", "value \"…\" and '…'"},
      {"it's 5 o'clock", "it's N o'clock"},
      {"an open \"quote", "an open \"quote"},
      {"id 550e8400-e29b-41d4-a716-446655440000 is taken", "id ID is taken"},
      {"id deadbeef12 is taken", "id ID is taken"},
      {"deadbeef is a word", "deadbeef is a word"},
      {"index logs-2024.05.01 at 10.0.0.1:9200", "index logs-N.N.N at N"},
      {"shard7 of node42b", "shardN of nodeNb"},
      {"größe 5 bei \"ä\"", "größe N bei \"…\""},
  }));
  CHECK(failure_shape(reason) == shape);
}

TEST_CASE("a shape ends between characters", "[dead_letter]") {
  std::string reason;
  for (int i = 0; i < 1000; ++i) reason += "ä";
  const std::string shape = failure_shape(reason);
  CHECK(shape.size() <= 500);
  CHECK(shape.size() % 2 == 0);
}

TEST_CASE("a group is a plugin, a code and a shape", "[dead_letter]") {
  const auto group = [](std::string id, int code, std::string reason) {
    DeadLetter entry;
    entry.plugin_id = std::move(id);
    entry.code = code;
    entry.reason = std::move(reason);
    return failure_group(entry);
  };
  CHECK(group("es", 400, "field 1") == group("es", 400, "field 2"));
  CHECK(group("es", 400, "field 1") != group("es", 404, "field 1"));
  CHECK(group("es", 400, "field 1") != group("other", 400, "field 1"));
  CHECK(group("es", 400, "field 1") != group("es", 400, "index 1"));
  CHECK(group("es", 400, "").size() == 8);
}

}  // namespace logboom
