#include "pipeline/queue/persistent_queue.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>

#include "pipeline/base/log.h"
#include "pipeline/queue/age_notes.h"
#include "pipeline/queue/chunk_records.h"
#include "pipeline/queue/memory_queue.h"
#include "pipeline/queue/queue_metrics.h"
#include "pipeline/queue/queue_ticket.h"

namespace logboom {
constexpr std::size_t kMostPendingBytes = 64 * 1024 * 1024;  // taken and not safe yet
constexpr std::size_t kReadyEvents = 20'000;
constexpr auto kReadRetry = std::chrono::milliseconds(500);

/// Lives as long as the last token of its events.
class PersistentQueue::Core final : public TicketOffice, public std::enable_shared_from_this<Core> {
 public:
  Core(PersistentQueueOptions options, MetricScope& metrics)
      : options_(std::move(options)),
        ready_(MemoryQueueLimits{kReadyEvents, options_.memory_bytes, false}),
        metrics_(metrics) {}

  Result<void> open() {
    auto opened = SegmentStore::open(options_.store);
    if (!opened) return opened.error();
    store_ = std::move(*opened);
    const auto facts = store_->facts();
    read_next_ = facts.frontier;
    memory_first_ = next_ = facts.next_sequence;
    metrics_.recovered.add(facts.waiting);
    metrics_.torn.add(store_->recovery().torn);
    store_->on_progress([this] { progress(); });
    reader_thread_ = std::thread([this] { run_reader(); });
    progress();
    return {};
  }

  std::shared_ptr<QueueTicket> adopt(Chunk& chunk, Histogram* latency) {
    AckToken& token = chunk.token();
    auto ticket = std::make_shared<QueueTicket>(shared_from_this(), token, token.release_receiver(), latency);
    token.set_receiver(ticket, AckTracking::Each);
    return ticket;
  }

  bool has_room() const {
    if (store_->is_failing()) return false;
    const auto load = store_->load();
    if (load.pending_bytes > kMostPendingBytes) return false;
    if (load.waiting == 0) return true;
    return load.used_bytes < options_.max_bytes && (options_.max_events == 0 || load.waiting < options_.max_events);
  }

  bool try_push(ChunkPtr& chunk) {
    if (is_closed_.load() || !has_room()) return false;
    if (chunk->events().empty()) return true;
    const auto ticket = std::static_pointer_cast<QueueTicket>(chunk->token().receiver());
    name_events(*chunk);
    std::vector<EncodedRecord> records = encode_chunk(*chunk, *store_);
    std::deque<ChunkPtr> released;  // outlives the lock
    bool reader_has_work = false;
    {
      const std::lock_guard lock(mutex_);
      if (is_closed_.load()) return false;
      ticket->take_place(next_, chunk->events().size());
      tickets_.add(*ticket);
      for (EncodedRecord& record : records) {
        SegmentStore::OnSafe on_safe;
        if (&record == &records.back()) on_safe = [ticket](bool is_safe) { ticket->tell_source(is_safe); };
        store_->append(std::move(record.payload), record.events, record.flags, std::move(on_safe));
      }
      ages_.note(next_, now_milliseconds());
      next_ += chunk->events().size();
      place(std::move(chunk), released);
      reader_has_work = has_reader_work();
    }
    if (reader_has_work) reader_wakes_.notify_one();  // while workers keep up it sleeps
    return true;
  }

  void call_when_room(std::function<void()> callback) {
    {
      const std::lock_guard lock(mutex_);
      if (!is_closed_.load() && !has_room()) {
        waiting_for_room_.push_back(std::move(callback));
        has_waiters_ = true;
        return;
      }
    }
    callback();
  }

  MemoryQueue& ready() { return ready_; }

  void close() {
    is_closed_ = true;
    wake_waiters(true);
    {
      const std::lock_guard lock(mutex_);
      is_draining_ = true;
    }
    reader_wakes_.notify_one();
  }

  void discard() {
    is_closed_ = true;
    std::deque<ChunkPtr> released;
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
      released.swap(memory_);
    }
    reader_wakes_.notify_one();
    ready_.discard();
    wake_waiters(true);
  }

  void finish(std::chrono::milliseconds limit) {
    discard();
    if (reader_thread_.joinable()) reader_thread_.join();
    note_done();
    store_->close(limit);
  }

  /// Tokens that somebody still holds: what of their events is done counts.
  void note_done() {
    const std::lock_guard lock(mutex_);
    tickets_.for_each([this](const QueueTicket& ticket) { mark_what_is_done(ticket); });
  }

