// An EventSink that keeps what inputs push, and decides how it is acknowledged.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/event/json.h"
#include "pipeline/plugin/input.h"

namespace logboom {

/// Any thread. Events are kept as JSON lines of the form fields, then a tab and the metadata (only with_metadata).
class CollectingSink final : public EventSink {
 public:
  enum class Answer { Delivered, NotDelivered, Later };

  explicit CollectingSink(Answer answer = Answer::Delivered) : answer_(answer) {}

  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    {
      const std::lock_guard lock(mutex_);
      if (is_full_ || is_stopping_) return false;
      for (Event* event : chunk->events()) keep(*event);
      chunk->token().arm(chunk->events().size());
      if (answer_ == Answer::Later) held_.push_back(chunk);
    }
    changed_.notify_all();
    if (answer_ == Answer::Delivered) chunk->token().complete_many(chunk->events().size());
    chunk.reset();
    return true;
  }
  void call_when_room(std::function<void()> callback) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(callback));
    changed_.notify_all();
  }
  bool is_stopping() const override {
    const std::lock_guard lock(mutex_);
    return is_stopping_;
  }

  void set_full(bool is_full) {
    change([&] { is_full_ = is_full; });
  }
  void stop() {
    change([&] { is_stopping_ = true; });
  }
  /// The same without telling those that wait.
  void set_full_quietly(bool is_full) {
    const std::lock_guard lock(mutex_);
    is_full_ = is_full;
  }
  /// Callbacks that wait for room.
  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  /// The oldest chunk that Answer::Later holds back, or nullptr.
  ChunkPtr held_chunk() const {
    const std::lock_guard lock(mutex_);
    return held_.empty() ? nullptr : held_.front();
  }
  /// Acknowledges what Answer::Later holds back.
  void deliver_held() {
    std::vector<ChunkPtr> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const ChunkPtr& chunk : held) chunk->token().complete_many(chunk->events().size());
  }

  /// Lets go of what Answer::Later holds back: its senders are told NotDelivered.
  void forget_held() {
    std::vector<ChunkPtr> held;
    const std::lock_guard lock(mutex_);
    held.swap(held_);
  }

  /// Waits until so many events came, at most ten seconds, and returns all of them.
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return events_.size() >= count; });
    return events_;
  }
  /// Waits until somebody waits for room.
  bool wait_for_waiter() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !waiting_.empty(); });
  }
  std::vector<std::string> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  /// The @timestamp of each event.
  std::vector<Timestamp> times() {
    const std::lock_guard lock(mutex_);
    return times_;
  }

 private:
  template <class Change>
  void change(Change what) {
    std::vector<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      what();
      waiting.swap(waiting_);
    }
    for (const auto& wake : waiting) wake();
  }
  void keep(Event& event) {
    times_.push_back(event.timestamp().value_or(Timestamp{}));
    event.fields().erase(well_known().timestamp);
    event.fields().erase(well_known().version);
    std::string line;
    write_json(event.fields(), line);
    if (event.metadata_if_any() != nullptr) {
      line += '\t';
      write_json(*event.metadata_if_any(), line);
    }
    events_.push_back(std::move(line));
  }

  const Answer answer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
  std::vector<Timestamp> times_;
  std::vector<ChunkPtr> held_;
  std::vector<std::function<void()>> waiting_;
  bool is_full_ = false;
  bool is_stopping_ = false;
};

}  // namespace logboom
