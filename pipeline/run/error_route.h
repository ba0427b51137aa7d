// ErrorRoute: the way to the label @ERROR for events that outputs, filters and conditions of a pipeline give up.
#pragma once

#include <atomic>
#include <string>

#include "pipeline/dead_letter/dead_letter_sink.h"
#include "pipeline/queue/memory_queue.h"
#include "pipeline/run/ledger.h"

namespace logboom {

/// Takes copies of failed events, with [@metadata][error], and keeps them for the worker of @ERROR. An event is safe when
/// its copy is delivered there. Bounded: full, it refuses, and whoever fails waits. Any thread.
class ErrorRoute final : public DeadLetterSink {
 public:
  /// `ledger` outlives it.
  ErrorRoute(std::string pipeline_id, const PipelineLedger& ledger);

  Taken put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) override;
  std::string problem() const override { return "the label @ERROR is not done with what failed before"; }
  bool wait_until_writable(std::chrono::milliseconds limit) override;
  void give_up() override;
  bool leads_on() const override { return true; }

  /// Where the worker takes them.
  PipelineQueue& queue() { return queue_; }

 private:
  const std::string pipeline_id_;
  const PipelineLedger& ledger_;
  MemoryQueue queue_;
  std::atomic<bool> is_given_up_{false};
};

}  // namespace logboom
