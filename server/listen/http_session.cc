#include "server/listen/http_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "pipeline/base/log.h"
#include "server/listen/http_request_reader.h"
#include "server/listen/http_stream.h"

namespace logboom {
namespace {

constexpr auto kLingering = std::chrono::seconds(3);
constexpr std::size_t kLingeringBytes = 64 * 1024 * 1024;

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return status < 400 ? "OK" : "Error";
  }
}

/// Text for a header line: what would end the line is left out.
void append_header_text(std::string_view text, std::string& out) {
  for (const char c : text)
    if (c != '\r' && c != '\n' && c != '\0') out += c;
}

enum class AfterAnswer {
  KeepAlive,
  Close,
  GoOn,  // the body has no length: it ends with the connection
};

/// The answer as bytes (RFC 9112). A HEAD request is told the length that it does not get.
std::string render(const HttpResponse& response, AfterAnswer after, bool is_head) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  const bool has_body = response.status != 204 && response.status != 304;
  for (const auto& [name, value] : response.headers) {
    append_header_text(name, out);
    out += ": ";
    append_header_text(value, out);
    out += "\r\n";
  }
  if (has_body && after != AfterAnswer::GoOn)
    fmt::format_to(std::back_inserter(out), "content-length: {}\r\n", response.body.size());
  if (after != AfterAnswer::KeepAlive) out += "connection: close\r\n";
  out += "\r\n";
  if (has_body && !is_head) out += response.body;
  return out;
}

void count_refusal(int status, ListenCounters& counters) {
  switch (status) {
    case 413: counters.too_large_requests.add(); break;
    case 408: counters.request_timeouts.add(); break;
    case 400:
    case 415:
    case 431:
    case 501:
    case 505: counters.bad_requests.add(); break;
    default: break;  // the service's own refusals: it counts them
  }
}

void count_answer(int status, ListenCounters& counters) {
  if (status < 300) {
    counters.answers_2xx.add();
  } else if (status < 500) {
    counters.answers_4xx.add();
  } else {
    counters.answers_5xx.add();
  }
}

/// Reads on for a while after a refusal: closing at once would reset the connection before the peer has read why.
Awaitable<void> linger(Connection& connection) {
  connection.finish_sending();
  connection.set_interruptions(Interruptions::Allowed);
  connection.set_read_deadline(std::chrono::steady_clock::now() + kLingering);
  std::size_t discarded = 0;
  while (discarded < kLingeringBytes) {
    const Buffer received = co_await connection.read_some();
    if (received.empty()) co_return;
    discarded += received.size();
  }
}

Awaitable<HttpResponse> answer(HttpService& service, HttpRequest request, EventSink& sink, Connection& connection,
                               std::shared_ptr<HttpStream>& rest, ListenCounters& counters) {
  HttpResponse response;
  try {
    auto* const own = dynamic_cast<SessionHttpService*>(&service);
    if (own == nullptr) {
      response = co_await service.answer(std::move(request), sink);
    } else {
      StreamedResponse streamed = co_await own->serve(std::move(request), connection.tls());
      response = std::move(streamed.head);
      rest = std::move(streamed.rest);
    }
  } catch (const std::exception& failure) {
    counters.failed_sessions.add();
    log_error("listen", "an HTTP request failed: {}", failure.what());
    response = HttpResponse(500, "internal error\n");
  }
  co_return response;
}

/// Sends one answer. False: the connection is over, the answer's end included.
Awaitable<bool> send_answer(Connection& connection, const HttpResponse& response, AfterAnswer after, bool is_head,
                            ListenCounters& counters) {
  count_answer(response.status, counters);
  const std::string bytes = render(response, after, is_head);
  const auto sent = co_await connection.write(bytes);
  if (sent && after == AfterAnswer::KeepAlive) co_return true;
  if (sent) co_await linger(connection);
  co_return false;
}

/// Sends an answer's head, and what follows for as long as both sides want it.
Awaitable<void> send_stream(Connection& connection, const HttpResponse& head, HttpStream& rest, ListenCounters& counters) {
  count_answer(head.status, counters);
  const std::string bytes = render(head, AfterAnswer::GoOn, false);
  const auto sent = co_await connection.write(bytes);
  if (!sent) co_return;
  co_await rest.write_to(connection);
  co_await linger(connection);
}

/// Reads one request and answers it; true when the connection goes on. In a frame of its own, which ends with the request.
Awaitable<bool> serve_request(Connection& connection, EndpointBinding& binding, HttpRequestReader& reader,
                              ListenCounters& counters) {
  const std::shared_ptr<const BoundService> waiting_for = binding.current();
  connection.adopt(*waiting_for);
  HttpRequest request;
  const auto outcome = co_await reader.read(*waiting_for, request);
  if (outcome == HttpRequestReader::Outcome::Rebinding) co_return true;
  if (outcome == HttpRequestReader::Outcome::Closed || outcome == HttpRequestReader::Outcome::Draining) co_return false;
  const bool is_head = request.method == "HEAD";
  if (outcome == HttpRequestReader::Outcome::Refused || outcome == HttpRequestReader::Outcome::Answered) {
    count_refusal(reader.refusal().status, counters);
    const bool is_over =
        outcome == HttpRequestReader::Outcome::Refused || !reader.is_kept_alive() || connection.is_draining();
    const auto after = is_over ? AfterAnswer::Close : AfterAnswer::KeepAlive;
    co_return co_await send_answer(connection, reader.refusal(), after, is_head, counters);
  }
  counters.requests.add();
  const std::shared_ptr<const BoundService> bound = binding.current();
  if (!bound->endpoint.http) co_return false;
  std::shared_ptr<HttpStream> rest;
  const HttpResponse response =
      co_await answer(*bound->endpoint.http, std::move(request), *bound->sink, connection, rest, counters);
  if (rest && !is_head) {
    co_await send_stream(connection, response, *rest, counters);
    co_return false;
  }
  const bool is_kept = reader.is_kept_alive() && !connection.is_draining();
  const auto after = is_kept ? AfterAnswer::KeepAlive : AfterAnswer::Close;
  co_return co_await send_answer(connection, response, after, is_head, counters);
}

}  // namespace

Awaitable<void> serve_http(Connection& connection, EndpointBinding& binding, ListenCounters& counters) {
  HttpRequestReader reader(connection);
  for (;;) {
    const bool goes_on = co_await serve_request(connection, binding, reader, counters);
    if (!goes_on) co_return;
  }
}

}  // namespace logboom
