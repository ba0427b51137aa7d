// Cuts one connection's bytes into HTTP requests.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/net/awaitable.h"
#include "pipeline/net/http_exchange.h"
#include "server/listen/connection.h"

namespace logboom {

/// Reads requests; owned and used by one session.
class HttpRequestReader {
 public:
  enum class Outcome {
    Request,    // complete, body inflated
    Closed,     // the peer closed, or the idle limit passed, between requests or inside one
    Draining,   // the listener drains and no request had begun
    Rebinding,  // the input was replaced and no request had begun
    Refused,    // answer with refusal() and close
  };

  explicit HttpRequestReader(Connection& connection) : connection_(connection) {}

  /// Waits for the next request and reads all of it into `request`, within the limits of `endpoint`.
  Awaitable<Outcome> read(const Endpoint& endpoint, HttpRequest& request);
  /// Status and text for the peer, after Refused.
  const HttpResponse& refusal() const { return refusal_; }
  /// Whether the last request allows another one on this connection.
  bool is_kept_alive() const { return is_kept_alive_; }

 private:
  Outcome refuse(int status, std::string_view text);
  Outcome closed_or_late() const;
  /// Puts what a read delivered behind the bytes that wait; `waiting` is their unparsed rest.
  std::string_view join(std::string_view waiting, std::string_view received);
  Outcome finish_body(const Endpoint& endpoint, HttpRequest& request);

  Connection& connection_;
  std::string unparsed_;  // received behind the last request, or the start of a header
  HttpResponse refusal_;
  bool is_kept_alive_ = false;
};

}  // namespace logboom
