// SegmentStore: records of events on disk, appended with group commit, read in order, done in any order, deleted by segment.
// The queue keeps its events in one, the dead-letter queue its entries.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pipeline/base/clock.h"
#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/store/file_system.h"
#include "pipeline/store/payload_seal.h"
#include "pipeline/store/segment_list.h"
#include "pipeline/store/segment_writer.h"
#include "pipeline/store/store_reader.h"
#include "pipeline/store/store_state.h"

namespace logboom {

/// When what was appended is called safe.
enum class StoreSync {
  Always,    // when it is on the medium: survives a power cut
  Interval,  // when the system has it; synced within the checkpoint interval or after checkpoint_writes events
  Never,     // when the system has it: survives the end of the process, not of the machine
};

/// By the words of the configuration: always, interval, never.
StoreSync store_sync_named(std::string_view word);

struct StoreOptions {
  std::string directory;                           // made when it is not there
  std::string name = "store";                      // for log lines
  std::uint64_t segment_bytes = 64 * 1024 * 1024;  // a segment that has reached it is the last one no longer
  StoreSync sync = StoreSync::Always;
  std::chrono::milliseconds checkpoint_interval{1000};  // the state is saved this often when it changed
  std::uint64_t checkpoint_writes = 1024;               // or after so many events written,
  std::uint64_t checkpoint_acks = 1024;                 // or done
  StoreCompression compression = StoreCompression::None;
  StoreKeys keys;
  FileSystem* files = &local_files();
  const Clock* clock = &system_clock();
  MetricScope* metrics = nullptr;  // of the owner; outlives the store
  bool has_thread = true;          // without: nothing is written but in commit()
};

/// What open() found.
struct StoreRecovery {
  std::uint64_t lost = 0;             // events that were safe and are gone, so far: reading may find more
  bool is_lost_at_least = false;      // both slots of the state are gone: nobody knows what there was
  std::uint64_t torn = 0;             // events that were being written and were never called safe
  std::uint64_t quarantined = 0;      // files and places set aside
  std::vector<std::string> findings;  // each a sentence
};

/// Numbers: every event has a sequence number, in the order of append(). Any thread, but for open() and close().
class SegmentStore final : public SegmentList {
 public:
  /// Called once for each append(): true - it is safe; false - the store was closed before. On the store's own thread, with
  /// no lock held; must not block.
  using OnSafe = std::function<void(bool)>;

  /// Recovers what is there, without anybody's help and without reading more than headers, state and the last segment's end.
  /// Errors: AlreadyExists - somebody else has the directory; InvalidArgument - a key is missing; Io, Full.
  static Result<std::unique_ptr<SegmentStore>> open(StoreOptions options);
  ~SegmentStore() override;

  const StoreRecovery& recovery() const { return recovery_; }
  const StoreOptions& options() const { return options_; }

  /// Compresses a payload as the options say; give the flags to append(). A piece of work for the caller's thread.
  std::string compress(std::string payload, std::uint16_t& flags) const {
    return compress_payload(std::move(payload), options_.compression, flags);
  }
  /// Takes a record of `events` (at least 1) events and returns the number of the first. Never waits and never fails: while
  /// the disk refuses, records wait in memory, so look at facts() before taking more.
  std::uint64_t append(std::string payload, std::uint32_t events, std::uint16_t flags, OnSafe on_safe);
  /// Waits until all that was appended before is safe; false when that takes longer, or the store is closed.
  bool wait_until_safe(std::chrono::milliseconds limit);

  /// Events [first, end) are done: never read again, and their segment is deleted when all of it is done. Numbers that are
  /// done already do not count twice.
  void mark_done(std::uint64_t first, std::uint64_t end);
  /// The same for numbers that a reader found to be gone: those that were not done are counted and logged as lost. Returns
  /// how many that were.
  std::uint64_t mark_lost(std::uint64_t first, std::uint64_t end);
  /// mark_lost() for the numbers from `from` on, below `limit`, that are written and in no segment. Returns where they end;
  /// `from` when there are none.
  std::uint64_t lose_missing(std::uint64_t from, std::uint64_t limit);
  bool is_done(std::uint64_t sequence) const;
  /// The ranges of [first, end) that are not done.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> open_ranges(std::uint64_t first, std::uint64_t end) const;
  /// Gives up the oldest segment, whatever it holds; returns how many events were not done. 0 when there is but one.
  std::uint64_t drop_oldest();

  struct Facts {
    std::uint64_t frontier = 0;          // every event before it is done
    std::uint64_t next_sequence = 0;     // that of the next event
    std::uint64_t safe_sequence = 0;     // every event before it is safe
    std::uint64_t written_sequence = 0;  // every event before it can be read
    std::uint64_t waiting = 0;           // events that are not done
    std::uint64_t disk_bytes = 0;        // of segments that are not deleted yet
    std::uint64_t pending_bytes = 0;     // appended and not safe yet, in memory
    std::uint64_t lost = 0;
    bool is_failing = false;  // the disk refuses; it is tried again and again
    std::string problem;
  };
  Facts facts() const;
  /// The cheap part of facts(), for the hot path.
  struct Load {
    std::uint64_t waiting = 0;
    std::uint64_t used_bytes = 0;  // on disk, and in memory on the way there
    std::uint64_t pending_bytes = 0;
  };
  Load load() const;
  bool is_failing() const { return is_failing_.load(std::memory_order_relaxed); }

