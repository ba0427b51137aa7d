// InputSink: what one input sees of its pipeline.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/base/metrics.h"
#include "pipeline/plugin/input.h"
#include "pipeline/queue/queue.h"
#include "pipeline/run/input_run.h"
#include "pipeline/run/pipeline_settings.h"

namespace logboom {

/// Hands chunks to the queue. Shared with sessions, so it may outlive the pipeline: then it is stopping.
class InputSink final : public EventSink, public std::enable_shared_from_this<InputSink> {
 public:
  /// `label`: where its events go; empty: the pipeline's own way; nullopt: they are not looked at. `pipeline_in` counts all
  /// events of the pipeline, `input_out` and the scope `input` those of this input. `open_acks` (nullptr: nobody asks)
  /// watches the acknowledgements, `memory` is kept by the chunks.
  InputSink(std::shared_ptr<PipelineQueue> queue, AcknowledgeWhen acknowledge, std::optional<std::string> label,
            Counter& pipeline_in, Counter& input_out, MetricScope& input, std::shared_ptr<OpenAcks> open_acks = nullptr,
            std::shared_ptr<const void> memory = nullptr);

  ChunkPtr new_chunk(Buffer received) override;
  bool try_push(ChunkPtr& chunk) override;
  bool push(ChunkPtr chunk, StopSignal& stop) override;
  void call_when_room(std::function<void()> callback) override;
  bool is_stopping() const override { return queue_->is_closed(); }
  std::shared_ptr<EventSink> share() override { return shared_from_this(); }

 private:
  std::shared_ptr<PipelineQueue> queue_;
  const AcknowledgeWhen acknowledge_;
  const std::optional<std::string> label_;
  Counter& pipeline_in_;
  Counter& input_out_;
  Histogram& latency_;  // from the hand-over to the end of a chunk
  Counter& blocked_microseconds_;
  const std::shared_ptr<OpenAcks> open_acks_;
  const std::shared_ptr<const void> memory_;
};

}  // namespace logboom
