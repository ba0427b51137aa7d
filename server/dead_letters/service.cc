#include "server/dead_letters/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/dead_letters/purge.h"
#include "server/dead_letters/selection_json.h"
#include "server/json_line.h"

namespace logboom {
namespace {

using nlohmann::json;

constexpr std::int64_t kLongestWaitSeconds = 3600;
constexpr std::uint64_t kMostReplays = 1'000'000;

json ledger_json(const LedgerBalance& balance) {
  json out = {{"received", balance.received},
              {"replayed", balance.replayed},
              {"created", balance.created},
              {"dropped", balance.dropped},
              {"dead_lettered", balance.dead_lettered},
              {"finished", balance.finished},
              {"returned", balance.returned},
              {"queued", balance.queued},
              {"lost", balance.lost},
              {"in_flight", balance.in_flight}};
  out["outputs"] = json::array();
  for (const auto& line : balance.outputs)
    out["outputs"].push_back({{"id", line.id},
                              {"taken", line.taken},
                              {"delivered", line.delivered},
                              {"dead_lettered", line.dead_lettered},
                              {"rejected", line.rejected},
                              {"returned", line.returned},
                              {"buffered", line.buffered},
                              {"lost", line.lost},
                              {"gap", line.gap}});
  return out;
}

template <class T>
T number_or(const json& request, const char* name, T otherwise, T most) {
  const auto found = request.find(name);
  if (found == request.end() || !found->is_number_unsigned()) return otherwise;
  return static_cast<T>(std::min<std::uint64_t>(found->get<std::uint64_t>(), static_cast<std::uint64_t>(most)));
}

std::string text_or(const json& request, const char* name, const std::string& otherwise) {
  const auto found = request.find(name);
  return found != request.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

}  // namespace

ControlHandlers DeadLetterService::handlers() {
  return {{"pipelines", [this](const std::string& request) { return list_pipelines(request); }},
          {"dlq.purge", [this](const std::string& request) { return purge(request); }},
          {"dlq.replay", [this](const std::string& request) { return replay(request); }}};
}

void DeadLetterService::request_stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  for (const auto& round : rounds_) round->request_stop();
}

std::shared_ptr<const RunningPipeline> DeadLetterService::find(const std::string& id) const {
  for (auto& pipeline : pipelines_())
    if (pipeline->id() == id) return pipeline;
  return nullptr;
}

Result<std::string> DeadLetterService::list_pipelines(const std::string&) {
  json all = json::array();
  for (const auto& served : pipelines_()) {
    json one = {{"id", served->id()}, {"state", pipeline_state_name(served->state())}};
    if (const auto pipeline = served->pipeline()) {
      const auto fill = pipeline->queue().fill();
      one["queue"] = {{"events", fill.events}, {"bytes", fill.bytes}};
      one["ledger"] = ledger_json(pipeline->ledger());
    } else {
      one["problem"] = served->problem();
    }
    if (const auto dead_letters = served->dead_letters()) {
      const auto facts = dead_letters->facts();
      one["dead_letter_queue"] = {{"directory", dead_letters->options().directory},
                                  {"entries", facts.entries},
                                  {"queue_size_in_bytes", facts.bytes},
                                  {"max_queue_size_in_bytes", facts.max_bytes},
                                  {"dropped_events", facts.dropped},
                                  {"expired_events", facts.expired},
                                  {"last_error", facts.last_error.empty() ? "no errors" : facts.last_error}};
    }
    all.push_back(std::move(one));
  }
  return json_line({{"pipelines", std::move(all)}});
}

Result<std::string> DeadLetterService::purge(const std::string& text) {
  const json request = json::parse(text);
  const std::string id = text_or(request, "pipeline", "main");
  const auto served = find(id);
  const auto dead_letters = served ? served->dead_letters() : nullptr;
  if (!dead_letters)
    return Error{ErrorCode::NotFound, fmt::format("the server has no dead-letter queue of a pipeline \"{}\"", id)};
  auto selection = selection_from_json(request.value("selection", json()));
  if (!selection) return selection.error();
  auto removed = purge_entries(*dead_letters, *selection);
  if (!removed) return removed.error();
  return json_line({{"removed", *removed}});
}

Result<std::string> DeadLetterService::replay(const std::string& text) {
  const json request = json::parse(text);
  const std::string from = text_or(request, "pipeline", "main");
  const std::string to = text_or(request, "to", from);
  const auto source = find(from);
  const auto dead_letters = source ? source->dead_letters() : nullptr;
  if (!dead_letters)
    return Error{ErrorCode::NotFound, fmt::format("the server has no dead-letter queue of a pipeline \"{}\"", from)};
  const auto target = find(to);
  const auto pipeline = target ? target->pipeline() : nullptr;
  if (!pipeline) return Error{ErrorCode::NotFound, fmt::format("the server runs no pipeline \"{}\"", to)};
  auto selection = selection_from_json(request.value("selection", json()));
  if (!selection) return selection.error();
  Replay::Order order;
  order.selection = std::move(*selection);
  order.max_replays = number_or<std::uint32_t>(request, "max_replays", order.max_replays, kMostReplays);
  order.most = number_or<std::uint64_t>(request, "most", order.most, order.most);
  const auto wait = std::chrono::seconds(number_or<std::int64_t>(request, "wait_seconds", 0, kLongestWaitSeconds));
  std::shared_ptr<Replay> round;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return Error{ErrorCode::Cancelled, "the server is stopping"};
    rounds_.remove_if([](const auto& earlier) { return earlier->counts().is_over; });
    round = std::make_shared<Replay>(dead_letters, pipeline->replay_sink(), std::move(order));
    rounds_.push_back(round);
  }
  // In short pieces, so that a stopping server need not wait for a destination.
  const auto deadline = std::chrono::steady_clock::now() + wait;
  Replay::Counts counts = round->counts();
  while (!counts.is_over && std::chrono::steady_clock::now() < deadline) {
    counts = round->wait(std::chrono::milliseconds(100));
    const std::lock_guard lock(mutex_);
    if (is_stopping_) break;
  }
  if (!counts.problem.empty()) return Error{ErrorCode::Unavailable, counts.problem};
  return json_line(to_json(counts));
}

}  // namespace logboom