  struct SegmentFacts {
    std::uint64_t id = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t end_sequence = 0;
    std::uint64_t bytes = 0;
    std::int64_t newest_at = 0;  // milliseconds of wall time: nothing in it is newer
    std::uint64_t done = 0;
  };
  /// Oldest first.
  std::vector<SegmentFacts> segments() const;

  std::optional<SegmentView> find(std::uint64_t sequence) const override;
  /// Reads from event number `sequence` on; sees what is written, safe or not. What it finds damaged is set aside and
  /// counted. The store must outlive it.
  std::unique_ptr<StoreReader> reader(std::uint64_t sequence);

  /// Numbers of the owner's that are kept with the state: saved with the next one.
  using Counters = std::map<std::string, std::uint64_t>;
  void set_counter(const std::string& name, std::uint64_t value);
  std::uint64_t counter(const std::string& name) const;
  Counters counters() const;
  /// From now on `source` is asked for all of them with every save instead, after it is settled what the saved state calls
  /// done: whatever was counted before mark_done() was called is saved with it. On the store's thread or in close(), no lock
  /// held; never after close() has returned.
  void count_by(std::function<Counters()> source);

  /// Called after a commit, a deletion or a change of is_failing(): there may be room. On the store's thread, no lock held.
  void on_progress(std::function<void()> callback) {
    const std::lock_guard lock(mutex_);
    on_progress_ = std::move(callback);
  }

  /// One round of the store's work: writes, syncs, saves, deletes. For stores without a thread. False when the disk refused.
  bool commit();
  /// Writes what waits (as long as `limit` when the disk refuses), saves a clean state and lets go of the directory. What
  /// could not be written is reported to its OnSafe.
  void close(std::chrono::milliseconds limit);

 private:
  struct Pending {
    RecordHead head;
    std::string payload;
    OnSafe on_safe;
  };
  struct Segment {
    SegmentHeader header;
    std::string path;
    std::uint64_t limit = 0;  // bytes that may be read
    std::int64_t newest_at = 0;
    bool is_current = false;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> marks;  // sequence number → offset of its record, here and there
  };
  friend class StoreRecoverer;

  explicit SegmentStore(StoreOptions options);
  void run();
  bool write_round(bool is_last);
  Result<void> write_records(std::deque<Pending>& records);
  Result<void> rotate(std::uint64_t first_sequence);
  Result<void> sync_now();
  void give_up_segment();
  void fail(const Error& error);
  void recovered_from_failure();
  Result<void> save_state(bool is_synced, bool is_clean);
  StoreState state_now(bool is_clean) const;
  Result<void> delete_done_segments();
  std::uint64_t mark_done_locked(std::uint64_t first, std::uint64_t end);
  std::uint64_t end_of(std::size_t segment) const;
  void quarantine(const StoreReader::Damage& damage);
  std::int64_t now_milliseconds() const { return options_.clock->wall_nanoseconds() / 1'000'000; }
  void tell_progress();

  const StoreOptions options_;
  FileSystem& files_;
  std::unique_ptr<DirectoryLock> lock_;
  StateSlots slots_;
  StoreRecovery recovery_;
  std::function<void()> on_progress_;
  LogRateLimit failure_log_;
  LogRateLimit loss_log_{1};

  // Numbers for metrics.
  Counter* writes_ = nullptr;
  Counter* syncs_ = nullptr;
  Counter* lost_counter_ = nullptr;
  Counter* quarantined_counter_ = nullptr;
  Histogram* sync_time_ = nullptr;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable safe_;
  std::deque<Pending> pending_;  // appended
  std::deque<Segment> segments_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t written_sequence_ = 0;
  std::uint64_t safe_sequence_ = 0;
  std::uint64_t durable_sequence_ = 0;  // on the medium, as far as this process synced it
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t disk_bytes_ = 0;
  std::uint64_t frontier_ = 0;
  SequenceSet done_;
  std::uint64_t lost_ = 0;
  std::uint64_t done_since_save_ = 0;
  std::uint64_t written_since_save_ = 0;
  std::uint64_t quarantined_places_ = 0;
  bool is_state_dirty_ = false;
  bool wants_synced_save_ = false;
  bool has_deletable_ = false;
  bool is_stopping_ = false;
  std::atomic<bool> is_failing_{false};
  std::string problem_;
  Counters counters_;
  std::function<Counters()> counter_source_;
  std::chrono::steady_clock::time_point stop_deadline_;

  // The committing thread's own.
  std::unique_ptr<SegmentWriter> writer_;
  std::unique_ptr<SegmentCipher> cipher_;
  std::deque<Pending> to_write_;  // taken, and not written in the current segment
  std::deque<Pending> unsynced_;  // written, and not known to be on the medium
  std::uint64_t unsynced_bytes_ = 0;
  std::uint64_t unsynced_events_ = 0;
  std::uint64_t next_segment_ = 1;
  std::uint64_t tail_segment_ = 0;
  std::uint64_t tail_offset_ = 0;
  std::chrono::steady_clock::time_point next_save_;
  std::chrono::steady_clock::time_point next_note_;
  std::chrono::steady_clock::time_point retry_at_;
  int failures_in_row_ = 0;
  bool is_closed_ = false;

  std::thread thread_;
};

}  // namespace logboom
