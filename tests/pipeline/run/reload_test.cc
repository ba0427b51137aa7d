// A pipeline whose plan is exchanged while it runs.
#include <catch2/catch.hpp>
#include <future>
#include <set>
#include <thread>

#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/queue/memory_queue.h"
#include "pipeline/run/pipeline.h"
#include "tests/support/fake_output.h"
#include "tests/support/fake_source.h"
#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

using std::chrono::milliseconds;

FakeOutput& output_of(const Plan& plan, std::size_t number = 0) {
  return dynamic_cast<FakeOutput&>(*plan.outputs.at(number));
}
FakeSource& source_of(const Plan& plan) { return dynamic_cast<FakeSource&>(*plan.inputs.at(0)); }

/// Holds back what it sees, and gives it out when it goes.
struct HoarderOptions {
  std::string version;
};
OptionTable<HoarderOptions> hoarder_options() {
  OptionTable<HoarderOptions> table;
  table.optional("version", &HoarderOptions::version, "Anything.");
  return table;
}
class Hoarder {
 public:
  Hoarder(HoarderOptions options, const PluginContext&)
      : field_(FieldRef::of_name("hoard")), version_(FieldRef::of_name("of")), options_(std::move(options)) {}
  Verdict apply(Event&) {
    ++count_;
    return Verdict::Pass;
  }
  void flush(NewEvents& made, FlushKind kind) {
    if (kind != FlushKind::Final || count_ == 0) return;
    Event& event = made.make();
    event.set(field_, Value::integer(std::exchange(count_, 0)));
    event.set(version_, Value::string(options_.version));
  }

 private:
  FieldRef field_;
  FieldRef version_;
  HoarderOptions options_;
  std::int64_t count_ = 0;
};
const RegisterFilter hoarder_registered({.name = "test_hoarder",
                                         .summary = "Counts, and tells at the end.",
                                         .make = make_filter<Hoarder, hoarder_options>});

class Rig {
 public:
  explicit Rig(std::string_view text, std::size_t workers = 1, bool is_listening = true) {
    settings_ = quick_settings(workers);
    settings_.hand_over_patience = milliseconds(0);
    auto first = compile(text, settings_, nullptr, 0);
    source_of(*first).is_listening = is_listening;
    outputs = {&output_of(*first)};
    plan = first;
  }
  ~Rig() {
    if (pipeline_) drain();
  }

  void start() {
    pipeline_ = std::make_unique<Pipeline>(plan, settings_, std::make_unique<MemoryQueue>(MemoryQueueLimits{}), metrics);
    auto wanted = pipeline_->take_endpoints();
    if (!wanted.empty()) sink = wanted[0].sink;
    REQUIRE(pipeline_->start_outputs());
    pipeline_->start_workers();
    pipeline_->start_inputs();
  }

  void limit_output_events(std::size_t events) { settings_.output_limits.max_events = events; }

  std::shared_ptr<Plan> next(std::string_view text, std::size_t workers = 1) {
    settings_.workers = workers;
    plan = compile(text, settings_, pipeline_->plan().get(), pipeline_->live_workers());
    return plan;
  }
  Result<void> apply() {
    auto change = pipeline_->prepare(plan, settings_);
    if (!change) return change.error();
    pipeline_->apply(std::move(*change));
    return {};
  }
  void reload(std::string_view text, std::size_t workers = 1) {
    next(text, workers);
    REQUIRE(apply());
  }

  std::shared_ptr<RecordingReceiver> send(std::int64_t first, std::size_t count) {
    const ChunkPtr chunk = numbered_chunk(first, count);
    auto receiver = follow(*chunk);
    sink->push(chunk, stop_);  // what is not taken is told NotDelivered
    return receiver;
  }
  /// Sweeps until it is so; false when that takes half a minute.
  bool sweep_until(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      pipeline_->sweep();
      std::this_thread::yield();
    }
    return true;
  }
  void drain() {
    sink.reset();
    pipeline_->request_stop();
    pipeline_->drain();
    const auto gaps = pipeline_->ledger().gaps_at_rest();
    CHECK(gaps == std::vector<std::string>());
    pipeline_.reset();
  }
  Pipeline& pipeline() { return *pipeline_; }

  MetricScope metrics;
  std::shared_ptr<Plan> plan;
  std::shared_ptr<EventSink> sink;
  std::vector<FakeOutput*> outputs;

 private:
  std::shared_ptr<Plan> compile(std::string_view text, const PipelineSettings& settings, const Plan* donor,
                                std::size_t live_workers) {
    Graph graph;
    Diagnostics diagnostics;
    parse_logstash(std::make_shared<SourceText>("test.conf", std::string(text)), {}, graph, diagnostics);
    const auto sources = graph.sources;  // diagnostics point into them
    CompileSettings compile_settings;
    compile_settings.workers = std::max(settings.workers, live_workers);
    compile_settings.metrics = &metrics;
    compile_settings.donor = donor;
    auto made = compile_plan(std::move(graph), compile_settings, diagnostics);
    INFO(diagnostics.render());
    REQUIRE(made != nullptr);
    return made;
  }
  PipelineSettings settings_;
  std::unique_ptr<Pipeline> pipeline_;
  StopSignal stop_;
};

