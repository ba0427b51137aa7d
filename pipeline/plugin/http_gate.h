// HttpGate: what inputs that are HTTP servers have in common - who may send, how many requests may wait, and for how long.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/net/http_exchange.h"
#include "pipeline/plugin/input.h"
#include "pipeline/plugin/tls_options.h"

namespace logboom {

/// The options of such inputs; an options struct derives from this.
struct HttpServerOptions : TlsServerOptions {
  std::string host = "0.0.0.0";
  std::uint64_t port = 8080;
  std::optional<std::string> user;
  std::optional<Secret> password;
  std::uint64_t max_pending_requests = 200;
  std::uint64_t max_content_length = 100 * 1024 * 1024;
  Duration response_timeout{60};
  std::vector<std::string> cors_allowed_origins;
};

/// Declares them, TLS included, in a table whose options struct derives from HttpServerOptions.
template <class Options>
void declare_http_server_options(OptionTable<Options>& table) {
  const auto member = [](auto HttpServerOptions::*of_base) {
    using Member = std::remove_reference_t<decltype(std::declval<HttpServerOptions&>().*of_base)>;
    return static_cast<Member Options::*>(of_base);
  };
  using O = HttpServerOptions;
  table.optional("host", member(&O::host), "Address to listen on.");
  table.optional("port", member(&O::port), "Port to listen on.").at_most(65535);
  table.optional("user", member(&O::user), "User that requests must name (basic authentication).");
  table.optional("password", member(&O::password), "Password for the user.");
  table
      .optional("max_pending_requests", member(&O::max_pending_requests),
                "Requests that may wait while the queue is full, 64 MiB of them at most; more get 429 with Retry-After.")
      .at_least(1);
  table
      .optional("max_content_length", member(&O::max_content_length),
                "Largest body in bytes, as sent and as decompressed; more gets 413.")
      .at_least(1);
  table.optional(
      "response_timeout", member(&O::response_timeout),
      "Longest time until a request is answered: 503 with Retry-After when its events are not safe by then; 0: no "
      "limit.");
  table.optional("cors_allowed_origins", member(&O::cors_allowed_origins),
                 "Origins whose pages may send (https://app.example, https://*.example, or *): their browsers get CORS "
                 "headers and answers to preflight requests, other origins get 403.");
  declare_tls_server_options(table);
}

/// Any thread; requests overlap.
class HttpGate {
 public:
  enum class Style { Basic, BasicOrApiKey };

  /// Refuses user without password and the like. `methods`: for preflight answers ("POST, GET").
  HttpGate(const HttpServerOptions& options, const PluginContext& context, std::string methods, Style style = Style::Basic);
  ~HttpGate();

  /// Looks at a request before its body is read: 403 a foreign origin, the answer to a preflight request, 401, 429 when the
  /// most that may wait are waiting. With the CORS headers that browsers want. nullopt: go on.
  std::optional<HttpResponse> refuse_early(const HttpRequest& head);

  enum class Delivery {
    Delivered,
    NotDelivered,  // 503: given up, or stopping
    TooMany,       // 429: the queue is full and enough wait already
    TooLate,       // 503: response_timeout passed; the events may be delivered all the same
  };
  /// Hands a chunk over, waiting for room, then for its token.
  Awaitable<Delivery> deliver(EventSink& sink, ChunkPtr chunk);
  /// The answer for a request that was not delivered, with Retry-After. `outcome` is not Delivered.
  static HttpResponse refusal_for(Delivery outcome);

  /// Adds the CORS headers to an answer, when its request is of an allowed origin.
  void add_cors_headers(const HttpRequest& request, HttpResponse& response) const;

  /// The endpoint that these options describe, without its service.
  static Endpoint endpoint_for(const HttpServerOptions& options, const PluginContext& context);

 private:
  class WaitingRoom;
  std::optional<HttpResponse> refusal_of(const HttpRequest& head);
  bool is_allowed_origin(std::string_view origin) const;
  HttpResponse preflight_answer(const HttpRequest& head) const;

  std::optional<std::string> user_;
  std::string password_;
  std::optional<std::chrono::steady_clock::duration> patience_;
  std::vector<std::string> origins_;
  std::string methods_;
  Style style_;
  std::shared_ptr<WaitingRoom> room_;
  Counter& unauthorized_;
  Counter& too_many_;
  Counter& not_delivered_;
  Counter& too_late_;
};

}  // namespace logboom
