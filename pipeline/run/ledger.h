// The conservation ledger: what became of every event of a pipeline, in numbers that must add up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/base/metrics.h"

namespace logboom {

/// What the counters of a pipeline say at one moment. Unsigned: what counters had when a pipeline began is subtracted, and
/// sums come out right whatever is read first.
struct LedgerCounts {
  std::uint64_t received = 0;
  std::uint64_t replayed = 0;
  std::uint64_t created = 0;
  std::uint64_t dropped = 0;
  std::uint64_t dead_lettered = 0;
  std::uint64_t completed = 0;
  std::uint64_t copied = 0;
  std::uint64_t returned = 0;
  LedgerCounts since(const LedgerCounts& begin) const;
};

/// What workers and outputs count, once per batch. Any thread.
///   received + replayed + created = dropped + dead_lettered + finished + returned + queued + in flight + lost
struct PipelineLedger {
  /// The counters of a pipeline's scope, in its child "ledger"; received is the pipeline's own events.in.
  explicit PipelineLedger(MetricScope& pipeline)
      : received(pipeline.counter("events.in")),
        replayed(pipeline.child("ledger").counter("replayed")),
        created(pipeline.child("ledger").counter("created")),
        dropped(pipeline.child("ledger").counter("dropped")),
        dead_lettered(pipeline.child("ledger").counter("dead_lettered")),
        completed(pipeline.child("ledger").counter("completed")),
        copied(pipeline.child("ledger").counter("copied")),
        returned(pipeline.child("ledger").counter("returned")) {}

  LedgerCounts counts() const;

  Counter& received;       // from inputs, into the queue
  Counter& replayed;       // from the dead-letter queue, into the queue
  Counter& created;        // by split, clone, aggregate; copies for labels
  Counter& dropped;        // by filters
  Counter& dead_lettered;  // by filters and conditions, into the dead-letter queue
  Counter& completed;      // every output has said what became of them (or there was none)
  Counter& copied;         // for a retry; each completes once more than the events that came in
  Counter& returned;       // their output was taken out of the configuration: told NotDelivered
};

/// The same at one moment. Counters are read one behind the other, so only a pipeline at rest has to add up.
struct LedgerBalance {
  std::uint64_t received = 0;
  std::uint64_t replayed = 0;
  std::uint64_t created = 0;
  std::uint64_t dropped = 0;
  std::uint64_t dead_lettered = 0;
  std::uint64_t finished = 0;
  std::uint64_t returned = 0;  // of a memory queue; a persistent queue still has them
  std::uint64_t queued = 0;    // of a persistent queue also what is being delivered
  std::uint64_t lost = 0;      // of a persistent queue: damaged on disk; the log names them
  /// What the equation leaves: with workers, filters that hold events back, and outputs. Negative: more came out than in.
  std::int64_t in_flight = 0;

  struct Output {
    std::string id;
    std::uint64_t taken = 0;  // with a disk buffer: since that was made
    std::uint64_t delivered = 0;
    std::uint64_t dead_lettered = 0;
    std::uint64_t rejected = 0;
    std::uint64_t returned = 0;
    std::uint64_t buffered = 0;
    /// taken - accounted().
    std::int64_t gap = 0;
    std::uint64_t lost = 0;  // of a disk buffer: damaged on disk; the log names them

    std::uint64_t outcomes() const { return delivered + dead_lettered + rejected + returned; }
    std::uint64_t accounted() const { return outcomes() + buffered + lost; }
    /// The same with what was counted `before` added.
    Output after(const Output& before) const;
    /// What has to be added to what was `counted` already for this line to come out. Numbers may wrap below zero.
    Output without(const Output& counted) const;
  };
  std::vector<Output> outputs;

  /// What does not add up at rest (nothing queued, no worker busy, nothing buffered, no filter that holds events back), a
  /// sentence each; empty when all is well.
  std::vector<std::string> gaps_at_rest() const;
};

/// The balance of what was counted on top of `before`; `queued` and `lost` are the queue's own numbers. A queue that keeps
/// events counts those that were returned among its own.
LedgerBalance read_ledger(const LedgerCounts& counted, std::uint64_t queued, std::uint64_t lost = 0,
                          const LedgerBalance& before = {}, bool queue_keeps_events = false);

/// What a pipeline's ledger was when its queue was closed, from numbers that were kept with the queue. It knows what it has
/// `taken` since it was made; what the kept numbers leave open (the process was killed) counts as finished.
LedgerBalance recovered_ledger(LedgerBalance kept, std::uint64_t taken, std::uint64_t queued, std::uint64_t lost);

/// The same of an output's line, from its kept outcomes. What it had in memory comes again from the queue, and is taken
/// again.
LedgerBalance::Output recovered_line(LedgerBalance::Output kept);
/// Of an output behind a disk buffer, which knows what it has taken, holds and lost. What was kept of outcomes and happened
/// to events that the buffer still has will happen again.
LedgerBalance::Output recovered_line(LedgerBalance::Output kept, std::uint64_t taken, std::uint64_t buffered,
                                     std::uint64_t lost);

}  // namespace logboom
