#include <fmt/format.h>

#include <charconv>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "pipeline/compile/condition.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/net/http_text.h"
#include "pipeline/run/event_tap.h"
#include "server/api/api_context.h"
#include "server/api/own_routes.h"
#include "server/api/problem.h"

namespace logboom {
namespace {

constexpr std::uint64_t kUsualEvents = 20;
constexpr std::uint64_t kMostEvents = 1000;
constexpr std::size_t kMostBytes = 4 * 1024 * 1024;
constexpr auto kUsualTime = std::chrono::milliseconds(10'000);
constexpr auto kLongestTime = std::chrono::milliseconds(60'000);
constexpr auto kLookInterval = std::chrono::milliseconds(250);

/// An `if` of the configuration language. Errors: InvalidArgument with the configuration check's words.
Result<Condition> compile_condition(const std::string& text) {
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(std::make_shared<SourceText>("condition", "filter { if " + text + "\n { drop { } } }"), {}, graph,
                 diagnostics);
  const auto* choice = graph.filters.size() == 1 ? std::get_if<IfNode>(&graph.filters[0].node) : nullptr;
  if (!diagnostics.has_errors() && choice != nullptr && choice->branches.size() == 1) {
    Condition condition = Condition::compile(choice->branches[0].condition, diagnostics);
    if (!diagnostics.has_errors()) return condition;
  }
  return Error{ErrorCode::InvalidArgument, diagnostics.has_errors() ? diagnostics.render() : "that is no single condition"};
}

/// What a tap has seen so far.
class Collected {
 public:
  Collected(std::uint64_t most, std::uint64_t every, std::optional<Condition> condition)
      : most_(most), every_(std::max<std::uint64_t>(every, 1)), condition_(std::move(condition)) {}

  /// On a thread of the pipeline. False: enough.
  bool take(const Event& event) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() >= most_ || bytes_ >= kMostBytes) return false;
    if (condition_ && !condition_->evaluate(event, scratch_)) return true;
    if (passed_++ % every_ != 0) return true;
    std::string line;
    write_json(event.fields(), line);
    if (const Object* metadata = event.metadata_if_any(); metadata != nullptr && line.size() >= 2) {
      const bool is_empty = line == "{}";
      line.pop_back();
      line += is_empty ? "\"@metadata\":" : ",\"@metadata\":";
      write_json(*metadata, line);
      line += '}';
    }
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    const bool goes_on = lines_.size() < most_ && bytes_ < kMostBytes;
    if (!goes_on) changed_.notify_all();
    return goes_on;
  }
  bool wait(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return lines_.size() >= most_ || bytes_ >= kMostBytes; });
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  const std::uint64_t most_;
  const std::uint64_t every_;
  const std::optional<Condition> condition_;
  Condition::Scratch scratch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t passed_ = 0;  // the condition
};

struct TappedPlugin {
  const PluginSite* site = nullptr;
  TapSide side = TapSide::Out;  // where its events are usually looked at
};

TappedPlugin find_plugin(const Plan& plan, const std::string& id) {
  for (const PluginSite& site : plan.filter_sites)
    if (site.id == id) return {&site, TapSide::Out};
  for (const PluginSite& site : plan.output_sites)
    if (site.id == id) return {&site, TapSide::In};
  return {};
}

std::string plugin_ids(const Plan& plan) {
  std::string ids;
  for (const auto* sites : {&plan.filter_sites, &plan.output_sites})
    for (const PluginSite& site : *sites) ids += (ids.empty() ? "" : ", ") + site.id;
  return ids;
}

std::optional<std::uint64_t> number_in(const ApiCall& call, const char* name, std::uint64_t otherwise, std::uint64_t most) {
  const std::string text = call.query(name);
  if (text.empty()) return otherwise;
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  return std::min(number, most);
}

/// Server-sent events (text/event-stream), or JSON lines. The stream ends when enough was seen or the time is over;
/// browsers' EventSource asks again by itself.
HttpResponse answer_with(const ApiCall& call, const std::vector<std::string>& lines) {
  const bool is_stream = call.request.header("accept").find("application/x-ndjson") == std::string_view::npos;
  HttpResponse response(200, is_stream ? "retry: 100\n\n" : "");
  for (const std::string& line : lines) response.body += is_stream ? "data: " + line + "\n\n" : line + "\n";
  response.headers.emplace_back("content-type", is_stream ? "text/event-stream" : "application/x-ndjson");
  return response;
}

HttpResponse tap(ApiContext& context, const ApiCall& call) {
  const std::string_view path = path_of(call.request.target);
  std::optional<PipelineView> view;
  for (PipelineView& one : context.pipelines.pipelines())
    if (one.id == call.parameter("id")) view = std::move(one);
  if (!view) return error_answer(path, 404, fmt::format("there is no pipeline \"{}\"", call.parameter("id")));
  if (!view->plan) return error_answer(path, 409, "the pipeline does not run");
  std::string wanted = call.query("plugin");
  if (wanted.empty() && !view->plan->output_sites.empty()) wanted = view->plan->output_sites.front().id;
  TappedPlugin plugin = find_plugin(*view->plan, wanted);
  if (plugin.site == nullptr)
    return error_answer(path, 404,
                        fmt::format("there is no filter or output \"{}\" (plugins: {})", wanted, plugin_ids(*view->plan)));
  const std::string side = call.query("side");
  if (side == "in") plugin.side = TapSide::In;
  if (side == "out") plugin.side = TapSide::Out;
  const auto limit = number_in(call, "limit", kUsualEvents, kMostEvents);
  const auto every = number_in(call, "every", 1, ~std::uint64_t{0});
  const auto seconds = number_in(call, "seconds", static_cast<std::uint64_t>(kUsualTime.count() / 1000),
                                 static_cast<std::uint64_t>(kLongestTime.count() / 1000));
  if (!limit || !every || !seconds) return error_answer(path, 400, "limit, every and seconds want numbers above 0");
  std::optional<Condition> condition;
  if (const std::string text = call.query("condition"); !text.empty()) {
    auto compiled = compile_condition(text);
    if (!compiled)
      return error_answer(path, 422, "the condition cannot be read", {{"diagnostics", compiled.error().message}});
    condition = std::move(*compiled);
  }
  const auto collected = std::make_shared<Collected>(*limit, *every, std::move(condition));
  {
    const EventTap look(*plugin.site->metrics, plugin.side,
                        [collected](const Event& event) { return collected->take(event); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(*seconds);
    while (!collected->wait(kLookInterval) && std::chrono::steady_clock::now() < end && !context.pipelines.is_stopping()) {
    }
  }
  return answer_with(call, collected->lines());
}

}  // namespace

std::vector<Route> tap_routes() {
  return {
      {"GET", "/v1/pipelines/{id}/tap", Role::Operator,
       "Live events at a filter or output, as server-sent events: ?plugin=, side=, condition=, every=, limit=, seconds=.",
       tap}};
}

}  // namespace logboom