constexpr const char* kBefore =
    "input { test_source {} } filter { mutate { add_field => { version => 1 } } } output { test_output {} }";
constexpr const char* kAfter =
    "input { test_source {} } filter { mutate { add_field => { version => 2 } } } output { test_output {} }";

TEST_CASE("what comes in after a reload goes the new way, through an output that is not touched", "[reload]") {
  Rig rig(kBefore);
  rig.start();
  FakeOutput& output = *rig.outputs[0];
  CHECK(rig.send(0, 1)->wait() == AckResult::Delivered);
  rig.reload(kAfter);
  CHECK(rig.send(1, 1)->wait() == AckResult::Delivered);
  CHECK(output.lines() == std::vector<std::string>{R"({"n":0,"version":"1"})", R"({"n":1,"version":"2"})"});
  CHECK(&output_of(*rig.plan) == &output);
  CHECK(output.starts() == 1);
  CHECK(output.stops() == 0);
}

TEST_CASE("events of a dead output pass to the one that repairs it, each once", "[reload]") {
  Rig rig("input { test_source {} } output { test_output { id => out } }", 2);
  rig.outputs[0]->hold();
  rig.start();
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (int i = 0; i < 20; ++i) receivers.push_back(rig.send(i * 5, 5));
  REQUIRE(rig.outputs[0]->wait_for_events(100));
  rig.reload("input { test_source {} } output { test_output { id => out version => 2 } }", 2);
  FakeOutput& repaired = output_of(*rig.plan);
  for (const auto& receiver : receivers) CHECK(receiver->wait() == AckResult::Delivered);
  const auto numbers = repaired.numbers();
  CHECK(std::set<std::int64_t>(numbers.begin(), numbers.end()).size() == 100);
  CHECK(numbers.size() == 100);
  CHECK(repaired.starts() == 1);
}

TEST_CASE("a worker that is held by a dead output's full buffer comes free with the reload", "[reload]") {
  Rig rig("input { test_source {} } output { test_output { id => out } }");
  rig.outputs[0]->hold();
  rig.limit_output_events(1);  // one batch is on the wire: no other one is let in
  rig.start();
  const auto first = rig.send(0, 16);
  REQUIRE(rig.outputs[0]->wait_for_events(16));
  std::vector<std::shared_ptr<RecordingReceiver>> receivers = {first};
  for (int i = 1; i < 4; ++i) receivers.push_back(rig.send(i * 16, 16));
  rig.reload("input { test_source {} } output { test_output { id => out version => 2 } }");
  for (const auto& receiver : receivers) CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(output_of(*rig.plan).numbers().size() == 64);
}

TEST_CASE("an output that cannot start changes nothing", "[reload]") {
  Rig rig(kBefore);
  rig.start();
  const auto broken =
      rig.next("input { test_source {} } output { test_output { version => 2 } test_output { version => 3 } }");
  output_of(*broken, 1).fails_to_start = true;
  const auto applied = rig.apply();
  REQUIRE_FALSE(applied);
  CHECK(applied.error().message.find("the destination is not there") != std::string::npos);
  CHECK(output_of(*broken, 0).stops() == 1);  // it had been started for this
  CHECK(rig.send(7, 1)->wait() == AckResult::Delivered);
  CHECK(rig.outputs[0]->lines() == std::vector<std::string>{R"({"n":7,"version":"1"})"});
}

TEST_CASE("a filter that goes gives back what it held; one that stays goes on holding", "[reload]") {
  Rig rig("input { test_source {} } filter { test_hoarder {} test_hoarder { version => bb } } output { test_output {} }");
  rig.start();
  CHECK(rig.send(0, 3)->wait() == AckResult::Delivered);
  rig.reload("input { test_source {} } filter { test_hoarder {} } output { test_output {} }");
  REQUIRE(rig.sweep_until([&] { return rig.outputs[0]->lines().size() == 4; }));
  CHECK(rig.outputs[0]->lines().back() == R"({"hoard":3,"of":"bb"})");
}

