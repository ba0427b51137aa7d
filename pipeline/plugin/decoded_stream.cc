#include "pipeline/plugin/decoded_stream.h"

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <utility>

#include "pipeline/plugin/async_push.h"

namespace logboom {
namespace {

/// What one connection has begun. Used on the connection's strand; the flush timer keeps it only while it runs.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(DecodedStream stream, EventSink& sink, const boost::asio::any_io_executor& executor)
      : stream_(std::move(stream)), sink_(sink), timer_(executor) {}

  ChunkPtr decode(Buffer received) {
    timer_.cancel();
    ChunkPtr chunk = sink_.new_chunk(std::move(received));
    stream_.decoder->decode(chunk->received().view(), *chunk);
    finish(*chunk);
    return chunk;
  }
  ChunkPtr flush() {
    timer_.cancel();
    ChunkPtr chunk = sink_.new_chunk({});
    stream_.decoder->flush(*chunk);
    finish(*chunk);
    return chunk;
  }
  /// Flushes after the decoder's time of silence.
  void begin_silence() {
    const double seconds = stream_.decoder->auto_flush_seconds();
    if (seconds > 0) flush_after(std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(seconds, 1e6) * 1e9)));
  }
  void end() { timer_.cancel(); }
  std::string take_unfinished() { return stream_.earlier_bytes + stream_.decoder->take_unfinished(); }
  EventSink& sink() { return sink_; }
  /// Events of a silence that the queue had no room for; they go first.
  ChunkPtr take_waiting() { return std::exchange(waiting_, nullptr); }

 private:
  /// Without room in the queue the events wait for the next chance.
  void flush_after(std::chrono::nanoseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this(), time](const boost::system::error_code& failure) {
      const auto self = weak.lock();
      if (failure || !self) return;
      if (!self->waiting_) self->waiting_ = self->flush();
      if (self->waiting_->events().empty() || self->sink_.try_push(self->waiting_)) {
        self->waiting_.reset();
      } else {
        self->flush_after(time);
      }
    });
  }
  void finish(Chunk& chunk) const {
    if (!chunk.events().empty() && stream_.finish) stream_.finish(chunk);
  }

  DecodedStream stream_;
  EventSink& sink_;
  boost::asio::steady_timer timer_;
  ChunkPtr waiting_;
};

/// False when the sink is stopping. `chunk` may be nullptr.
Awaitable<bool> push_in_order(Session& session, ChunkPtr chunk) {
  ChunkPtr earlier = session.take_waiting();
  bool is_taken = true;
  if (earlier && !earlier->events().empty()) is_taken = co_await push_chunk(session.sink(), std::move(earlier));
  if (is_taken && chunk && !chunk->events().empty()) is_taken = co_await push_chunk(session.sink(), std::move(chunk));
  co_return is_taken;
}

}  // namespace

Awaitable<void> serve_decoded(ByteStream& peer, EventSink& sink, DecodedStream stream) {
  const auto session = std::make_shared<Session>(std::move(stream), sink, co_await boost::asio::this_coro::executor);
  bool is_open = true;
  while (is_open) {
    session->begin_silence();
    const Buffer received = co_await peer.read_some();
    if (received.empty()) break;
    ChunkPtr chunk = session->decode(received);
    is_open = co_await push_in_order(*session, std::move(chunk));
  }
  session->end();
  if (peer.is_rebinding()) {
    peer.unread(session->take_unfinished());
    co_await push_in_order(*session, nullptr);
  } else if (is_open) {
    ChunkPtr last = session->flush();
    co_await push_in_order(*session, std::move(last));
  }
}

}  // namespace logboom
