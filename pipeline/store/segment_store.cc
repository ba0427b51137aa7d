#include "pipeline/store/segment_store.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>

namespace logboom {
namespace {

constexpr std::size_t kWriteBytes = 1024 * 1024;                // laid out in memory before the system gets it
constexpr std::uint64_t kMostUnsyncedBytes = 32 * 1024 * 1024;  // kept for writing again, with StoreSync::Interval
constexpr std::uint64_t kMarkBytes = 256 * 1024;                // between two marks, for finding a number's place
constexpr auto kNoteInterval = std::chrono::milliseconds(100);  // what is done is noted this often, without a sync
constexpr auto kShortestRetry = std::chrono::milliseconds(50);
constexpr auto kLongestRetry = std::chrono::milliseconds(1000);
constexpr auto kLongTime = std::chrono::hours(24);
constexpr const char* kLostCounter = "store.lost";
constexpr const char* kQuarantine = "/quarantine";

std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

}  // namespace

SegmentStore::SegmentStore(StoreOptions options)
    : options_(std::move(options)), files_(*options_.files), slots_(files_, options_.directory) {
  static MetricScope unused;
  MetricScope& metrics = options_.metrics != nullptr ? *options_.metrics : unused;
  writes_ = &metrics.counter("writes");
  syncs_ = &metrics.counter("syncs");
  lost_counter_ = &metrics.counter("lost_events");
  quarantined_counter_ = &metrics.counter("quarantined");
  sync_time_ = &metrics.histogram("sync_time");
  next_save_ = now() + options_.checkpoint_interval;
}

SegmentStore::~SegmentStore() { close(std::chrono::milliseconds(0)); }

std::uint64_t SegmentStore::append(std::string payload, std::uint32_t events, std::uint16_t flags, OnSafe on_safe) {
  Pending made;
  made.head.written_at = now_milliseconds();
  made.head.events = events;
  made.head.flags = flags;
  made.head.payload_bytes = static_cast<std::uint32_t>(payload.size());
  made.payload = std::move(payload);
  made.on_safe = std::move(on_safe);
  bool is_first = false;
  std::uint64_t first = 0;
  {
    const std::lock_guard lock(mutex_);
    first = made.head.first_sequence = next_sequence_;
    next_sequence_ += events;
    pending_bytes_ += made.payload.size();
    is_first = pending_.empty();
    pending_.push_back(std::move(made));
  }
  if (is_first) work_.notify_one();
  return first;
}

bool SegmentStore::wait_until_safe(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = next_sequence_;
  return safe_.wait_for(lock, limit, [&] { return safe_sequence_ >= wanted || is_closed_; }) && safe_sequence_ >= wanted;
}

std::uint64_t SegmentStore::end_of(std::size_t segment) const {
  return segment + 1 < segments_.size() ? segments_[segment + 1].header.first_sequence : written_sequence_;
}

std::uint64_t SegmentStore::mark_done_locked(std::uint64_t first, std::uint64_t end) {
  first = std::max(first, frontier_);
  const std::uint64_t added = done_.add(first, end);
  if (added == 0) return 0;
  // Only segments that have some of these numbers can have become done as a whole.
  auto segment = std::upper_bound(segments_.begin(), segments_.end(), first,
                                  [](std::uint64_t number, const Segment& it) { return number < it.header.first_sequence; });
  if (segment != segments_.begin()) --segment;
  for (; segment != segments_.end() && segment->header.first_sequence < end; ++segment) {
    const std::uint64_t from = std::max(segment->header.first_sequence, frontier_);
    if (!segment->is_current && done_.covers(from, end_of(static_cast<std::size_t>(segment - segments_.begin()))))
      has_deletable_ = true;
  }
  if (first == frontier_) frontier_ = done_.take_below(frontier_);
  done_since_save_ += added;
  return added;
}

void SegmentStore::mark_done(std::uint64_t first, std::uint64_t end) {
  bool needs_work = false;
  {
    const std::lock_guard lock(mutex_);
    const bool is_first = done_since_save_ == 0;
    if (mark_done_locked(first, end) == 0) return;
    needs_work = is_first || !is_state_dirty_ || has_deletable_ || done_since_save_ >= options_.checkpoint_acks;
    is_state_dirty_ = true;
  }
  if (needs_work) work_.notify_one();
}

std::uint64_t SegmentStore::mark_lost(std::uint64_t first, std::uint64_t end) {
  std::uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    lost = mark_done_locked(first, end);
    lost_ += lost;
    is_state_dirty_ = true;
  }
  if (lost == 0) return 0;
  work_.notify_one();
  lost_counter_->add(lost);
  if (loss_log_.allow())
    log_error(options_.name,
              "{} stored events are lost: their numbers lie between {} and {} ({} more such messages held back)", lost,
              first, end - 1, loss_log_.suppressed());
  return lost;
}

bool SegmentStore::is_done(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  return sequence < frontier_ || done_.contains(sequence);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> SegmentStore::open_ranges(std::uint64_t first,
                                                                               std::uint64_t end) const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> open;
  const std::lock_guard lock(mutex_);
  std::uint64_t at = std::max(first, frontier_);
  const auto& ranges = done_.ranges();
  auto range = ranges.upper_bound(at);
  if (range != ranges.begin()) --range;
  for (; range != ranges.end() && range->first < end; ++range) {
    if (range->first > at) open.emplace_back(at, range->first);
    at = std::max(at, range->second);
  }
  if (at < end) open.emplace_back(at, end);
  return open;
}

