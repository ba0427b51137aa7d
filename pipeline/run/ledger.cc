#include "pipeline/run/ledger.h"

#include <fmt/format.h>

#include <algorithm>

namespace logboom {
namespace {

/// Those that only grow, and so are added up over lives and buffers.
constexpr std::uint64_t LedgerBalance::Output::*kGrowing[] = {
    &LedgerBalance::Output::taken, &LedgerBalance::Output::delivered, &LedgerBalance::Output::dead_lettered,
    &LedgerBalance::Output::rejected, &LedgerBalance::Output::returned};

}  // namespace

LedgerCounts LedgerCounts::since(const LedgerCounts& begin) const {
  LedgerCounts made;
  made.received = received - begin.received;
  made.replayed = replayed - begin.replayed;
  made.created = created - begin.created;
  made.dropped = dropped - begin.dropped;
  made.dead_lettered = dead_lettered - begin.dead_lettered;
  made.completed = completed - begin.completed;
  made.copied = copied - begin.copied;
  made.returned = returned - begin.returned;
  return made;
}

LedgerCounts PipelineLedger::counts() const {
  LedgerCounts counts;
  // What comes out is read before what went in: an event on its way counts as in flight, never as one too many.
  counts.dropped = dropped.value();
  counts.dead_lettered = dead_lettered.value();
  counts.completed = completed.value();
  counts.copied = copied.value();
  counts.returned = returned.value();
  counts.created = created.value();
  counts.replayed = replayed.value();
  counts.received = received.value();
  return counts;
}

LedgerBalance::Output LedgerBalance::Output::after(const Output& before) const {
  Output sum = *this;
  for (const auto part : kGrowing) sum.*part += before.*part;
  sum.gap = static_cast<std::int64_t>(sum.taken - sum.accounted());
  return sum;
}

LedgerBalance::Output LedgerBalance::Output::without(const Output& counted) const {
  Output rest = *this;
  for (const auto part : kGrowing) rest.*part -= counted.*part;
  return rest;
}

LedgerBalance read_ledger(const LedgerCounts& counted, std::uint64_t queued, std::uint64_t lost, const LedgerBalance& before,
                          bool queue_keeps_events) {
  LedgerBalance balance;
  balance.dropped = before.dropped + counted.dropped;
  balance.dead_lettered = before.dead_lettered + counted.dead_lettered;
  balance.finished = before.finished + counted.completed - std::min(counted.completed, counted.copied);
  balance.returned = queue_keeps_events ? 0 : counted.returned;
  balance.queued = queued;
  balance.lost = lost;
  balance.created = before.created + counted.created;
  balance.replayed = before.replayed + counted.replayed;
  balance.received = before.received + counted.received;
  balance.in_flight = static_cast<std::int64_t>(balance.received + balance.replayed + balance.created + counted.copied) -
                      static_cast<std::int64_t>(balance.dropped + balance.dead_lettered + before.finished +
                                                counted.completed + balance.returned + queued + lost);
  return balance;
}

LedgerBalance recovered_ledger(LedgerBalance kept, std::uint64_t taken, std::uint64_t queued, std::uint64_t lost) {
  kept.replayed = std::min(kept.replayed, taken);
  kept.received = taken - kept.replayed;
  kept.queued = queued;
  kept.lost = lost;
  const std::uint64_t came_in = taken + kept.created;
  const std::uint64_t left_otherwise = kept.dropped + kept.dead_lettered + queued + lost;
  if (came_in >= left_otherwise) {
    kept.finished = came_in - left_otherwise;
  } else {  // children that were made since, and dropped
    kept.created += left_otherwise - came_in;
    kept.finished = 0;
  }
  return kept;
}

LedgerBalance::Output recovered_line(LedgerBalance::Output kept) {
  kept.buffered = kept.lost = 0;
  kept.taken = kept.outcomes();
  kept.gap = 0;
  return kept;
}

LedgerBalance::Output recovered_line(LedgerBalance::Output kept, std::uint64_t taken, std::uint64_t buffered,
                                     std::uint64_t lost) {
  const std::uint64_t open = std::min(taken, buffered + lost);
  std::uint64_t left = taken - open;
  for (std::uint64_t* part : {&kept.dead_lettered, &kept.rejected, &kept.returned}) {
    *part = std::min(*part, left);
    left -= *part;
  }
  kept.delivered = left;
  kept.taken = taken;
  kept.buffered = buffered;
  kept.lost = lost;
  kept.gap = static_cast<std::int64_t>(kept.taken - kept.accounted());
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
          output.id, output.taken, output.accounted(), output.delivered, output.dead_lettered, output.rejected,
          output.returned, output.buffered, output.lost));
  return gaps;
}

}  // namespace logboom
