// What outputs, filters and conditions give up goes to the dead-letter queue, and the ledger accounts for it.
#include <catch2/catch.hpp>
#include <deque>
#include <stdexcept>

#include "pipeline/run/output_buffer.h"
#include "pipeline/run/plan_runner.h"
#include "tests/support/compiled_plan.h"
#include "tests/support/manual_retry_timer.h"
#include "tests/support/recording_receiver.h"

using Catch::Contains;

namespace logboom {
namespace {

const std::vector<AckResult> kDelivered = {AckResult::Delivered};

/// Takes, drops or refuses as the test says; what is taken is safe when the test says so.
class FakeDeadLetters final : public DeadLetterSink {
 public:
  Taken put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) override {
    if (answer != Taken::Taken) return answer;
    entries.push_back(
        fmt::format("{} {} {} {} {}", cause.plugin_type, cause.plugin_id, cause.code, cause.reason, json_of(event)));
    waiting.push_back(std::move(on_safe));
    return Taken::Taken;
  }
  std::string problem() const override { return "the disk is full"; }
  bool wait_until_writable(std::chrono::milliseconds) override {
    if (on_wait) on_wait();
    return !is_given_up;
  }
  void give_up() override { is_given_up = true; }

  void make_safe(bool is_safe = true) {
    std::deque<OnSafe> due;
    due.swap(waiting);
    for (const OnSafe& tell : due) tell(is_safe);
  }

  Taken answer = Taken::Taken;
  std::vector<std::string> entries;
  std::deque<OnSafe> waiting;
  std::function<void()> on_wait;
  bool is_given_up = false;
};

struct PoisonOptions {};
OptionTable<PoisonOptions> poison_options() { return {}; }

/// Throws on {"n":2}; makes a child of every other event first.
class Poison {
 public:
  Poison(PoisonOptions, const PluginContext&) {}
  Verdict apply(Event& event) {
    if (number_of(event) == 2) throw std::runtime_error("two is too much");
    return Verdict::Pass;
  }
};
class PoisonWithChildren {
 public:
  PoisonWithChildren(PoisonOptions, const PluginContext&) {}
  Verdict apply(Event& event, NewEvents& made) {
    made.clone(event);
    if (number_of(event) == 2) throw 2;
    return Verdict::Pass;
  }
};
const RegisterFilter poison_registered({.name = "test_poison",
                                        .summary = "Throws.",
                                        .make = make_filter<Poison, poison_options>});
const RegisterFilter children_registered({.name = "test_poison_children",
                                          .summary = "Throws behind a child.",
                                          .make = make_filter<PoisonWithChildren, poison_options>});

/// A plan with outputs and dead letters, run as a worker does.
class Rig {
 public:
  explicit Rig(std::string_view text, bool has_dead_letters = true)
      : compiled(text), ledger(compiled.metrics), sink_(has_dead_letters ? &dead_letters : nullptr) {
    for (std::size_t i = 0; i < compiled.plan->outputs.size(); ++i)
      buffers.push_back(std::make_shared<OutputBuffer>(*compiled.plan->outputs[i], compiled.plan->output_sites[i],
                                                       OutputBufferLimits{}, timer, sink_, &ledger));
    runner.emplace(compiled.plan, 0, buffers, false, compiled.metrics, sink_);
  }
  std::shared_ptr<RecordingReceiver> run(const ChunkPtr& chunk) {
    ledger.received.add(chunk->events().size());
    auto receiver = follow_armed(*chunk);
    runner->run(batch_of({chunk}));
    return receiver;
  }
  LedgerBalance balance() const {
    LedgerBalance made = read_ledger(ledger.counts(), 0);
    for (const auto& buffer : buffers) made.outputs.push_back(buffer->balance());
    return made;
  }
  void check_balanced() const {
    for (const std::string& gap : balance().gaps_at_rest()) FAIL_CHECK(gap);
  }

  CompiledPlan compiled;
  PipelineLedger ledger;
  FakeDeadLetters dead_letters;
  ManualRetryTimer timer;
  std::vector<std::shared_ptr<OutputBuffer>> buffers;
  std::optional<PlanRunner> runner;

 private:
  DeadLetterSink* sink_;
};

constexpr const char* kToOutput = "input { test_source {} } output { test_output { id => out } }";

}  // namespace

