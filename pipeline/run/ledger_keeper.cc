#include "pipeline/run/ledger_keeper.h"

#include <string_view>
#include <utility>

namespace logboom {
namespace {

/// Of the pipeline. What was received and finished the queue itself knows.
constexpr std::pair<const char*, std::uint64_t LedgerBalance::*> kKeptParts[] = {
    {"ledger.replayed", &LedgerBalance::replayed},
    {"ledger.created", &LedgerBalance::created},
    {"ledger.dropped", &LedgerBalance::dropped},
    {"ledger.dead_lettered", &LedgerBalance::dead_lettered}};

/// Of an output, each with "/" and the output's id behind it: whatever that holds, a name says one thing.
constexpr std::pair<const char*, std::uint64_t LedgerBalance::Output::*> kKeptOutcomes[] = {
    {"output.delivered", &LedgerBalance::Output::delivered},
    {"output.dead_lettered", &LedgerBalance::Output::dead_lettered},
    {"output.rejected", &LedgerBalance::Output::rejected},
    {"output.returned", &LedgerBalance::Output::returned}};

std::uint64_t number_in(const PipelineQueue::KeptNumbers& numbers, const std::string& name) {
  const auto found = numbers.find(name);
  return found != numbers.end() ? found->second : 0;
}

LedgerBalance recovered(const PipelineQueue& queue, const PipelineQueue::KeptNumbers& numbers) {
  if (!queue.keeps_events()) return {};
  LedgerBalance kept;
  for (const auto& [name, part] : kKeptParts) kept.*part = number_in(numbers, name);
  return recovered_ledger(std::move(kept), queue.taken_events(), queue.fill().events, queue.lost_events());
}

/// The ids of the outputs that have numbers there.
std::vector<std::string> outputs_in(const PipelineQueue::KeptNumbers& numbers) {
  std::vector<std::string> ids;
  for (const auto& [name, number] : numbers)
    for (const auto& [part, member] : kKeptOutcomes)
      if (const std::string_view prefix = part; name.compare(0, prefix.size(), prefix) == 0 && name[prefix.size()] == '/')
        ids.push_back(name.substr(prefix.size() + 1));
  return ids;
}

}  // namespace

void write_line(const LedgerBalance::Output& line, const std::string& name, PipelineQueue::KeptNumbers& numbers) {
  for (const auto& [part, member] : kKeptOutcomes)
    if (line.*member > 0) numbers[part + ("/" + name)] = line.*member;
}

LedgerBalance::Output read_line(const PipelineQueue::KeptNumbers& numbers, const std::string& name) {
  LedgerBalance::Output line;
  line.id = name;
  for (const auto& [part, member] : kKeptOutcomes) line.*member = number_in(numbers, part + ("/" + name));
  return line;
}

LedgerKeeper::LedgerKeeper(std::shared_ptr<PipelineQueue> queue, const PipelineLedger& ledger)
    : queue_(std::move(queue)), ledger_(ledger), begin_(ledger.counts()) {
  const auto numbers = queue_->kept_numbers();
  before_ = recovered(*queue_, numbers);
  for (const std::string& id : outputs_in(numbers)) lines_before_[id] = recovered_line(read_line(numbers, id));
}

LedgerBalance::Output LedgerKeeper::before(const std::string& id, const LedgerBalance::Output& counted) {
  const std::lock_guard lock(mutex_);
  const auto [known, is_new] = known_.try_emplace(id);
  if (is_new) known->second = lines_before_[id].without(counted);
  return known->second;
}

void LedgerKeeper::keep(std::function<Lines()> kept_lines) {
  if (queue_->keeps_events())
    queue_->keep_numbers([this, kept_lines = std::move(kept_lines)] { return numbers(kept_lines()); });
}

PipelineQueue::KeptNumbers LedgerKeeper::numbers(const Lines& lines) const {
  PipelineQueue::KeptNumbers numbers;
  const LedgerBalance now = balance({});
  for (const auto& [name, part] : kKeptParts)
    if (now.*part > 0) numbers[name] = now.*part;
  for (const LedgerBalance::Output& line : lines) write_line(line, line.id, numbers);
  return numbers;
}

LedgerBalance LedgerKeeper::balance(Lines outputs) const {
  const std::size_t queued = queue_->fill().events;
  const std::uint64_t lost = queue_->lost_events();
  LedgerBalance balance = read_ledger(ledger_.counts().since(begin_), queued, lost, before_, queue_->keeps_events());
  balance.outputs = std::move(outputs);
  return balance;
}

}  // namespace logboom
