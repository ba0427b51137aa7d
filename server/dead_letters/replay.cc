#include "server/dead_letters/replay.h"

#include <pthread.h>

#include "pipeline/dead_letter/entry_cursor.h"

namespace logboom {

class Replay::Receipt final : public AckReceiver {
 public:
  Receipt(std::shared_ptr<DeadLetterQueue> queue, std::shared_ptr<Progress> progress, std::uint64_t sequence)
      : queue_(std::move(queue)), progress_(std::move(progress)), sequence_(sequence) {}
  void finished(AckResult result) override {
    const bool is_delivered = result == AckResult::Delivered;
    queue_->give_back(sequence_, is_delivered);
    {
      const std::lock_guard lock(progress_->mutex);
      ++(is_delivered ? progress_->counts.delivered : progress_->counts.not_delivered);
    }
    progress_->changed.notify_all();
  }

 private:
  const std::shared_ptr<DeadLetterQueue> queue_;
  const std::shared_ptr<Progress> progress_;
  const std::uint64_t sequence_;
};

Replay::Replay(std::shared_ptr<DeadLetterQueue> queue, std::shared_ptr<EventSink> sink, Order order)
    : queue_(std::move(queue)), sink_(std::move(sink)), order_(std::move(order)), thread_([this] { run(); }) {}

Replay::~Replay() {
  stop_.request_stop();
  thread_.join();
}

void Replay::run() {
  pthread_setname_np(pthread_self(), "replay");
  auto sent = send_all();
  {
    const std::lock_guard lock(progress_->mutex);
    progress_->has_sent_all = true;
    if (!sent) progress_->counts.problem = sent.error().message;
  }
  progress_->changed.notify_all();
}

Result<void> Replay::send_all() {
  auto cursor = EntryCursor::open(queue_->options().directory, order_.selection.first);
  if (!cursor) return cursor.error();
  // Entries that come meanwhile (events that fail again) are not meant.
  const std::uint64_t end = queue_->store().facts().next_sequence;
  DeadLetter entry;
  for (std::uint64_t sent = 0; sent < order_.most && !stop_.is_stopping();) {
    auto has_entry = cursor->next(entry);
    if (!has_entry) return has_entry.error();
    if (!*has_entry || entry.sequence >= end || entry.sequence > order_.selection.last) return {};
    if (!order_.selection.matches(entry)) continue;
    const auto count = [&](std::uint64_t Counts::*what) {
      const std::lock_guard lock(progress_->mutex);
      ++(progress_->counts.*what);
    };
    if (entry.replays >= order_.max_replays) {
      count(&Counts::left);
      continue;
    }
    if (!queue_->borrow(entry.sequence)) {
      count(&Counts::busy);
      continue;
    }
    ChunkPtr chunk = sink_->new_chunk({});
    if (add_dead_letter(entry, queue_->options().pipeline_id, *chunk) == nullptr) {
      queue_->give_back(entry.sequence, false);
      continue;
    }
    chunk->token().set_receiver(std::make_shared<Receipt>(queue_, progress_, entry.sequence), AckTracking::Whole);
    count(&Counts::sent);
    ++sent;
    if (!sink_->push(std::move(chunk), stop_)) return Error{ErrorCode::Cancelled, "the pipeline is stopping"};
  }
  return {};
}

Replay::Counts Replay::counts() { return wait(std::chrono::milliseconds(0)); }

Replay::Counts Replay::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(progress_->mutex);
  const auto is_over = [&] {
    const Counts& counts = progress_->counts;
    return progress_->has_sent_all && counts.delivered + counts.not_delivered >= counts.sent;
  };
  progress_->changed.wait_for(lock, limit, is_over);
  Counts counts = progress_->counts;
  counts.is_over = is_over();
  return counts;
}

}  // namespace logboom
