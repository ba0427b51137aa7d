#include <fmt/format.h>

#include <charconv>
#include <map>

#include "pipeline/dead_letter/entry_cursor.h"
#include "pipeline/dead_letter/failure_shape.h"
#include "pipeline/event/json.h"
#include "pipeline/net/http_text.h"
#include "server/api/api_context.h"
#include "server/api/own_routes.h"
#include "server/api/problem.h"
#include "server/dead_letters/selection_json.h"
#include "server/dead_letters/settings.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

constexpr std::uint64_t kUsualEntries = 20;
constexpr std::uint64_t kMostEntries = 1000;
constexpr std::uint64_t kMostLookedAt = 200'000;  // in one request
constexpr std::uint64_t kMostWaitSeconds = 60;

HttpResponse problem_of(const ApiCall& call, const Error& error) {
  const int status = error.code == ErrorCode::NotFound          ? 404
                     : error.code == ErrorCode::InvalidArgument ? 400
                     : error.code == ErrorCode::Cancelled       ? 503
                     : error.code == ErrorCode::Full            ? 507
                                                                : 500;
  return error_answer(path_of(call.request.target), status, error.message);
}

Result<PipelineView> find(ApiContext& context, const std::string& id) {
  for (PipelineView& view : context.pipelines.pipelines())
    if (view.id == id) return std::move(view);
  return Error{ErrorCode::NotFound, fmt::format("there is no pipeline \"{}\"", id)};
}

Result<PipelineView> find_with_dead_letters(ApiContext& context, const std::string& id) {
  auto view = find(context, id);
  if (view && !view->dead_letters)
    return Error{ErrorCode::NotFound,
                 fmt::format("the pipeline \"{}\" has no dead-letter queue: dead_letter_queue.enable is false", id)};
  return view;
}

Result<std::uint64_t> number_in(const ApiCall& call, const char* name, std::uint64_t otherwise, std::uint64_t most) {
  const std::string text = call.query(name);
  if (text.empty()) return otherwise;
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size())
    return Error{ErrorCode::InvalidArgument, fmt::format("{} wants a number, not \"{}\"", name, text)};
  return std::min(number, most);
}

/// ?first=, last=, since=, until=, plugin=, group= as the command line's selection.
Result<EntrySelection> selection_in(const ApiCall& call) {
  nlohmann::json selection = nlohmann::json::object();
  for (const char* name : {"first", "last"}) {
    if (call.query(name).empty()) continue;
    auto number = number_in(call, name, 0, ~std::uint64_t{0});
    if (!number) return number.error();
    selection[name] = *number;
  }
  for (const char* name : {"since", "until", "plugin", "group"})
    if (const std::string text = call.query(name); !text.empty()) selection[name] = text;
  return selection_from_json(selection);
}

Result<EntryCursor> open_cursor(const PipelineView& view, std::uint64_t first) {
  return EntryCursor::open(view.dead_letters->options().directory, first, dead_letter_keys(view.settings));
}

OrderedJson entry_json(const DeadLetter& entry, const std::string& pipeline) {
  OrderedJson one = {{"sequence", entry.sequence},       {"entry_time", to_iso8601(entry.entry_time)},
                     {"plugin_type", entry.plugin_type}, {"plugin_id", entry.plugin_id},
                     {"reason", entry.reason},           {"code", entry.code},
                     {"replays", entry.replays},         {"group", failure_group(entry)}};
  Chunk chunk(entry.payload, entry.entry_time);
  const Event* event = add_dead_letter(entry, pipeline, chunk);
  std::string text = "null";
  if (event != nullptr) {
    text.clear();
    write_json(event->fields(), text);
  }
  one["event"] = OrderedJson::parse(text, nullptr, false);
  return one;
}

HttpResponse get_queue(ApiContext& context, const ApiCall& call) {
  auto view = find(context, call.parameter("id"));
  if (!view) return problem_of(call, view.error());
  const auto fill = view->pipeline ? view->pipeline->queue().fill() : PipelineQueue::Fill{};
  OrderedJson document = {{"pipeline", view->id},
                          {"type", is_persisted(view->settings) ? "persisted" : "memory"},
                          {"events", fill.events},
                          {"bytes", fill.bytes},
                          {"max_bytes", queue_max_bytes(view->settings)}};
  if (view->pipeline) document["undelivered_events"] = view->pipeline->undelivered_events();
  if (is_persisted(view->settings)) {
    MetricScope& scope = view->metrics->child("queue");
    document["directory"] = queue_directory(view->settings, view->id);
    document["oldest_event_age_in_millis"] = scope.counter("oldest_age_milliseconds").value();
    document["is_failing"] = scope.counter("failing").value() != 0;
    if (view->pipeline) document["lost_events"] = view->pipeline->queue().lost_events();
  }
  return json_answer(call, document);
}

