// Outputs: encode on the worker, deliver when they can, and say of every event what became of it. The engine alone buffers,
// retries, backs off, dead-letters and acknowledges.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/event/batch.h"
#include "pipeline/plugin/codec.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

enum class OutcomeKind {
  Delivered,  // the destination has it, as far as the output's page promises
  Retry,      // not now: the engine offers it again after a pause that grows
  Permanent,  // never: dead-letter queue, or counted as rejected
};

struct Outcome {
  OutcomeKind kind = OutcomeKind::Delivered;
  int code = 0;        // the destination's status (HTTP 400), 0 when there is none
  std::string reason;  // for a person; empty when delivered

  static Outcome delivered() { return {}; }
  static Outcome retry(std::string reason, int code = 0) { return {OutcomeKind::Retry, code, std::move(reason)}; }
  static Outcome permanent(std::string reason, int code = 0) { return {OutcomeKind::Permanent, code, std::move(reason)}; }
};

/// Events on their way to one output. They are frozen: read only. An output keeps the Delivery until it has reported every
/// event exactly once, from any thread; one that is destroyed before counts its open events as not delivered.
class Delivery {
 public:
  virtual ~Delivery() = default;
  std::span<Event* const> events() const { return events_; }
  /// How often these events were offered before.
  int earlier_attempts() const { return earlier_attempts_; }
  /// Memory that is kept alive as long as the Delivery.
  virtual std::size_t memory_bytes() const { return 0; }
  /// What became of one event. `index` into events().
  virtual void report(std::size_t index, Outcome outcome) = 0;
  /// The same for all events that were not reported yet.
  virtual void report_all(const Outcome& outcome) = 0;
  /// The destination cannot be reached now: the output keeps the events and goes on trying by itself. `reason` is for a
  /// person.
  virtual void note_trouble(std::string_view reason) { (void)reason; }

 protected:
  std::span<Event* const> events_;
  int earlier_attempts_ = 0;
};
using DeliveryPtr = std::shared_ptr<Delivery>;

/// How long the engine waits before it offers events again.
struct RetryPolicy {
  std::chrono::milliseconds first_pause{250};  // doubles from attempt to attempt
  std::chrono::milliseconds longest_pause{30'000};
  std::uint64_t max_attempts = 0;  // an event that was offered so often is given up; 0: never
};

/// A destination. Threads: deliver() is called by several workers and by the engine's retry thread at the same time.
class Output {
 public:
  virtual ~Output() = default;
  /// Opens what it needs (files, connections). Before any deliver(). An error refuses to start the pipeline.
  virtual Result<void> start() { return {}; }
  /// Takes events. May block for a write(2), not for a remote peer: what has to wait is reported later, or as Retry.
  virtual void deliver(DeliveryPtr delivery) = 0;
  /// Pauses between attempts; the same for the output's whole life.
  virtual RetryPolicy retry_policy() const { return {}; }
  /// Nothing more will come. Sends what it holds, reports everything still open (Retry when it could not), closes.
  virtual void stop() {}
};

}  // namespace logboom
