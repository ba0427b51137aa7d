#include "server/api/api_service.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "pipeline/base/log.h"
#include "pipeline/net/http_text.h"
#include "server/api/problem.h"

namespace logboom {
namespace net = boost::asio;
namespace {

constexpr int kMostWaiting = 64;

const std::vector<Route>& known_routes() { return api_routes(); }

OrderedJson audit_entry(const HttpRequest& request, const Principal& who) {
  return {{"who", who.name},
          {"role", std::string(role_name(who.role))},
          {"from", request.peer.ip},
          {"method", request.method},
          {"path", request.target}};
}

HttpResponse run_handler(const Route& route, ApiContext& context, const ApiCall& call) {
  const std::string path(path_of(call.request.target));
  try {
    return route.handler(context, call);
  } catch (const OrderedJson::exception& problem) {
    return error_answer(path, 400, fmt::format("the body cannot be read: {}", problem.what()));
  } catch (const std::exception& problem) {
    log_error("api", "{} {} failed: {}", call.request.method, path, problem.what());
    return error_answer(path, 500, "internal error; the log says more");
  }
}

/// Runs `work` on the pool while the coroutine is suspended; goes on at the coroutine's own executor. `work` must have a
/// name: GCC 12 destroys a temporary closure inside the co_await expression twice.
template <class Work>
auto run_there(net::thread_pool& pool, const Work& work) {
  return net::async_initiate<const net::use_awaitable_t<>, void()>(
      [&pool](auto handler, const Work* work) {
        auto executor = net::get_associated_executor(handler);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        net::post(pool, [executor, shared, work]() mutable {
          (*work)();
          net::post(executor, [shared = std::move(shared)]() mutable { std::move (*shared)(); });
        });
      },
      net::use_awaitable, &work);
}

/// Nothing is changed that leaves no trace: the first line is written before.
HttpResponse run_audited(const Route& route, ApiContext& context, const ApiCall& call) {
  static std::atomic<std::uint64_t> number{0};
  const std::string path(path_of(call.request.target));
  OrderedJson entry = audit_entry(call.request, call.who);
  entry["request"] = fmt::format("{}-{}", context.node.ephemeral_id.substr(0, 8), ++number);
  entry["phase"] = "asked";
  if (auto written = context.audit.write(entry); !written) {
    log_error("api", "{}", written.error().message);
    return error_answer(path, written.error().code == ErrorCode::Full ? 507 : 500,
                        fmt::format("nothing was changed: {}", written.error().message));
  }
  OrderedJson record = OrderedJson::object();
  ApiCall recorded = call;
  recorded.record = &record;
  HttpResponse response = run_handler(route, context, recorded);
  entry["phase"] = "done";
  entry["status"] = response.status;
  for (const auto& [name, value] : record.items()) entry[name] = value;
  if (auto written = context.audit.write(std::move(entry)); !written) log_error("api", "{}", written.error().message);
  return response;
}

}  // namespace

struct HandlerThreads::State {
  explicit State(std::size_t count) : pool(count) {}
  net::thread_pool pool;
  std::atomic<int> waiting{0};
};

HandlerThreads::HandlerThreads(std::size_t count) : state_(std::make_unique<State>(count)) {}
HandlerThreads::~HandlerThreads() { state_->pool.join(); }

Awaitable<HttpResponse> HandlerThreads::run(const Route& route, ApiContext& context, const ApiCall& call) {
  if (state_->waiting.load() >= kMostWaiting) {
    HttpResponse busy = error_answer(path_of(call.request.target), 503, "too many requests wait for an answer");
    busy.headers.emplace_back("retry-after", "1");
    co_return busy;
  }
  state_->waiting.fetch_add(1);
  HttpResponse response;
  const auto work = [&] {
    response = route.is_audited ? run_audited(route, context, call) : run_handler(route, context, call);
  };
  co_await run_there(state_->pool, work);
  state_->waiting.fetch_sub(1);
  co_return response;
}

ApiService::ApiService(ApiContext& context, Access& access, HandlerThreads& threads, ApiSurface surface)
    : context_(context), access_(access), threads_(threads), surface_(surface) {}

ApiService::Looked ApiService::look(const HttpRequest& head, const TlsSession* tls) {
  Looked looked;
  const std::string_view path = path_of(head.target);
  looked.match = find_route(known_routes(), head.method, path);
  if (surface_ == ApiSurface::ProbesOnly) {
    const bool is_probe = looked.match.route != nullptr && looked.match.route->is_probe;
    if (!is_probe) looked.refusal = error_answer(path, 404, "only /ready, /live and /metrics are answered here");
    looked.who = {"anonymous", Role::Viewer};
    return looked;
  }
  // Who may see nothing is not told what there is.
  const Role needed = looked.match.route != nullptr ? looked.match.route->role : Role::Viewer;
  Access::Verdict verdict = access_.check(head, needed, tls != nullptr ? tls->client_subject : std::string());
  looked.who = verdict.who;
  if (verdict.refusal) {
    looked.refusal = error_answer(path, verdict.refusal->status, verdict.reason);
    for (auto& header : verdict.refusal->headers) looked.refusal->headers.push_back(std::move(header));
    const bool would_change = looked.match.route != nullptr && looked.match.route->is_audited;
    const bool was_tried = !head.header("authorization").empty() && verdict.refusal->status != 429;
    if (would_change || was_tried) {
      OrderedJson entry = audit_entry(head, verdict.who);
      entry["phase"] = "refused";
      entry["status"] = verdict.refusal->status;
      entry["reason"] = verdict.reason;
      if (auto written = context_.audit.write(std::move(entry)); !written) log_error("api", "{}", written.error().message);
    }
  } else if (looked.match.route == nullptr && looked.match.allowed.empty()) {
    looked.refusal = error_answer(path, 404, "Not Found");
  } else if (looked.match.route == nullptr) {
    looked.refusal =
        error_answer(path, 405, fmt::format("{} is not allowed here; {} is", head.method, looked.match.allowed));
    looked.refusal->headers.emplace_back("allow", looked.match.allowed);
  }
  return looked;
}

std::optional<HttpResponse> ApiService::screen(const HttpRequest& head, const TlsSession* tls) {
  return look(head, tls).refusal;
}

Awaitable<StreamedResponse> ApiService::serve(HttpRequest request, const TlsSession* tls) {
  StreamedResponse response;
  Looked looked = look(request, tls);
  if (looked.refusal) {
    response.head = std::move(*looked.refusal);
    co_return response;
  }
  ApiCall call{request, std::move(looked.match.parameters), std::move(looked.who)};
  call.rest = &response.rest;
  response.head = co_await threads_.run(*looked.match.route, context_, call);
  response.head.headers.emplace_back("cache-control", "no-store");
  co_return response;
}

Awaitable<HttpResponse> ApiService::answer(HttpRequest request, EventSink&) {
  StreamedResponse response = co_await serve(std::move(request), nullptr);
  co_return std::move(response.head);
}

}  // namespace logboom
