#include "pipeline/dead_letter/dead_letter_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

namespace logboom {
namespace {

constexpr std::uint64_t kSegmentBytes = 10 * 1024 * 1024;  // as Logstash
constexpr std::uint64_t kLeastSegmentBytes = 64 * 1024;
constexpr std::uint64_t kSegmentsPerQueue = 8;                 // what drop_older gives up at once is a share of it
constexpr std::uint64_t kMostPendingBytes = 16 * 1024 * 1024;  // taken and not on disk
constexpr std::uint64_t kEntryBytes = 128;                     // of an entry on disk besides its payload, at most about
constexpr auto kWritableCheck = std::chrono::milliseconds(20);
constexpr const char* kDropped = "dead_letter.dropped";
constexpr const char* kExpired = "dead_letter.expired";

std::mutex open_mutex;
std::map<std::string, std::weak_ptr<DeadLetterQueue>>& open_queues() {
  static std::map<std::string, std::weak_ptr<DeadLetterQueue>> queues;
  return queues;
}

std::string canonical(const std::string& directory) {
  std::error_code problem;
  const auto path = std::filesystem::weakly_canonical(directory, problem);
  return problem ? directory : path.string();
}

}  // namespace

std::shared_ptr<DeadLetterQueue> DeadLetterQueue::find_open(const std::string& directory) {
  const std::lock_guard lock(open_mutex);
  const auto known = open_queues().find(canonical(directory));
  return known != open_queues().end() ? known->second.lock() : nullptr;
}

Result<std::shared_ptr<DeadLetterQueue>> DeadLetterQueue::open(DeadLetterOptions options) {
  const std::lock_guard lock(open_mutex);
  auto& known = open_queues()[canonical(options.directory)];
  if (auto there = known.lock()) return there;
  const std::shared_ptr<DeadLetterQueue> made(new DeadLetterQueue(std::move(options)));
  const DeadLetterOptions& own = made->options_;
  static MetricScope unused;
  MetricScope& metrics = own.metrics != nullptr ? *own.metrics : unused;
  made->entries_in_ = &metrics.counter("entries");
  made->dropped_ = &metrics.counter("dropped_events");
  made->expired_ = &metrics.counter("expired_events");
  StoreOptions store;
  store.directory = own.directory;
  store.name = "dead letters of " + own.pipeline_id;
  store.segment_bytes = std::clamp(own.max_bytes / kSegmentsPerQueue, kLeastSegmentBytes, kSegmentBytes);
  store.keys = own.keys;
  store.files = own.files;
  store.clock = own.clock;
  store.metrics = &metrics;
  store.has_thread = own.has_thread;
  auto opened = SegmentStore::open(std::move(store));
  if (!opened) return opened.error();
  made->store_ = std::move(*opened);
  made->estimated_bytes_ = made->live_bytes();
  known = made;
  return made;
}

DeadLetterQueue::~DeadLetterQueue() { close(std::chrono::milliseconds(0)); }

void DeadLetterQueue::close(std::chrono::milliseconds limit) {
  give_up();
  if (store_) store_->close(limit);
}

/// What entries take that are not done; a segment that holds none goes by itself.
std::uint64_t DeadLetterQueue::live_bytes() const {
  std::uint64_t bytes = store_->facts().pending_bytes;
  for (const auto& segment : store_->segments())
    if (segment.done < segment.end_sequence - segment.first_sequence) bytes += segment.bytes;
  return bytes;
}

void DeadLetterQueue::count(Counter* counter, const char* kept_as, std::uint64_t events) {
  counter->add(events);
  store_->set_counter(kept_as, store_->counter(kept_as) + events);
}

bool DeadLetterQueue::make_room(std::uint64_t bytes) {
  // With its head, and its share of its segment's.
  bytes += kEntryBytes + bytes * segment_format::kHeaderPageBytes / store_->options().segment_bytes;
  const std::lock_guard lock(mutex_);
  estimated_bytes_ += bytes;
  if (estimated_bytes_ <= options_.max_bytes) return true;
  estimated_bytes_ = live_bytes() + bytes;
  if (options_.policy == DeadLetterPolicy::DropOlder) {
    for (const auto& segment : store_->segments()) {
      if (estimated_bytes_ <= options_.max_bytes) break;
      const std::uint64_t open = segment.end_sequence - segment.first_sequence - segment.done;
      if (open == 0) continue;
      store_->mark_done(segment.first_sequence, segment.end_sequence);
      estimated_bytes_ -= std::min(estimated_bytes_, segment.bytes);
      count(dropped_, kDropped, open);
      last_error_ =
          fmt::format("the dead-letter queue is full ({} bytes); the oldest entries were dropped", options_.max_bytes);
      if (full_log_.allow()) log_warn(options_.pipeline_id, "{}: {} of them", last_error_, open);
    }
    // One entry larger than the whole queue is kept nevertheless, alone.
    return true;
  }
  if (estimated_bytes_ <= options_.max_bytes) return true;
  estimated_bytes_ -= bytes;
  count(dropped_, kDropped, 1);
  last_error_ = fmt::format("the dead-letter queue is full ({} bytes); what comes is dropped (storage_policy drop_newer)",
                            options_.max_bytes);
  if (full_log_.allow())
    log_error(options_.pipeline_id, "{}: purge or replay entries, or raise dead_letter_queue.max_bytes ({} more held back)",
              last_error_, full_log_.suppressed());
  return false;
}

DeadLetterSink::Taken DeadLetterQueue::put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) {
  if (store_->is_failing() || is_given_up_ || store_->facts().pending_bytes > kMostPendingBytes) return Taken::Refused;
  std::string payload;
  write_dead_letter(event, cause, Timestamp::now(*options_.clock), payload);
  if (!make_room(payload.size())) return Taken::Dropped;
  store_->append(std::move(payload), 1, 0, std::move(on_safe));
  entries_in_->add();
  return Taken::Taken;
}

