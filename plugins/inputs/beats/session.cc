#include "plugins/inputs/beats/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "pipeline/net/inflate.h"
#include "pipeline/plugin/async_push.h"
#include "plugins/inputs/beats/ack_writer.h"

namespace logboom::beats {
namespace {

constexpr std::size_t kEventsPerChunk = 500;  // so that workers begin before a large frame is read through
constexpr std::size_t kFirstRatio = 6;        // inflated bytes per byte, until the connection has shown its own

/// What the peer seems to speak instead.
std::string_view guess_of_protocol(std::string_view bytes) {
  if (bytes.substr(0, 1) == "\x16") return "it looks like TLS, is ssl_enabled missing here?";
  for (const std::string_view word : {"GET ", "POST", "PUT ", "HEAD"})
    if (bytes.substr(0, 4) == word) return "it looks like HTTP";
  return {};
}

/// The reading half of a connection.
class FrameReader {
 public:
  FrameReader(BeatsShared& shared, ByteStream& peer, EventSink& sink, AckWriter& writer)
      : shared_(shared), peer_(peer), sink_(sink), writer_(writer), events_(shared.events, peer), cutter_(shared.limits) {}

  /// Reads until the stream ends, a peer is refused, or the pipeline takes nothing more.
  Awaitable<void> run();
  /// For whoever serves the stream next: the rest of the window, and what was read of it.
  void give_back();

 private:
  enum class Consumed { NeedsMore, ChunkReady, WindowReady, Compressed, Refused };

  Awaitable<bool> take(FrameCutter& cutter, Buffer source, bool is_inflated);
  Consumed consume(FrameCutter& cutter, const Buffer& source, bool is_inflated, Frame& frame);
  Consumed begin_window(const Frame& frame);
  bool add_event(const Frame& frame, const FrameCutter& cutter, const Buffer& source);
  void note_frame(std::uint32_t sequence, std::size_t events_before);
  Result<Buffer> inflate(std::string_view body);
  Awaitable<bool> hand_over();
  void refuse(Refusal why, std::string_view detail = {});

  BeatsShared& shared_;
  ByteStream& peer_;
  EventSink& sink_;
  AckWriter& writer_;
  EventMaker events_;
  FrameCutter cutter_;
  char version_ = '2';
  std::uint32_t window_events_ = 0;
  std::uint32_t window_left_ = 0;
  std::uint32_t last_sequence_ = 0;
  std::size_t inflated_per_byte_ = kFirstRatio;
  ChunkPtr chunk_;  // under way; nullptr: none
  HandedChunk chunk_acks_;
  bool ends_old_window_ = false;  // the chunk under way belongs to a window that another one cut short
  bool is_first_read_ = true;
  std::string_view first_bytes_;  // of the connection, while the first read is worked on
};

void FrameReader::refuse(Refusal why, std::string_view detail) {
  shared_.refuse(peer_.peer(), why, detail);
  chunk_.reset();  // its events are part of what was not acknowledged
}

void FrameReader::give_back() {
  std::string rest;
  if (window_left_ > 0) rest = window_frame(version_, window_left_);
  rest += cutter_.take_unfinished();
  if (!rest.empty()) peer_.unread(rest);
}

Awaitable<void> FrameReader::run() {
  for (;;) {
    const Buffer received = co_await peer_.read_some();
    if (received.empty()) co_return;
    writer_.note_read();
    if (is_first_read_) first_bytes_ = received.view();
    cutter_.feed(received);
    const bool goes_on = co_await take(cutter_, received, false);
    if (!goes_on) co_return;
    is_first_read_ = false;
    first_bytes_ = {};
  }
}

/// Takes all frames that a buffer completes, and hands their events over. False: the session ends.
Awaitable<bool> FrameReader::take(FrameCutter& cutter, Buffer source, bool is_inflated) {
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
FrameReader::Consumed FrameReader::consume(FrameCutter& cutter, const Buffer& source, bool is_inflated, Frame& frame) {
  for (;;) {
    const FrameCutter::Step step = cutter.next(frame);
    if (step == FrameCutter::Step::NeedsMore) return Consumed::NeedsMore;
    if (step == FrameCutter::Step::Refused) {
      refuse(cutter.refusal(),
             cutter.refusal() == Refusal::WrongVersion ? guess_of_protocol(first_bytes_) : std::string_view());
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
FrameReader::Consumed FrameReader::begin_window(const Frame& frame) {
  shared_.counters.windows.add();
  const bool is_unfinished = window_left_ > 0 && window_left_ < window_events_;
  if (is_unfinished) shared_.counters.unfinished_windows.add();
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

bool FrameReader::add_event(const Frame& frame, const FrameCutter& cutter, const Buffer& source) {
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
void FrameReader::note_frame(std::uint32_t sequence, std::size_t events_before) {
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

Result<Buffer> FrameReader::inflate(std::string_view body) {
  const std::size_t expected = body.size() * inflated_per_byte_ + body.size() * inflated_per_byte_ / 8;
  Result<Buffer> inflated = inflate_zlib(body, shared_.max_inflated_bytes, expected);
  if (!inflated) return inflated;
  shared_.counters.inflated_bytes.add(inflated->size());
  inflated_per_byte_ = inflated->size() / body.size() + 1;
  return inflated;
}

/// Hands the chunk under way over; one without events (a window of none, a codec that made none) is finished at once.
Awaitable<bool> FrameReader::hand_over() {
  ChunkPtr chunk = std::exchange(chunk_, nullptr);
  if (!chunk) chunk = sink_.new_chunk(Buffer());
  chunk_acks_.ends_window = std::exchange(ends_old_window_, false) || window_left_ == 0;
  co_await writer_.until_room();
  if (writer_.has_given_up()) co_return false;
  const std::size_t events = chunk->events().size();
  writer_.add(*chunk, std::move(chunk_acks_));
  chunk_acks_ = {};
  shared_.counters.events.add(events);
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

}  // namespace

Awaitable<void> BeatsService::serve(ByteStream& peer, EventSink& sink) {
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const auto writer = std::make_shared<AckWriter>(*shared_, peer, executor);
  FrameReader reader(*shared_, peer, sink, *writer);
  boost::asio::co_spawn(executor, AckWriter::run(writer), [writer](std::exception_ptr problem) {
    if (problem) writer->give_up();
    writer->note_ended();
  });
  std::exception_ptr failure;
  try {
    co_await reader.run();
  } catch (...) {
    failure = std::current_exception();
  }
  writer->close();
  if (failure) writer->give_up();
  co_await writer->until_ended();  // it uses the stream
  if (failure) std::rethrow_exception(failure);
  if (peer.is_rebinding() && !writer->has_given_up()) reader.give_back();
}

}  // namespace logboom::beats
