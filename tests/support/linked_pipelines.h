// Several pipelines of one process, as the server runs them side by side.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "pipeline/plugin/pipeline_bus.h"
#include "pipeline/queue/memory_queue.h"
#include "tests/support/pipeline_under_test.h"

namespace logboom {

/// One pipeline of a LinkedPipelines. Its test_source, if it has one, is the test: push().
class TestPipeline {
 public:
  TestPipeline(std::string_view text, PipelineSettings settings, std::unique_ptr<PipelineQueue> queue, PipelineBus& bus)
      : compiled_(text, settings.workers, surroundings(settings, bus)) {
    for (const auto& input : compiled_.plan->inputs)
      if (auto* source = dynamic_cast<FakeSource*>(input.get())) source->is_listening = true;
    pipeline_ = std::make_unique<Pipeline>(compiled_.plan, settings, std::move(queue), compiled_.metrics);
    for (WantedEndpoint& wanted : pipeline_->take_endpoints()) sink_ = wanted.sink;
  }
  TestPipeline& start() {
    REQUIRE(pipeline_->start_outputs());
    pipeline_->start_workers();
    pipeline_->start_inputs();
    return *this;
  }
  /// Asks it to end, and gives it time.
  void stop() {
    pipeline_->request_stop();
    pipeline_->drain();
  }
  bool push(ChunkPtr chunk) { return sink_->push(std::move(chunk), stop_); }

  FakeOutput& output(std::size_t number = 0) { return compiled_.output(number); }
  std::uint64_t output_counter(std::string_view name, std::size_t number = 0) {
    return compiled_.output_counter(name, number);
  }
  CompiledPlan& compiled() { return compiled_; }
  Pipeline& pipeline() { return *pipeline_; }
  EventSink& sink() { return *sink_; }
  void check_ledger() const {
    for (const std::string& gap : pipeline_->ledger().gaps_at_rest()) FAIL_CHECK(gap);
  }

 private:
  static PluginContext::Surroundings surroundings(const PipelineSettings& settings, PipelineBus& bus) {
    PluginContext::Surroundings made;
    made.pipeline_id = settings.id;
    made.pipelines = &bus;
    return made;
  }

  CompiledPlan compiled_;
  std::unique_ptr<Pipeline> pipeline_;
  std::shared_ptr<EventSink> sink_;
  StopSignal stop_;
};

/// The bus, and pipelines by id.
class LinkedPipelines {
 public:
  TestPipeline& add(const std::string& id, std::string_view text, MemoryQueueLimits limits = {}) {
    return add(id, text, std::make_unique<MemoryQueue>(limits));
  }
  TestPipeline& add(const std::string& id, std::string_view text, std::unique_ptr<PipelineQueue> queue,
                    OutputBufferLimits output_limits = {}) {
    PipelineSettings settings = quick_settings(2);
    settings.id = id;
    settings.output_limits = output_limits;
    auto& made = pipelines_[id];
    made = std::make_unique<TestPipeline>(text, settings, std::move(queue), bus);
    return *made;
  }
  /// The pipeline goes; another one may come with its id.
  void remove(const std::string& id) { pipelines_.erase(id); }

  PipelineBus bus;

 private:
  std::map<std::string, std::unique_ptr<TestPipeline>> pipelines_;
};

}  // namespace logboom