TEST_CASE("workers come and go with the settings, and no event is lost or doubled", "[reload]") {
  Rig rig(kBefore, 2);
  rig.start();
  constexpr int kRounds = 30;
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 10; ++i) receivers.push_back(rig.send(round * 1000 + i * 7, 7));
    rig.reload(round % 2 == 0 ? kAfter : kBefore, static_cast<std::size_t>(1 + round * 5 % 4));
    rig.pipeline().sweep();
  }
  for (const auto& receiver : receivers) REQUIRE(receiver->wait() == AckResult::Delivered);
  const auto numbers = rig.outputs[0]->numbers();
  CHECK(numbers.size() == kRounds * 70);
  CHECK(std::set<std::int64_t>(numbers.begin(), numbers.end()).size() == kRounds * 70);
  const std::size_t workers = rig.pipeline().settings().workers;
  CHECK(rig.sweep_until([&] { return rig.pipeline().live_workers() == workers; }));
}

TEST_CASE("outputs that are added and removed under load lose nothing", "[reload]") {
  Rig rig("input { test_source {} } output { test_output { id => kept } }", 2);
  rig.start();
  std::atomic<bool> is_over{false};
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  std::thread sender([&] {
    for (int i = 0; !is_over || i < 200; ++i) receivers.push_back(rig.send(i * 3, 3));
  });
  for (int round = 0; round < 20; ++round) {
    rig.reload("input { test_source {} } output { test_output { id => kept } test_output { id => other } }", 2);
    rig.reload("input { test_source {} } output { test_output { id => kept } }", 2);
    rig.pipeline().sweep();
  }
  is_over = true;
  sender.join();
  for (const auto& receiver : receivers) REQUIRE(receiver->wait() == AckResult::Delivered);
  CHECK(rig.outputs[0]->numbers().size() == receivers.size() * 3);
}

TEST_CASE("a reading input that changed reads on when what the old one read is acknowledged", "[reload]") {
  Rig rig("input { test_source {} } output { test_output {} }", 1, false);
  rig.outputs[0]->hold();
  std::promise<void> has_read;
  const auto old_receiver = std::make_shared<RecordingReceiver>();
  std::atomic<bool> has_handed_over{false};
  source_of(*rig.plan).read = [&](EventSink& sink, StopSignal& stop) -> Result<void> {
    const ChunkPtr chunk = numbered_chunk(0, 2);
    chunk->token().set_receiver(old_receiver, AckTracking::Prefix);
    sink.push(chunk, stop);
    has_read.set_value();
    while (!stop.wait_for(std::chrono::seconds(1))) {
    }
    return {};
  };
  source_of(*rig.plan).on_hand_over = [&] { has_handed_over = true; };
  rig.start();
  has_read.get_future().wait();
  REQUIRE(rig.outputs[0]->wait_for_events(2));
  const auto next = rig.next("input { test_source { version => 2 } } output { test_output {} }");
  std::promise<bool> begins;
  source_of(*next).read = [&](EventSink&, StopSignal& stop) -> Result<void> {
    begins.set_value(has_handed_over);
    while (!stop.wait_for(std::chrono::seconds(1))) {
    }
    return {};
  };
  REQUIRE(rig.apply());
  auto begun = begins.get_future();
  rig.pipeline().sweep();
  CHECK(begun.wait_for(milliseconds(0)) == std::future_status::timeout);
  CHECK_FALSE(has_handed_over);
  rig.outputs[0]->release();
  CHECK(begun.get());
  CHECK(old_receiver->results() == std::vector{AckResult::Delivered});
  CHECK(old_receiver->prefixes().back() == 2);
}

TEST_CASE("an input that is not touched reads on through a reload", "[reload]") {
  Rig rig(kBefore, 1, false);
  std::promise<void> reloaded;
  std::promise<void> has_ended;
  source_of(*rig.plan).read = [&](EventSink& sink, StopSignal& stop) -> Result<void> {
    sink.push(numbered_chunk(0, 1), stop);
    reloaded.get_future().wait();
    sink.push(numbered_chunk(1, 1), stop);
    has_ended.set_value();
    return {};
  };
  rig.start();
  REQUIRE(rig.outputs[0]->wait_for_events(1));
  rig.reload(kAfter);
  reloaded.set_value();
  has_ended.get_future().wait();
  REQUIRE(rig.outputs[0]->wait_for_events(2));
  CHECK(rig.outputs[0]->lines() == std::vector<std::string>{R"({"n":0,"version":"1"})", R"({"n":1,"version":"2"})"});
}

TEST_CASE("plans that are gone are let go of", "[reload]") {
  Rig rig("input { test_source {} } output { test_output { id => one } }");
  rig.start();
  std::weak_ptr<const Plan> first = rig.plan;
  rig.outputs.clear();
  rig.reload("input { test_source {} } output { test_output { id => one version => 2 } }");
  CHECK(rig.send(0, 1)->wait() == AckResult::Delivered);
  CHECK(rig.sweep_until([&] { return first.expired(); }));
}

}  // namespace
}  // namespace logboom
