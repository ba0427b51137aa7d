#include "pipeline/run/plan_runner.h"

#include <catch2/catch.hpp>

#include "tests/support/compiled_plan.h"
#include "tests/support/manual_retry_timer.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

using Lines = std::vector<std::string>;
const std::vector<AckResult> kDelivered = {AckResult::Delivered};

struct NoOptions {};
OptionTable<NoOptions> no_options() { return {}; }

/// Puts two children behind every event.
class Bear {
 public:
  Bear(NoOptions, const PluginContext&) : child_(FieldRef::of_name("child")) {}
  Verdict apply(Event& event, NewEvents& made) {
    made.clone(event).set(child_, Value::integer(1));
    made.clone(event).set(child_, Value::integer(2));
    return Verdict::Pass;
  }

 private:
  FieldRef child_;
};
const RegisterFilter bear_registered({.name = "test_bear",
                                      .summary = "Makes two children.",
                                      .make = make_filter<Bear, no_options>});

/// Ends every event with children in its place.
class Replace {
 public:
  Replace(NoOptions, const PluginContext&) : part_(FieldRef::of_name("part")) {}
  Verdict apply(Event& event, NewEvents& made) {
    for (int i = 0; i < 3; ++i) made.clone(event).set(part_, Value::integer(i));
    return Verdict::Drop;
  }

 private:
  FieldRef part_;
};
const RegisterFilter replace_registered({.name = "test_replace",
                                         .summary = "Splits in three.",
                                         .make = make_filter<Replace, no_options>});

struct HoldOptions {
  std::string name;
};
OptionTable<HoldOptions> hold_options() {
  OptionTable<HoldOptions> table;
  table.required("name", &HoldOptions::name, "What its own event is called.");
  return table;
}

/// Counts events; makes one event that says how many and why it was flushed.
class Hold {
 public:
  Hold(HoldOptions options, const PluginContext&) : name_(std::move(options.name)) {}
  Verdict apply(Event&) {
    ++count_;
    return Verdict::Pass;
  }
  void flush(NewEvents& made, FlushKind kind) {
    Event& event = made.make();
    event.set(FieldRef::of_name("held"), Value::string(name_));
    event.set(FieldRef::of_name("count"), Value::integer(std::exchange(count_, 0)));
    event.set(FieldRef::of_name("final"), Value::boolean(kind == FlushKind::Final));
  }

 private:
  std::string name_;
  std::int64_t count_ = 0;
};
const RegisterFilter hold_registered({.name = "test_hold", .summary = "Counts.", .make = make_filter<Hold, hold_options>});

/// Notes in one journal for all its instances who came by.
class Visit {
 public:
  Visit(NoOptions, const PluginContext&) {}
  Verdict apply(Event& event) {
    journal().push_back(number_of(event));
    return Verdict::Pass;
  }
  static std::vector<std::int64_t>& journal() {
    static std::vector<std::int64_t> visits;
    return visits;
  }
};
const RegisterFilter visit_registered({.name = "test_visit",
                                       .summary = "Notes who comes by.",
                                       .make = make_filter<Visit, no_options>,
                                       .shares_state_across_filters = true});

/// One worker with its outputs' buffers.
struct RunnerRig {
  explicit RunnerRig(std::string_view text, bool is_ordered = true) : compiled(text) {
    for (std::size_t i = 0; i < compiled.plan->outputs.size(); ++i)
      buffers.push_back(std::make_shared<OutputBuffer>(*compiled.plan->outputs[i], compiled.plan->output_sites[i],
                                                       OutputBufferLimits{}, timer));
    runner = std::make_unique<PlanRunner>(compiled.plan, 0, buffers, is_ordered, compiled.metrics);
  }
  bool run(const std::vector<ChunkPtr>& chunks, std::optional<FlushKind> flush = std::nullopt) {
    return runner->run(batch_of(chunks), flush);
  }
  /// What a first output is given.
  Lines lines_of(std::string_view json_lines, std::optional<FlushKind> flush = std::nullopt) {
    const ChunkPtr chunk = chunk_of(json_lines);
    chunk->token().arm(chunk->events().size());
    CHECK(run({chunk}, flush));
    CHECK(chunk->token().remaining() == 0);
    return compiled.output().lines();
  }

  CompiledPlan compiled;
  ManualRetryTimer timer;
  std::vector<std::shared_ptr<OutputBuffer>> buffers;
  std::unique_ptr<PlanRunner> runner;
};