HttpResponse get_dead_letters(ApiContext& context, const ApiCall& call) {
  auto view = find_with_dead_letters(context, call.parameter("id"));
  if (!view) return problem_of(call, view.error());
  const auto facts = view->dead_letters->facts();
  struct Group {
    DeadLetter example;
    std::uint64_t count = 0;
  };
  std::map<std::string, Group> groups;
  std::uint64_t looked_at = 0;
  if (facts.entries > 0) {
    auto cursor = open_cursor(*view, 0);
    if (!cursor) return problem_of(call, cursor.error());
    for (DeadLetter entry; looked_at < kMostLookedAt; ++looked_at) {
      auto has_entry = cursor->next(entry);
      if (!has_entry) return problem_of(call, has_entry.error());
      if (!*has_entry) break;
      Group& group = groups[failure_group(entry)];
      if (++group.count == 1) group.example = std::move(entry);
    }
  }
  OrderedJson shapes = OrderedJson::array();
  for (const auto& [name, group] : groups)
    shapes.push_back({{"group", name},
                      {"entries", group.count},
                      {"plugin_type", group.example.plugin_type},
                      {"plugin_id", group.example.plugin_id},
                      {"code", group.example.code},
                      {"shape", failure_shape(group.example.reason)}});
  return json_answer(call, {{"pipeline", view->id},
                            {"entries", facts.entries},
                            {"bytes", facts.bytes},
                            {"max_bytes", facts.max_bytes},
                            {"dropped_events", facts.dropped},
                            {"expired_events", facts.expired},
                            {"last_error", facts.last_error},
                            {"grouped_entries", looked_at},
                            {"groups", std::move(shapes)}});
}

HttpResponse get_entries(ApiContext& context, const ApiCall& call) {
  auto view = find_with_dead_letters(context, call.parameter("id"));
  if (!view) return problem_of(call, view.error());
  auto selection = selection_in(call);
  if (!selection) return problem_of(call, selection.error());
  auto limit = number_in(call, "limit", kUsualEntries, kMostEntries);
  if (!limit) return problem_of(call, limit.error());
  auto cursor = open_cursor(*view, selection->first);
  if (!cursor) return problem_of(call, cursor.error());
  OrderedJson entries = OrderedJson::array();
  DeadLetter entry;
  std::uint64_t looked_at = 0;
  for (; entries.size() < *limit && looked_at < kMostLookedAt; ++looked_at) {
    auto has_entry = cursor->next(entry);
    if (!has_entry) return problem_of(call, has_entry.error());
    if (!*has_entry || entry.sequence > selection->last) break;
    if (selection->matches(entry)) entries.push_back(entry_json(entry, view->id));
  }
  return json_answer(call, {{"pipeline", view->id}, {"entries", std::move(entries)}, {"next", cursor->position()}});
}

/// What the control channel answers to a request of this name.
HttpResponse control(ApiContext& context, const ApiCall& call, const char* name, nlohmann::json request) {
  request["do"] = name;
  const auto handler = context.control.find(name);
  if (handler == context.control.end())
    return error_answer(path_of(call.request.target), 501, "not offered by this process");
  auto answered = handler->second(request.dump());
  if (!answered) return problem_of(call, answered.error());
  const OrderedJson document = OrderedJson::parse(*answered);
  if (call.record != nullptr) *call.record = {{"asked", OrderedJson::parse(request.dump())}, {"answer", document}};
  return json_answer(call, document);
}

/// {"selection":{…}}; nothing at all is refused, so that nobody empties a queue by a slip.
Result<nlohmann::json> order_in(const ApiCall& call) {
  nlohmann::json order = nlohmann::json::parse(call.body());
  if (!order.is_object() || !order.contains("selection") || !order["selection"].is_object())
    return Error{ErrorCode::InvalidArgument,
                 "wants {\"selection\":{…}} with first, last, since, until, plugin or group; {} means every entry"};
  order["pipeline"] = call.parameter("id");
  return order;
}

HttpResponse replay(ApiContext& context, const ApiCall& call) {
  auto order = order_in(call);
  if (!order) return problem_of(call, order.error());
  if (order->contains("wait_seconds") && (*order)["wait_seconds"].is_number_unsigned())
    (*order)["wait_seconds"] = std::min((*order)["wait_seconds"].get<std::uint64_t>(), kMostWaitSeconds);
  return control(context, call, "dlq.replay", std::move(*order));
}

HttpResponse purge(ApiContext& context, const ApiCall& call) {
  auto order = order_in(call);
  if (!order) return problem_of(call, order.error());
  return control(context, call, "dlq.purge", std::move(*order));
}

}  // namespace

std::vector<Route> dead_letter_routes() {
  constexpr const char* kSelection = "JSON object: selection (first, last, since, until, plugin, group)";
  return {
      {"GET", "/v1/pipelines/{id}/queue", Role::Viewer, "What waits in a pipeline's queue.", get_queue},
      {"GET", "/v1/pipelines/{id}/dlq", Role::Viewer, "A dead-letter queue's size, and its failures by group.",
       get_dead_letters},
      {"GET", "/v1/pipelines/{id}/dlq/entries", Role::Operator,
       "Entries with their events: ?limit=, first=, last=, since=, until=, plugin=, group=.", get_entries},
      {"POST", "/v1/pipelines/{id}/dlq/replay", Role::Operator,
       "Sends entries through a pipeline again; to, max_replays, most and wait_seconds besides the selection.", replay,
       false, true, kSelection},
      {"POST", "/v1/pipelines/{id}/dlq/purge", Role::Admin, "Removes entries for good.", purge, false, true, kSelection},
  };
}

}  // namespace logboom