std::string DeadLetterQueue::problem() const {
  const auto facts = store_->facts();
  if (!facts.problem.empty()) return "the dead-letter queue cannot be written: " + facts.problem;
  return is_given_up_ ? "the dead-letter queue is closed" : "the dead-letter queue waits for the disk";
}

bool DeadLetterQueue::wait_until_writable(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!is_given_up_) {
    if (!store_->is_failing() && store_->facts().pending_bytes <= kMostPendingBytes) return true;
    if (std::chrono::steady_clock::now() >= deadline) return true;
    std::this_thread::sleep_for(kWritableCheck);
  }
  return false;
}

void DeadLetterQueue::expire() {
  if (options_.retain_age.count() == 0) return;
  const std::int64_t border = options_.clock->wall_nanoseconds() / 1'000'000 - options_.retain_age.count();
  for (const auto& segment : store_->segments()) {
    const std::uint64_t open = segment.end_sequence - segment.first_sequence - segment.done;
    if (open == 0) continue;
    if (segment.newest_at >= border) break;
    store_->mark_done(segment.first_sequence, segment.end_sequence);
    {
      const std::lock_guard lock(mutex_);
      count(expired_, kExpired, open);
    }
    log_info(options_.pipeline_id, "{} dead letters are older than dead_letter_queue.retain.age and go", open);
  }
}

bool DeadLetterQueue::borrow(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  return !store_->is_done(sequence) && borrowed_.insert(sequence).second;
}

void DeadLetterQueue::give_back(std::uint64_t sequence, bool is_done) {
  if (is_done) store_->mark_done(sequence, sequence + 1);
  const std::lock_guard lock(mutex_);
  borrowed_.erase(sequence);
}

bool DeadLetterQueue::remove(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (store_->is_done(sequence) || borrowed_.count(sequence) > 0) return false;
  store_->mark_done(sequence, sequence + 1);
  return true;
}

DeadLetterQueue::Facts DeadLetterQueue::facts() const {
  Facts facts;
  facts.entries = store_->facts().waiting;
  facts.bytes = live_bytes();
  facts.max_bytes = options_.max_bytes;
  facts.dropped = store_->counter(kDropped);
  facts.expired = store_->counter(kExpired);
  const std::lock_guard lock(mutex_);
  facts.last_error = last_error_;
  return facts;
}

}  // namespace logboom
