// DeadLetterQueue: one pipeline's events that could not be delivered, on disk, each with its cause.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "pipeline/base/log.h"
#include "pipeline/dead_letter/dead_letter_sink.h"
#include "pipeline/dead_letter/entry.h"
#include "pipeline/store/segment_store.h"

namespace logboom {

enum class DeadLetterPolicy {
  DropNewer,  // full: what comes is dropped
  DropOlder,  // full: the oldest segment goes
};

struct DeadLetterOptions {
  std::string directory;  // of this pipeline
  std::string pipeline_id = "main";
  std::uint64_t max_bytes = std::uint64_t{1024} * 1024 * 1024;
  DeadLetterPolicy policy = DeadLetterPolicy::DropNewer;
  std::chrono::milliseconds retain_age{0};  // 0: for ever
  StoreKeys keys;
  FileSystem* files = &local_files();
  const Clock* clock = &system_clock();
  MetricScope* metrics = nullptr;  // outlives it
  bool has_thread = true;          // without: nothing is written but in store().commit()
};

/// Any thread.
class DeadLetterQueue final : public DeadLetterSink {
 public:
  /// Opens a directory that nobody in this process has open, or gives the queue that has it. Errors: as
  /// SegmentStore::open().
  static Result<std::shared_ptr<DeadLetterQueue>> open(DeadLetterOptions options);
  /// The queue that this process has open for a directory, or nullptr.
  static std::shared_ptr<DeadLetterQueue> find_open(const std::string& directory);
  ~DeadLetterQueue() override;

  Taken put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) override;
  std::string problem() const override;
  bool wait_until_writable(std::chrono::milliseconds limit) override;
  void give_up() override { is_given_up_ = true; }

  /// Lets go of segments in which every entry is older than retain_age. Call now and then.
  void expire();
  /// Writes what waits, for at most this long, and lets go of the directory.
  void close(std::chrono::milliseconds limit);

  /// Takes an entry for sending it again: false when somebody else has it, or it is done.
  bool borrow(std::uint64_t sequence);
  /// The end of that: done entries go, others may be borrowed again.
  void give_back(std::uint64_t sequence, bool is_done);
  /// Removes an entry; false when it was not there any more, or is borrowed.
  bool remove(std::uint64_t sequence);

  struct Facts {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;  // of segments that hold entries
    std::uint64_t max_bytes = 0;
    std::uint64_t dropped = 0;  // for want of room, since the directory was made
    std::uint64_t expired = 0;
    std::string last_error;
  };
  Facts facts() const;

  const DeadLetterOptions& options() const { return options_; }
  SegmentStore& store() { return *store_; }

 private:
  explicit DeadLetterQueue(DeadLetterOptions options) : options_(std::move(options)) {}
  std::uint64_t live_bytes() const;
  bool make_room(std::uint64_t bytes);
  void count(Counter* counter, const char* kept_as, std::uint64_t events);

  const DeadLetterOptions options_;
  std::unique_ptr<SegmentStore> store_;
  std::atomic<bool> is_given_up_{false};
  LogRateLimit full_log_{60};
  Counter* entries_in_ = nullptr;
  Counter* dropped_ = nullptr;
  Counter* expired_ = nullptr;

  mutable std::mutex mutex_;
  std::uint64_t estimated_bytes_ = 0;  // at least live_bytes()
  std::set<std::uint64_t> borrowed_;
  std::string last_error_;
};

}  // namespace logboom