TEST_CASE("a parent's token ends only after its children, and a dropped parent counts as done", "[plan_runner]") {
  RunnerRig rig("filter { test_replace {} } output { test_output {} }");
  rig.compiled.output().hold();
  const ChunkPtr split = numbered_chunk(0, 2), other = numbered_chunk(2, 1);
  const auto of_split = follow_armed(*split, AckTracking::Prefix);
  const auto of_other = follow_armed(*other);
  REQUIRE(rig.run({split, other}));
  CHECK(split->token().remaining() == 6);  // three parts of each; the two parents were dropped
  CHECK(of_split->prefixes().empty());
  const DeliveryPtr delivery = rig.compiled.output().take_one();
  REQUIRE(delivery->events().size() == 9);
  for (const std::size_t i : {0, 2, 3, 4, 5, 6, 7, 8}) delivery->report(i, Outcome::delivered());
  CHECK(of_other->results() == kDelivered);
  CHECK(of_split->prefixes().empty());  // part 1 of event 0 is open, so nothing of the prefix is done
  CHECK_FALSE(of_split->is_finished());
  delivery->report(1, Outcome::permanent("no"));
  CHECK(of_split->prefixes() == std::vector<std::size_t>{2});
  CHECK(of_split->results() == kDelivered);
}

TEST_CASE("events that filters drop are done at once, whatever becomes of the others", "[plan_runner]") {
  RunnerRig rig("filter { if [n] > 1 { drop {} } } output { test_output {} }");
  rig.compiled.output().hold();
  const ChunkPtr mixed = numbered_chunk(1, 2), dropped = numbered_chunk(3, 3);
  const auto of_mixed = follow_armed(*mixed);
  const auto of_dropped = follow_armed(*dropped);
  REQUIRE(rig.run({mixed, dropped}));
  CHECK(of_dropped->results() == kDelivered);
  CHECK_FALSE(of_mixed->is_finished());
  rig.compiled.output().take_one()->report_all(Outcome::delivered());
  CHECK(of_mixed->results() == kDelivered);
  CHECK(rig.compiled.metrics.counter("events.dropped").value() == 4);
  CHECK(rig.compiled.metrics.counter("events.filtered").value() == 1);
}

TEST_CASE("without outputs, and where no branch has one, events are done after the filters", "[plan_runner]") {
  for (const char* text : {"filter { clone { clones => [\"a\"] } }", "output { if [n] == 77 { test_output {} } }"}) {
    RunnerRig rig(text);
    const ChunkPtr chunk = numbered_chunk(0, 3);
    const auto receiver = follow_armed(*chunk, AckTracking::Prefix);
    REQUIRE(rig.run({chunk}));
    CHECK(receiver->results() == kDelivered);
  }
}

TEST_CASE("events keep their places through branches, with their children behind them", "[plan_runner]") {
  RunnerRig rig(R"(filter {
    if [n] == 1 or [n] == 3 { mutate { add_field => { "way" => "odd" } } }
    else if [n] == 2 { if [n] < 9 { test_bear {} } else { drop {} } }
    else { mutate { add_field => { "way" => "rest" } } }
  } output { test_output {} })");
  CHECK(rig.lines_of("{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}") ==
        Lines{R"({"n":0,"way":"rest"})", R"({"n":1,"way":"odd"})", R"({"n":2})", R"({"n":2,"child":1})",
              R"({"n":2,"child":2})", R"({"n":3,"way":"odd"})", R"({"n":4,"way":"rest"})"});
}

TEST_CASE("of one event's children those of an earlier branch come first", "[plan_runner]") {
  RunnerRig rig(R"(filter {
    test_bear {}
    if [child] == 2 { mutate { add_field => { "branch" => "if" } } }
    else if ![child] { mutate { add_field => { "branch" => "else if" } } }
    else { mutate { add_field => { "branch" => "else" } } }
  } output { test_output {} })");
  CHECK(rig.lines_of("{\"n\":0}\n{\"n\":1}") == Lines{R"({"n":0,"child":2,"branch":"if"})", R"({"n":0,"branch":"else if"})",
                                                      R"({"n":0,"child":1,"branch":"else"})",
                                                      R"({"n":1,"child":2,"branch":"if"})", R"({"n":1,"branch":"else if"})",
                                                      R"({"n":1,"child":1,"branch":"else"})"});
}

TEST_CASE("a label's chain changes its own copies: outputs that hold the original see it unchanged", "[plan_runner]") {
  RunnerRig rig(R"(
    label "@AUDIT" {
      filter { mutate { update => { "message" => "changed" } add_field => { "[user][role]" => "auditor" } } }
      output { test_output {} }
    }
    output { test_output {} relabel { label => "@AUDIT" } test_output {} })");
  FakeOutput& before = rig.compiled.output(0);
  FakeOutput& after = rig.compiled.output(1);
  FakeOutput& audit = rig.compiled.output(2);
  for (FakeOutput* output : {&before, &after, &audit}) output->hold();
  const ChunkPtr chunk = chunk_of(R"({"message":"as it came","user":{"name":"ann"}})");
  const auto receiver = follow_armed(*chunk);
  REQUIRE(rig.run({chunk}));
  const DeliveryPtr of_before = before.take_one(), of_after = after.take_one(), of_audit = audit.take_one();
  CHECK(of_before->events()[0] == of_after->events()[0]);
  CHECK(json_of(*of_before->events()[0]) == R"({"message":"as it came","user":{"name":"ann"}})");
  CHECK(json_of(*of_audit->events()[0]) == R"({"message":"changed","user":{"name":"ann","role":"auditor"}})");
  of_before->report_all(Outcome::delivered());
  of_audit->report_all(Outcome::delivered());
  CHECK_FALSE(receiver->is_finished());
  of_after->report_all(Outcome::delivered());
  CHECK(receiver->results() == kDelivered);
}

