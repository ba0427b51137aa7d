// SegmentStore's committing thread: writes, syncs, saves the state, deletes what is done, and goes on after failures.
#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>

#include "pipeline/store/segment_store.h"

namespace logboom {
namespace {

constexpr std::size_t kWriteBytes = 1024 * 1024;                // laid out in memory before the system gets it
constexpr std::uint64_t kMostUnsyncedBytes = 32 * 1024 * 1024;  // kept for writing again, with StoreSync::Interval
constexpr std::uint64_t kMarkBytes = 256 * 1024;                // between two marks, for finding a number's place
constexpr auto kNoteInterval = std::chrono::milliseconds(100);  // what is done is noted this often, without a sync
constexpr auto kShortestRetry = std::chrono::milliseconds(50);
constexpr auto kLongestRetry = std::chrono::milliseconds(1000);
constexpr auto kLongTime = std::chrono::hours(24);

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

}  // namespace

void SegmentStore::run() {
  pthread_setname_np(pthread_self(), "store");
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const bool is_waiting_to_retry = is_failing_;
      const bool has_timed_work = is_state_dirty_ || unsynced_events_ > 0;
      auto wake = is_waiting_to_retry ? retry_at_ : has_timed_work ? next_save_ : now() + kLongTime;
      if (!is_waiting_to_retry && done_since_save_ > 0) wake = std::min(wake, next_note_);
      const bool has_note_to_make = done_since_save_ > 0;
      work_.wait_until(lock, wake, [&] {
        if (is_stopping_) return true;
        if (is_failing_) return false;
        return !pending_.empty() || has_deletable_ || done_since_save_ >= options_.checkpoint_acks ||
               (is_state_dirty_ && !has_timed_work) || (done_since_save_ > 0 && !has_note_to_make);
      });
      if (is_stopping_) return;
    }
    write_round(false);
  }
}

bool SegmentStore::commit() { return write_round(false); }

void SegmentStore::close(std::chrono::milliseconds limit) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    is_stopping_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
  const auto deadline = now() + limit;
  bool is_saved = false;
  for (;;) {
    const bool is_written = write_round(true);
    if (is_written) {
      // Both slots: whichever is damaged later, the other one knows the same.
      auto saved = save_state(true, true);
      if (saved) saved = save_state(true, true);
      is_saved = saved.has_value();
      if (!saved) fail(saved.error());
    }
    if (is_saved || now() >= deadline) break;
    std::this_thread::sleep_until(std::min(deadline, now() + kShortestRetry));
  }
  if (writer_) writer_->seal();
  writer_.reset();
  std::deque<Pending> left;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    left.swap(to_write_);
    for (Pending& record : pending_) left.push_back(std::move(record));
    pending_.clear();
  }
  safe_.notify_all();
  for (Pending& record : left)
    if (record.on_safe) record.on_safe(false);
  lock_.reset();
}

bool SegmentStore::write_round(bool is_last) {
  bool has_deletable = false;
  bool wants_save = false;
  bool wants_synced_save = false;
  {
    const std::lock_guard lock(mutex_);
    for (Pending& record : pending_) to_write_.push_back(std::move(record));
    pending_.clear();
    has_deletable = has_deletable_;
    wants_save = done_since_save_ >= options_.checkpoint_acks || written_since_save_ >= options_.checkpoint_writes ||
                 (done_since_save_ > 0 && now() >= next_note_);
    const bool is_due = now() >= next_save_;
    wants_synced_save = wants_synced_save_ || (is_due && is_state_dirty_);
  }
  const auto work = [&]() -> Result<void> {
    if (auto written = write_records(to_write_); !written) return written;
    const bool must_sync =
        options_.sync == StoreSync::Always || is_last ||
        (options_.sync == StoreSync::Interval &&
         (now() >= next_save_ || unsynced_events_ >= options_.checkpoint_writes || unsynced_bytes_ > kMostUnsyncedBytes));
    if (must_sync)
      if (auto synced = sync_now(); !synced) return synced;
    return {};
  };
  auto done = work();
  if (!done) give_up_segment();
  if (done && has_deletable) done = delete_done_segments();
  if (done && (wants_save || wants_synced_save))
    done = save_state(wants_synced_save && options_.sync != StoreSync::Never, false);
  if (!done) {
    fail(done.error());
    tell_progress();
    return false;
  }
  if (is_failing_) recovered_from_failure();
  tell_progress();
  return true;
}

