// PendingAcks: for protocols whose sender goes on while earlier chunks are under way, and is answered in order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "pipeline/event/batch.h"
#include "pipeline/net/awaitable.h"

namespace logboom {

/// What a session has handed over and not answered yet, oldest first. One coroutine adds (the reader), one waits (the
/// writer of answers), both on one strand; tokens finish on any thread. Lives in a shared_ptr: late tokens keep it.
class PendingAcks : public std::enable_shared_from_this<PendingAcks> {
 public:
  static std::shared_ptr<PendingAcks> make();
  virtual ~PendingAcks() = default;

  /// Registers a chunk before it is pushed; `label` is the session's own (a sequence number). Sets the chunk's receiver.
  virtual void add(Chunk& chunk, std::uint64_t label, AckTracking tracking) = 0;
  /// Nothing will be added any more: next() ends when all are finished.
  virtual void close() = 0;
  /// Nobody will be answered any more (the peer is gone): next() ends now, until_at_most() too.
  virtual void abandon() = 0;
  /// Chunks that are not answered yet.
  virtual std::size_t size() const = 0;

  struct Progress {
    enum class Kind {
      Finished,      // the oldest chunk: all of it is safe; it was taken out
      NotDelivered,  // the oldest chunk was given up; it was taken out
      Prefix,        // the oldest chunk, after `patience`: its first `events` are safe, more than at the last report
      Silence,       // nothing for `patience` while something is pending: time for a keep-alive
      Idle,          // nothing was pending for `idle`
      Closed,        // close() was called and nothing is pending, or abandon()
    };
    Kind kind = Kind::Closed;
    std::uint64_t label = 0;
    std::size_t events = 0;
  };
  static constexpr std::chrono::milliseconds kForever = std::chrono::hours(24 * 365);
  /// Waits for the next of these. Both times count from the call, `patience` from when something is pending.
  virtual Awaitable<Progress> next(std::chrono::milliseconds patience, std::chrono::milliseconds idle = kForever) = 0;
  /// Finished or NotDelivered, if that is so already.
  virtual std::optional<Progress> poll() = 0;
  /// Waits until at most so many chunks are pending: what bounds a sender that does not wait for answers.
  virtual Awaitable<void> until_at_most(std::size_t chunks) = 0;
};

}  // namespace logboom