TEST_CASE("a refused event is finished when its entry is safe, not before", "[dead_letter][output_buffer]") {
  Rig rig(kToOutput);
  rig.compiled.output().hold();
  const auto receiver = rig.run(numbered_chunk(0, 3));
  rig.compiled.output().take_one()->report_all(Outcome::permanent("no such index", 404));
  CHECK(rig.dead_letters.entries == std::vector<std::string>{R"(test_output out 404 no such index {"n":0})",
                                                             R"(test_output out 404 no such index {"n":1})",
                                                             R"(test_output out 404 no such index {"n":2})"});
  CHECK_FALSE(receiver->is_finished());
  CHECK(rig.buffers[0]->undelivered_events() == 3);
  CHECK(rig.balance().in_flight == 3);
  CHECK(rig.balance().outputs[0].gap == 0);  // buffered
  rig.dead_letters.make_safe();
  CHECK(receiver->results() == kDelivered);
  CHECK(rig.buffers[0]->undelivered_events() == 0);
  CHECK(rig.balance().outputs[0].dead_lettered == 3);
  CHECK(rig.balance().finished == 3);
  rig.check_balanced();
}

TEST_CASE("an entry that was not written leaves its event undelivered", "[dead_letter][output_buffer]") {
  Rig rig(kToOutput);
  rig.compiled.output().hold();
  auto chunk = numbered_chunk(0, 1);
  const auto receiver = rig.run(chunk);
  rig.compiled.output().take_one()->report_all(Outcome::permanent("never"));
  rig.dead_letters.make_safe(false);
  chunk.reset();
  CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
}

TEST_CASE("while the dead-letter queue cannot be written the output waits", "[dead_letter][output_buffer]") {
  Rig rig(kToOutput);
  rig.compiled.output().hold();
  const auto receiver = rig.run(numbered_chunk(0, 2));
  rig.dead_letters.answer = DeadLetterSink::Taken::Refused;
  auto delivery = rig.compiled.output().take_one();
  delivery->report(1, Outcome::permanent("never"));
  delivery->report(0, Outcome::delivered());
  delivery.reset();
  CHECK_FALSE(receiver->is_finished());
  CHECK(rig.buffers[0]->undelivered_events() == 1);
  rig.dead_letters.answer = DeadLetterSink::Taken::Taken;
  REQUIRE(rig.timer.fire() == 1);
  rig.compiled.output().take_one()->report_all(Outcome::permanent("never"));
  rig.dead_letters.make_safe();
  CHECK(receiver->results() == kDelivered);
  CHECK(rig.dead_letters.entries == std::vector<std::string>{R"(test_output out 0 never {"n":1})"});
  rig.check_balanced();
}

TEST_CASE("what a full dead-letter queue drops is counted as rejected and finished", "[dead_letter][output_buffer]") {
  Rig rig(kToOutput);
  rig.compiled.output().hold();
  rig.dead_letters.answer = DeadLetterSink::Taken::Dropped;
  const auto receiver = rig.run(numbered_chunk(0, 2));
  rig.compiled.output().take_one()->report_all(Outcome::permanent("never"));
  CHECK(receiver->results() == kDelivered);
  CHECK(rig.balance().outputs[0].rejected == 2);
  rig.check_balanced();
}

TEST_CASE("an event that makes a filter throw is set aside, its batch mates go on", "[dead_letter][plan_runner]") {
  const std::string filter = GENERATE("test_poison", "test_poison_children");
  const bool has_children = filter == "test_poison_children";
  const std::string text = "input { test_source {} } filter { " + filter + " { id => \"p\" } } output { test_output {} }";
  SECTION("with a dead-letter queue it goes there") {
    Rig rig(text);
    const auto receiver = rig.run(numbered_chunk(0, 5));
    REQUIRE(rig.dead_letters.entries.size() == 1);
    CHECK_THAT(rig.dead_letters.entries[0], Contains(filter + " p 0 the filter failed") && Contains(R"({"n":2})"));
    if (has_children) {
      CHECK(rig.compiled.output().numbers() == std::vector<std::int64_t>{0, 0, 1, 1, 3, 3, 4, 4});
    } else {
      CHECK(rig.compiled.output().numbers() == std::vector<std::int64_t>{0, 1, 3, 4});
    }
    CHECK_FALSE(receiver->is_finished());
    rig.dead_letters.make_safe();
    CHECK(receiver->results() == kDelivered);
    CHECK(rig.balance().dead_lettered == 1);
    rig.check_balanced();
  }
  SECTION("without one it is tagged and goes on in its place") {
    Rig rig(text, false);
    const auto receiver = rig.run(numbered_chunk(1, 3));
    CHECK(receiver->results() == kDelivered);
    const auto lines = rig.compiled.output().lines();
    CHECK(lines.at(has_children ? 2 : 1) == R"({"n":2,"tags":["_filterexception"]})");
    CHECK(lines.size() == (has_children ? 5 : 3));
    rig.check_balanced();
  }
}

