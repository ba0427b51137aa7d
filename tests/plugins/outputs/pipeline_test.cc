#include "pipeline/plugin/pipeline_bus.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/recorded_delivery.h"

namespace logboom {
namespace {

using Catch::Contains;
using Lines = std::vector<std::string>;
using Answer = CollectingSink::Answer;

/// A pipeline output at work, with the test at the other end of its addresses.
class Sending {
 public:
  explicit Sending(std::string_view text) : harness_("output", text, bus) {
    INFO(harness_.diagnostics.render());
    REQUIRE(harness_.plugin != nullptr);
    REQUIRE(harness_.plugin->start());
  }
  std::shared_ptr<RecordedDelivery> send(const std::vector<std::string>& events) {
    auto delivery = std::make_shared<RecordedDelivery>(events);
    harness_.plugin->deliver(delivery);
    return delivery;
  }
  void open(const std::string& name, CollectingSink& sink) {
    auto receiver = std::make_shared<PipelineAddress::Receiver>();
    receiver->sink = std::shared_ptr<EventSink>(std::shared_ptr<void>(), &sink);
    receiver->decorate = [](Chunk&) {};
    REQUIRE(bus.address(name)->open(std::move(receiver)));
  }
  void close(const std::string& name) { bus.address(name)->close(); }
  void stop() { harness_.plugin->stop(); }
  std::uint64_t discarded() { return harness_.metrics.counter("discarded").value(); }

  PipelineBus bus;

 private:
  PluginHarness<Output> harness_;
};

std::vector<OutcomeKind> kinds(RecordedDelivery& delivery) {
  std::vector<OutcomeKind> made;
  for (const Outcome& outcome : delivery.wait()) made.push_back(outcome.kind);
  return made;
}
const std::vector<OutcomeKind> kOneDelivered = {OutcomeKind::Delivered};

}  // namespace

TEST_CASE("events arrive with their metadata, and are delivered when the receiver says so", "[output][pipeline]") {
  Sending output(R"(pipeline { send_to => "a" })");
  CollectingSink sink(Answer::Later);
  output.open("a", sink);
  const auto delivery = output.send({R"({"n":1,"@metadata":{"x":2}})"});
  CHECK(sink.events() == Lines{"{\"n\":1}\t{\"x\":2}"});
  sink.deliver_held();
  CHECK(kinds(*delivery) == kOneDelivered);
}

TEST_CASE("several addresses: events are delivered after the last of them", "[output][pipeline]") {
  Sending output(R"(pipeline { send_to => ["a", "b"] })");
  CollectingSink first, second(Answer::Later);
  output.open("a", first);
  output.open("b", second);
  const auto delivery = output.send({R"({"n":1})"});
  CHECK(first.events() == Lines{R"({"n":1})"});
  CHECK(second.events() == Lines{R"({"n":1})"});
  second.deliver_held();
  CHECK(kinds(*delivery) == kOneDelivered);
}

TEST_CASE("what waits for a full receiver and for one that is gone arrives in order, once", "[output][pipeline]") {
  Sending output(R"(pipeline { send_to => "a" })");
  CollectingSink full, next;
  full.set_full(true);
  output.open("a", full);
  std::vector<std::shared_ptr<RecordedDelivery>> sent;
  for (const char* event : {R"({"n":1})", R"({"n":2})", R"({"n":3})"}) sent.push_back(output.send({event}));
  CHECK(full.waiting() == 1);
  SECTION("the receiver has room again") {
    full.set_full(false);
    CHECK(full.events() == Lines{R"({"n":1})", R"({"n":2})", R"({"n":3})"});
  }
  SECTION("another one comes in its place") {
    full.stop();
    output.close("a");
    CHECK(full.events().empty());
    output.open("a", next);
    CHECK(next.events() == Lines{R"({"n":1})", R"({"n":2})", R"({"n":3})"});
  }
  for (const auto& delivery : sent) CHECK(kinds(*delivery) == kOneDelivered);
}

TEST_CASE("events that a receiver gives up go to its successor as they were", "[output][pipeline]") {
  Sending output(R"(pipeline { send_to => "a" })");
  CollectingSink first(Answer::Later), second;
  output.open("a", first);
  const auto delivery = output.send({R"({"n":1})"});
  ChunkPtr held = first.held_chunk();
  held->events()[0]->set(FieldRef::of_name("n"), Value::integer(99));  // the first one's filters
  first.stop();
  output.close("a");
  first.forget_held();
  held.reset();
  output.open("a", second);
  CHECK(second.events() == Lines{R"({"n":1})"});
  CHECK(kinds(*delivery) == kOneDelivered);
}

TEST_CASE("a receiver that gives events up again and again leaves the pause to the engine", "[output][pipeline]") {
  Sending output(R"(pipeline { send_to => "a" })");
  CollectingSink sink(Answer::Later);
  output.open("a", sink);
  const auto delivery = output.send({R"({"n":1})"});
  for (int i = 0; i < 4; ++i) sink.forget_held();
  const auto outcomes = delivery->wait();
  CHECK(outcomes[0].kind == OutcomeKind::Retry);
  CHECK_THAT(outcomes[0].reason, Contains("the pipeline at \"a\" does not deliver"));
  CHECK(sink.events().size() == 4);
}

TEST_CASE("without ensure_delivery nothing waits: what cannot be handed over is counted", "[output][pipeline]") {
  Sending output(R"(pipeline { send_to => "a" ensure_delivery => false })");
  CHECK(kinds(*output.send({R"({"n":1})", R"({"n":2})"})) == std::vector<OutcomeKind>(2, OutcomeKind::Delivered));
  CHECK(output.discarded() == 2);
  CollectingSink sink(Answer::Later);
  output.open("a", sink);
  sink.set_full(true);
  CHECK(kinds(*output.send({R"({"n":3})"})) == kOneDelivered);
  CHECK(output.discarded() == 3);
  sink.set_full(false);
  CHECK(kinds(*output.send({R"({"n":4})"})) == kOneDelivered);  // the receiver has it, whatever it does with it
  CHECK(sink.events() == Lines{R"({"n":4})"});
  sink.forget_held();
  CHECK(output.discarded() == 3);
}

TEST_CASE("an output that stops offers again what waits, and reports later what was handed over", "[output][pipeline]") {
  Sending output(R"(pipeline { send_to => ["a", "b"] })");
  CollectingSink sink(Answer::Later);
  output.open("a", sink);
  output.open("b", sink);
  const auto handed_over = output.send({R"({"n":1})"});
  output.close("b");
  const auto waiting = output.send({R"({"n":2})"});
  output.stop();
  sink.deliver_held();
  CHECK(kinds(*handed_over) == kOneDelivered);
  CHECK(kinds(*waiting) == std::vector<OutcomeKind>{OutcomeKind::Retry});
}

TEST_CASE("a pipeline output refuses no address and the same one twice", "[output][pipeline]") {
  PipelineBus bus;
  const auto problems_of = [&](std::string_view text) {
    return PluginHarness<Output>("output", text, bus).diagnostics.render();
  };
  CHECK_THAT(problems_of(R"(pipeline { send_to => ["a", "a"] })"), Contains("names \"a\" twice"));
  CHECK_THAT(problems_of("pipeline { send_to => [] }"), Contains("names no address"));
  CHECK_THAT(problems_of("pipeline { }"), Contains("needs the option \"send_to\""));
}

}  // namespace logboom
