// ApiService: HTTP requests to the admin API, from the first look at their heads to their answers.
#pragma once

#include <memory>

#include "pipeline/plugin/input.h"
#include "server/api/api_context.h"
#include "server/api/route.h"
#include "server/listen/http_stream.h"

namespace logboom {

/// The threads that handlers run on, so that one that waits holds up no connection.
class HandlerThreads {
 public:
  explicit HandlerThreads(std::size_t count);
  ~HandlerThreads();  // waits for the handlers that run
  HandlerThreads(const HandlerThreads&) = delete;
  HandlerThreads& operator=(const HandlerThreads&) = delete;

  /// Runs a handler there and comes back to the caller's own thread. 503 when too many wait already.
  Awaitable<HttpResponse> run(const Route& route, ApiContext& context, const ApiCall& call);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class ApiSurface {
  Everything,
  ProbesOnly,  // probes.host: /ready, /live and /metrics, to anybody
};

/// Requests overlap. What it is given outlives it.
class ApiService final : public SessionHttpService {
 public:
  ApiService(ApiContext& context, Access& access, HandlerThreads& threads, ApiSurface surface);
  std::optional<HttpResponse> screen(const HttpRequest& head, const TlsSession* tls) override;
  Awaitable<StreamedResponse> serve(HttpRequest request, const TlsSession* tls) override;
  /// For callers that know only HttpService: an answer that would go on is its head alone.
  Awaitable<HttpResponse> answer(HttpRequest request, EventSink& sink) override;

 private:
  struct Looked {
    RouteMatch match;
    Principal who;
    std::optional<HttpResponse> refusal;
  };
  Looked look(const HttpRequest& head, const TlsSession* tls);

  ApiContext& context_;
  Access& access_;
  HandlerThreads& threads_;
  const ApiSurface surface_;
};

}  // namespace logboom
