// Sequence numbers count within a window, so everything is answered in order, and a keep-alive repeats only what this
// window was told already. Clients of version 1 take the first six bytes that they get for the window's acknowledgement:
// they are told nothing before it is complete.
#include "plugins/inputs/beats/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <exception>
#include <optional>
#include <vector>

#include "pipeline/net/address.h"
#include "pipeline/net/inflate.h"
#include "pipeline/plugin/async_push.h"
#include "plugins/inputs/beats/handed_chunk.h"
#include "plugins/inputs/beats/refusal.h"

namespace logboom::beats {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMaxPendingChunks = 512;  // per connection; what they hold is bounded by the queue
constexpr std::size_t kEventsPerChunk = 500;    // so that workers begin before a large frame is read through
constexpr std::size_t kFirstRatio = 6;          // inflated bytes per byte, until the connection has shown its own

class BeatsSession {
 public:
  BeatsSession(BeatsShared& shared, ByteStream& peer, EventSink& sink, const boost::asio::any_io_executor& executor)
      : shared_(shared),
        counters_(shared.counters),
        peer_(peer),
        sink_(sink),
        events_(shared.events, peer),
        cutter_(shared.limits),
        writer_ended_(executor, SteadyClock::time_point::max()) {}

  Awaitable<void> read_frames();
  /// Writes until everything is answered or nobody is there to be answered.
  static Awaitable<void> write_acks(std::shared_ptr<BeatsSession> self);

  void note_reader_ended() {
    reader_ended_at_ = SteadyClock::now();
    pending_->close();
  }
  void note_writer_ended() {
    is_writer_running_ = false;
    writer_ended_.cancel();
  }
  Awaitable<void> until_writer_ended() {
    while (is_writer_running_) {
      boost::system::error_code woken;
      co_await writer_ended_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    }
  }
  /// Ends the connection without another answer.
  void give_up() {
    has_given_up_ = true;
    pending_->abandon();
    peer_.end_reading();
  }
  /// For whoever serves the stream next: the rest of the window, and what was read of it.
  void give_back() {
    std::string rest;
    if (window_left_ > 0) rest = window_frame(version_, window_left_);
    rest += cutter_.take_unfinished();
    if (!rest.empty()) peer_.unread(rest);
  }
  bool has_given_up() const { return has_given_up_; }

 private:
  enum class Consumed { NeedsMore, ChunkReady, WindowReady, Compressed, Refused };

  // Reading.
  Awaitable<bool> take(FrameCutter& cutter, Buffer source, bool is_inflated);
  Consumed consume(FrameCutter& cutter, const Buffer& source, bool is_inflated, Frame& frame);
  Consumed begin_window(const Frame& frame);
  bool add_event(const Frame& frame, const FrameCutter& cutter, const Buffer& source);
  void note_frame(std::uint32_t sequence, std::size_t events_before);
  Result<Buffer> inflate(std::string_view body);
  Awaitable<bool> hand_over();
  void refuse(Refusal why, std::string_view detail = {});

  // Writing.
  bool note(const PendingAcks::Progress& progress);
  void note_finished();
  void add_partial_ack();
  void add_keep_alive();
  bool is_past_inactivity(SteadyClock::time_point since) const {
    return shared_.times.inactivity < PendingAcks::kForever && SteadyClock::now() - since >= shared_.times.inactivity;
  }
  milliseconds inactivity_left() const;

  BeatsShared& shared_;
  BeatsCounters& counters_;
  ByteStream& peer_;
  EventSink& sink_;
  EventMaker events_;
  const std::shared_ptr<PendingAcks> pending_ = PendingAcks::make();
  std::deque<HandedChunk> handed_;

