#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "pipeline/compile/condition.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/net/http_text.h"
#include "pipeline/run/event_tap.h"
#include "server/api/api_context.h"
#include "server/api/own_routes.h"
#include "server/api/problem.h"
#include "server/listen/http_stream.h"

namespace logboom {
namespace {

constexpr std::uint64_t kUsualRate = 100;  // events a second
constexpr std::uint64_t kMostRate = 2000;
constexpr std::size_t kMostWaitingBytes = 1024 * 1024;  // of one client
constexpr std::size_t kMostEventBytes = 256 * 1024;
constexpr std::size_t kPieceBytes = 64 * 1024;  // of one write: each has the connection's time for it
constexpr int kMostClients = 16;
constexpr auto kWriteInterval = std::chrono::milliseconds(100);
constexpr auto kHeartbeat = std::chrono::seconds(15);

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

/// Clients that look, over all pipelines.
class Client {
 public:
  static std::optional<Client> enter() {
    if (count().fetch_add(1) < kMostClients) return Client();
    count().fetch_sub(1);
    return std::nullopt;
  }
  Client(Client&& other) noexcept : is_in_(std::exchange(other.is_in_, false)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (is_in_) count().fetch_sub(1);
  }

 private:
  Client() = default;
  static std::atomic<int>& count() {
    static std::atomic<int> clients{0};
    return clients;
  }
  bool is_in_ = true;
};

struct SampleOptions {
  std::uint64_t limit = 0;  // 0: none
  std::uint64_t every = 1;
  std::uint64_t rate = kUsualRate;
  std::optional<Condition> condition;
};

/// Events on their way from a pipeline's threads to one client. What does not fit is counted and passed over.
class Samples {
 public:
  explicit Samples(SampleOptions options) : options_(std::move(options)) {}

  /// On a thread of the pipeline; waits for nobody but its like. False: enough.
  bool take(const Event& event) {
    if (options_.condition && !options_.condition->evaluate(event, scratch_)) return true;
    if (passed_++ % options_.every != 0) return true;
    if (options_.limit > 0 && taken_ >= options_.limit) return false;
    if (!may_take_now()) return true;
    std::string line;
    write_json(event.fields(), line);
    if (const Object* metadata = event.metadata_if_any(); metadata != nullptr && line.size() >= 2) {
      const bool is_empty = line == "{}";
      line.pop_back();
      line += is_empty ? "\"@metadata\":" : ",\"@metadata\":";
      write_json(*metadata, line);
      line += '}';
    }
    const std::lock_guard lock(mutex_);
    if (line.size() > kMostEventBytes || bytes_ + line.size() > kMostWaitingBytes) {
      ++missed_;
      return true;
    }
    ++taken_;
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    return true;
  }

  struct Waiting {
    std::vector<std::string> lines;
    std::uint64_t missed = 0;  // for want of room, or beyond the rate, since the last time
  };
  Waiting waiting() {
    const std::lock_guard lock(mutex_);
    bytes_ = 0;
    return {std::exchange(lines_, {}), std::exchange(missed_, 0)};
  }

 private:
  /// The same time for all: as many in each second as the rate says.
  bool may_take_now() {
    const auto now = std::chrono::steady_clock::now();
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      in_second_ = 0;
    }
    if (in_second_++ < options_.rate) return true;
    const std::lock_guard lock(mutex_);
    ++missed_;
    return false;
  }

  const SampleOptions options_;
  // Of take(), which EventTap calls one at a time:
  Condition::Scratch scratch_;
  std::uint64_t passed_ = 0;  // the condition
  std::uint64_t taken_ = 0;
  std::uint64_t in_second_ = 0;
  std::chrono::steady_clock::time_point second_;
  std::mutex mutex_;  // what follows
  std::vector<std::string> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t missed_ = 0;
};

enum class TapForm { ServerSentEvents, JsonLines };

/// Sends samples until the client leaves, the server stops, or as much was seen as was asked for.
class TapStream final : public HttpStream {
 public:
  TapStream(Client client, std::shared_ptr<Samples> samples, std::unique_ptr<EventTap> tap, TapForm form,
            std::uint64_t limit, std::chrono::steady_clock::time_point end)
      : client_(std::move(client)),
        samples_(std::move(samples)),
        tap_(std::move(tap)),
        form_(form),
        left_(limit > 0 ? limit : ~std::uint64_t{0}),
        end_(end) {}

