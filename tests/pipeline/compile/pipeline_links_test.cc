#include "pipeline/compile/pipeline_links.h"

#include <catch2/catch.hpp>
#include <deque>

#include "pipeline/config/logstash_parser.h"

namespace logboom {
namespace {

using Catch::Contains;

/// Pipelines by id and configuration text, checked together.
class Links {
 public:
  explicit Links(const std::vector<std::pair<std::string, std::string>>& texts) {
    std::vector<LinkedPipeline> pipelines;
    for (const auto& [id, text] : texts) {
      Diagnostics diagnostics;
      parse_logstash(std::make_shared<SourceText>(id + ".conf", text), {}, graphs_.emplace_back(), diagnostics);
      REQUIRE_FALSE(diagnostics.has_errors());
      pipelines.push_back({id, &graphs_.back()});
    }
    problems_ = check_pipeline_links(pipelines);
    REQUIRE(problems_.size() == texts.size());
  }
  std::string of(std::size_t pipeline) const { return problems_.at(pipeline).render(); }
  bool is_refused(std::size_t pipeline) const { return problems_.at(pipeline).has_errors(); }

 private:
  std::deque<Graph> graphs_;
  std::vector<Diagnostics> problems_;
};

std::string from(const std::string& address) { return "input { pipeline { address => \"" + address + "\" } } "; }
std::string to(const std::string& addresses) { return "output { pipeline { send_to => [" + addresses + "] } } "; }

}  // namespace

TEST_CASE("pipelines that send onwards, split and join are fine", "[pipeline_links]") {
  const Links links({{"in", "input { stdin { } } " + to(R"("a", "b")")},
                     {"left", from("a") + to(R"("end")")},
                     {"right", from("b") + "output { if [x] { pipeline { send_to => \"end\" } } }"},
                     {"out", from("end") + "output { stdout { } }"}});
  for (std::size_t i = 0; i < 4; ++i) CHECK(links.of(i).empty());
}

TEST_CASE("each pipeline of a circle is refused, with the way round, and others are not", "[pipeline_links]") {
  const Links links({{"in", "input { stdin { } } " + to(R"("a")")},
                     {"first", from("a") + to(R"("out", "b")")},
                     {"second", from("b") + "label \"@BACK\" { output { if [x] { pipeline { send_to => \"a1\" } } } }"},
                     {"third", from("a1") + to(R"("a")")},
                     {"last", from("out") + "output { stdout { } }"}});
  const Links closed({{"in", "input { stdin { } } " + to(R"("a")")},
                      {"first", from("a") + to(R"("out", "b")")},
                      {"second", from("b") + "label \"@BACK\" { output { if [x] { pipeline { send_to => \"a\" } } } }"},
                      {"last", from("out") + "output { stdout { } }"}});
  CHECK(links.is_refused(1));
  CHECK(links.is_refused(2));
  CHECK(links.is_refused(3));
  CHECK_FALSE(closed.is_refused(0));
  CHECK_THAT(closed.of(1), Contains("first.conf:1:") && Contains("send to each other in a circle: first → second → first"));
  CHECK_THAT(closed.of(2), Contains("in a circle: second → first → second"));
  CHECK_FALSE(closed.is_refused(3));
}

TEST_CASE("a pipeline that sends to itself is refused", "[pipeline_links]") {
  CHECK_THAT(Links({{"main", from("me") + to(R"("me")")}}).of(0), Contains("in a circle: main → main"));
}

TEST_CASE("the second pipeline with an address is refused at its place", "[pipeline_links]") {
  const Links links({{"one", from("a")}, {"two", from("b") + from("a")}, {"three", from("c") + from("c")}});
  CHECK_FALSE(links.is_refused(0));
  CHECK_THAT(links.of(1), Contains("two.conf:1:") && Contains("pipeline \"one\" has the address \"a\" already"));
  CHECK_THAT(links.of(2), Contains("pipeline \"three\" has the address \"c\" already"));
}

TEST_CASE("an address that nobody has is a warning with the nearest name", "[pipeline_links]") {
  const Links links({{"in", "input { stdin { } } " + to(R"("adress")")}, {"out", from("address")}});
  CHECK_FALSE(links.is_refused(0));
  CHECK_THAT(links.of(0),
             Contains("warning: no pipeline has the address \"adress\"") && Contains("did you mean \"address\"?"));
  CHECK_THAT(Links({{"in", to(R"("x")")}}).of(0), Contains("events wait until one has it"));
}

TEST_CASE("a pipeline is fed by pipelines alone when it has no other input", "[pipeline_links]") {
  const auto is_fed = [](const std::string& text) {
    Graph graph;
    Diagnostics diagnostics;
    parse_logstash(std::make_shared<SourceText>("test.conf", text), {}, graph, diagnostics);
    return is_fed_by_pipelines_alone(graph);
  };
  CHECK(is_fed(from("a") + from("b")));
  CHECK_FALSE(is_fed(from("a") + "input { stdin { } }"));
  CHECK_FALSE(is_fed("output { stdout { } }"));
}

}  // namespace logboom