TEST_CASE("an event that makes an output throw is set aside, its batch mates go on", "[dead_letter][output_buffer]") {
  Rig rig(kToOutput);
  rig.compiled.output().on_deliver = [](const Delivery& delivery) {
    for (const Event* event : delivery.events())
      if (number_of(*event) == 2) throw std::runtime_error("two is too much");
  };
  const auto receiver = rig.run(numbered_chunk(0, 5));
  CHECK(rig.compiled.output().numbers().empty());
  CHECK(rig.timer.fire() == 5);  // each alone
  CHECK(rig.compiled.output().numbers() == std::vector<std::int64_t>{0, 1, 3, 4});
  CHECK(rig.dead_letters.entries ==
        std::vector<std::string>{R"(test_output out 0 the output failed: two is too much {"n":2})"});
  CHECK_FALSE(receiver->is_finished());
  rig.dead_letters.make_safe();
  CHECK(receiver->results() == kDelivered);
  rig.check_balanced();
}

TEST_CASE("a condition that cannot be evaluated sets its event aside, in filters and before outputs",
          "[dead_letter][plan_runner]") {
  const std::string text =
      GENERATE(as<std::string>(),
               "input { test_source {} } filter { if [n] > 5 { mutate { add_tag => big } } } output { test_output {} }",
               "input { test_source {} } output { if [n] > 5 { test_output {} } else { test_output {} } }");
  Rig rig(text);
  const auto receiver = rig.run(chunk_of("{\"n\":9}\n{\"n\":\"x\"}\n{}\n{\"n\":1}"));
  REQUIRE(rig.dead_letters.entries.size() == 2);
  CHECK_THAT(rig.dead_letters.entries[0], Contains("if-statement if-statement 0 test.conf:1:") && Contains("[n] > 5") &&
                                              Contains("another kind") && Contains(R"({"n":"x"})"));
  CHECK_THAT(rig.dead_letters.entries[1], Contains("without the field {}"));
  CHECK_FALSE(receiver->is_finished());
  rig.dead_letters.make_safe();
  CHECK(receiver->results() == kDelivered);
  rig.check_balanced();
}

TEST_CASE("without a dead-letter queue such a condition is false and the event goes on", "[dead_letter][plan_runner]") {
  Rig rig("input { test_source {} } filter { if [n] > 5 { drop {} } } output { test_output {} }", false);
  const auto receiver = rig.run(chunk_of("{\"n\":\"x\"}\n{}"));
  CHECK(rig.compiled.output().lines().size() == 2);
  CHECK(receiver->results() == kDelivered);
}

TEST_CASE("a worker waits for a dead-letter queue that cannot be written, and gives up when it is told to",
          "[dead_letter][plan_runner]") {
  Rig rig("input { test_source {} } filter { test_poison {} } output { test_output {} }");
  rig.dead_letters.answer = DeadLetterSink::Taken::Refused;
  SECTION("the disk does better") {
    int waits = 0;
    rig.dead_letters.on_wait = [&] {
      if (++waits == 3) rig.dead_letters.answer = DeadLetterSink::Taken::Taken;
    };
    const auto receiver = rig.run(numbered_chunk(0, 5));
    CHECK(waits == 3);
    rig.dead_letters.make_safe();
    CHECK(receiver->results() == kDelivered);
    rig.check_balanced();
  }
  SECTION("the pipeline ends") {
    rig.dead_letters.give_up();
    auto chunk = numbered_chunk(0, 5);
    const auto receiver = rig.run(chunk);
    chunk.reset();
    CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
  }
}

