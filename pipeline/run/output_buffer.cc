#include "pipeline/run/output_buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "pipeline/event/json.h"
#include "pipeline/run/ledger_keeper.h"
#include "pipeline/run/tracked_delivery.h"

namespace logboom {
namespace {

/// What an asked-for end gives deliveries of events that are on disk as well: it saves sending them again.
constexpr auto kLastDeliveries = std::chrono::seconds(2);

OutputBufferLimits limits_of(const DeliveryOptions& delivery, OutputBufferLimits limits) {
  const BufferOptions& given = delivery.buffer;
  if (given.is_on_disk()) return limits;
  if (given.max_events) limits.max_events = *given.max_events;
  if (given.max_bytes) limits.max_bytes = given.max_bytes->bytes;
  return limits;
}

/// Under which a disk buffer keeps the numbers of its output: there is but one.
constexpr const char* kLineOnDisk = "";

}  // namespace

std::size_t kept_bytes(const Batch& batch, std::size_t events) {
  std::size_t bytes = batch.memory_bytes() * events / std::max<std::size_t>(batch.size(), 1);
  for (const ChunkPtr& chunk : batch.chunks()) {
    const std::size_t of_chunk = std::max<std::size_t>(chunk->events().size(), 1);
    bytes += chunk->memory_bytes() * std::min(events, of_chunk) / of_chunk;
  }
  return bytes;
}

OutputBuffer::OutputBuffer(Output& output, const PluginSite& site, OutputBufferLimits limits, RetryTimer& timer,
                           DeadLetterSink* dead_letters, const PipelineLedger* ledger)
    : output_(output),
      id_(site.id),
      name_(site.name),
      delivery_(site.delivery),
      timer_(timer),
      dead_letters_(dead_letters),
      ledger_(ledger),
      events_in_(*site.events_in),
      events_out_(*site.events_out),
      retries_(site.metrics->counter("retries")),
      rejected_(site.metrics->counter("rejected")),
      dead_lettered_(
          site.metrics->counter(dead_letters != nullptr && dead_letters->leads_on() ? "sent_to_error" : "dead_lettered")),
      returned_(site.metrics->counter("returned")),
      undelivered_gauge_(site.metrics->counter("undelivered.events")),
      undelivered_bytes_gauge_(site.metrics->counter("undelivered.bytes")),
      latency_(site.metrics->histogram("latency")),
      health_(*site.metrics),
      retry_policy_(site.delivery.retry.over(output.retry_policy())),
      limits_(limits_of(delivery_, limits)) {}

OutputBuffer::~OutputBuffer() {
  disk_.reset();  // its last numbers are ours
  subtract_undelivered(undelivered_events_, undelivered_bytes_);
}

void OutputBuffer::stand_behind(std::unique_ptr<DiskBuffer> disk) {
  disk_ = std::move(disk);
  const DiskBuffer::Fill fill = disk_->fill();
  before_ =
      recovered_line(read_line(disk_->kept_numbers(), kLineOnDisk), fill.taken, fill.events, fill.lost).without(counted());
  before_.taken = 0;  // the disk buffer itself knows
  disk_->keep_numbers([this] {
    PipelineQueue::KeptNumbers numbers;
    write_line(counted().after(before_), kLineOnDisk, numbers);
    return numbers;
  });
}

void OutputBuffer::start() {
  if (disk_ != nullptr) disk_->start([this](const BatchPtr& batch) { return take(batch, batch->events()); });
}

std::size_t OutputBuffer::finish_events(std::span<Event* const> events) {
  std::size_t run_start = 0;
  std::size_t open = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i]->open_outcomes.fetch_sub(1, std::memory_order_acq_rel) == 1) continue;
    Batch::complete(events.subspan(run_start, i - run_start));
    run_start = i + 1;
    ++open;
  }
  Batch::complete(events.subspan(run_start));
  return events.size() - open;
}

/// Counted first: whoever was told that a chunk is done must find it in the ledger.
void OutputBuffer::finish(std::span<Event* const> events, const PipelineLedger* ledger) {
  const std::size_t finished = finish_events(events);
  if (ledger != nullptr && finished > 0) ledger->completed.add(finished);
}

LedgerBalance::Output OutputBuffer::counted() const {
  LedgerBalance::Output line;
  line.id = id_;
  line.delivered = events_out_.value();
  line.dead_lettered = dead_lettered_.value();
  line.rejected = rejected_.value();
  line.returned = returned_.value();
  line.taken = events_in_.value();
  return line;
}

LedgerBalance::Output OutputBuffer::balance() const {
  LedgerBalance::Output line = counted();
  if (disk_ != nullptr) {
    const DiskBuffer::Fill fill = disk_->fill();
    line.buffered = fill.events;
    line.lost = fill.lost;
    line.taken = fill.taken;
  } else {
    line.buffered = undelivered_events();
    line.taken = events_in_.value();  // after what comes out
  }
  return line.after(before_);
}

