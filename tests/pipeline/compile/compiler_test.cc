#include "pipeline/compile/compiler.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "pipeline/config/logstash_parser.h"

namespace logboom {
namespace {

using Catch::Contains;

/// A whole configuration, parsed and compiled.
struct Compilation {
  explicit Compilation(std::string_view text, std::size_t workers = 1)
      : source(std::make_shared<SourceText>("web.conf", std::string(text))) {
    Graph graph;
    parse_logstash(source, {}, graph, diagnostics);
    INFO(diagnostics.render());
    REQUIRE_FALSE(diagnostics.has_errors());
    CompileSettings settings;
    settings.workers = workers;
    settings.metrics = &metrics;
    plan = compile_plan(std::move(graph), settings, diagnostics);
    CHECK((plan == nullptr) == diagnostics.has_errors());
  }
  std::string errors() const { return diagnostics.render(); }
  std::vector<std::string> filter_ids() const {
    std::vector<std::string> ids;
    for (const PluginSite& site : plan->filter_sites) ids.push_back(site.id);
    return ids;
  }
  std::shared_ptr<const SourceText> source;  // diagnostics point into it also when there is no plan
  MetricScope metrics;
  Diagnostics diagnostics;
  std::shared_ptr<Plan> plan;
};

TEST_CASE("a configuration becomes blocks of steps in the order in which it was written", "[compiler]") {
  const Compilation made(R"(
    input { generator { count => 1 } stdin { } }
    filter {
      mutate { }
      if [a] { drop { } mutate { } } else if [b] { mutate { } } else { drop { } }
      mutate { }
    }
    output { stdout { } if [a] { null { } } })");
  INFO(made.errors());
  REQUIRE(made.plan != nullptr);
  const Plan& plan = *made.plan;
  CHECK(plan.inputs.size() == 2);
  CHECK(plan.input_sites[0].name == "generator");
  REQUIRE(plan.filter_block.steps.size() == 3);
  CHECK(std::get<FilterStep>(plan.filter_block.steps[0]).filter == 0);
  const auto& choice = *std::get<std::unique_ptr<IfStep>>(plan.filter_block.steps[1]);
  REQUIRE(choice.branches.size() == 2);
  CHECK(choice.branches[0].body.steps.size() == 2);
  CHECK(choice.branches[1].body.steps.size() == 1);
  CHECK(choice.otherwise.steps.size() == 1);
  CHECK(std::get<FilterStep>(choice.otherwise.steps[0]).filter == 4);
  CHECK(std::get<FilterStep>(plan.filter_block.steps[2]).filter == 5);
  CHECK(plan.filter_sites.size() == 6);
  CHECK(plan.outputs.size() == 2);
  CHECK(plan.output_block.steps.size() == 2);
  CHECK(plan.filters.size() == 1);
  CHECK(plan.filters[0].size() == 6);
}

TEST_CASE("every worker has its own instance of every filter and all share the outputs", "[compiler]") {
  const Compilation made("filter { mutate { } drop { } } output { stdout { } }", 3);
  REQUIRE(made.plan != nullptr);
  REQUIRE(made.plan->filters.size() == 3);
  std::set<const Filter*> instances;
  for (const auto& worker : made.plan->filters) {
    REQUIRE(worker.size() == 2);
    for (const auto& filter : worker) instances.insert(filter.get());
  }
  CHECK(instances.size() == 6);
  CHECK(made.plan->outputs.size() == 1);
}

TEST_CASE("what is wrong with a filter is said once, however many workers there are", "[compiler]") {
  const Compilation made("filter { mutate { no_such_option => 1 } }", 4);
  CHECK(made.plan == nullptr);
  CHECK(made.diagnostics.error_count() == 1);
}

TEST_CASE("an empty configuration is a plan without steps", "[compiler]") {
  const Compilation made("");
  REQUIRE(made.plan != nullptr);
  CHECK(made.plan->filter_block.steps.empty());
  CHECK(made.plan->output_block.steps.empty());
}

TEST_CASE("ids are given or made of kind, name and number", "[compiler]") {
  const Compilation made(
      R"(filter { mutate { } drop { } mutate { id => "mine" } if [a] { mutate { } } } output { stdout { } stdout { id => "out" } })");
  REQUIRE(made.plan != nullptr);
  CHECK(made.filter_ids() == std::vector<std::string>{"filter_mutate_1", "filter_drop_1", "mine", "filter_mutate_3"});
  CHECK(made.plan->output_sites[0].id == "output_stdout_1");
  CHECK(made.plan->output_sites[1].id == "out");
}

TEST_CASE("a made id never meets a given one", "[compiler]") {
  const auto text = GENERATE("filter { mutate { id => \"filter_mutate_2\" } mutate { } mutate { } }",
                             "filter { mutate { } mutate { } if [a] { mutate { id => \"filter_mutate_1\" } } }",
                             "filter { mutate { } mutate { } } output { stdout { id => \"filter_mutate_2\" } }");
  CAPTURE(text);
  const Compilation made(text);
  INFO(made.errors());
  REQUIRE(made.plan != nullptr);
  std::set<std::string> ids;
  std::size_t plugins = 0;
  for (const auto* sites : {&made.plan->filter_sites, &made.plan->output_sites}) {
    for (const PluginSite& site : *sites) ids.insert(site.id);
    plugins += sites->size();
  }
  CHECK(ids.size() == plugins);
}

TEST_CASE("an id that two plugins claim is refused at the second", "[compiler]") {
  CHECK_THAT(Compilation("filter {\n  mutate { id => \"same\" }\n  mutate { id => \"same\" }\n}").errors(),
             Contains("web.conf:3:18: error: the id \"same\" is used twice in this pipeline"));
  CHECK_THAT(Compilation("filter { if [aa] { mutate { id => \"same\" } } else { mutate { id => \"same\" } } }").errors(),
             Contains("used twice"));
  CHECK_THAT(Compilation("input { stdin { id => \"same\" } } output { stdout { id => \"same\" } }").errors(),
             Contains("used twice"));
}

TEST_CASE("counters of a plugin carry its id", "[compiler]") {
  const Compilation made("filter { mutate { id => \"mine\" } }");
  REQUIRE(made.plan != nullptr);
  made.plan->filter_sites[0].events_in->add(3);
  bool is_found = false;
  for (const auto& sample : made.metrics.samples())
    is_found |= sample.path == "plugins.filters.mine.events.in" && sample.value == 3;
  CHECK(is_found);
}

TEST_CASE("an unknown plugin is refused at its name, with the nearest or all of its kind", "[compiler]") {
  CHECK_THAT(Compilation("filter { mutaet { } }").errors(),
             Contains("web.conf:1:10: error: there is no filter \"mutaet\"") && Contains("did you mean \"mutate\"?"));
  CHECK_THAT(Compilation("input { stdinn { } }").errors(),
             Contains("there is no input \"stdinn\"") && Contains("did you mean \"stdin\"?"));
  CHECK_THAT(Compilation("output { stdotu { } }").errors(),
             Contains("there is no output \"stdotu\"") && Contains("did you mean \"stdout\"?"));
  CHECK_THAT(Compilation("filter { completely_unlike_anything { } }").errors(),
             Contains("(filters: ") && Contains("mutate"));
  CHECK_THAT(Compilation("filter { stdin { } }").errors(), Contains("there is no filter \"stdin\""));
  CHECK_THAT(Compilation("input { stdin { codec => jsno } }").errors(),
             Contains("there is no codec \"jsno\"") && Contains("did you mean \"json\"?"));
}

TEST_CASE("labels are found, and their blocks compiled", "[compiler]") {
  const Compilation made(R"(
    output { relabel { label => "@A" } }
    label "@A" { filter { mutate { } } output { if [x] { relabel { label => "@B" } } stdout { } } }
    label "@B" { output { stdout { } } })");
  INFO(made.errors());
  REQUIRE(made.plan != nullptr);
  REQUIRE(made.plan->labels.size() == 2);
  CHECK(std::get<RelabelStep>(made.plan->output_block.steps.at(0)).label == 0);
  CHECK(made.plan->labels[0].filters.steps.size() == 1);
  CHECK(made.plan->labels[0].outputs.steps.size() == 2);
}

TEST_CASE("a label that does not exist is refused at its place with how to make it", "[compiler]") {
  CHECK_THAT(Compilation("output { relabel { label => \"@NOPE\" } }").errors(),
             Contains("web.conf:1:29: error: there is no label \"@NOPE\"") && Contains("label \"@NOPE\" { output {"));
  CHECK_THAT(Compilation("output { relabel { } }").errors(), Contains("output \"relabel\" needs the option \"label\""));
}

TEST_CASE("an input's label is found, or refused at its place with the nearest name", "[compiler]") {
  const Compilation made(R"(
    input { generator { } generator { label => "@EDGE" } }
    label "@A" { output { stdout { } } }
    label "@EDGE" { output { stdout { } } })");
  INFO(made.errors());
  REQUIRE(made.plan != nullptr);
  CHECK(made.plan->has_input_labels);
  CHECK_FALSE(made.plan->input_labels.at(0));
  CHECK(made.plan->input_labels.at(1) == 1U);
  CHECK_THAT(Compilation("input { generator { label => \"@EDEG\" } } label \"@EDGE\" { }").errors(),
             Contains("web.conf:1:30: error: there is no label \"@EDEG\"") && Contains("did you mean \"@EDGE\"?"));
}

TEST_CASE("what @ERROR leads to is behind it, and other labels are not", "[compiler]") {
  const Compilation made(R"(
    output { relabel { label => "@A" } }
    label "@A" { output { stdout { } } }
    label "@ERROR" { filter { mutate { } } output { if [x] { relabel { label => "@B" } } } }
    label "@B" { output { stdout { } } })",
                         2);
  INFO(made.errors());
  REQUIRE(made.plan != nullptr);
  CHECK(made.plan->error_label == 1U);
  CHECK(made.plan->filters.size() == 2);
  CHECK(made.plan->error_filters.size() == 1);  // its worker's own
  CHECK_FALSE(made.plan->labels[0].is_behind_error);
  CHECK(made.plan->labels[1].is_behind_error);
  CHECK(made.plan->labels[2].is_behind_error);
  CHECK_FALSE(made.plan->output_sites.at(0).is_behind_error);
  CHECK(made.plan->output_sites.at(1).is_behind_error);
}

TEST_CASE("@ERROR that leads back to itself is refused", "[compiler]") {
  CHECK_THAT(Compilation("label \"@ERROR\" { output { relabel { label => \"@B\" } } }"
                         "label \"@B\" { output { relabel { label => \"@ERROR\" } } }")
                 .errors(),
             Contains("leads back to itself"));
}

TEST_CASE("on_failure => dlq is fine with a label @ERROR, and refused without any place for failures", "[compiler]") {
  const std::string filter = "filter { date { match => [\"t\", \"ISO8601\"] on_failure => \"dlq\" } }";
  CHECK(Compilation(filter + " label \"@ERROR\" { output { stdout { } } }").plan != nullptr);
  CHECK_THAT(Compilation(filter).errors(), Contains("needs the dead-letter queue or a label @ERROR"));
}

TEST_CASE("relabel has no other options", "[compiler]") {
  CHECK_THAT(Compilation("output { relabel { lable => \"@A\" label => \"@A\" } } label \"@A\" { }").errors(),
             Contains("output \"relabel\" has no option \"lable\"") && Contains("did you mean \"label\"?"));
  CHECK(Compilation("output { relabel { id => \"to_a\" label => \"@A\" } } label \"@A\" { }").plan != nullptr);
}

TEST_CASE("labels that lead back to themselves are refused", "[compiler]") {
  CHECK_THAT(Compilation("label \"@A\" { output { relabel { label => \"@A\" } } }").errors(),
             Contains("the label \"@A\" leads back to itself"));
  const Compilation round(R"(
    label "@A" { output { if [x] { stdout { } } else { relabel { label => "@B" } } } }
    label "@B" { output { if [x] { relabel { label => "@C" } } } }
    label "@C" { output { relabel { label => "@A" } } })");
  CHECK(round.plan == nullptr);
  CHECK(round.diagnostics.error_count() == 1);
  CHECK_THAT(round.errors(), Contains("leads back to itself"));
  CHECK(Compilation(R"(
    label "@A" { output { relabel { label => "@C" } relabel { label => "@B" } } }
    label "@B" { output { relabel { label => "@C" } } }
    label "@C" { output { stdout { } } })")
            .plan != nullptr);  // two ways to one label are no circle
}

TEST_CASE("a label that is defined twice is refused", "[compiler]") {
  // The Logstash parser refuses it itself; another front end may leave it to the compiler.
  Graph graph;
  Diagnostics diagnostics;
  const auto source = std::make_shared<SourceText>("web.conf", "label \"@A\" { }");
  parse_logstash(source, {}, graph, diagnostics);
  REQUIRE(graph.labels.size() == 1);
  graph.labels.push_back(graph.labels[0]);
  MetricScope metrics;
  CompileSettings settings;
  settings.metrics = &metrics;
  CHECK(compile_plan(std::move(graph), settings, diagnostics) == nullptr);
  CHECK_THAT(diagnostics.render(), Contains("the label \"@A\" is defined twice"));
}

TEST_CASE("everything that is wrong is said at once, in the order of the text", "[compiler]") {
  const Compilation made(
      "input { no_such_input { } }\n"
      "filter {\n"
      "  if \"a\" == \"b\" { mutate { no_such_option => 1 } }\n"
      "  if [x] =~ /(/ { no_such_filter { } }\n"
      "  mutate { id => \"i\" }\n"
      "  mutate { id => \"i\" }\n"
      "}\n"
      "output { stdout { codec => no_such_codec } relabel { label => \"@X\" } }\n"
      "label \"@L\" { output { relabel { label => \"@L\" } no_such_output { } } }\n");
  CHECK(made.plan == nullptr);
  CHECK(made.diagnostics.error_count() == 9);
  const std::string errors = made.errors();
  std::size_t at = 0;
  for (const char* message : {"no input \"no_such_input\"", "no option \"no_such_option\"",
                              "web.conf:4:", "no filter \"no_such_filter\"", "the id \"i\"", "no codec \"no_such_codec\"",
                              "no label \"@X\"", "\"@L\" leads back", "no output \"no_such_output\""}) {
    CAPTURE(message, errors);
    const std::size_t found = errors.find(message, at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
}

TEST_CASE("a broken plugin in a branch that never runs refuses the configuration all the same", "[compiler]") {
  CHECK(Compilation("filter { if \"a\" == \"b\" { mutate { no_such_option => 1 } } }").plan == nullptr);
}

TEST_CASE("warnings alone do not refuse a configuration", "[compiler]") {
  const Compilation made("filter { mutate { add_field => { \"[broken\" => \"x\" } } }");
  CHECK(made.plan != nullptr);
  CHECK_FALSE(made.errors().empty());
}

}  // namespace
}  // namespace logboom
