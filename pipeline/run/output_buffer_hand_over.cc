// What an output buffer does when its output is replaced or taken out of the configuration.
#include <algorithm>
#include <utility>

#include "pipeline/run/output_buffer.h"

namespace logboom {
namespace {

constexpr auto kDeadLetterPause = std::chrono::milliseconds(1000);
/// In open_outcomes: an output has given the event back, so that it never ends.
constexpr std::uint32_t kReturnedBit = 0x80000000;

}  // namespace

void OutputBuffer::retire(std::shared_ptr<OutputBuffer> successor) {
  std::map<std::uint64_t, Held> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    stage_ = Stage::Retired;
    successor_ = std::move(successor);
    waiting.swap(waiting_);
  }
  has_room_.notify_all();
  for (auto& entry : waiting) pass_on(std::move(entry.second));
}

/// What was counted as undelivered here goes where the retirement sends it.
void OutputBuffer::pass_on(Held held) {
  const std::size_t events = held.events.size();
  const std::size_t bytes = held.bytes;
  std::shared_ptr<OutputBuffer> successor;
  {
    const std::lock_guard lock(mutex_);
    successor = successor_;
  }
  if (successor) {
    successor->take_over(std::move(held));
  } else {
    give_away(held.batch, held.events);
  }
  settle(events, bytes);
}

void OutputBuffer::take_over(Held held) {
  bool is_working = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    add_undelivered(held.events.size(), held.bytes);
    is_working = stage_ == Stage::Working;
    if (is_working) ++calls_;
  }
  if (is_working) {
    offer(held.batch, std::move(held.events), held.bytes, 0);
  } else {
    pass_on(std::move(held));
  }
}

/// There is no output for them any more.
void OutputBuffer::give_away(const BatchPtr& batch, std::span<Event* const> events) {
  if (dead_letters_ == nullptr) return give_back(events);
  const Outcome gone = Outcome::permanent("the output was taken out of the configuration");
  std::vector<Event*> refused;
  for (Event* event : events) {
    const auto on_safe = [self = shared_from_this(), batch, event](bool is_safe) {
      if (!is_safe) return;  // it stays unfinished: its token will say NotDelivered
      self->dead_lettered_.add();
      finish({&event, 1}, self->ledger_of_offered());
    };
    switch (give_up(*event, gone, on_safe)) {
      case GivenUp::Now: finish({&event, 1}, ledger_of_offered()); break;
      case GivenUp::Later: break;
      case GivenUp::Retry: refused.push_back(event); break;
    }
  }
  if (refused.empty()) return;
  Held held{copies_of(*batch, refused), {}, 0, 0};
  held.events = held.batch->events();
  held.bytes = kept_bytes(*held.batch, held.events.size());
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    add_undelivered(held.events.size(), held.bytes);
  }
  timer_.call_after(kDeadLetterPause,
                    [self = shared_from_this(), held = std::move(held)]() mutable { self->pass_on(std::move(held)); });
}

/// Nobody takes them: they stay unfinished, and their tokens will say NotDelivered.
void OutputBuffer::give_back(std::span<Event* const> events) {
  std::size_t first_time = 0;
  for (Event* event : events)
    first_time += (event->open_outcomes.fetch_or(kReturnedBit, std::memory_order_relaxed) & kReturnedBit) == 0 ? 1 : 0;
  returned_.add(events.size());
  if (ledger_ != nullptr) ledger_->returned.add(first_time);
  if (reject_log_.allow())
    log_warn(
        id_,
        "the output was taken out of the configuration, and {} events are not delivered; there is no dead-letter queue, "
        "so their senders are told so, and a persisted queue brings them again after a restart",
        events.size());
}

void OutputBuffer::end(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  has_room_.wait_for(lock, patience, [this] { return is_closed_ || undelivered_events_ == 0; });
  stage_ = Stage::Ended;
  has_room_.wait(lock, [this] { return calls_ == 0; });
}

}  // namespace logboom
