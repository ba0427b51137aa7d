#include "pipeline/compile/plugin_donor.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "tests/support/compiled_plan.h"
#include "tests/support/temporary_directory.h"

namespace logboom {
namespace {

/// One pipeline, compiled again and again, each plan the donor of the next.
struct Versions {
  std::shared_ptr<Plan> next(std::string_view text, std::size_t workers = 1) {
    Graph graph;
    Diagnostics diagnostics;
    parse_logstash(std::make_shared<SourceText>("test.conf", std::string(text)), {}, graph, diagnostics);
    const auto sources = graph.sources;  // diagnostics point into them
    CompileSettings settings;
    settings.surroundings = surroundings;
    settings.workers = workers;
    settings.metrics = &metrics;
    settings.donor = plan.get();
    auto made = compile_plan(std::move(graph), settings, diagnostics);
    INFO(diagnostics.render());
    REQUIRE(made != nullptr);
    before = plan;
    plan = made;
    return made;
  }
  MetricScope metrics;
  PluginContext::Surroundings surroundings;
  std::shared_ptr<Plan> plan;
  std::shared_ptr<Plan> before;
};

TEST_CASE("what is written as before keeps its instances, what is written otherwise does not", "[donor]") {
  Versions versions;
  const auto old = versions.next(
      "input { test_source {} } filter { drop {} truncate { length_bytes => 4 } } output { test_output {} }", 2);
  const auto made = versions.next(
      "input  { test_source { } }\nfilter { if [a] { drop { } } truncate { length_bytes => 5 } }\noutput { test_output {} }",
      3);
  CHECK(made->inputs[0] == old->inputs[0]);
  CHECK(made->outputs[0] == old->outputs[0]);
  for (std::size_t worker = 0; worker < 2; ++worker) {
    CHECK(made->filters[worker][0] == old->filters[worker][0]);
    CHECK(made->filters[worker][1] != old->filters[worker][1]);
  }
  CHECK(made->filters[2][0] != nullptr);
  CHECK(made->filter_sites[0].shared == old->filter_sites[0].shared);
  CHECK(made->filter_sites[1].id == old->filter_sites[1].id);  // its counters go on
}

TEST_CASE("an output that stays keeps its id when another one is written before it", "[donor]") {
  Versions versions;
  const auto old = versions.next("input { test_source {} } output { tcp { host => aa port => 1 } }");
  const auto made =
      versions.next("input { test_source {} } output { tcp { host => bb port => 2 } tcp { host => aa port => 1 } }");
  CHECK(made->outputs[1] == old->outputs[0]);
  CHECK(made->output_sites[1].id == "output_tcp_1");
  CHECK(made->output_sites[0].id == "output_tcp_2");
}

TEST_CASE("a changed output without an id follows the one that it was", "[donor]") {
  Versions versions;
  versions.next("input { test_source {} } output { tcp { host => aa port => 1 } tcp { host => bb port => 2 } }");
  const auto made =
      versions.next("input { test_source {} } output { tcp { host => aa port => 1 } tcp { host => bb port => 3 } }");
  CHECK(made->output_sites[0].id == "output_tcp_1");
  CHECK(made->output_sites[1].id == "output_tcp_2");
  CHECK(made->outputs[1] != versions.before->outputs[1]);
}

TEST_CASE("of two plugins written alike each has its own instance", "[donor]") {
  Versions versions;
  const auto old = versions.next("input { test_source {} } filter { drop {} drop {} } output { test_output {} }");
  const auto made = versions.next("input { test_source {} } filter { drop {} drop {} drop {} } output { test_output {} }");
  CHECK(made->filters[0][0] == old->filters[0][0]);
  CHECK(made->filters[0][1] == old->filters[0][1]);
  CHECK(made->filters[0][2] != old->filters[0][0]);
  CHECK(made->filters[0][2] != old->filters[0][1]);
}

TEST_CASE("a file that an option names makes the plugin another one when it changes", "[donor]") {
  const TemporaryDirectory folder;
  const std::string dictionary = folder.path() + "/levels.yml";
  std::ofstream(dictionary) << "a: b\n";
  const std::string text = "input { test_source {} } filter { translate { source => ff target => tt dictionary_path => \"" +
                           dictionary + "\" } } output { test_output {} }";
  Versions versions;
  const auto first = versions.next(text);
  const auto second = versions.next(text);
  CHECK(second->filters[0][0] == first->filters[0][0]);
  std::ofstream(dictionary) << "a: changed\n";
  const auto third = versions.next(text);
  CHECK(third->filters[0][0] != second->filters[0][0]);
  CHECK(third->outputs[0] == first->outputs[0]);
}

TEST_CASE("what an output writes is no reason to make it anew", "[donor]") {
  const TemporaryDirectory folder;
  const std::string path = folder.path() + "/out.log";
  std::ofstream(path) << "one\n";
  const std::string text = "input { test_source {} } output { file { path => \"" + path + "\" } }";
  Versions versions;
  const auto first = versions.next(text);
  std::ofstream(path) << "one and another\n";
  CHECK(versions.next(text)->outputs[0] == first->outputs[0]);
}

TEST_CASE("in other surroundings nothing is taken over", "[donor]") {
  Versions versions;
  const char* text = "input { test_source {} } filter { drop {} } output { test_output {} }";
  const auto first = versions.next(text);
  versions.surroundings.ecs = EcsMode::Disabled;
  const auto second = versions.next(text);
  CHECK(second->filters[0][0] != first->filters[0][0]);
  CHECK(second->outputs[0] != first->outputs[0]);
}

}  // namespace
}  // namespace logboom
