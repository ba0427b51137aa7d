// What a service of our own may do beyond HttpService: know who sits behind TLS, and answers that go on.
#pragma once

#include <memory>
#include <optional>

#include "pipeline/plugin/input.h"
#include "server/listen/connection.h"

namespace logboom {

/// The body of an answer that goes on until either side has enough. Once, on the connection's strand.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  /// Writes to the connection; returns when the peer has left, Connection::is_draining(), or nothing more is to come. Reads
  /// are not interrupted: one with a deadline looks for both.
  virtual Awaitable<void> write_to(Connection& connection) = 0;
};

struct StreamedResponse {
  HttpResponse head;                 // with its body, when nothing goes on
  std::shared_ptr<HttpStream> rest;  // nullptr: the answer is complete
};

/// Found by sessions with a dynamic_cast. Calls overlap. `tls` is the connection's handshake, or nullptr.
class SessionHttpService : public HttpService {
 public:
  /// In place of refuse_early().
  virtual std::optional<HttpResponse> screen(const HttpRequest& head, const TlsSession* tls) = 0;
  /// In place of answer().
  virtual Awaitable<StreamedResponse> serve(HttpRequest request, const TlsSession* tls) = 0;
};

}  // namespace logboom