TEST_CASE("the ledger adds up over drops, children, labels, retries and several outputs", "[ledger][plan_runner]") {
  Rig rig(R"(input { test_source {} }
    filter { if [n] == 3 { drop {} } if [n] == 4 { clone { clones => ["a", "b"] } } }
    output { test_output { id => one } if [n] < 2 { test_output { id => two } } relabel { label => "@COPY" } }
    label "@COPY" { filter { if [n] == 0 { drop {} } } output { test_output { id => three } } })");
  rig.compiled.output(0).hold();
  const auto receiver = rig.run(numbered_chunk(0, 6));
  auto delivery = rig.compiled.output(0).take_one();
  delivery->report(0, Outcome::retry("busy"));
  delivery->report(1, Outcome::permanent("no"));
  delivery->report_all(Outcome::retry("busy"));
  delivery.reset();
  rig.dead_letters.make_safe();
  CHECK(rig.balance().in_flight > 0);
  CHECK(rig.balance().finished == 7);  // one dead-lettered, six of the label
  for (int i = 0; i < 3; ++i) {
    REQUIRE(rig.timer.fire() == 1);
    delivery = rig.compiled.output(0).take_one();
    if (delivery->events().size() > 1) delivery->report(1, Outcome::delivered());
    if (i < 2) delivery->report_all(Outcome::retry("busy"));
    if (i == 2) delivery->report_all(Outcome::delivered());
    delivery.reset();
  }
  CHECK(receiver->results() == kDelivered);
  const LedgerBalance balance = rig.balance();
  CHECK(balance.received == 6);
  CHECK(balance.created == 2 + 7);  // clones, copies for the label
  CHECK(balance.dropped == 1 + 1);
  CHECK(balance.finished == 13);
  CHECK(balance.in_flight == 0);
  CHECK(balance.outputs[0].taken == 7);
  CHECK(balance.outputs[0].delivered == 6);
  CHECK(balance.outputs[0].dead_lettered == 1);
  rig.check_balanced();
}

TEST_CASE("a ledger goes on after a restart, and adds up after a crash to what the queue holds", "[ledger]") {
  LedgerBalance kept;
  kept.received = 100;
  kept.created = 10;
  kept.dropped = 20;
  kept.finished = 60;
  SECTION("all was kept") { CHECK(recovered_ledger(kept, 100, 30, 0).finished == 60); }
  SECTION("more was finished since") { CHECK(recovered_ledger(kept, 100, 25, 0).finished == 65); }
  SECTION("more was received and finished since") {
    CHECK(recovered_ledger(kept, 112, 30, 0).received == 112);
    CHECK(recovered_ledger(kept, 112, 30, 0).finished == 72);
  }
  SECTION("some was damaged") { CHECK(recovered_ledger(kept, 100, 27, 3).finished == 60); }
  MetricScope metrics;
  const PipelineLedger fresh(metrics);
  for (const std::uint64_t taken : {0u, 5u, 100u, 1000u})
    for (const std::uint64_t queued : {0u, 1u, 30u})
      CHECK(read_ledger(fresh.counts(), queued, 1, recovered_ledger(kept, taken, queued, 1)).in_flight == 0);
  fresh.received.add(5);
  CHECK(read_ledger(fresh.counts(), 30, 0, recovered_ledger(kept, 100, 30, 0)).in_flight == 5);
}

TEST_CASE("a ledger that does not add up names what is missing", "[ledger]") {
  MetricScope metrics;
  PipelineLedger ledger(metrics);
  ledger.received.add(10);
  ledger.completed.add(8);
  LedgerBalance balance = read_ledger(ledger.counts(), 0);
  balance.outputs.push_back({"out", 10, 7, 1, 1, 0, 0, 1});
  const auto gaps = balance.gaps_at_rest();
  REQUIRE(gaps.size() == 2);
  CHECK_THAT(gaps[0], Contains("10 came in") && Contains("2 are missing"));
  CHECK_THAT(gaps[1], Contains("output out took 10, but accounts for 9"));
  CHECK(read_ledger(ledger.counts(), 2).gaps_at_rest().empty());
}

}  // namespace logboom