TEST_CASE("labels lead to labels, drop, and split, and a token ends after all of them", "[plan_runner]") {
  RunnerRig rig(R"(
    label "@LAST" { filter { test_replace {} } output { test_output {} } }
    label "@ODD" { filter { if [n] == 2 { drop {} } } output { if [n] == 1 { relabel { label => "@LAST" } } else { test_output {} } } }
    output { relabel { label => "@ODD" } })");
  // Outputs are numbered as they are compiled: the main block, then label after label.
  FakeOutput& last = rig.compiled.output(0);
  last.hold();
  const ChunkPtr one = numbered_chunk(1, 1), two = numbered_chunk(2, 1), three = numbered_chunk(3, 1);
  const auto of_one = follow_armed(*one);
  const auto of_two = follow_armed(*two);
  const auto of_three = follow_armed(*three);
  REQUIRE(rig.run({one, two, three}));
  CHECK(of_two->results() == kDelivered);
  CHECK(of_three->results() == kDelivered);
  CHECK(rig.compiled.output(1).lines() == Lines{R"({"n":3})"});
  CHECK(one->token().remaining() == 3);
  last.take_one()->report_all(Outcome::delivered());
  CHECK(last.lines() == Lines{R"({"n":1,"part":0})", R"({"n":1,"part":1})", R"({"n":1,"part":2})"});
  CHECK(of_one->results() == kDelivered);
}

TEST_CASE("what a filter emits when it is flushed passes the later steps, not the earlier ones", "[plan_runner]") {
  RunnerRig rig(R"(filter {
    mutate { add_field => { "before" => "x" } }
    if [n] == 1 { test_hold { name => "one" } mutate { add_field => { "branch" => "x" } } }
    else { test_hold { name => "other" } }
    mutate { add_field => { "after" => "x" } }
  } output { test_output {} })");
  CHECK(rig.runner->wants_flush());
  CHECK(rig.lines_of("{\"n\":1}\n{\"n\":2}", FlushKind::Periodic) ==
        Lines{R"({"n":1,"before":"x","branch":"x","after":"x"})",
              R"({"held":"one","count":1,"final":false,"branch":"x","after":"x"})", R"({"n":2,"before":"x","after":"x"})",
              R"({"held":"other","count":1,"final":false,"after":"x"})"});
}

TEST_CASE("an empty batch flushes every filter once", "[plan_runner]") {
  RunnerRig rig(
      R"(filter { test_hold { name => "a" } if [n] == 1 { test_hold { name => "b" } } } output { test_output {} })");
  REQUIRE(rig.runner->run(std::make_shared<Batch>(), FlushKind::Final));
  // What the branch made comes before what passed it by: both stem from no event, and earlier branches come first.
  CHECK(rig.compiled.output().lines() ==
        Lines{R"({"held":"b","count":0,"final":true})", R"({"held":"a","count":0,"final":true})"});
}

TEST_CASE("filters inside labels are flushed too, a label before those that it leads to", "[plan_runner]") {
  RunnerRig rig(R"(
    label "@SECOND" { filter { test_hold { name => "second" } } output { test_output {} } }
    label "@FIRST" { filter { test_hold { name => "first" } } output { relabel { label => "@SECOND" } } }
    output { if [n] == 1 { relabel { label => "@FIRST" } } else { relabel { label => "@SECOND" } } })");
  CHECK(rig.lines_of("{\"n\":1}\n{\"n\":2}", FlushKind::Final) == Lines{R"({"n":1})", R"({"n":2})",
                                                                        R"({"held":"first","count":1,"final":true})",
                                                                        R"({"held":"second","count":3,"final":true})"});
}

TEST_CASE("an ordered pipeline takes one event through all filters that share state before the next", "[plan_runner]") {
  const auto visits = [](bool is_ordered) {
    Visit::journal().clear();
    RunnerRig rig("filter { test_visit {} test_visit {} } output { test_output {} }", is_ordered);
    CHECK(rig.lines_of("{\"n\":1}\n{\"n\":2}") == Lines{R"({"n":1})", R"({"n":2})"});
    return Visit::journal();
  };
  CHECK(visits(true) == std::vector<std::int64_t>{1, 1, 2, 2});
  CHECK(visits(false) == std::vector<std::int64_t>{1, 2, 1, 2});
}

TEST_CASE("when one output is closed, a batch's events count as not delivered although another output has them",
          "[plan_runner]") {
  RunnerRig rig("output { test_output {} test_output {} }");
  ChunkPtr chunk = numbered_chunk(0, 3);
  const auto receiver = follow_armed(*chunk);
  rig.buffers[1]->close();
  CHECK_FALSE(rig.run({chunk}));
  CHECK(rig.compiled.output(0).lines().size() == 3);
  CHECK_FALSE(receiver->is_finished());
  chunk.reset();
  CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
}

}  // namespace
}  // namespace logboom