/// Under the lock. The gauges are summed up: while an output is replaced two buffers count there.
void OutputBuffer::add_undelivered(std::size_t events, std::size_t bytes) {
  undelivered_events_ += events;
  undelivered_bytes_ += bytes;
  undelivered_gauge_.add(events);
  undelivered_bytes_gauge_.add(bytes);
}

void OutputBuffer::subtract_undelivered(std::size_t events, std::size_t bytes) {
  undelivered_events_ -= events;
  undelivered_bytes_ -= bytes;
  undelivered_gauge_.add(std::uint64_t{0} - events);
  undelivered_bytes_gauge_.add(std::uint64_t{0} - bytes);
}

bool OutputBuffer::deliver(const BatchPtr& batch, std::vector<Event*> events) {
  const std::size_t count = events.size();
  events_in_.add(count);
  bool is_taken = false;
  if (disk_ == nullptr) {
    is_taken = take(batch, std::move(events));
  } else {
    is_taken = disk_->put(events, health_, [batch, events, ledger = ledger_] { finish(events, ledger); });
  }
  if (!is_taken) events_in_.add(0 - count);
  return is_taken;
}

bool OutputBuffer::take(const BatchPtr& batch, std::vector<Event*> events) {
  const std::size_t count = events.size();
  const std::size_t bytes = kept_bytes(*batch, count);
  std::shared_ptr<OutputBuffer> successor;
  bool is_offered = false;
  {
    std::unique_lock lock(mutex_);
    const auto has_room = [&] {
      return undelivered_events_ == 0 ||
             (undelivered_events_ + count <= limits_.max_events && undelivered_bytes_ + bytes <= limits_.max_bytes);
    };
    const auto can_go_on = [&] { return is_closed_ || stage_ != Stage::Working || has_room(); };
    if (!can_go_on()) {
      OutputHealth::Waiting waiting(health_);
      while (!has_room_.wait_for(lock, std::chrono::seconds(1), can_go_on)) waiting.is_long();
    }
    if (is_closed_) return false;
    successor = successor_;
    is_offered = stage_ == Stage::Working || (stage_ == Stage::Retired && !successor && has_room());
    if (is_offered) {
      add_undelivered(count, bytes);
      ++calls_;
    }
  }
  if (successor) return successor->take(batch, std::move(events));
  if (is_offered) {
    offer(batch, std::move(events), bytes, 0);
  } else {
    give_away(batch, events);
  }
  return true;
}

/// One of `calls_`.
void OutputBuffer::offer(const BatchPtr& batch, std::vector<Event*> events, std::size_t bytes, int earlier_attempts) {
  const auto delivery =
      std::make_shared<TrackedDelivery>(shared_from_this(), batch, std::move(events), bytes, earlier_attempts);
  try {
    output_.deliver(delivery);
  } catch (const std::exception& problem) {
    delivery->output_failed(problem.what());
  } catch (...) {
    delivery->output_failed("an exception of no known kind");
  }
  bool is_waited_for = false;
  {
    const std::lock_guard lock(mutex_);
    --calls_;
    is_waited_for = stage_ == Stage::Ended && calls_ == 0;
  }
  if (is_waited_for) has_room_.notify_all();
}

void OutputBuffer::settle(std::size_t events, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    subtract_undelivered(events, bytes);
  }
  has_room_.notify_all();
}

/// Counted as copies of events that are done: they stand for them.
BatchPtr OutputBuffer::copies_of(const Batch& batch, std::span<Event* const> events) {
  auto copies = std::make_shared<Batch>();
  copies->keep(batch.kept());
  for (const Event* event : events) copies->adopt_copy(*event, batch)->open_outcomes.store(1, std::memory_order_relaxed);
  const PipelineLedger* const ledger = ledger_of_offered();
  if (ledger != nullptr) ledger->copied.add(events.size());
  finish(events, ledger);
  return copies;
}

/// The events wait as copies, so that they do not keep their batch and received buffers alive through an outage; nor do few
/// of them keep the copies of many.
void OutputBuffer::retry(const BatchPtr& batch, std::vector<Event*> events, int earlier_attempts,
                         const std::string& reason) {
  retries_.add(events.size());
  health_.retried(reason);
  const auto pause = retry_pause(retry_policy_, earlier_attempts, retry_dice_.fetch_add(0x9E3779B9));
  if (retry_log_.allow())
    log_warn(id_, "{} events will be offered again in {} ms: {} ({} more such messages held back)", events.size(),
             pause.count(), reason, retry_log_.suppressed());
  Held held{batch, std::move(events), 0, earlier_attempts};
  if (earlier_attempts == 0 || held.events.size() <= batch->size() / 2) {
    held.batch = copies_of(*batch, held.events);
    held.events = held.batch->events();
  }
  held.bytes = kept_bytes(*held.batch, held.events.size());
  wait_for_attempt(std::move(held), pause);
}

