// Cuts one connection's bytes into HTTP requests.
#pragma once

#include <memory>
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
    Answered,   // answer with refusal(); the request was read to its end and the connection can be kept
    Refused,    // answer with refusal() and close
  };

  explicit HttpRequestReader(Connection& connection);
  ~HttpRequestReader();
  HttpRequestReader(const HttpRequestReader&) = delete;
  HttpRequestReader& operator=(const HttpRequestReader&) = delete;

  /// Waits for the next request and reads all of it into `request`, within the limits of the endpoint. Its service may
  /// refuse it before the body is read.
  Awaitable<Outcome> read(const BoundService& bound, HttpRequest& request);
  /// Status and text for the peer, after Answered and Refused.
  const HttpResponse& refusal() const { return refusal_; }
  /// Whether the last request allows another one on this connection.
  bool is_kept_alive() const { return is_kept_alive_; }

 private:
  struct Parsing;
  /// Parses as much of `input` as it can, which it shortens by that. Refused, or Request: go on.
  Outcome parse(std::string_view& input, Parsing& parsing);
  /// Copies the request's head and asks the service about it. Request: go on, also when is_refused_.
  Outcome screen(const BoundService& bound, Parsing& parsing, HttpRequest& request);
  Outcome refuse(int status, std::string_view text);
  /// The same for a request that was read to its end.
  Outcome refuse_and_go_on(int status, std::string_view text);
  Outcome closed_or_late() const;
  /// Puts what a read delivered behind the bytes that wait; `waiting` is their unparsed rest.
  std::string_view join(std::string_view waiting, std::string_view received);
  Outcome finish_body(const Endpoint& endpoint, HttpRequest& request);

  Connection& connection_;
  std::string unparsed_;  // received behind the last request, or the start of a header
  HttpResponse refusal_;
  bool is_kept_alive_ = false;
  bool is_refused_ = false;  // the rest of the body is thrown away
};

}  // namespace logboom