Result<void> SegmentStore::write_records(std::deque<Pending>& records) {
  if (records.empty()) return {};
  const auto publish = [this](std::uint64_t written) {
    const std::lock_guard lock(mutex_);
    Segment& current = segments_.back();
    if (current.marks.empty() || current.limit >= current.marks.back().second + kMarkBytes)
      current.marks.emplace_back(written_sequence_, current.limit);
    disk_bytes_ += writer_->written() - current.limit;
    current.limit = writer_->written();
    current.newest_at = now_milliseconds();
    written_since_save_ += written - written_sequence_;
    written_sequence_ = written;
    is_state_dirty_ = true;
  };
  std::uint64_t laid_out = 0;  // the end of what is laid out
  while (!records.empty()) {
    Pending& record = records.front();
    if (writer_ != nullptr && writer_->size() >= options_.segment_bytes) {
      if (auto written = writer_->write(); !written) return written;
      if (laid_out > 0) publish(laid_out);
    }
    if (writer_ == nullptr || writer_->size() >= options_.segment_bytes)
      if (auto rotated = rotate(record.head.first_sequence); !rotated) return rotated;
    RecordHead head = record.head;
    head.durable_before = std::min(durable_sequence_, head.first_sequence);
    if (cipher_ != nullptr) {
      head.flags |= kRecordIsEncrypted;
      head.payload_bytes = static_cast<std::uint32_t>(record.payload.size() + SegmentCipher::kTagBytes);
      writer_->add(head, cipher_->encrypt(head, record.payload));
    } else {
      writer_->add(head, record.payload);
    }
    laid_out = head.end_sequence();
    unsynced_bytes_ += record.payload.size();
    unsynced_events_ += head.events;
    unsynced_.push_back(std::move(record));
    records.pop_front();
    if (writer_->size() - writer_->written() >= kWriteBytes)
      if (auto written = writer_->write(); !written) return written;
  }
  if (auto written = writer_->write(); !written) return written;
  publish(laid_out);
  writes_->add();
  if (options_.sync == StoreSync::Always) return {};
  // The system has them: that is what was promised. They are kept until a sync, for writing them again.
  std::vector<OnSafe> told;
  for (Pending& record : unsynced_)
    if (record.on_safe) told.push_back(std::exchange(record.on_safe, nullptr));
  if (options_.sync == StoreSync::Never) {
    unsynced_.clear();
    unsynced_bytes_ = 0;
  }
  {
    const std::lock_guard lock(mutex_);
    if (options_.sync == StoreSync::Never) unsynced_events_ = 0;
    safe_sequence_ = std::max(safe_sequence_, written_sequence_);
    pending_bytes_ = 0;
    for (const Pending& record : pending_) pending_bytes_ += record.payload.size();
  }
  safe_.notify_all();
  for (const OnSafe& tell : told) tell(true);
  return {};
}

Result<void> SegmentStore::rotate(std::uint64_t first_sequence) {
  if (writer_ != nullptr) {
    if (options_.sync != StoreSync::Never)
      if (auto synced = sync_now(); !synced) return synced;
    writer_->seal();
    writer_.reset();
    const std::lock_guard lock(mutex_);
    segments_.back().is_current = false;
    has_deletable_ = true;  // it may be done already
  }
  SegmentHeader header;
  header.id = next_segment_++;
  header.first_sequence = first_sequence;
  header.created_at = now_milliseconds();
  header.salt = random_salt();
  header.key_id = options_.keys.current_id();
  auto writer = SegmentWriter::create(files_, options_.directory, header, options_.segment_bytes);
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  cipher_.reset();
  if (const auto* key = options_.keys.find(header.key_id)) cipher_ = std::make_unique<SegmentCipher>(*key, header.salt);
  const std::lock_guard lock(mutex_);
  Segment made;
  made.header = header;
  made.path = options_.directory + "/" + segment_file_name(header.id);
  made.limit = writer_->written();
  made.newest_at = header.created_at;
  made.is_current = true;
  disk_bytes_ += made.limit;
  segments_.push_back(std::move(made));
  wants_synced_save_ = true;
  return {};
}

Result<void> SegmentStore::sync_now() {
  if (writer_ == nullptr || writer_->synced() == writer_->written()) return {};
  const auto start = now();
  if (auto synced = writer_->sync(); !synced) return synced;
  sync_time_->observe(now() - start);
  syncs_->add();
  std::deque<Pending> safe;
  safe.swap(unsynced_);
  durable_sequence_ = written_sequence_;  // changed by this thread alone
  tail_segment_ = writer_->header().id;
  tail_offset_ = writer_->synced();
  std::uint64_t bytes = 0;
  for (const Pending& record : safe) bytes += record.payload.size();
  unsynced_bytes_ = 0;
  {
    const std::lock_guard lock(mutex_);
    unsynced_events_ = 0;
    safe_sequence_ = std::max(safe_sequence_, durable_sequence_);
    if (options_.sync == StoreSync::Always) pending_bytes_ -= bytes;
  }
  safe_.notify_all();
  for (const Pending& record : safe)
    if (record.on_safe) record.on_safe(true);
  return {};
}