  Awaitable<void> write_to(Connection& connection) override {
    auto last_sent = std::chrono::steady_clock::now();
    for (;;) {
      const auto now = std::chrono::steady_clock::now();
      connection.set_read_deadline(std::min(now + kWriteInterval, std::max(end_, now)));
      const Buffer sent_by_client = co_await connection.read_some();
      const bool is_gone = sent_by_client.empty() && connection.read_end() != ReadEnd::TimedOut;
      if (is_gone || connection.is_draining()) co_return;
      const bool is_over = std::chrono::steady_clock::now() >= end_;
      const std::string text = text_of(samples_->waiting(), std::chrono::steady_clock::now() - last_sent >= kHeartbeat);
      if (!text.empty()) last_sent = std::chrono::steady_clock::now();
      for (std::size_t begin = 0; begin < text.size(); begin += kPieceBytes) {
        const auto written = co_await connection.write(std::string_view(text).substr(begin, kPieceBytes));
        if (!written) co_return;
      }
      if (is_over || left_ == 0) co_return;
    }
  }

 private:
  std::string text_of(const Samples::Waiting& waiting, bool wants_heartbeat) {
    std::string text;
    const bool is_event_stream = form_ == TapForm::ServerSentEvents;
    for (const std::string& line : waiting.lines) {
      if (left_ == 0) break;
      --left_;
      text += is_event_stream ? "data: " + line + "\n\n" : line + "\n";
    }
    if (waiting.missed > 0 && is_event_stream)
      text += fmt::format("event: missed\ndata: {{\"missed\":{}}}\n\n", waiting.missed);
    if (text.empty() && wants_heartbeat) text = is_event_stream ? ": nothing yet\n\n" : "\n";
    return text;
  }

  const Client client_;
  const std::shared_ptr<Samples> samples_;
  const std::unique_ptr<EventTap> tap_;
  const TapForm form_;
  std::uint64_t left_;
  const std::chrono::steady_clock::time_point end_;
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
  constexpr std::uint64_t kAny = ~std::uint64_t{0};
  const auto limit = number_in(call, "limit", 0, kAny);
  const auto every = number_in(call, "every", 1, kAny);
  const auto rate = number_in(call, "rate", kUsualRate, kMostRate);
  const auto seconds = number_in(call, "seconds", 0, 365 * 86400);
  if (!limit || !every || !rate || !seconds)
    return error_answer(path, 400, "limit, every, rate and seconds want numbers above 0");
  SampleOptions options{*limit, *every, *rate, std::nullopt};
  if (const std::string text = call.query("condition"); !text.empty()) {
    auto compiled = compile_condition(text);
    if (!compiled)
      return error_answer(path, 422, "the condition cannot be read", {{"diagnostics", compiled.error().message}});
    options.condition = std::move(*compiled);
  }
  auto client = Client::enter();
  if (!client) return error_answer(path, 429, fmt::format("{} clients look at events already", kMostClients));
  const bool wants_lines = call.request.header("accept").find("application/x-ndjson") != std::string_view::npos;
  HttpResponse response(200, "");
  response.headers.emplace_back("content-type", wants_lines ? "application/x-ndjson" : "text/event-stream");
  if (call.rest == nullptr || call.request.method == "HEAD") return response;
  const auto samples = std::make_shared<Samples>(std::move(options));
  auto look = std::make_unique<EventTap>(*plugin.site->metrics, plugin.side,
                                         [samples](const Event& event) { return samples->take(event); });
  const auto end = *seconds > 0 ? std::chrono::steady_clock::now() + std::chrono::seconds(*seconds)
                                : std::chrono::steady_clock::time_point::max();
  *call.rest = std::make_shared<TapStream>(std::move(*client), samples, std::move(look),
                                           wants_lines ? TapForm::JsonLines : TapForm::ServerSentEvents, *limit, end);
  return response;
}

}  // namespace

std::vector<Route> tap_routes() {
  return {{"GET", "/v1/pipelines/{id}/tap", Role::Operator,
           "Live events at a filter or output, as server-sent events (or JSON lines), until the client leaves, or limit or "
           "seconds are over.",
           tap, false, false, "", "plugin side condition every rate limit seconds"}};
}

}  // namespace logboom
