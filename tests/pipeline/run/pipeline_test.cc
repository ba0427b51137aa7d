#include "pipeline/run/pipeline.h"

#include <catch2/catch.hpp>
#include <future>
#include <numeric>
#include <set>

#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kSourceToOutput = "input { test_source {} } output { test_output {} }";

/// Says at the end how many events its worker saw.
struct TallyOptions {};
OptionTable<TallyOptions> tally_options() { return {}; }
class Tally {
 public:
  Tally(TallyOptions, const PluginContext&) : tally_(FieldRef::of_name("tally")), kind_(FieldRef::of_name("kind")) {}
  Verdict apply(Event&) {
    ++count_;
    return Verdict::Drop;
  }
  void flush(NewEvents& made, FlushKind kind) {
    if (kind == FlushKind::Periodic && count_ == 0) return;
    Event& event = made.make();
    event.set(tally_, Value::integer(std::exchange(count_, 0)));
    event.set(kind_, Value::string(kind == FlushKind::Final ? "final" : "periodic"));
  }

 private:
  FieldRef tally_;
  FieldRef kind_;
  std::int64_t count_ = 0;
};
const RegisterFilter tally_registered({.name = "test_tally",
                                       .summary = "Counts.",
                                       .make = make_filter<Tally, tally_options>});

/// A pipeline whose source reads.
struct ReadingRig {
  explicit ReadingRig(std::string_view text = kSourceToOutput, PipelineSettings settings = quick_settings(1))
      : compiled(text, settings.workers), settings_(settings) {}
  Pipeline& start() {
    pipeline = std::make_unique<Pipeline>(compiled.plan, settings_, std::make_unique<MemoryQueue>(MemoryQueueLimits{}),
                                          compiled.metrics);
    pipeline->on_inputs_ended([this] { ended.set_value(); });
    REQUIRE(pipeline->start_outputs());
    pipeline->start_workers();
    pipeline->start_inputs();
    return *pipeline;
  }
  CompiledPlan compiled;
  std::promise<void> ended;
  std::unique_ptr<Pipeline> pipeline;

 private:
  PipelineSettings settings_;
};

TEST_CASE("when the inputs have ended, draining delivers everything and stops the outputs", "[pipeline]") {
  ReadingRig rig;
  std::vector<ChunkPtr> chunks;
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (int i = 0; i < 100; ++i) {
    chunks.push_back(numbered_chunk(i * 7, 7));
    receivers.push_back(follow(*chunks.back()));
  }
  rig.compiled.source().read = [&](EventSink& sink, StopSignal& stop) -> Result<void> {
    for (ChunkPtr& chunk : chunks) sink.push(std::move(chunk), stop);
    return {};
  };
  Pipeline& pipeline = rig.start();
  rig.ended.get_future().wait();
  CHECK(pipeline.has_ended_inputs());
  pipeline.drain();
  std::vector<std::int64_t> expected(700);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(rig.compiled.output().numbers() == expected);  // one worker keeps the order
  for (const auto& receiver : receivers) CHECK(receiver->results() == std::vector<AckResult>{AckResult::Delivered});
  CHECK(pipeline.undelivered_events() == 0);
  CHECK(rig.compiled.output().starts() == 1);
  CHECK(rig.compiled.output().stops() == 1);
}

TEST_CASE("a request to stop ends an input that reads for ever, also one that waits for room", "[pipeline]") {
  for (const bool is_blocked : {false, true}) {
    PipelineSettings settings = quick_settings(1);
    settings.output_limits.max_events = 10;
    ReadingRig rig(kSourceToOutput, settings);
    if (is_blocked) rig.compiled.output().hold();
    std::promise<void> is_reading;
    int pushed = 0;
    rig.compiled.source().read = [&](EventSink& sink, StopSignal& stop) -> Result<void> {
      is_reading.set_value();
      while (!stop.is_stopping() && sink.push(numbered_chunk(pushed, 1), stop)) ++pushed;
      return {};
    };
    Pipeline& pipeline = rig.start();
    is_reading.get_future().wait();
    REQUIRE(rig.compiled.output().wait_for_events(1));
    pipeline.request_stop();
    CHECK(pipeline.has_ended_inputs());
    rig.ended.get_future().wait();
    rig.compiled.output().release();
    pipeline.drain();
    CHECK(rig.compiled.output().lines().size() == static_cast<std::size_t>(pushed));
  }
}

