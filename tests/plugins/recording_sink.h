// A pipeline that remembers what inputs hand it, and acknowledges at once or when told.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/event/json.h"
#include "pipeline/plugin/input.h"

namespace logboom {

class RecordingSink final : public EventSink {
 public:
  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    std::unique_lock lock(mutex_);
    if (refuses_) return false;
    chunk->token().arm(chunk->events().size());
    for (Event* event : chunk->events()) {
      std::string line;
      if (const Value* message = event->fields().find(well_known().message); message != nullptr && message->is_string())
        messages_.emplace_back(message->as_string());
      write_json(event->fields(), line);
      lines_.push_back(line);
      std::string metadata;
      if (event->metadata_if_any() != nullptr) write_json(*event->metadata_if_any(), metadata);
      metadata_.push_back(metadata);
    }
    held_.push_back(std::move(chunk));
    if (acknowledges_at_once) release(lock, held_.size());
    changed_.notify_all();
    return true;
  }
  void call_when_room(std::function<void()> callback) override {
    {
      const std::lock_guard lock(mutex_);
      if (refuses_) {
        waiting_.push_back(std::move(callback));
        return;
      }
    }
    callback();
  }
  bool is_stopping() const override { return false; }

  /// Waits until there are this many events; the test fails when they do not come.
  void wait_for_events(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return lines_.size() >= count; });
    REQUIRE(lines_.size() >= count);
  }
  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::vector<std::string> metadata() {
    const std::lock_guard lock(mutex_);
    return metadata_;
  }
  /// Acknowledges the first `chunks` held chunks.
  void acknowledge(std::size_t chunks) {
    std::unique_lock lock(mutex_);
    release(lock, chunks);
  }
  /// Acknowledges a held chunk out of turn.
  void acknowledge_only(std::size_t number) {
    const std::lock_guard lock(mutex_);
    held_.at(number)->token().complete_many(held_.at(number)->events().size());
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(number));
  }
  std::size_t held_chunks() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }

  /// Whether it takes nothing, like a full queue.
  void refuse(bool refuses) {
    std::vector<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      refuses_ = refuses;
      if (!refuses) waiting.swap(waiting_);
    }
    for (const auto& callback : waiting) callback();
  }

  bool acknowledges_at_once = true;

 private:
  void release(std::unique_lock<std::mutex>&, std::size_t chunks) {
    for (std::size_t i = 0; i < chunks && !held_.empty(); ++i) {
      held_.front()->token().complete_many(held_.front()->events().size());
      held_.erase(held_.begin());
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;
  std::vector<std::string> lines_;
  std::vector<std::string> metadata_;
  std::vector<ChunkPtr> held_;
  bool refuses_ = false;
  std::vector<std::function<void()>> waiting_;  // for room
};

/// An input that runs on a thread of its own until it returns or this is destroyed.
class RunningInput {
 public:
  RunningInput(Input& input, EventSink& sink)
      : thread_([this, &input, &sink] { is_fine_ = input.run(sink, stop_).has_value(); }) {}
  ~RunningInput() {
    stop_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  /// Waits until the input returns by itself.
  bool join() {
    thread_.join();
    return is_fine_;
  }

 private:
  StopSignal stop_;
  bool is_fine_ = false;
  std::thread thread_;
};

/// A folder that is gone after the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "logboom_test_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  void write(const std::string& name, std::string_view content) const {
    std::ofstream(at(name), std::ios::binary) << content;
  }
  void append(const std::string& name, std::string_view content) const {
    std::ofstream(at(name), std::ios::binary | std::ios::app) << content;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(at(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool has(const std::string& name) const { return std::filesystem::exists(at(name)); }

 private:
  std::string path_;
};

}  // namespace logboom