  // TicketOffice.
  void completed(QueueTicket& ticket) override {
    {
      const std::lock_guard lock(mutex_);
      tickets_.remove(ticket);
    }
    ticket.for_each_range([this](std::uint64_t first, std::uint64_t end) { store_->mark_done(first, end); });
    if (has_waiters_.load()) wake_waiters(false);
  }
  void given_up(QueueTicket& ticket) override {
    bool is_over = false;
    {
      const std::lock_guard lock(mutex_);
      tickets_.remove(ticket);
      mark_what_is_done(ticket);
      is_over = is_stopping_;
      // Whoever had the events has let go of them: they are read again.
      if (!is_over)
        ticket.for_each_range([this](std::uint64_t first, std::uint64_t end) { again_.emplace_back(first, end); });
    }
    if (!is_over) reader_wakes_.notify_one();
  }

  bool is_closed() const { return is_closed_; }
  bool is_drained() const { return ready_.is_drained(); }
  Fill fill() const {
    const auto load = store_->load();
    return {static_cast<std::size_t>(load.waiting), static_cast<std::size_t>(load.used_bytes)};
  }
  SegmentStore& store() { return *store_; }

 private:
  std::int64_t now_milliseconds() const { return options_.store.clock->wall_nanoseconds() / 1'000'000; }

  /// Where a chunk that was just appended waits: with the workers, in memory behind what the reader has to bring, or on disk
  /// alone. Locked.
  void place(ChunkPtr chunk, std::deque<ChunkPtr>& released) {
    const bool reader_is_at_end = read_next_ == memory_first_ && memory_.empty() && !is_handing_over_;
    if (reader_is_at_end) {
      if (ready_.try_push(chunk)) {
        read_next_ = memory_first_ = next_;
        return;
      }
    } else {
      const std::size_t bytes = chunk->memory_bytes();
      const bool is_near = !memory_.empty() || memory_first_ - read_next_ <= kReadyEvents;
      if (is_near && memory_bytes_ + bytes <= options_.memory_bytes) {
        memory_bytes_ += bytes;
        memory_.push_back(std::move(chunk));
        return;
      }
    }
    // On disk alone, with all that waited in memory: the reader brings them in order.
    for (const ChunkPtr& waiting : memory_) ticket_of(*waiting).leave_to_disk();
    ticket_of(*chunk).leave_to_disk();
    released.swap(memory_);
    released.push_back(std::move(chunk));
    for (const ChunkPtr& left : released) tickets_.remove(ticket_of(*left));
    memory_bytes_ = 0;
    memory_first_ = next_;
  }

  static QueueTicket& ticket_of(Chunk& chunk) { return static_cast<QueueTicket&>(*chunk.token().receiver()); }

  void mark_what_is_done(const QueueTicket& ticket) {
    ticket.for_each_done([this](std::uint64_t sequence) { store_->mark_done(sequence, sequence + 1); });
  }

  // The reader.

  bool has_reader_work() const { return !again_.empty() || !memory_.empty() || read_next_ < memory_first_; }

  void run_reader() {
    pthread_setname_np(pthread_self(), "queue reader");
    for (;;) {
      ChunkPtr chunk;
      std::uint64_t from = 0, limit = 0;
      {
        std::unique_lock lock(mutex_);
        reader_wakes_.wait(lock, [this] { return is_stopping_ || has_reader_work() || is_draining_; });
        if (is_stopping_) return;
        if (!again_.empty()) {
          const auto [first, end] = again_.front();
          again_.pop_front();
          lock.unlock();
          bring_again(first, end);
          continue;
        }
        if (read_next_ >= memory_first_ && !memory_.empty()) {
          chunk = std::move(memory_.front());
          memory_.pop_front();
          memory_bytes_ -= std::min(memory_bytes_, chunk->memory_bytes());
          read_next_ = memory_first_ = ticket_of(*chunk).end();
          is_handing_over_ = true;
        } else if (read_next_ >= memory_first_) {
          ready_.close();  // drained: nothing comes any more
          return;
        }
        from = read_next_;
        limit = memory_first_;
      }
      if (chunk != nullptr) {
        if (!hand_over(std::move(chunk))) return;
        const std::lock_guard lock(mutex_);
        is_handing_over_ = false;
        continue;
      }
      if (!read_some(from, limit)) return;
    }
  }

