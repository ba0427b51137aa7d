// The answering half of a connection: what was handed over, and what the sender is told of it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/inputs/beats/shared.h"

namespace logboom::beats {

/// What the writer must know of a chunk.
struct HandedChunk {
  char version = '2';
  bool ends_window = false;
  std::uint32_t first_sequence = 0;
  std::uint32_t last_sequence = 0;
  /// Events up to and with each frame, and its sequence; empty while frame n is event n and counts from first_sequence.
  std::vector<std::pair<std::size_t, std::uint32_t>> frames;

  /// The last sequence number whose events are among the first `events`; nullopt: none is whole.
  std::optional<std::uint32_t> sequence_after(std::size_t events) const {
    if (frames.empty())
      return events == 0 ? std::nullopt : std::optional(first_sequence + static_cast<std::uint32_t>(events) - 1);
    std::optional<std::uint32_t> last;
    for (const auto& [end, sequence] : frames) {
      if (end > events) break;
      last = sequence;
    }
    return last;
  }
};

/// Used on the connection's strand. run() is a coroutine of its own beside the reader's.
class AckWriter {
 public:
  AckWriter(BeatsShared& shared, ByteStream& peer, const boost::asio::any_io_executor& executor);

  /// Begins to wait for a chunk that is about to be pushed.
  void add(Chunk& chunk, HandedChunk acks);
  /// Waits while too much of the connection is under way.
  Awaitable<void> until_room();
  /// Notes that the peer was heard.
  void note_read() { last_read_ = SteadyClock::now(); }
  /// Nothing will be added any more.
  void close();
  /// Ends the connection without another answer.
  void give_up();
  bool has_given_up() const { return has_given_up_; }

  /// Writes until everything is answered or nobody is there to be answered.
  static Awaitable<void> run(std::shared_ptr<AckWriter> self);
  /// run() is over, however it ended.
  void note_ended();
  Awaitable<void> until_ended();

 private:
  using SteadyClock = std::chrono::steady_clock;

  bool note(const PendingAcks::Progress& progress);
  void note_finished();
  void add_partial_ack();
  void add_keep_alive();
  bool is_past_inactivity(SteadyClock::time_point since) const;
  std::chrono::milliseconds inactivity_left() const;

  const AckTimes& times_;
  BeatsCounters& counters_;
  ByteStream& peer_;
  const std::shared_ptr<PendingAcks> pending_ = PendingAcks::make();
  std::deque<HandedChunk> handed_;  // in the order of pending_
  std::string out_;
  std::optional<std::uint32_t> reached_;  // of the window that is answered now
  std::optional<std::uint32_t> written_;
  SteadyClock::time_point last_read_ = SteadyClock::now();
  SteadyClock::time_point last_write_ = SteadyClock::now();
  std::optional<SteadyClock::time_point> closed_at_;
  bool has_given_up_ = false;
  bool is_running_ = true;
  boost::asio::steady_timer ended_;
};

}  // namespace logboom::beats
