#include <fmt/format.h>

#include "pipeline/net/http_text.h"
#include "server/api/api_context.h"
#include "server/api/health_report.h"
#include "server/api/node_documents.h"
#include "server/api/node_stats.h"
#include "server/api/own_routes.h"
#include "server/api/problem.h"
#include "server/pipelines/stored_pipelines.h"

namespace logboom {
namespace {

OrderedJson ledger_json(const LedgerBalance& balance) {
  return {{"received", balance.received}, {"replayed", balance.replayed}, {"created", balance.created},
          {"dropped", balance.dropped},   {"finished", balance.finished}, {"dead_lettered", balance.dead_lettered},
          {"queued", balance.queued},     {"lost", balance.lost},         {"in_flight", balance.in_flight}};
}

OrderedJson summary(const ApiContext& context, const PipelineView& view) {
  OrderedJson one = {{"id", view.id},
                     {"state", std::string(served_state_name(view.state))},
                     {"health", std::string(health_name(judge(facts_of(context, view)).status))},
                     {"hash", view.hash},
                     {"source", StoredPipelines(context.settings).has(view.id) ? "stored" : "files"}};
  if (!view.failure.empty()) one["failure"] = view.failure;
  return one;
}

HttpResponse list_pipelines(ApiContext& context, const ApiCall& call) {
  OrderedJson all = OrderedJson::array();
  for (const PipelineView& view : context.pipelines.pipelines()) all.push_back(summary(context, view));
  return json_answer(call, {{"pipelines", std::move(all)}});
}

HttpResponse get_pipeline(ApiContext& context, const ApiCall& call) {
  for (const PipelineView& view : context.pipelines.pipelines()) {
    if (view.id != call.parameter("id")) continue;
    OrderedJson document = summary(context, view);
    document["settings"] = pipeline_info(view);
    document["health_report"] = judge(facts_of(context, view)).document;
    if (view.pipeline) document["ledger"] = ledger_json(view.pipeline->ledger());
    document["stats"] = pipeline_stats(context, view, false);
    return json_answer(call, document);
  }
  return error_answer(path_of(call.request.target), 404,
                      fmt::format("there is no pipeline \"{}\"; GET /v1/pipelines lists them", call.parameter("id")));
}

HttpResponse reload(ApiContext& context, const ApiCall& call, const std::vector<std::string>& ids) {
  const std::string_view path = path_of(call.request.target);
  auto outcomes = context.pipelines.reload(ids);
  if (!outcomes) {
    const bool is_ending = outcomes.error().code == ErrorCode::Cancelled;
    return error_answer(path, is_ending ? 503 : 422, "nothing was changed: " + outcomes.error().message);
  }
  OrderedJson pipelines = OrderedJson::object();
  OrderedJson remarks = OrderedJson::array();
  bool is_refused = false;
  for (const ReloadOutcome& outcome : *outcomes) {
    if (outcome.pipeline.empty()) {
      remarks.push_back(outcome.diagnostics);
      continue;
    }
    OrderedJson one = {{"outcome", outcome.outcome}};
    if (!outcome.diagnostics.empty()) one["diagnostics"] = outcome.diagnostics;
    is_refused |= outcome.outcome == "refused";
    pipelines[outcome.pipeline] = std::move(one);
  }
  OrderedJson document = {{"pipelines", std::move(pipelines)}};
  if (!remarks.empty()) document["remarks"] = std::move(remarks);
  *call.record = document;
  if (is_refused) return error_answer(path, 422, "what is refused goes on as it was; the diagnostics say why", document);
  return json_answer(call, document);
}

HttpResponse reload_all(ApiContext& context, const ApiCall& call) { return reload(context, call, {}); }

HttpResponse reload_one(ApiContext& context, const ApiCall& call) {
  const std::string& id = call.parameter("id");
  for (const PipelineView& view : context.pipelines.pipelines())
    if (view.id == id) return reload(context, call, {id});
  return error_answer(path_of(call.request.target), 404, fmt::format("there is no pipeline \"{}\"", id));
}

}  // namespace

std::vector<Route> pipeline_routes() {
  return {
      {"GET", "/v1/pipelines", Role::Viewer, "All pipelines with their states.", list_pipelines},
      {"GET", "/v1/pipelines/{id}", Role::Viewer, "One pipeline: state, settings, health, ledger, numbers.", get_pipeline},
      {"POST", "/v1/reload", Role::Operator, "Reads the configuration again and changes what has changed.", reload_all,
       false, true, "", "", "Reload"},
      {"POST", "/_reload", Role::Operator, "The same.", reload_all, false, true, "", "", "Reload"},
      {"POST", "/v1/pipelines/{id}/reload", Role::Operator, "The same for one pipeline.", reload_one, false, true, "", "",
       "Reload"},
  };
}

}  // namespace logboom
