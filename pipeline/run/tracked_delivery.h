// TrackedDelivery: one delivery of an output buffer on its way, from the offer to the outcome of its last event.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/plugin/output.h"

namespace logboom {

class OutputBuffer;

/// Outcomes may come from any thread, in any order. Events that are never reported stay unfinished: the token of their chunk
/// says NotDelivered.
class TrackedDelivery final : public Delivery, public std::enable_shared_from_this<TrackedDelivery> {
 public:
  TrackedDelivery(std::shared_ptr<OutputBuffer> buffer, BatchPtr batch, std::vector<Event*> events, std::size_t bytes,
                  int earlier_attempts);
  ~TrackedDelivery() override;

  std::size_t memory_bytes() const override { return bytes_; }
  void report(std::size_t index, Outcome outcome) override;
  void report_all(const Outcome& outcome) override;
  void note_trouble(std::string_view reason) override;

  /// The output threw. One event of several is to blame: each is offered again alone, and what is alone is given up.
  void output_failed(std::string_view problem);

 private:
  void settle_all(const Outcome& outcome);
  Outcome given_up(const Outcome& outcome) const;
  bool give_up(Event* event, const Outcome& outcome);
  void finish(std::span<Event* const> events);
  void close_events(std::size_t count);

  const std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::shared_ptr<OutputBuffer> buffer_;
  BatchPtr batch_;
  std::vector<Event*> held_;
  std::size_t bytes_;
  std::mutex mutex_;
  std::size_t open_;
  std::vector<bool> is_reported_;
  std::vector<Event*> to_retry_;
  std::string retry_reason_;
  bool goes_on_alone_ = false;
};

}  // namespace logboom
