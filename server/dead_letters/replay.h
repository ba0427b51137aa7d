// Replay: chosen entries of a dead-letter queue go through a pipeline again, and are removed when they are delivered.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "pipeline/dead_letter/dead_letter_queue.h"
#include "pipeline/dead_letter/entry_selection.h"
#include "pipeline/plugin/input.h"

namespace logboom {

/// One round, on a thread of its own. Each entry is a chunk of its own: it is removed when its event is delivered, dropped
/// by a filter, or an entry of a dead-letter queue again. A crash before that leaves it where it is.
class Replay {
 public:
  struct Order {
    EntrySelection selection;
    std::uint32_t max_replays = 3;  // entries that have failed again that often stay
    std::uint64_t most = ~std::uint64_t{0};
  };
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;      // and so removed
    std::uint64_t not_delivered = 0;  // the pipeline stopped: they stay
    std::uint64_t left = 0;           // for too many replays
    std::uint64_t busy = 0;           // in another round already
    bool is_over = false;             // all that was sent has ended
    std::string problem;              // why the round ended early
  };

  Replay(std::shared_ptr<DeadLetterQueue> queue, std::shared_ptr<EventSink> sink, Order order);
  /// Sends nothing more, and waits for its thread. What was sent goes on.
  ~Replay();

  /// Waits until all that was sent has ended, or this long.
  Counts wait(std::chrono::milliseconds limit);
  Counts counts();
  void request_stop() { stop_.request_stop(); }

 private:
  struct Progress {  // shared with the receivers, which may outlive the round
    std::mutex mutex;
    std::condition_variable changed;
    Counts counts;
    bool has_sent_all = false;
  };
  class Receipt;
  void run();
  Result<void> send_all();

  const std::shared_ptr<DeadLetterQueue> queue_;
  const std::shared_ptr<EventSink> sink_;
  const Order order_;
  const std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
  StopSignal stop_;
  std::thread thread_;
};

}  // namespace logboom