/// Of the segment that was written nothing counts but what was synced; everything else is written again, to another one.
void SegmentStore::give_up_segment() {
  for (auto record = unsynced_.rbegin(); record != unsynced_.rend(); ++record) to_write_.push_front(std::move(*record));
  unsynced_.clear();
  unsynced_bytes_ = 0;
  const std::unique_ptr<SegmentWriter> writer = std::move(writer_);
  std::string useless;
  if (writer != nullptr) {
    // Without syncs there is nothing to go back to: what the system took is all that was promised.
    const std::uint64_t kept = options_.sync == StoreSync::Never ? writer->written() : writer->synced();
    {
      // The list first: a reader that misses what is cut off looks again whether it should be there.
      const std::lock_guard lock(mutex_);
      Segment& current = segments_.back();
      current.is_current = false;
      disk_bytes_ -= current.limit - std::min(current.limit, kept);
      current.limit = std::min(current.limit, kept);
      if (!to_write_.empty()) written_sequence_ = std::min(written_sequence_, to_write_.front().head.first_sequence);
      if (kept == 0) {  // not even its header
        useless = current.path;
        segments_.pop_back();
      }
    }
    writer->give_up(kept);
  }
  if (!useless.empty()) (void)files_.remove(useless).has_value();
  const std::lock_guard lock(mutex_);
  unsynced_events_ = 0;
}

void SegmentStore::fail(const Error& error) {
  ++failures_in_row_;
  retry_at_ =
      now() + std::min<std::chrono::milliseconds>(kLongestRetry, kShortestRetry * (1 << std::min(failures_in_row_, 6)));
  {
    const std::lock_guard lock(mutex_);
    problem_ = error.message;
    is_failing_ = true;
  }
  if (failure_log_.allow())
    log_error(options_.name,
              "the disk refuses: {}; nothing new is taken until it does better, what is there stays ({} more such messages "
              "held back)",
              error.message, failure_log_.suppressed());
}

void SegmentStore::tell_progress() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    callback = on_progress_;
  }
  if (callback) callback();
}

void SegmentStore::recovered_from_failure() {
  failures_in_row_ = 0;
  {
    const std::lock_guard lock(mutex_);
    is_failing_ = false;
    problem_.clear();
  }
  log_info(options_.name, "the disk takes data again");
}

StoreState SegmentStore::state_now(bool is_clean) const {
  StoreState state;
  const std::uint64_t safe = options_.sync == StoreSync::Always ? durable_sequence_ : written_sequence_;
  state.frontier = std::min(frontier_, safe);
  state.next_sequence = safe;
  state.next_segment = next_segment_;
  state.tail_segment = tail_segment_;
  state.tail_offset = tail_offset_;
  state.is_clean = is_clean;
  for (const auto& [first, end] : done_.ranges())
    if (first < safe) state.done.add(first, std::min(end, safe));
  for (const Segment& segment : segments_) state.segments.push_back({segment.header.id, segment.header.first_sequence});
  state.counters = counters_;
  state.counters[kLostCounter] = lost_;
  return state;
}

Result<void> SegmentStore::save_state(bool is_synced, bool is_clean) {
  StoreState state;
  std::function<Counters()> count;
  {
    const std::lock_guard lock(mutex_);
    state = state_now(is_clean);
    count = counter_source_;
    done_since_save_ = 0;
    written_since_save_ = 0;
    if (is_synced || options_.sync == StoreSync::Never) {
      is_state_dirty_ = false;
      wants_synced_save_ = false;
    }
  }
  if (is_synced || options_.sync == StoreSync::Never) next_save_ = now() + options_.checkpoint_interval;
  next_note_ = now() + std::min(kNoteInterval, options_.checkpoint_interval);
  if (count) {
    const std::uint64_t lost = state.counters[kLostCounter];
    state.counters = count();
    state.counters[kLostCounter] = lost;
  }
  auto saved = slots_.save(state, is_synced);
  if (!saved) {
    const std::lock_guard lock(mutex_);
    is_state_dirty_ = true;
    wants_synced_save_ = true;
  }
  return saved;
}

/// First the state that says that they are done, then the files.
Result<void> SegmentStore::delete_done_segments() {
  std::vector<Segment> doomed;
  {
    const std::lock_guard lock(mutex_);
    has_deletable_ = false;
    for (std::size_t i = 0; i < segments_.size();) {
      const Segment& segment = segments_[i];
      const std::uint64_t end = end_of(i);
      // What is done but not on the medium yet (a worker was faster than the disk) is no reason to delete anything.
      const bool is_done = done_.covers(std::max(segment.header.first_sequence, frontier_), end);
      if (segment.is_current || !is_done) {
        ++i;
        continue;
      }
      doomed.push_back(segment);
      disk_bytes_ -= segment.limit;
      segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  if (doomed.empty()) return {};
  if (auto saved = save_state(options_.sync != StoreSync::Never, false); !saved) {
    const std::lock_guard lock(mutex_);
    for (Segment& segment : doomed) {
      disk_bytes_ += segment.limit;
      const auto place = std::upper_bound(segments_.begin(), segments_.end(), segment.header.id,
                                          [](std::uint64_t id, const Segment& it) { return id < it.header.id; });
      segments_.insert(place, std::move(segment));
    }
    has_deletable_ = true;
    return saved;
  }
  for (const Segment& segment : doomed)
    if (auto removed = files_.remove(segment.path); !removed && removed.error().code != ErrorCode::NotFound)
      log_warn(options_.name, "{}; all of it is done, so it is removed with the next start", removed.error().message);
  return {};
}

}  // namespace logboom
