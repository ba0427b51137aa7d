// QueueTicket: the persistent queue's side of a chunk's token. It stands between the source, which is told when the chunk is
// safe, and the workers, whose completions are the queue's to count.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "pipeline/event/ack.h"

namespace logboom {

class QueueTicket;

/// Who keeps the books. Any thread.
class TicketOffice {
 public:
  virtual ~TicketOffice() = default;
  /// All events of the ticket are done.
  virtual void completed(QueueTicket& ticket) = 0;
  /// The token goes, with some events unfinished; ask for_each_done() meanwhile.
  virtual void given_up(QueueTicket& ticket) = 0;
};

class QueueTicket final : public AckReceiver {
 public:
  /// `token` owns the ticket.
  QueueTicket(std::shared_ptr<TicketOffice> office, const AckToken& token, std::shared_ptr<AckReceiver> source,
              Histogram* latency)
      : office_(std::move(office)),
        token_(token),
        source_(std::move(source)),
        latency_(latency),
        taken_at_(std::chrono::steady_clock::now()) {}

  /// The chunk has its events' numbers: [first, first + count).
  void take_place(std::uint64_t first, std::size_t count) {
    first_ = first;
    count_ = count;
    state_ = State::Queued;
  }
  /// The same for a chunk whose events are not all neighbours; ascending, not empty.
  void take_places(std::vector<std::uint64_t> sequences) {
    first_ = sequences.front();
    count_ = sequences.size();
    if (sequences.back() - first_ + 1 != count_) sequences_ = std::move(sequences);
    state_ = State::Queued;
  }
  /// The chunk goes from memory; the events stay where they were written. Their end is no business of this ticket.
  void leave_to_disk() { state_ = State::OnDisk; }

  /// The chunk is safe, or it never will be. Once.
  void tell_source(bool is_safe) {
    if (latency_ != nullptr) latency_->observe(std::chrono::steady_clock::now() - taken_at_);
    if (const auto source = std::move(source_)) source->finished(is_safe ? AckResult::Delivered : AckResult::NotDelivered);
  }

  void finished(AckResult result) override {
    switch (state_) {
      case State::New:  // it never came into the queue, or has no events
        if (source_) source_->finished(result);
        return;
      case State::OnDisk: return;
      case State::Queued:
        if (result == AckResult::Delivered) {
          office_->completed(*this);
        } else {
          office_->given_up(*this);
        }
        return;
    }
  }

  std::uint64_t end() const { return sequences_.empty() ? first_ + count_ : sequences_.back() + 1; }
  /// Calls back with each range [first, end) of its events' numbers.
  template <class Function>
  void for_each_range(Function function) const {
    if (sequences_.empty()) {
      function(first_, first_ + count_);
      return;
    }
    for (std::size_t i = 0; i < sequences_.size();) {
      std::size_t last = i;
      while (last + 1 < sequences_.size() && sequences_[last + 1] == sequences_[last] + 1) ++last;
      function(sequences_[i], sequences_[last] + 1);
      i = last + 1;
    }
  }
  /// Calls back with the number of each event that is done.
  template <class Function>
  void for_each_done(Function function) const {
    for (std::size_t i = 0; i < count_; ++i)
      if (token_.is_done(i)) function(sequences_.empty() ? first_ + i : sequences_[i]);
  }

  // Of a TicketList.
  QueueTicket* next_ticket = nullptr;
  QueueTicket* previous_ticket = nullptr;
  bool is_listed = false;

 private:
  enum class State { New, Queued, OnDisk };

  const std::shared_ptr<TicketOffice> office_;
  const AckToken& token_;
  std::shared_ptr<AckReceiver> source_;
  Histogram* const latency_;
  const std::chrono::steady_clock::time_point taken_at_;
  std::uint64_t first_ = 0;
  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> sequences_;  // when they are no neighbours
  State state_ = State::New;
};

/// Tickets whose tokens are alive. Used under its owner's lock.
class TicketList {
 public:
  void add(QueueTicket& ticket) {
    ticket.next_ticket = first_;
    ticket.previous_ticket = nullptr;
    if (first_ != nullptr) first_->previous_ticket = &ticket;
    first_ = &ticket;
    ticket.is_listed = true;
  }
  /// Fine when it is not there.
  void remove(QueueTicket& ticket) {
    if (!ticket.is_listed) return;
    ticket.is_listed = false;
    if (ticket.previous_ticket != nullptr) ticket.previous_ticket->next_ticket = ticket.next_ticket;
    if (ticket.next_ticket != nullptr) ticket.next_ticket->previous_ticket = ticket.previous_ticket;
    if (first_ == &ticket) first_ = ticket.next_ticket;
  }
  template <class Function>
  void for_each(Function function) const {
    for (const QueueTicket* ticket = first_; ticket != nullptr; ticket = ticket->next_ticket) function(*ticket);
  }

 private:
  QueueTicket* first_ = nullptr;
};

}  // namespace logboom
