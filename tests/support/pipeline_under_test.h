// A whole pipeline from a configuration text, with the test as its listening input: push chunks into sink().
#pragma once

#include <memory>
#include <string_view>

#include "pipeline/queue/memory_queue.h"
#include "pipeline/run/pipeline.h"
#include "tests/support/compiled_plan.h"

namespace logboom {

/// Small batches and no waiting for company, so that tests see many batches.
inline PipelineSettings quick_settings(std::size_t workers) {
  PipelineSettings settings;
  settings.workers = workers;
  settings.batch_size = 16;
  settings.batch_delay = std::chrono::milliseconds(0);
  return settings;
}

/// The text must have `input { test_source {} }`. Look at the outputs with output() before start().
class PipelineUnderTest {
 public:
  explicit PipelineUnderTest(std::string_view text, PipelineSettings settings = quick_settings(1),
                             MemoryQueueLimits limits = {})
      : PipelineUnderTest(text, std::move(settings), std::make_unique<MemoryQueue>(limits)) {}
  PipelineUnderTest(std::string_view text, PipelineSettings settings, std::unique_ptr<PipelineQueue> queue)
      : compiled_(text, settings.workers) {
    compiled_.source().is_listening = true;
    pipeline_ = std::make_unique<Pipeline>(compiled_.plan, settings, std::move(queue), compiled_.metrics);
    sink_ = pipeline_->take_endpoints().at(0).sink;
  }
  void start() {
    REQUIRE(pipeline_->start_outputs());
    pipeline_->start_workers();
    pipeline_->start_inputs();
  }
  /// Ends as the server does: nothing more comes in, what is there is delivered.
  void drain() {
    pipeline_->request_stop();
    pipeline_->drain();
  }
  /// The pipeline's end without a drain; the sink stays.
  void destroy() { pipeline_.reset(); }
  /// Waits for room; false when the pipeline is closed. Any thread.
  bool push(ChunkPtr chunk) { return sink_->push(std::move(chunk), stop_); }

  FakeOutput& output(std::size_t number = 0) { return compiled_.output(number); }
  CompiledPlan& compiled() { return compiled_; }
  Pipeline& pipeline() { return *pipeline_; }
  EventSink& sink() { return *sink_; }

 private:
  CompiledPlan compiled_;
  std::unique_ptr<Pipeline> pipeline_;
  std::shared_ptr<EventSink> sink_;
  StopSignal stop_;
};

}  // namespace logboom
