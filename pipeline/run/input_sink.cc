#include "pipeline/run/input_sink.h"

#include <chrono>
#include <utility>

#include "pipeline/base/one_time_signal.h"
#include "pipeline/run/input_label.h"

namespace logboom {
namespace {

constexpr auto kStopCheckInterval = std::chrono::milliseconds(50);

void count_blocked(Counter& microseconds, std::chrono::steady_clock::time_point since) {
  const auto waited = std::chrono::steady_clock::now() - since;
  microseconds.add(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(waited).count()));
}

/// Events may point at what the input was made of, whose plan may be gone before they are.
class ChunkOfInput final : public Chunk {
 public:
  ChunkOfInput(Buffer received, Timestamp now, std::shared_ptr<const void> memory)
      : Chunk(std::move(received), now), memory_(std::move(memory)) {}

 private:
  const std::shared_ptr<const void> memory_;
};

}  // namespace

InputSink::InputSink(std::shared_ptr<PipelineQueue> queue, AcknowledgeWhen acknowledge, std::optional<std::string> label,
                     Counter& pipeline_in, Counter& input_out, MetricScope& input, std::shared_ptr<OpenAcks> open_acks,
                     std::shared_ptr<const void> memory)
    : queue_(std::move(queue)),
      acknowledge_(acknowledge),
      label_(std::move(label)),
      pipeline_in_(pipeline_in),
      input_out_(input_out),
      latency_(input.histogram("ack_latency")),
      blocked_microseconds_(input.counter("blocked_microseconds")),
      open_acks_(std::move(open_acks)),
      memory_(std::move(memory)) {}

ChunkPtr InputSink::new_chunk(Buffer received) {
  return std::make_shared<ChunkOfInput>(std::move(received), Timestamp::now(system_clock()), memory_);
}

bool InputSink::try_push(ChunkPtr& chunk) {
  AckToken& token = chunk->token();
  const std::size_t events = chunk->events().size();
  if (!token.is_armed()) {
    if (label_) note_input_label(*chunk, *label_);
    if (open_acks_) open_acks_->watch(token);
    queue_->adopt(*chunk, &latency_);
    token.arm(events);
  }
  std::shared_ptr<AckReceiver> told_early;
  if (acknowledge_ == AcknowledgeWhen::Queued) told_early = token.release_receiver();
  if (!queue_->try_push(chunk)) {
    if (told_early) token.set_receiver(std::move(told_early), AckTracking::Whole);
    return false;
  }
  if (told_early && events > 0) told_early->finished(AckResult::Delivered);
  pipeline_in_.add(events);
  input_out_.add(events);
  return true;
}

bool InputSink::push(ChunkPtr chunk, StopSignal& stop) {
  while (!try_push(chunk)) {
    if (is_stopping() || stop.is_stopping()) return false;
    const auto blocked_since = std::chrono::steady_clock::now();
    const auto room = std::make_shared<OneTimeSignal>();
    queue_->call_when_room([room] { room->give(); });
    while (!stop.is_stopping() && !room->wait_for(kStopCheckInterval)) continue;
    count_blocked(blocked_microseconds_, blocked_since);
  }
  return true;
}

void InputSink::call_when_room(std::function<void()> callback) {
  const auto since = std::chrono::steady_clock::now();
  queue_->call_when_room([callback = std::move(callback), since, &microseconds = blocked_microseconds_] {
    count_blocked(microseconds, since);
    callback();
  });
}

}  // namespace logboom
