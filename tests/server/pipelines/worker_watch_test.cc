// Workers that stand still, told apart from those that have nothing to do or wait for an output.
#include "server/pipelines/worker_watch.h"

#include <catch2/catch.hpp>
#include <memory>

#include "pipeline/queue/memory_queue.h"
#include "pipeline/run/output_health.h"
#include "server/pipelines/compiled_pipeline.h"

namespace logboom {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A pipeline whose workers never start: what comes in waits.
struct HaltedPipeline {
  HaltedPipeline() {
    WantedPipeline wanted{"main", {}};
    REQUIRE(wanted.settings.set(
        "config.string", "input { generator { } } filter { mutate { id => \"m\" } } output { null { id => \"out\" } }",
        "test"));
    CompiledPipeline compiled = compile_pipeline(read_pipeline(wanted, environment_variables()), nullptr, nullptr, metrics);
    INFO(compiled.diagnostics);
    REQUIRE(compiled.plan);
    plan = compiled.plan;
    pipeline =
        std::make_unique<Pipeline>(compiled.plan, compiled.run, std::make_unique<MemoryQueue>(MemoryQueueLimits{}), metrics);
  }
  ~HaltedPipeline() { pipeline->queue().discard(); }
  void receive_event() {
    const auto sink = pipeline->replay_sink();
    ChunkPtr chunk = sink->new_chunk(Buffer());
    chunk->new_event().add_defaults(chunk->now());
    REQUIRE(sink->try_push(chunk));
  }

  MetricScope metrics;
  std::shared_ptr<Plan> plan;
  std::unique_ptr<Pipeline> pipeline;
  WorkerWatch watch;
  WorkerWatch::Time start = WorkerWatch::Time(std::chrono::hours(1));
};

}  // namespace

TEST_CASE("workers without work do not stand still", "[pipelines][watch]") {
  HaltedPipeline halted;
  CHECK(halted.watch.look(*halted.pipeline, halted.start) == milliseconds(0));
  CHECK(halted.watch.look(*halted.pipeline, halted.start + seconds(600)) == milliseconds(0));
}

TEST_CASE("events that wait and are not taken are told with how long that lasts", "[pipelines][watch]") {
  HaltedPipeline halted;
  halted.watch.look(*halted.pipeline, halted.start);
  halted.receive_event();
  CHECK(halted.watch.look(*halted.pipeline, halted.start + seconds(90)) == seconds(90));
  halted.plan->filter_sites[0].events_in->add(1);
  CHECK(halted.watch.look(*halted.pipeline, halted.start + seconds(91)) == milliseconds(0));
  CHECK(halted.watch.look(*halted.pipeline, halted.start + seconds(121)) == seconds(30));
}

TEST_CASE("a destination that takes nothing is not the workers' fault", "[pipelines][watch]") {
  HaltedPipeline halted;
  halted.watch.look(*halted.pipeline, halted.start);
  halted.receive_event();
  const auto state = GENERATE(OutputState::Retrying, OutputState::Blocked);
  halted.plan->output_sites[0].metrics->counter("state").set(static_cast<std::uint64_t>(state));
  CHECK(halted.watch.look(*halted.pipeline, halted.start + seconds(90)) == milliseconds(0));
  halted.plan->output_sites[0].metrics->counter("state").set(static_cast<std::uint64_t>(OutputState::Ok));
  CHECK(halted.watch.look(*halted.pipeline, halted.start + seconds(100)) == seconds(10));
}

}  // namespace logboom
