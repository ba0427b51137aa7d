// Acknowledgement: one token per received chunk tells the source what became of its events.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/metrics.h"

namespace logboom {

enum class AckResult {
  Delivered,     // every event reached its outputs, was dropped by a filter, or is in the dead-letter queue
  NotDelivered,  // given up before that: answer 503, close, do not store the offset
};

/// The source's side of a token. Called on whatever thread finishes the last event; must not block.
class AckReceiver {
 public:
  virtual ~AckReceiver() = default;
  /// The first `finished_events` events of the chunk, children included, are done. Grows from call to call; calls for one
  /// chunk may overlap, so keep the largest. Only when the token was asked to track prefixes.
  virtual void prefix_finished(std::size_t finished_events) { (void)finished_events; }
  /// Exactly once for each token that was armed.
  virtual void finished(AckResult result) = 0;
};

enum class AckTracking {
  Whole,
  Prefix,  // which events at the chunk's beginning are done is told as it changes
  Each,    // which events are done can be asked
};

/// The name of an event as a number of 128 bits (event_identity.h makes them). All zeros: none.
struct EventName {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  explicit operator bool() const { return (low | high) != 0; }
  friend bool operator==(const EventName&, const EventName&) = default;
};

/// Where a chunk was read from, when that place keeps its name and its positions: received again after a crash, the same
/// event has the same stream and position. Filled before the chunk is handed over, read-only afterwards.
struct EventSource {
  std::string stream;                    // "kafka/<cluster>/<topic>/<partition>", "file/<device>/<inode>"
  std::vector<std::uint64_t> positions;  // by event number; equal neighbours came out of one message and are told apart
  std::vector<EventName> names;          // instead, by event number: names that are kept on disk with the events
};

/// Counts the unfinished events of one chunk, with the children that split and clone made of them. It completes explicitly;
/// a token destroyed before that tells its receiver NotDelivered. Threads: any, after arm().
class AckToken {
 public:
  AckToken() = default;
  AckToken(const AckToken&) = delete;
  AckToken& operator=(const AckToken&) = delete;
  ~AckToken() {
    if (is_armed_ && receiver_ && remaining_.load(std::memory_order_acquire) != 0)
      receiver_->finished(AckResult::NotDelivered);
  }

  /// Sets who is told. Before arm(). Without a receiver the token only counts.
  void set_receiver(std::shared_ptr<AckReceiver> receiver, AckTracking tracking) {
    receiver_ = std::move(receiver);
    tracking_ = tracking;
  }
  /// Observes the time from arm() to the end of all events. Before arm(); the histogram outlives the token.
  void set_latency(Histogram* latency) { latency_ = latency; }
  /// Says where the events come from (event_identity.h uses it). Before the chunk is handed over.
  void set_source(std::unique_ptr<const EventSource> source) { source_ = std::move(source); }
  /// nullptr when the input has no lasting positions.
  const EventSource* source() const { return source_.get(); }
  /// A number of this token's own in this process, from 1.
  std::uint64_t serial();
  /// Starts counting: called once, when the chunk is handed over with this many events. A chunk without events is done at
  /// once.
  void arm(std::size_t events);
  /// One more event stems from event number `origin` of the chunk; call it while that one is still unfinished.
  void add_child(std::uint32_t origin);
  /// Event `origin` (or a child of it) is done.
  void complete(std::uint32_t origin);
  /// `count` events are done; only without tracking.
  void complete_many(std::size_t count);
  /// Event `origin` and all its children are done; only with tracking, after arm().
  bool is_done(std::size_t origin) const { return unfinished_[origin].load(std::memory_order_acquire) == 0; }

  /// Takes the receiver away: it will not be told by this token any more.
  std::shared_ptr<AckReceiver> release_receiver() { return std::exchange(receiver_, nullptr); }
  bool is_armed() const { return is_armed_; }
  /// True when somebody is told of the end.
  bool has_receiver() const { return receiver_ != nullptr; }
  const std::shared_ptr<AckReceiver>& receiver() const { return receiver_; }
  bool tracks_prefix() const { return tracking_ == AckTracking::Prefix; }
  /// Each event is counted on its own: complete() one by one.
  bool tracks_events() const { return tracking_ != AckTracking::Whole; }
  std::size_t remaining() const { return remaining_.load(std::memory_order_acquire); }

 private:
  void subtract(std::size_t count);

  std::shared_ptr<AckReceiver> receiver_;
  std::unique_ptr<const EventSource> source_;
  std::atomic<std::uint64_t> serial_{0};  // 0: nobody asked yet
  Histogram* latency_ = nullptr;
  std::chrono::steady_clock::time_point armed_at_;
  AckTracking tracking_ = AckTracking::Whole;
  bool is_armed_ = false;
  std::atomic<std::size_t> remaining_{0};
  std::vector<std::atomic<std::uint32_t>> unfinished_;  // per origin; only with tracking
  std::atomic<std::size_t> prefix_{0};                  // all origins below it are done
};

}  // namespace logboom
