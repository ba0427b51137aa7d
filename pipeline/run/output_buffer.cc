#include "pipeline/run/output_buffer.h"

#include <algorithm>

#include "pipeline/event/json.h"

namespace logboom {

/// One delivery on its way. Outcomes may come from any thread, in any order.
class TrackedDelivery final : public Delivery {
 public:
  TrackedDelivery(std::shared_ptr<OutputBuffer> buffer, BatchPtr batch, std::vector<Event*> events, std::size_t bytes,
                  int earlier_attempts)
      : buffer_(std::move(buffer)), batch_(std::move(batch)), held_(std::move(events)), bytes_(bytes), open_(held_.size()) {
    events_ = held_;
    earlier_attempts_ = earlier_attempts;
  }

  ~TrackedDelivery() override {
    // Unreported events stay unfinished: the token of their chunk will say NotDelivered.
    if (open_ > 0) buffer_->settle(held_.size(), bytes_);
  }

  void report(std::size_t index, Outcome outcome) override {
    {
      const std::lock_guard lock(mutex_);
      if (is_reported_.empty()) is_reported_.resize(held_.size());
      if (is_reported_[index]) return;
      is_reported_[index] = true;
      if (outcome.kind == OutcomeKind::Retry) {
        to_retry_.push_back(held_[index]);
        retry_reason_ = std::move(outcome.reason);
      }
    }
    if (outcome.kind != OutcomeKind::Retry) finish_one(held_[index], outcome);
    close_events(1);
  }

  void report_all(const Outcome& outcome) override {
    std::vector<Event*> reported;
    {
      const std::lock_guard lock(mutex_);
      if (is_reported_.empty()) {
        reported = held_;
      } else {
        for (std::size_t i = 0; i < held_.size(); ++i)
          if (!is_reported_[i]) reported.push_back(held_[i]);
      }
      if (reported.empty()) return;
      is_reported_.assign(held_.size(), true);
      if (outcome.kind == OutcomeKind::Retry) {
        to_retry_.insert(to_retry_.end(), reported.begin(), reported.end());
        retry_reason_ = outcome.reason;
      }
    }
    if (outcome.kind == OutcomeKind::Delivered) {
      buffer_->events_out_.add(reported.size());
      OutputBuffer::finish_events(reported);
    } else if (outcome.kind == OutcomeKind::Permanent) {
      for (Event* event : reported) finish_one(event, outcome);
    }
    close_events(reported.size());
  }

 private:
  void finish_one(Event* event, const Outcome& outcome) {
    if (outcome.kind == OutcomeKind::Delivered) {
      buffer_->events_out_.add();
    } else {
      buffer_->reject(*event, outcome);
    }
    OutputBuffer::finish_events({&event, 1});
  }

  /// Their outcome is known and their tokens were told. After the last ones the delivery is over: only then is nothing of it
  /// undelivered any more.
  void close_events(std::size_t count) {
    {
      const std::lock_guard lock(mutex_);
      open_ -= count;
      if (open_ > 0) return;
    }
    if (!to_retry_.empty()) buffer_->retry(batch_, std::move(to_retry_), earlier_attempts_, retry_reason_);
    buffer_->settle(held_.size(), bytes_);
  }

  std::shared_ptr<OutputBuffer> buffer_;
  BatchPtr batch_;
  std::vector<Event*> held_;
  std::size_t bytes_;
  std::mutex mutex_;
  std::size_t open_;
  std::vector<bool> is_reported_;
  std::vector<Event*> to_retry_;
  std::string retry_reason_;
};

std::size_t kept_bytes(const Batch& batch, std::size_t events) {
  std::size_t bytes = batch.memory_bytes() * events / std::max<std::size_t>(batch.size(), 1);
  for (const ChunkPtr& chunk : batch.chunks()) {
    const std::size_t of_chunk = std::max<std::size_t>(chunk->events().size(), 1);
    bytes += chunk->memory_bytes() * std::min(events, of_chunk) / of_chunk;
  }
  return bytes;
}

OutputBuffer::OutputBuffer(Output& output, const PluginSite& site, OutputBufferLimits limits, RetryTimer& timer)
    : output_(output),
      id_(site.id),
      limits_(limits),
      timer_(timer),
      events_in_(*site.events_in),
      events_out_(*site.events_out),
      retries_(site.metrics->counter("retries")),
      rejected_(site.metrics->counter("rejected")),
      undelivered_gauge_(site.metrics->counter("undelivered.events")),
      undelivered_bytes_gauge_(site.metrics->counter("undelivered.bytes")) {}

void OutputBuffer::finish_events(std::span<Event* const> events) {
  std::size_t run_start = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i]->open_outcomes.fetch_sub(1, std::memory_order_acq_rel) == 1) continue;
    Batch::complete(events.subspan(run_start, i - run_start));
    run_start = i + 1;
  }
  Batch::complete(events.subspan(run_start));
}