  /// Brings the next record from the disk. False when the queue stops.
  bool read_some(std::uint64_t from, std::uint64_t limit) {
    if (reader_ == nullptr) {
      reader_ = store_->reader(from);
    } else if (reader_->position() != from) {
      reader_->seek(from);
    }
    StoredRecord record;
    auto found = reader_->next(record);
    if (!found) {
      if (read_log_.allow()) log_error(options_.store.name, "{}; trying again", found.error().message);
      return pause(kReadRetry);
    }
    switch (*found) {
      case StoreReader::Found::End: {
        if (const std::uint64_t gone = store_->lose_missing(from, limit); gone > from) {
          const std::lock_guard lock(mutex_);
          read_next_ = std::min(gone, memory_first_);
          return true;
        }
        // What is wanted is appended, but not written yet.
        std::unique_lock lock(mutex_);
        const std::uint64_t seen = progress_;
        if (store_->facts().written_sequence > from) return true;
        reader_wakes_.wait_for(lock, kReadRetry, [&] { return is_stopping_ || progress_ != seen; });
        return !is_stopping_;
      }
      case StoreReader::Found::Gap: {
        const std::uint64_t end = std::min(reader_->position(), limit);  // what memory has is not lost
        store_->mark_lost(reader_->gap_first(), end);
        const std::lock_guard lock(mutex_);
        read_next_ = std::min(end, memory_first_);
        return true;
      }
      case StoreReader::Found::Record: break;
    }
    const std::uint64_t end = record.head.end_sequence();
    if (ChunkPtr chunk = decode(record, from, limit))
      if (!hand_over(std::move(chunk))) return false;
    const std::lock_guard lock(mutex_);
    ages_.note(record.head.first_sequence, record.head.written_at);
    read_next_ = std::min(std::max(end, from), memory_first_);
    return true;
  }

  /// The events of a record that lie in [from, limit) and are not done; nullptr when there are none.
  ChunkPtr decode(const StoredRecord& record, std::uint64_t from, std::uint64_t limit) {
    const std::uint64_t first = record.head.first_sequence;
    const auto open = store_->open_ranges(std::max(first, from), std::min(record.head.end_sequence(), limit));
    if (open.empty()) return nullptr;
    DecodedRecord decoded = decode_record(record, open, Timestamp::now(*options_.store.clock));
    if (decoded.damaged_from) store_->mark_lost(*decoded.damaged_from, record.head.end_sequence());
    if (decoded.sequences.empty()) return nullptr;
    metrics_.read_back.add(decoded.sequences.size());
    const ChunkPtr chunk = std::move(decoded.chunk);
    const auto ticket = adopt(*chunk, nullptr);
    ticket->take_places(std::move(decoded.sequences));
    chunk->token().arm(chunk->events().size());
    const std::lock_guard lock(mutex_);
    tickets_.add(*ticket);
    return chunk;
  }

  /// Waits until the workers' side has room. False when the queue stops.
  bool hand_over(ChunkPtr chunk) {
    while (!ready_.try_push(chunk)) {
      {
        const std::lock_guard lock(mutex_);
        has_ready_room_ = false;
        if (is_stopping_) return false;
      }
      ready_.call_when_room([this] {
        const std::lock_guard lock(mutex_);
        has_ready_room_ = true;
        reader_wakes_.notify_all();
      });
      std::unique_lock lock(mutex_);
      reader_wakes_.wait(lock, [this] { return is_stopping_ || has_ready_room_; });
      if (is_stopping_) return false;
    }
    return true;
  }

  void bring_again(std::uint64_t first, std::uint64_t end) {
    const auto reader = store_->reader(first);
    StoredRecord record;
    for (std::uint64_t at = first; at < end;) {
      auto found = reader->next(record);
      if (!found || *found == StoreReader::Found::End) {
        if (found) at = store_->lose_missing(at, end);
        if (at < end && !pause(kReadRetry)) return;
        continue;
      }
      if (*found == StoreReader::Found::Gap) {
        store_->mark_lost(at, std::min(end, reader->position()));
        at = reader->position();
        continue;
      }
      if (ChunkPtr chunk = decode(record, at, end); chunk != nullptr && !hand_over(std::move(chunk))) return;
      at = record.head.end_sequence();
    }
  }

  bool pause(std::chrono::milliseconds duration) {
    std::unique_lock lock(mutex_);
    return !reader_wakes_.wait_for(lock, duration, [this] { return is_stopping_; });
  }

  // Room and numbers.