std::uint64_t SegmentStore::drop_oldest() {
  std::uint64_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    if (segments_.size() < 2) return 0;
    dropped = mark_done_locked(segments_[0].header.first_sequence, end_of(0));
    has_deletable_ = true;
    is_state_dirty_ = true;
  }
  work_.notify_one();
  return dropped;
}

SegmentStore::Facts SegmentStore::facts() const {
  const std::lock_guard lock(mutex_);
  Facts facts;
  facts.frontier = frontier_;
  facts.next_sequence = next_sequence_;
  facts.safe_sequence = safe_sequence_;
  facts.written_sequence = written_sequence_;
  facts.waiting = next_sequence_ - frontier_ - done_.size();
  facts.disk_bytes = disk_bytes_;
  facts.pending_bytes = pending_bytes_;
  facts.lost = lost_;
  facts.is_failing = is_failing_;
  facts.problem = problem_;
  return facts;
}

SegmentStore::Load SegmentStore::load() const {
  const std::lock_guard lock(mutex_);
  return {next_sequence_ - frontier_ - done_.size(), disk_bytes_ + pending_bytes_, pending_bytes_};
}

std::vector<SegmentStore::SegmentFacts> SegmentStore::segments() const {
  const std::lock_guard lock(mutex_);
  std::vector<SegmentFacts> all;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    SegmentFacts facts;
    facts.id = segment.header.id;
    facts.first_sequence = segment.header.first_sequence;
    facts.end_sequence = end_of(i);
    facts.bytes = segment.limit;
    facts.newest_at = segment.newest_at;
    const std::uint64_t below = std::clamp(frontier_, facts.first_sequence, facts.end_sequence) - facts.first_sequence;
    facts.done = below + done_.count_within(facts.first_sequence, facts.end_sequence);
    all.push_back(facts);
  }
  return all;
}

std::optional<SegmentView> SegmentStore::find(std::uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  auto segment = std::upper_bound(segments_.begin(), segments_.end(), sequence,
                                  [](std::uint64_t number, const Segment& it) { return number < it.header.first_sequence; });
  if (segment != segments_.begin()) --segment;
  for (; segment != segments_.end(); ++segment) {
    const std::uint64_t end = end_of(static_cast<std::size_t>(segment - segments_.begin()));
    if (sequence >= end) continue;
    SegmentView view{segment->header, segment->path, end, segment->limit, segment_format::kHeaderPageBytes};
    const auto& marks = segment->marks;
    const auto behind = std::upper_bound(marks.begin(), marks.end(), sequence,
                                         [](std::uint64_t number, const auto& mark) { return number < mark.first; });
    if (behind != marks.begin()) view.start = std::prev(behind)->second;
    return view;
  }
  return std::nullopt;
}

std::unique_ptr<StoreReader> SegmentStore::reader(std::uint64_t sequence) {
  auto made = std::make_unique<StoreReader>(*this, files_, options_.keys, sequence);
  made->on_damage([this](const StoreReader::Damage& damage) { quarantine(damage); });
  return made;
}

/// Keeps the bytes of a damaged place, so that whoever wants to can look for more in them.
void SegmentStore::quarantine(const StoreReader::Damage& damage) {
  quarantined_counter_->add();
  const std::string directory = options_.directory + kQuarantine;
  const std::string path = fmt::format("{}/{:020}-{}-{}.bytes", directory, damage.segment.header.id, damage.from, damage.to);
  log_warn(options_.name, "{}: bytes {} to {} hold no intact record; a copy goes to {}", damage.segment.path, damage.from,
           damage.to, path);
  const auto copy = [&]() -> Result<void> {
    if (auto made = files_.make_directory(directory); !made) return made;
    auto from = files_.open(damage.segment.path, OpenMode::Read);
    if (!from) return from.error();
    auto to = files_.open(path, OpenMode::Create);
    if (!to) return to.error().code == ErrorCode::AlreadyExists ? Result<void>() : to.error();
    std::string bytes(kWriteBytes, '\0');
    for (std::uint64_t at = damage.from; at < damage.to;) {
      auto got = (*from)->read_at(at, bytes.data(),
                                  static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), damage.to - at)));
      if (!got) return got.error();
      if (*got == 0) return {};
      if (auto put = (*to)->write_at(at - damage.from, {bytes.data(), *got}); !put) return put;
      at += *got;
    }
    return {};
  };
  if (auto copied = copy(); !copied) log_warn(options_.name, "it cannot be copied: {}", copied.error().message);
}

void SegmentStore::set_counter(const std::string& name, std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  counters_[name] = value;
  is_state_dirty_ = true;
}

std::uint64_t SegmentStore::counter(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = counters_.find(name);
  return found != counters_.end() ? found->second : 0;
}

// The committing thread.

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
  {
    const std::lock_guard lock(mutex_);
    state = state_now(is_clean);
    done_since_save_ = 0;
    written_since_save_ = 0;
    if (is_synced || options_.sync == StoreSync::Never) {
      is_state_dirty_ = false;
      wants_synced_save_ = false;
    }
  }
  if (is_synced || options_.sync == StoreSync::Never) next_save_ = now() + options_.checkpoint_interval;
  next_note_ = now() + std::min(kNoteInterval, options_.checkpoint_interval);
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
