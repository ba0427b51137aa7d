#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "pipeline/net/http_text.h"
#include "server/api/api_context.h"
#include "server/api/own_routes.h"
#include "server/api/problem.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

constexpr auto kUsualDrainTime = std::chrono::seconds(30);
constexpr auto kLongestDrainTime = std::chrono::minutes(5);
constexpr auto kLookInterval = std::chrono::milliseconds(50);

/// The pipeline of the call, when it runs and can be paused.
Result<PipelineView> find_running(ApiContext& context, const std::string& id) {
  for (PipelineView& view : context.pipelines.pipelines()) {
    if (view.id != id) continue;
    const bool runs = view.state == ServedState::Running || view.state == ServedState::Paused;
    if (!runs || !view.pipeline || gate_of(*view.pipeline) == nullptr)
      return Error{ErrorCode::Unavailable, fmt::format("the pipeline \"{}\" is {}", id, served_state_name(view.state))};
    return std::move(view);
  }
  return Error{ErrorCode::NotFound, fmt::format("there is no pipeline \"{}\"", id)};
}

HttpResponse refusal(const ApiCall& call, const Error& error) {
  return error_answer(path_of(call.request.target), error.code == ErrorCode::NotFound ? 404 : 409, error.message);
}

OrderedJson document_of(const PipelineView& view) {
  return {{"pipeline", view.id},
          {"state", gate_of(*view.pipeline)->is_shut() ? "paused" : "running"},
          {"queued_events", view.pipeline->queue().fill().events},
          {"undelivered_events", view.pipeline->undelivered_events()}};
}

HttpResponse set_paused(ApiContext& context, const ApiCall& call, bool is_paused) {
  auto view = find_running(context, call.parameter("id"));
  if (!view) return refusal(call, view.error());
  GatedQueue& gate = *gate_of(*view->pipeline);
  *call.record = {{"before", gate.is_shut() ? "paused" : "running"}};
  is_paused ? gate.shut() : gate.open();
  (*call.record)["after"] = gate.is_shut() ? "paused" : "running";
  return json_answer(call, document_of(*view));
}

HttpResponse pause(ApiContext& context, const ApiCall& call) { return set_paused(context, call, true); }
HttpResponse resume(ApiContext& context, const ApiCall& call) { return set_paused(context, call, false); }

bool is_empty(const ApiContext& context, const PipelineView& view) {
  const LedgerBalance ledger = view.pipeline->ledger();
  const bool is_at_rest = ledger.in_flight <= 0;  // with workers and outputs
  return is_at_rest && view.pipeline->queue().fill().events == 0 && view.pipeline->undelivered_events() == 0 &&
         !context.pipelines.is_stopping();
}

HttpResponse drain(ApiContext& context, const ApiCall& call) {
  auto view = find_running(context, call.parameter("id"));
  if (!view) return refusal(call, view.error());
  std::chrono::milliseconds patience = kUsualDrainTime;
  if (const std::string timeout = call.query("timeout"); !timeout.empty()) {
    Settings reader;  // reads times as everywhere else
    if (!reader.set("config.reload.interval", timeout, "timeout"))
      return error_answer(path_of(call.request.target), 400,
                          fmt::format("timeout wants a time such as 30s, not \"{}\"", timeout));
    patience = std::min<std::chrono::milliseconds>(std::chrono::milliseconds(reader.number("config.reload.interval")),
                                                   kLongestDrainTime);
  }
  GatedQueue& gate = *gate_of(*view->pipeline);
  *call.record = {{"before", gate.is_shut() ? "paused" : "running"}, {"after", "paused"}};
  gate.shut();
  const auto end = std::chrono::steady_clock::now() + patience;
  bool has_drained = is_empty(context, *view);
  while (!has_drained && std::chrono::steady_clock::now() < end && !context.pipelines.is_stopping()) {
    std::this_thread::sleep_for(kLookInterval);
    has_drained = is_empty(context, *view);
  }
  OrderedJson document = document_of(*view);
  document["drained"] = has_drained;
  if (has_drained) return json_answer(call, document);
  return error_answer(path_of(call.request.target), 408, "not everything is delivered yet; the pipeline stays paused",
                      document);
}

}  // namespace

std::vector<Route> pause_routes() {
  return {
      {"POST", "/v1/pipelines/{id}/pause", Role::Operator,
       "Takes nothing more in until it is resumed, or the process restarted.", pause, false, true},
      {"POST", "/v1/pipelines/{id}/resume", Role::Operator, "Ends a pause.", resume, false, true},
      {"POST", "/v1/pipelines/{id}/drain", Role::Operator, "Pauses, and answers when everything is delivered; ?timeout=30s.",
       drain, false, true, "", "timeout"},
  };
}

}  // namespace logboom