bool OutputBuffer::deliver(const BatchPtr& batch, std::vector<Event*> events) {
  const std::size_t count = events.size();
  const std::size_t bytes = kept_bytes(*batch, count);
  {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] {
      return is_closed_ || undelivered_events_ == 0 ||
             (undelivered_events_ + count <= limits_.max_events && undelivered_bytes_ + bytes <= limits_.max_bytes);
    });
    if (is_closed_) return false;
    undelivered_events_ += count;
    undelivered_bytes_ += bytes;
    undelivered_gauge_.set(undelivered_events_);
    undelivered_bytes_gauge_.set(undelivered_bytes_);
  }
  events_in_.add(count);
  offer(batch, std::move(events), bytes, 0);
  return true;
}

void OutputBuffer::offer(const BatchPtr& batch, std::vector<Event*> events, std::size_t bytes, int earlier_attempts) {
  output_.deliver(std::make_shared<TrackedDelivery>(shared_from_this(), batch, std::move(events), bytes, earlier_attempts));
}

void OutputBuffer::settle(std::size_t events, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    undelivered_events_ -= events;
    undelivered_bytes_ -= bytes;
    undelivered_gauge_.set(undelivered_events_);
    undelivered_bytes_gauge_.set(undelivered_bytes_);
  }
  has_room_.notify_all();
}

/// The events wait as copies, so that they do not keep their batch and received buffers alive through an outage; nor do few
/// of them keep the copies of many.
void OutputBuffer::retry(const BatchPtr& batch, std::vector<Event*> events, int earlier_attempts,
                         const std::string& reason) {
  retries_.add(events.size());
  if (retry_log_.allow())
    log_warn(id_, "{} events will be offered again in {} ms: {} ({} more such messages held back)", events.size(),
             retry_pause(earlier_attempts).count(), reason, retry_log_.suppressed());
  BatchPtr copies = batch;
  if (earlier_attempts == 0 || events.size() <= batch->size() / 2) {
    copies = std::make_shared<Batch>();
    copies->keep(batch->kept());
    for (const Event* event : events) copies->adopt_copy(*event, *batch)->open_outcomes.store(1, std::memory_order_relaxed);
    finish_events(events);
    events = copies->events();
  }
  const std::size_t bytes = kept_bytes(*copies, events.size());
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    undelivered_events_ += events.size();
    undelivered_bytes_ += bytes;
  }
  timer_.call_after(retry_pause(earlier_attempts),
                    [self = shared_from_this(), copies, events = std::move(events), bytes, earlier_attempts]() mutable {
                      bool is_closed = false;
                      {
                        const std::lock_guard lock(self->mutex_);
                        is_closed = self->is_closed_;
                      }
                      if (is_closed) {
                        self->settle(events.size(), bytes);
                      } else {
                        self->offer(copies, std::move(events), bytes, earlier_attempts + 1);
                      }
                    });
}

void OutputBuffer::reject(const Event& event, const Outcome& outcome) {
  rejected_.add();
  if (!reject_log_.allow()) return;
  std::string text;
  write_json(event.fields(), text);
  constexpr std::size_t kShownBytes = 500;
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "…";
  log_warn(id_,
           "the destination refuses an event for good (status {}): {}; it is counted as rejected: {} ({} more held back)",
           outcome.code, outcome.reason, text, reject_log_.suppressed());
}

void OutputBuffer::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  has_room_.notify_all();
}

bool OutputBuffer::wait_until_idle(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto is_idle = [this] { return is_closed_ || undelivered_events_ == 0; };
  if (deadline != std::chrono::steady_clock::time_point::max()) return has_room_.wait_until(lock, deadline, is_idle);
  has_room_.wait(lock, is_idle);
  return true;
}

std::size_t OutputBuffer::undelivered_events() const {
  const std::lock_guard lock(mutex_);
  return undelivered_events_;
}

}  // namespace logboom
