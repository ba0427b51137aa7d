#include <catch2/catch.hpp>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

TEST_CASE("clone names its copies in tags and decorates only them", "[filter][clone]") {
  CHECK(run_filter(R"(clone { clones => ["a", "b"] add_field => { "f" => "%{n}" } })", R"({"n":1,"tags":"x"})") ==
        "{\"n\":1,\"tags\":\"x\"}\n{\"n\":1,\"tags\":[\"x\",\"a\"],\"f\":\"1\"}\n{\"n\":1,\"tags\":[\"x\",\"b\"],\"f\":"
        "\"1\"}");
}

TEST_CASE("clone names its copies by type without ECS", "[filter][clone]") {
  CHECK(run_filter(R"(clone { clones => ["a"] })", R"({"n":1,"type":"t"})", {.ecs = EcsMode::Disabled}) ==
        "{\"n\":1,\"type\":\"t\"}\n{\"n\":1,\"type\":\"a\"}");
  CHECK(run_filter(R"(clone { clones => ["a"] ecs_compatibility => disabled })", R"({"n":1})") ==
        "{\"n\":1}\n{\"n\":1,\"type\":\"a\"}");
}

TEST_CASE("clone makes copies that do not change with their original", "[filter][clone]") {
  CHECK(run_filter("clone { clones => [\"a\"] }\nif \"a\" in [tags] { mutate { replace => { \"[o][k]\" => \"new\" } } }",
                   R"({"o":{"k":"old"}})") == "{\"o\":{\"k\":\"new\"},\"tags\":[\"a\"]}\n{\"o\":{\"k\":\"old\"}}");
}

TEST_CASE("clone needs names", "[filter][clone]") {
  CHECK_THAT(check_config("filter { clone { } }"), Contains("needs the option \"clones\""));
  CHECK_THAT(check_config("filter { clone { clones => [] } }"), Contains("no event is copied"));
}

}  // namespace
}  // namespace logboom