  void progress() {
    bool reader_has_work = false;
    {
      const std::lock_guard lock(mutex_);
      reader_has_work = has_reader_work();
      ++progress_;
      const auto facts = store_->facts();
      metrics_.events.set(facts.waiting);
      metrics_.bytes.set(facts.disk_bytes + facts.pending_bytes);
      metrics_.failing.set(facts.is_failing ? 1 : 0);
      const auto oldest = facts.waiting > 0 ? ages_.oldest(facts.frontier) : std::nullopt;
      metrics_.oldest_age.set(oldest ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_milliseconds() - *oldest))
                                     : 0);
    }
    if (reader_has_work) reader_wakes_.notify_one();
    if (has_waiters_.load()) wake_waiters(false);
  }

  void wake_waiters(bool is_end) {
    std::vector<std::function<void()>> woken;
    {
      const std::lock_guard lock(mutex_);
      if (!is_end && !has_room()) return;
      woken.swap(waiting_for_room_);
      has_waiters_ = false;
    }
    for (const auto& callback : woken) callback();
  }

  const PersistentQueueOptions options_;
  MemoryQueue ready_;  // what the workers take from
  std::unique_ptr<SegmentStore> store_;
  QueueMetrics metrics_;
  LogRateLimit read_log_;

  // Numbers: done and given [.., read_next_), on disk alone [read_next_, memory_first_), in memory_ [memory_first_, next_).
  mutable std::mutex mutex_;
  std::condition_variable reader_wakes_;
  std::uint64_t read_next_ = 0;
  std::uint64_t memory_first_ = 0;
  std::uint64_t next_ = 0;
  std::deque<ChunkPtr> memory_;
  std::size_t memory_bytes_ = 0;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> again_;
  TicketList tickets_;
  AgeNotes ages_;
  std::vector<std::function<void()>> waiting_for_room_;
  std::atomic<bool> has_waiters_{false};
  std::atomic<bool> is_closed_{false};
  bool is_draining_ = false;
  bool is_stopping_ = false;
  bool has_ready_room_ = false;
  bool is_handing_over_ = false;  // the reader has a chunk of memory_ that is not with the workers yet
  std::uint64_t progress_ = 0;
  std::unique_ptr<StoreReader> reader_;  // the reader thread's
  std::thread reader_thread_;
};

Result<std::unique_ptr<PersistentQueue>> PersistentQueue::open(PersistentQueueOptions options, MetricScope& metrics) {
  options.store.metrics = &metrics;
  options.store.segment_bytes = options.bytes_per_segment();
  auto core = std::make_shared<Core>(std::move(options), metrics);
  if (auto opened = core->open(); !opened) return opened.error();
  return std::unique_ptr<PersistentQueue>(new PersistentQueue(std::move(core)));
}

PersistentQueue::~PersistentQueue() { core_->finish(std::chrono::milliseconds(0)); }

void PersistentQueue::adopt(Chunk& chunk, Histogram* latency) { core_->adopt(chunk, latency); }
bool PersistentQueue::try_push(ChunkPtr& chunk) { return core_->try_push(chunk); }
void PersistentQueue::call_when_room(std::function<void()> callback) { core_->call_when_room(std::move(callback)); }
bool PersistentQueue::pop(Batch& batch, std::size_t max_events, std::chrono::milliseconds linger,
                          std::chrono::steady_clock::time_point deadline) {
  return core_->ready().pop(batch, max_events, linger, deadline);
}
void PersistentQueue::wake() { core_->ready().wake(); }
void PersistentQueue::close() { core_->close(); }
void PersistentQueue::discard() { core_->discard(); }
void PersistentQueue::finish(std::chrono::milliseconds limit) { core_->finish(limit); }
PipelineQueue::KeptNumbers PersistentQueue::kept_numbers() const { return core_->store().counters(); }
void PersistentQueue::keep_numbers(std::function<KeptNumbers()> numbers) { core_->store().count_by(std::move(numbers)); }
std::uint64_t PersistentQueue::taken_events() const { return core_->store().facts().next_sequence; }
std::uint64_t PersistentQueue::lost_events() const { return core_->store().facts().lost; }
bool PersistentQueue::is_closed() const { return core_->is_closed(); }
bool PersistentQueue::is_drained() const { return core_->is_drained(); }
PipelineQueue::Fill PersistentQueue::fill() const { return core_->fill(); }
void PersistentQueue::note_done() { core_->note_done(); }
SegmentStore& PersistentQueue::store() { return core_->store(); }

}  // namespace logboom