TEST_CASE("an input whose reading fails is run again", "[pipeline]") {
  ReadingRig rig;
  int runs = 0;
  rig.compiled.source().read = [&](EventSink& sink, StopSignal& stop) -> Result<void> {
    sink.push(numbered_chunk(++runs, 1), stop);
    if (runs == 1) return Error{ErrorCode::Unavailable, "the file went away"};
    return {};
  };
  Pipeline& pipeline = rig.start();
  rig.ended.get_future().wait();
  pipeline.drain();
  CHECK(rig.compiled.output().numbers() == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("a listening input keeps the pipeline open until a stop is requested", "[pipeline]") {
  PipelineUnderTest running(kSourceToOutput);
  running.start();
  CHECK_FALSE(running.pipeline().has_ended_inputs());
  running.pipeline().request_stop();
  CHECK(running.pipeline().has_ended_inputs());
  CHECK(running.push(numbered_chunk(0, 1)));  // sessions still hand over what they have received
  CHECK_FALSE(running.sink().is_stopping());
  running.drain();
  CHECK(running.output().lines().size() == 1);
  CHECK(running.sink().is_stopping());
}

TEST_CASE("a chunk that comes after the drain is refused and its sender told", "[pipeline]") {
  PipelineUnderTest running(kSourceToOutput);
  running.start();
  running.drain();
  ChunkPtr late = numbered_chunk(0, 1);
  const auto receiver = follow(*late);
  CHECK_FALSE(running.push(std::move(late)));
  CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
}

TEST_CASE("at the end every worker flushes its filters, and what they emit passes the later steps", "[pipeline]") {
  constexpr std::size_t kWorkers = 3;
  PipelineUnderTest running(R"(
    input { test_source {} }
    filter { test_tally {} mutate { add_field => { "later" => "yes" } } }
    output { test_output {} })",
                            quick_settings(kWorkers));
  running.start();
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (int i = 0; i < 50; ++i) {
    ChunkPtr chunk = numbered_chunk(i, 10);
    receivers.push_back(follow(*chunk));
    REQUIRE(running.push(std::move(chunk)));
  }
  running.drain();
  for (const auto& receiver : receivers) CHECK(receiver->results() == std::vector<AckResult>{AckResult::Delivered});
  const Lines lines = running.output().lines();
  CHECK(lines.size() == kWorkers);
  int sum = 0;
  for (const std::string& line : lines) {
    int count = -1;
    CHECK(std::sscanf(line.c_str(), "{\"tally\":%d", &count) == 1);
    CHECK_THAT(line, Catch::EndsWith(R"(,"kind":"final","later":"yes"})"));
    sum += count;
  }
  CHECK(sum == 500);
}

TEST_CASE("filters are flushed from time to time while nothing comes in", "[pipeline]") {
  PipelineSettings settings = quick_settings(1);
  settings.flush_interval = std::chrono::milliseconds(1);
  PipelineUnderTest running("input { test_source {} } filter { test_tally {} } output { test_output {} }", settings);
  running.start();
  REQUIRE(running.push(numbered_chunk(0, 3)));
  REQUIRE(running.output().wait_for_events(1));
  CHECK(running.output().lines() == Lines{R"({"tally":3,"kind":"periodic"})"});
  running.drain();
  CHECK(running.output().lines().back() == R"({"tally":0,"kind":"final"})");
}

TEST_CASE("an output that cannot start names itself, and those started before it are stopped again", "[pipeline]") {
  CompiledPlan compiled("input { test_source {} } output { test_output {} test_output { id => \"archive\" } }");
  compiled.output(1).fails_to_start = true;
  Pipeline pipeline(compiled.plan, quick_settings(1), std::make_unique<MemoryQueue>(MemoryQueueLimits{}), compiled.metrics);
  const auto started = pipeline.start_outputs();
  REQUIRE_FALSE(started);
  CHECK(started.error().message == "output archive: the destination is not there");
  CHECK(compiled.output(0).stops() == 1);
  CHECK(compiled.output(1).stops() == 0);
}

TEST_CASE("a pipeline that is destroyed in full flight stops its threads and tells the senders", "[pipeline]") {
  ChunkPtr chunk = numbered_chunk(0, 50);
  const auto receiver = follow(*chunk);
  {
    ReadingRig rig;
    rig.compiled.output().hold();
    rig.compiled.source().read = [&](EventSink& sink, StopSignal& stop) -> Result<void> {
      sink.push(std::move(chunk), stop);
      while (sink.push(numbered_chunk(0, 1), stop)) {
      }
      return {};
    };
    rig.start();
    REQUIRE(rig.compiled.output().wait_for_events(50));
  }
  CHECK(receiver->results() == std::vector<AckResult>{AckResult::NotDelivered});
}

}  // namespace
}  // namespace logboom
