#include "pipeline/run/tracked_delivery.h"

#include <fmt/format.h>

#include "pipeline/run/output_buffer.h"

namespace logboom {

TrackedDelivery::TrackedDelivery(std::shared_ptr<OutputBuffer> buffer, BatchPtr batch, std::vector<Event*> events,
                                 std::size_t bytes, int earlier_attempts)
    : buffer_(std::move(buffer)), batch_(std::move(batch)), held_(std::move(events)), bytes_(bytes), open_(held_.size()) {
  events_ = held_;
  earlier_attempts_ = earlier_attempts;
}

TrackedDelivery::~TrackedDelivery() {
  // Unreported events stay unfinished: the token of their chunk will say NotDelivered.
  if (open_ > 0) buffer_->settle(held_.size(), bytes_);
}

void TrackedDelivery::report(std::size_t index, Outcome outcome) {
  if (buffer_->is_given_up(outcome, earlier_attempts_)) outcome = given_up(outcome);
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
  if (outcome.kind == OutcomeKind::Delivered) {
    buffer_->events_out_.add();
    buffer_->health_.delivered();
    finish({&held_[index], 1});
  } else if (outcome.kind == OutcomeKind::Permanent && !give_up(held_[index], outcome)) {
    return;
  }
  close_events(1);
}

void TrackedDelivery::report_all(const Outcome& outcome) {
  if (!goes_on_alone_ && buffer_->is_given_up(outcome, earlier_attempts_)) return settle_all(given_up(outcome));
  settle_all(outcome);
}

void TrackedDelivery::settle_all(const Outcome& outcome) {
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
    buffer_->health_.delivered();
    finish(reported);
  } else if (outcome.kind == OutcomeKind::Permanent) {
    std::size_t closed = 0;
    for (Event* event : reported) closed += give_up(event, outcome) ? 1 : 0;
    if (closed > 0) close_events(closed);
    return;
  }
  close_events(reported.size());
}

void TrackedDelivery::note_trouble(std::string_view reason) { buffer_->health_.retried(reason); }

void TrackedDelivery::output_failed(std::string_view problem) {
  const std::string reason = fmt::format("the output failed: {}", problem);
  if (held_.size() == 1) return report_all(Outcome::permanent(reason));
  {
    const std::lock_guard lock(mutex_);
    goes_on_alone_ = true;
  }
  report_all(Outcome::retry(reason));
}

/// A retry that there will not be.
Outcome TrackedDelivery::given_up(const Outcome& outcome) const {
  return Outcome::permanent(fmt::format("given up after {} attempts: {}", earlier_attempts_ + 1, outcome.reason),
                            outcome.code);
}

/// True when it is over with the event; else the dead-letter queue will say so.
bool TrackedDelivery::give_up(Event* event, const Outcome& outcome) {
  const auto on_safe = [self = shared_from_this(), event](bool is_safe) {
    if (!is_safe) return;  // it stays unfinished: its token will say NotDelivered
    self->buffer_->dead_lettered_.add();
    self->finish({&event, 1});
    self->close_events(1);
  };
  switch (buffer_->give_up(*event, outcome, on_safe)) {
    case OutputBuffer::GivenUp::Now: finish({&event, 1}); return true;
    case OutputBuffer::GivenUp::Later: return false;
    case OutputBuffer::GivenUp::Retry: break;
  }
  const std::lock_guard lock(mutex_);
  to_retry_.push_back(event);
  retry_reason_ = buffer_->dead_letters_->problem();
  return true;
}

void TrackedDelivery::finish(std::span<Event* const> events) { OutputBuffer::finish(events, buffer_->ledger_of_offered()); }

/// Their outcome is known and their tokens were told. After the last ones the delivery is over: only then is nothing of it
/// undelivered any more.
void TrackedDelivery::close_events(std::size_t count) {
  {
    const std::lock_guard lock(mutex_);
    open_ -= count;
    if (open_ > 0) return;
  }
  if (goes_on_alone_) {
    for (Event* event : to_retry_) buffer_->retry(batch_, {event}, earlier_attempts_, retry_reason_);
  } else if (!to_retry_.empty()) {
    buffer_->retry(batch_, std::move(to_retry_), earlier_attempts_, retry_reason_);
  }
  buffer_->latency_.observe(std::chrono::steady_clock::now() - since_);
  buffer_->settle(held_.size(), bytes_);
}

}  // namespace logboom
