// Sequence numbers count within a window, so everything is answered in order, and a keep-alive repeats only what this
// window was told already. Clients of version 1 take the first six bytes that they get for the window's acknowledgement:
// they are told nothing before it is complete.
#include "plugins/inputs/beats/ack_writer.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace logboom::beats {
using std::chrono::milliseconds;

namespace {
constexpr std::size_t kMaxPendingChunks = 512;  // per connection; what they hold is bounded by the queue
}

AckWriter::AckWriter(BeatsShared& shared, ByteStream& peer, const boost::asio::any_io_executor& executor)
    : times_(shared.times), counters_(shared.counters), peer_(peer), ended_(executor, SteadyClock::time_point::max()) {}

void AckWriter::add(Chunk& chunk, HandedChunk acks) {
  pending_->add(chunk, acks.last_sequence, acks.version == '2' ? AckTracking::Prefix : AckTracking::Whole);
  handed_.push_back(std::move(acks));
}

Awaitable<void> AckWriter::until_room() {
  if (pending_->size() >= kMaxPendingChunks) co_await pending_->until_at_most(kMaxPendingChunks - 1);
}

void AckWriter::close() {
  closed_at_ = SteadyClock::now();
  pending_->close();
}

void AckWriter::give_up() {
  has_given_up_ = true;
  pending_->abandon();
  peer_.end_reading();
}

void AckWriter::note_ended() {
  is_running_ = false;
  ended_.cancel();
}

Awaitable<void> AckWriter::until_ended() {
  while (is_running_) {
    boost::system::error_code woken;
    co_await ended_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
  }
}

bool AckWriter::is_past_inactivity(SteadyClock::time_point since) const {
  return times_.inactivity < PendingAcks::kForever && SteadyClock::now() - since >= times_.inactivity;
}

milliseconds AckWriter::inactivity_left() const {
  if (times_.inactivity >= PendingAcks::kForever) return PendingAcks::kForever;
  const auto silent = SteadyClock::now() - std::max(last_read_, last_write_);
  const auto left = std::chrono::ceil<milliseconds>(times_.inactivity - silent);
  return std::max(left, milliseconds(1));
}

Awaitable<void> AckWriter::run(std::shared_ptr<AckWriter> self) {
  for (;;) {
    const PendingAcks::Progress progress =
        co_await self->pending_->next(self->times_.partial_every, self->inactivity_left());
    self->out_.clear();
    bool goes_on = self->note(progress);
    while (goes_on) {
      const auto more = self->pending_->poll();
      if (!more) break;
      goes_on = self->note(*more);
    }
    const bool is_due = SteadyClock::now() - self->last_write_ >= self->times_.partial_every;
    if (!self->has_given_up_ && (!goes_on || is_due)) self->add_partial_ack();
    if (!self->out_.empty()) {
      const Result<void> sent = co_await self->peer_.write(self->out_);
      self->last_write_ = SteadyClock::now();
      if (!sent) {
        self->give_up();
        co_return;
      }
    }
    if (!goes_on) co_return;
  }
}

/// Turns one piece of progress into bytes for the peer; false: nothing more will come.
bool AckWriter::note(const PendingAcks::Progress& progress) {
  using Kind = PendingAcks::Progress::Kind;
  switch (progress.kind) {
    case Kind::Finished: note_finished(); return true;
    case Kind::Prefix:
      if (const auto sequence = handed_.front().sequence_after(progress.events)) reached_ = sequence;
      return true;
    case Kind::Silence:
      if (handed_.front().version == '2') {
        if (reached_ == written_) add_keep_alive();
      } else if (closed_at_ && is_past_inactivity(*closed_at_)) {
        give_up();  // it cannot be asked whether it is still there
        return false;
      }
      return true;
    case Kind::Idle:
      if (!is_past_inactivity(std::max(last_read_, last_write_))) return true;
      counters_.inactive_closed.add();
      give_up();
      return false;
    case Kind::NotDelivered:
      counters_.not_delivered.add();
      give_up();
      return false;
    case Kind::Closed: return false;
  }
  return false;
}

void AckWriter::note_finished() {
  const HandedChunk chunk = std::move(handed_.front());
  handed_.pop_front();
  reached_ = chunk.last_sequence;
  if (!chunk.ends_window) {
    if (chunk.version != '2') reached_.reset();
    return;
  }
  if (written_ != reached_) {
    append_ack(chunk.version, chunk.last_sequence, out_);
    counters_.acknowledgements.add();
  }
  reached_.reset();
  written_.reset();
}

/// What is safe of the window that is answered now, when the peer does not know that yet.
void AckWriter::add_partial_ack() {
  if (!reached_ || reached_ == written_) return;
  append_ack('2', *reached_, out_);
  written_ = reached_;
  counters_.partial_acknowledgements.add();
}

void AckWriter::add_keep_alive() {
  if (SteadyClock::now() - last_write_ < times_.keep_alive_after) return;
  append_ack('2', written_.value_or(0), out_);
  counters_.keep_alives.add();
}

}  // namespace logboom::beats
