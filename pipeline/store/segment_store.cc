#include "pipeline/store/segment_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace logboom {
namespace {

constexpr std::size_t kCopyBytes = 1024 * 1024;

}  // namespace

StoreSync store_sync_named(std::string_view word) {
  if (word == "interval") return StoreSync::Interval;
  return word == "never" ? StoreSync::Never : StoreSync::Always;
}

SegmentStore::SegmentStore(StoreOptions options)
    : options_(std::move(options)), files_(*options_.files), slots_(files_, options_.directory) {
  static MetricScope unused;
  MetricScope& metrics = options_.metrics != nullptr ? *options_.metrics : unused;
  writes_ = &metrics.counter("writes");
  syncs_ = &metrics.counter("syncs");
  lost_counter_ = &metrics.counter("lost_events");
  quarantined_counter_ = &metrics.counter("quarantined");
  sync_time_ = &metrics.histogram("sync_time");
  next_save_ = std::chrono::steady_clock::now() + options_.checkpoint_interval;
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

std::uint64_t SegmentStore::lose_missing(std::uint64_t from, std::uint64_t limit) {
  const std::uint64_t end = std::min(facts().written_sequence, limit);
  if (end <= from || find(from)) return from;
  mark_lost(from, end);
  return end;
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
  const std::string directory = options_.directory + kQuarantineFolder;
  const std::string path = fmt::format("{}/{:020}-{}-{}.bytes", directory, damage.segment.header.id, damage.from, damage.to);
  log_warn(options_.name, "{}: bytes {} to {} hold no intact record; a copy goes to {}", damage.segment.path, damage.from,
           damage.to, path);
  const auto copy = [&]() -> Result<void> {
    if (auto made = files_.make_directory(directory); !made) return made;
    auto from = files_.open(damage.segment.path, OpenMode::Read);
    if (!from) return from.error();
    auto to = files_.open(path, OpenMode::Create);
    if (!to) return to.error().code == ErrorCode::AlreadyExists ? Result<void>() : to.error();
    std::string bytes(kCopyBytes, '\0');
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

SegmentStore::Counters SegmentStore::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void SegmentStore::count_by(std::function<Counters()> source) {
  const std::lock_guard lock(mutex_);
  counter_source_ = std::move(source);
}

}  // namespace logboom
