// LedgerKeeper: a pipeline's ledger over the lives of its queue. Numbers go on where they were, whatever ended the process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/queue/queue.h"
#include "pipeline/run/ledger.h"

namespace logboom {

/// A queue that keeps events keeps the numbers with what it notes as done, so that both are of one moment: of an event that
/// is done every outcome is counted, and one that comes again after a crash is taken again. A disk buffer keeps its output's
/// line itself (see DiskBuffer). Lines of outputs that the configuration has no longer are not kept. Any thread, but for
/// keep().
class LedgerKeeper {
 public:
  /// Counts from here on, on top of what `queue` has kept.
  LedgerKeeper(std::shared_ptr<PipelineQueue> queue, const PipelineLedger& ledger);

  /// What an output's line goes on from when its counters say `counted`; the same answer for its later buffers.
  LedgerBalance::Output before(const std::string& id, const LedgerBalance::Output& counted);

  using Lines = std::vector<LedgerBalance::Output>;
  /// `kept_lines` are those of outputs without a disk buffer, as PipelineQueue::keep_numbers() asks for them. Once.
  void keep(std::function<Lines()> kept_lines);

  LedgerBalance balance(Lines outputs) const;

 private:
  PipelineQueue::KeptNumbers numbers(const Lines& lines) const;

  const std::shared_ptr<PipelineQueue> queue_;
  const PipelineLedger& ledger_;
  const LedgerCounts begin_;
  LedgerBalance before_;
  std::mutex mutex_;
  std::map<std::string, LedgerBalance::Output> lines_before_;  // what was kept, until the output's counters are known
  std::map<std::string, LedgerBalance::Output> known_;
};

/// Names and numbers of an output's outcomes, for a queue to keep; `name` is put behind each. Zeros are left out.
void write_line(const LedgerBalance::Output& line, const std::string& name, PipelineQueue::KeptNumbers& numbers);
LedgerBalance::Output read_line(const PipelineQueue::KeptNumbers& numbers, const std::string& name);

}  // namespace logboom