void OutputBuffer::wait_for_attempt(Held held, std::chrono::milliseconds pause) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    add_undelivered(held.events.size(), held.bytes);
    if (stage_ == Stage::Working) {
      number = ++next_waiting_;
      waiting_.emplace(number, std::move(held));
    }
  }
  if (number == 0) {
    pass_on(std::move(held));
  } else {
    timer_.call_after(pause, [self = shared_from_this(), number] { self->attempt(number); });
  }
}

void OutputBuffer::attempt(std::uint64_t number) {
  Held held;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;  // closed or retired meanwhile
    held = std::move(found->second);
    waiting_.erase(found);
    ++calls_;
  }
  offer(held.batch, std::move(held.events), held.bytes, held.earlier_attempts + 1);
}

void OutputBuffer::set_limits(OutputBufferLimits limits) {
  {
    const std::lock_guard lock(mutex_);
    limits_ = limits_of(delivery_, limits);
  }
  has_room_.notify_all();
}

OutputBuffer::GivenUp OutputBuffer::give_up(const Event& event, const Outcome& outcome, DeadLetterSink::OnSafe on_safe) {
  if (dead_letters_ != nullptr) {
    switch (dead_letters_->put(event, {name_, id_, outcome.reason, outcome.code}, std::move(on_safe))) {
      case DeadLetterSink::Taken::Taken:
        health_.rejected(outcome.reason);
        log_given_up(event, outcome, dead_letters_->leads_on() ? "for the label @ERROR" : "in the dead-letter queue");
        return GivenUp::Later;
      case DeadLetterSink::Taken::Refused: return GivenUp::Retry;
      case DeadLetterSink::Taken::Dropped: break;
    }
  }
  rejected_.add();
  health_.rejected(outcome.reason);
  log_given_up(event, outcome, "counted as rejected");
  return GivenUp::Now;
}

void OutputBuffer::log_given_up(const Event& event, const Outcome& outcome, std::string_view whereto) {
  if (!reject_log_.allow()) return;
  std::string text;
  write_json(event.fields(), text);
  constexpr std::size_t kShownBytes = 500;
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "…";
  log_warn(id_, "the destination refuses an event for good (status {}): {}; it is {}: {} ({} more held back)", outcome.code,
           outcome.reason, whereto, text, reject_log_.suppressed());
}

/// Not when the end is the reason: then they are somebody else's to deliver.
bool OutputBuffer::is_given_up(const Outcome& outcome, int earlier_attempts) const {
  return outcome.kind == OutcomeKind::Retry && retry_policy_.max_attempts > 0 &&
         static_cast<std::uint64_t>(earlier_attempts) + 1 >= retry_policy_.max_attempts && !is_closed();
}

bool OutputBuffer::is_closed() const {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

void OutputBuffer::close() {
  if (disk_ != nullptr) disk_->close();
  std::map<std::uint64_t, Held> waiting;  // let go of outside the lock: their tokens speak
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    waiting.swap(waiting_);
    for (const auto& entry : waiting) subtract_undelivered(entry.second.events.size(), entry.second.bytes);
  }
  has_room_.notify_all();
}

void OutputBuffer::finish(std::chrono::milliseconds limit) {
  if (disk_ != nullptr) disk_->finish(limit);
}

bool OutputBuffer::wait_until_idle(std::chrono::steady_clock::time_point deadline) {
  if (disk_ == nullptr) return wait_until_settled(deadline);
  const bool has_no_deadline = deadline == std::chrono::steady_clock::time_point::max();
  if (has_no_deadline || disk_->flushes_at_shutdown()) {
    if (disk_->drain(DiskBuffer::Until::Empty, deadline) && wait_until_settled(deadline)) return true;
    return disk_->unsafe_events() == 0;
  }
  const bool is_safe = disk_->drain(DiskBuffer::Until::Safe, deadline);
  if (state() == OutputState::Ok) wait_until_settled(std::min(deadline, std::chrono::steady_clock::now() + kLastDeliveries));
  return is_safe;
}

bool OutputBuffer::wait_until_settled(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto is_idle = [this] { return is_closed_ || undelivered_events_ == 0; };
  if (deadline != std::chrono::steady_clock::time_point::max()) return has_room_.wait_until(lock, deadline, is_idle);
  has_room_.wait(lock, is_idle);
  return true;
}

std::size_t OutputBuffer::undelivered_events() const {
  if (disk_ != nullptr) return disk_->unsafe_events();
  const std::lock_guard lock(mutex_);
  return undelivered_events_;
}

}  // namespace logboom