  // The reader's.
  FrameCutter cutter_;
  char version_ = '2';
  std::uint32_t window_events_ = 0;
  std::uint32_t window_left_ = 0;
  std::uint32_t last_sequence_ = 0;
  std::size_t inflated_per_byte_ = kFirstRatio;
  ChunkPtr chunk_;
  HandedChunk chunk_acks_;
  bool ends_old_window_ = false;  // the chunk under way belongs to a window that another one cut short
  SteadyClock::time_point last_read_ = SteadyClock::now();
  bool is_first_read_ = true;
  std::string_view first_bytes_;  // of the connection, while the first read is worked on

  // The writer's.
  std::string out_;
  SteadyClock::time_point last_write_ = SteadyClock::now();
  std::optional<std::uint32_t> reached_;  // of the window that is answered now
  std::optional<std::uint32_t> written_;
  boost::asio::steady_timer writer_ended_;
  bool is_writer_running_ = true;
  bool has_given_up_ = false;
  std::optional<SteadyClock::time_point> reader_ended_at_;
};

void BeatsSession::refuse(Refusal why, std::string_view detail) {
  counters_.refused[static_cast<std::size_t>(why)]->add();
  chunk_.reset();  // its events are part of what was not acknowledged
  if (!shared_.refusal_log.allow()) return;
  const std::uint64_t held_back = shared_.refusal_log.suppressed();
  log_warn("input.beats", "{}: the connection from {} is closed: {}{}{}{}", shared_.id,
           host_and_port(peer_.peer().ip, peer_.peer().port), text_of(why).text, detail.empty() ? "" : ": ", detail,
           held_back == 0 ? "" : fmt::format(" ({} more refusals since the last line)", held_back));
}

Awaitable<void> BeatsSession::read_frames() {
  for (;;) {
    const Buffer received = co_await peer_.read_some();
    if (received.empty()) co_return;
    last_read_ = SteadyClock::now();
    if (is_first_read_) first_bytes_ = received.view();
    cutter_.feed(received);
    const bool goes_on = co_await take(cutter_, received, false);
    if (!goes_on) co_return;
    is_first_read_ = false;
    first_bytes_ = {};
  }
}

/// Takes all frames that a buffer completes, and hands their events over. False: the session ends.
Awaitable<bool> BeatsSession::take(FrameCutter& cutter, Buffer source, bool is_inflated) {
  for (;;) {
    Frame frame;
    const Consumed consumed = consume(cutter, source, is_inflated, frame);
    if (consumed == Consumed::Refused) co_return false;
    if (consumed == Consumed::NeedsMore) break;
    if (chunk_ || consumed == Consumed::WindowReady) {
      const bool is_taken = co_await hand_over();
      if (!is_taken) co_return false;
    }
    if (consumed != Consumed::Compressed) continue;
    Result<Buffer> inflated = inflate(frame.payload);
    if (!inflated) {
      refuse(inflated.error().code == ErrorCode::TooLarge ? Refusal::InflatedTooLarge : Refusal::InflateFailure,
             inflated.error().message);
      co_return false;
    }
    FrameCutter inner(shared_.limits);
    inner.feed(*inflated);
    const bool goes_on = co_await take(inner, std::move(*inflated), true);
    if (!goes_on) co_return false;
  }
  if (is_inflated && !cutter.is_empty()) {
    refuse(Refusal::CutShort);
    co_return false;
  }
  if (!chunk_) co_return true;
  const bool is_taken = co_await hand_over();
  co_return is_taken;
}

/// Takes frames until something has to be waited for.
BeatsSession::Consumed BeatsSession::consume(FrameCutter& cutter, const Buffer& source, bool is_inflated, Frame& frame) {
  for (;;) {
    const FrameCutter::Step step = cutter.next(frame);
    if (step == FrameCutter::Step::NeedsMore) return Consumed::NeedsMore;
    if (step == FrameCutter::Step::Refused) {
      refuse(cutter.refusal(), cutter.refusal() == Refusal::WrongVersion ? guess_of_protocol(first_bytes_) : "");
      return Consumed::Refused;
    }
    switch (frame.kind) {
      case Frame::Kind::Window: {
        const Consumed begun = begin_window(frame);
        if (begun == Consumed::WindowReady) return begun;
        break;
      }
      case Frame::Kind::Compressed:
        if (!is_inflated) return Consumed::Compressed;
        refuse(Refusal::NestedCompression);
        return Consumed::Refused;
      case Frame::Kind::Json:
      case Frame::Kind::Data:
        if (!add_event(frame, cutter, source)) return Consumed::Refused;
        if (window_left_ == 0 || chunk_->events().size() >= kEventsPerChunk) return Consumed::ChunkReady;
        break;
    }
  }
}

/// A window that is cut short is acknowledged up to where it came; one of no events at once.
BeatsSession::Consumed BeatsSession::begin_window(const Frame& frame) {
  counters_.windows.add();
  const bool is_unfinished = window_left_ > 0 && window_left_ < window_events_;
  if (is_unfinished) counters_.unfinished_windows.add();
  const bool is_empty = frame.number == 0;
  if (is_unfinished || is_empty) {
    if (!chunk_) {
      chunk_acks_ = {};
      chunk_acks_.last_sequence = is_unfinished ? last_sequence_ : 0;
      chunk_acks_.version = is_unfinished ? version_ : frame.version;
    }
    ends_old_window_ = true;
  }
  version_ = frame.version;
  window_events_ = window_left_ = frame.number;
  return ends_old_window_ ? Consumed::WindowReady : Consumed::NeedsMore;
}

bool BeatsSession::add_event(const Frame& frame, const FrameCutter& cutter, const Buffer& source) {
  if (window_left_ == 0) {
    // A sender may go on with a window of the same size without saying so.
    if (window_events_ == 0) {
      refuse(Refusal::EventWithoutWindow);
      return false;
    }
    window_left_ = window_events_;
  }
  if (!chunk_) {
    chunk_ = sink_.new_chunk(source);
    chunk_acks_ = {};
    chunk_acks_.version = version_;
    chunk_acks_.first_sequence = frame.number;
    events_.begin(*chunk_);
  }
  if (!cutter.joined().empty()) chunk_->keep(cutter.joined());
  const std::size_t events_before = chunk_->events().size();
  if (frame.kind == Frame::Kind::Data) {
    events_.add_pairs(frame.payload, *chunk_);
  } else if (!events_.add_json(frame.payload, *chunk_)) {
    refuse(Refusal::BadJson);
    return false;
  }
  note_frame(frame.number, events_before);
  --window_left_;
  return true;
}

/// Remembers which events belong to which sequence number, once that is not simply one after the other.
void BeatsSession::note_frame(std::uint32_t sequence, std::size_t events_before) {
  const std::size_t events = chunk_->events().size();
  const bool is_plain = chunk_acks_.frames.empty() && events == events_before + 1 &&
                        sequence == chunk_acks_.first_sequence + static_cast<std::uint32_t>(events_before);
  if (!is_plain) {
    if (chunk_acks_.frames.empty())
      for (std::size_t i = 0; i < events_before; ++i)
        chunk_acks_.frames.emplace_back(i + 1, chunk_acks_.first_sequence + static_cast<std::uint32_t>(i));
    chunk_acks_.frames.emplace_back(events, sequence);
  }
  chunk_acks_.last_sequence = last_sequence_ = sequence;
}

Result<Buffer> BeatsSession::inflate(std::string_view body) {
  const std::size_t expected = body.size() * inflated_per_byte_ + body.size() * inflated_per_byte_ / 8;
  Result<Buffer> inflated = inflate_zlib(body, shared_.max_inflated_bytes, expected);
  if (!inflated) return inflated;
  counters_.inflated_bytes.add(inflated->size());
  inflated_per_byte_ = inflated->size() / body.size() + 1;
  return inflated;
}

/// Hands the chunk under way over; one without events (a window of none, a codec that made none) is finished at once.
Awaitable<bool> BeatsSession::hand_over() {
  ChunkPtr chunk = std::exchange(chunk_, nullptr);
  if (!chunk) chunk = sink_.new_chunk(Buffer());
  chunk_acks_.ends_window = std::exchange(ends_old_window_, false) || window_left_ == 0;
  if (pending_->size() >= kMaxPendingChunks) co_await pending_->until_at_most(kMaxPendingChunks - 1);
  if (has_given_up_) co_return false;
  const std::size_t events = chunk->events().size();
  pending_->add(*chunk, chunk_acks_.last_sequence, chunk_acks_.version == '2' ? AckTracking::Prefix : AckTracking::Whole);
  handed_.push_back(std::move(chunk_acks_));
  chunk_acks_ = {};
  counters_.events.add(events);
  if (events == 0) {
    chunk->token().arm(0);
    co_return true;
  }
  const ChunkPtr kept = chunk;
  const bool is_taken = co_await push_chunk(sink_, std::move(chunk));
  if (is_taken) co_return true;
  // What was handed over before is still answered; this one ends the answers.
  if (const auto receiver = kept->token().release_receiver()) receiver->finished(AckResult::NotDelivered);
  co_return false;
}

milliseconds BeatsSession::inactivity_left() const {
  if (shared_.times.inactivity >= PendingAcks::kForever) return PendingAcks::kForever;
  const auto silent = SteadyClock::now() - std::max(last_read_, last_write_);
  const auto left = std::chrono::ceil<milliseconds>(shared_.times.inactivity - silent);
  return std::max(left, milliseconds(1));
}

Awaitable<void> BeatsSession::write_acks(std::shared_ptr<BeatsSession> self) {
  for (;;) {
    const PendingAcks::Progress progress =
        co_await self->pending_->next(self->shared_.times.partial_every, self->inactivity_left());
    self->out_.clear();
    bool goes_on = self->note(progress);
    while (goes_on) {
      const auto more = self->pending_->poll();
      if (!more) break;
      goes_on = self->note(*more);
    }
    const bool is_due = SteadyClock::now() - self->last_write_ >= self->shared_.times.partial_every;
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
bool BeatsSession::note(const PendingAcks::Progress& progress) {
  using Kind = PendingAcks::Progress::Kind;
  switch (progress.kind) {
    case Kind::Finished: note_finished(); return true;
    case Kind::Prefix:
      if (const auto sequence = handed_.front().sequence_after(progress.events)) reached_ = sequence;
      return true;
    case Kind::Silence:
      if (handed_.front().version == '2') {
        if (reached_ == written_) add_keep_alive();
      } else if (reader_ended_at_ && is_past_inactivity(*reader_ended_at_)) {
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

void BeatsSession::note_finished() {
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
void BeatsSession::add_partial_ack() {
  if (!reached_ || reached_ == written_) return;
  append_ack('2', *reached_, out_);
  written_ = reached_;
  counters_.partial_acknowledgements.add();
}

void BeatsSession::add_keep_alive() {
  if (SteadyClock::now() - last_write_ < shared_.times.keep_alive_after) return;
  append_ack('2', written_.value_or(0), out_);
  counters_.keep_alives.add();
}

}  // namespace

Awaitable<void> BeatsService::serve(ByteStream& peer, EventSink& sink) {
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const auto session = std::make_shared<BeatsSession>(*shared_, peer, sink, executor);
  std::exception_ptr failure;
  boost::asio::co_spawn(executor, BeatsSession::write_acks(session), [session](std::exception_ptr problem) {
    if (problem) session->give_up();
    session->note_writer_ended();
  });
  try {
    co_await session->read_frames();
  } catch (...) {
    failure = std::current_exception();
  }
  session->note_reader_ended();
  if (failure) session->give_up();
  co_await session->until_writer_ended();  // it uses the stream
  if (failure) std::rethrow_exception(failure);
  if (peer.is_rebinding() && !session->has_given_up()) session->give_back();
}

}  // namespace logboom::beats
