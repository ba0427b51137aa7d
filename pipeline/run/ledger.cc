#include "pipeline/run/ledger.h"

#include <fmt/format.h>

#include <algorithm>

namespace logboom {

LedgerBalance read_ledger(const PipelineLedger& ledger, std::uint64_t queued, std::uint64_t lost,
                          const LedgerBalance& before, bool queue_keeps_events) {
  LedgerBalance balance;
  // What comes out is read before what went in: an event on its way counts as in flight, never as one too many.
  balance.dropped = before.dropped + ledger.dropped.value();
  balance.dead_lettered = before.dead_lettered + ledger.dead_lettered.value();
  const std::uint64_t completed = ledger.completed.value();
  const std::uint64_t copied = ledger.copied.value();
  balance.finished = before.finished + completed - std::min(completed, copied);
  balance.returned = queue_keeps_events ? 0 : ledger.returned.value();
  balance.queued = queued;
  balance.lost = lost;
  balance.created = before.created + ledger.created.value();
  balance.replayed = before.replayed + ledger.replayed.value();
  balance.received = before.received + ledger.received.value();
  balance.in_flight = static_cast<std::int64_t>(balance.received + balance.replayed + balance.created + copied) -
                      static_cast<std::int64_t>(balance.dropped + balance.dead_lettered + before.finished + completed +
                                                balance.returned + queued + lost);
  return balance;
}

LedgerBalance recovered_ledger(LedgerBalance kept, std::uint64_t taken, std::uint64_t queued, std::uint64_t lost) {
  kept.received = taken - std::min(taken, kept.replayed);
  kept.queued = queued;
  kept.lost = lost;
  const std::uint64_t came_in = kept.received + kept.replayed + kept.created;
  const std::uint64_t left_otherwise = kept.dropped + kept.dead_lettered + queued + lost;
  if (came_in >= left_otherwise) {
    kept.finished = came_in - left_otherwise;
  } else {  // children that were made since, and dropped
    kept.created += left_otherwise - came_in;
    kept.finished = 0;
  }
  return kept;
}

std::vector<std::string> LedgerBalance::gaps_at_rest() const {
  std::vector<std::string> gaps;
  if (queued == 0 && in_flight != 0)
    gaps.push_back(
        fmt::format("{} came in ({} received, {} replayed, {} created), but {} went out ({} dropped, {} "
                    "dead-lettered, {} finished, {} given back): {} {}",
                    received + replayed + created, received, replayed, created,
                    dropped + dead_lettered + finished + returned, dropped, dead_lettered, finished, returned,
                    in_flight > 0 ? in_flight : -in_flight, in_flight > 0 ? "are missing" : "are too many"));
  for (const Output& output : outputs)
    if (output.gap != 0)
      gaps.push_back(fmt::format(
          "output {} took {}, but accounts for {} ({} delivered, {} dead-lettered, {} rejected, {} given back, {} buffered, "
          "{} "
          "lost)",
          output.id, output.taken,
          output.delivered + output.dead_lettered + output.rejected + output.returned + output.buffered + output.lost,
          output.delivered, output.dead_lettered, output.rejected, output.returned, output.buffered, output.lost));
  return gaps;
}

}  // namespace logboom
