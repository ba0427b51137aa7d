#include "server/listen/http_request_reader.h"

#include <algorithm>
#include <atomic>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>
#include <memory>

#include "pipeline/net/gzip.h"
#include "pipeline/net/http_text.h"
#include "pipeline/net/zstd.h"
#include "server/listen/http_stream.h"

namespace logboom {
namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kMaxHeaderBytes = 32 * 1024;
constexpr std::size_t kMaxWaitingBytes = 256 * 1024;    // one read beyond the longest thing that the parser waits for
constexpr std::size_t kFirstBodyBytes = 256 * 1024;     // a length that is only announced gets no more than this
constexpr std::uint64_t kMostThrownAway = 1024 * 1024;  // of a refused body, to keep its connection

/// Bytes of bodies that are being received, over all listeners: each is limited, and all of them together.
std::atomic<std::size_t> receiving_bytes{0};

/// Beast's idea of a body: it goes into a Buffer that grows with what really arrives.
struct BufferBody {
  struct value_type {
    Buffer memory;
    std::size_t size = 0;
    bool is_thrown_away = false;

    value_type() = default;
    ~value_type() { receiving_bytes.fetch_sub(size, std::memory_order_relaxed); }
    value_type(const value_type&) = delete;
    value_type& operator=(const value_type&) = delete;

    void append(const char* data, std::size_t bytes, std::size_t announced) {
      if (bytes == 0 || is_thrown_away) return;
      if (memory.size() - size < bytes) {
        const std::size_t doubled = std::max(size * 2, std::min(announced, kFirstBodyBytes));
        Buffer larger = Buffer::allocate(std::max(size + bytes, announced != 0 ? std::min(doubled, announced) : doubled));
        if (size != 0) std::memcpy(larger.writable_data(), memory.data(), size);
        memory = std::move(larger);
      }
      std::memcpy(memory.writable_data() + size, data, bytes);
      size += bytes;
      receiving_bytes.fetch_add(bytes, std::memory_order_relaxed);
    }
  };

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>& length, error_code& failure) {
      if (length) announced_ = static_cast<std::size_t>(*length);
      failure = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& failure) {
      std::size_t taken = 0;
      for (const net::const_buffer part : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(part.data()), part.size(), announced_);
        taken += part.size();
      }
      failure = {};
      return taken;
    }
    void finish(error_code& failure) { failure = {}; }

   private:
    value_type& body_;
    std::size_t announced_ = 0;
  };
};

using Parser = http::request_parser<BufferBody>;

/// Whether this body, which is not complete, should give way to the others.
bool is_too_much(const BufferBody::value_type& body, const Endpoint& endpoint) {
  const std::size_t all = receiving_bytes.load(std::memory_order_relaxed);
  return all > endpoint.max_receiving_bytes && body.size > kFirstBodyBytes;
}

void copy_head(const Parser& parser, HttpRequest& request) {
  const auto& message = parser.get();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.version = message.version() == 10 ? "HTTP/1.0" : "HTTP/1.1";
  request.headers.clear();
  for (const auto& field : message) request.headers.emplace_back(lower_case(field.name_string()), field.value());
}

}  // namespace

HttpRequestReader::Outcome HttpRequestReader::refuse(int status, std::string_view text) {
  refusal_ = HttpResponse(status, std::string(text) + "\n");
  return Outcome::Refused;
}

HttpRequestReader::Outcome HttpRequestReader::refuse_and_go_on(int status, std::string_view text) {
  refuse(status, text);
  return Outcome::Answered;
}

HttpRequestReader::Outcome HttpRequestReader::closed_or_late() const {
  switch (connection_.read_end()) {
    case ReadEnd::Draining: return Outcome::Draining;
    case ReadEnd::Rebinding: return Outcome::Rebinding;
    default: return Outcome::Closed;
  }
}

std::string_view HttpRequestReader::join(std::string_view waiting, std::string_view received) {
  if (waiting.empty()) {
    unparsed_.clear();
  } else {
    unparsed_.erase(0, unparsed_.size() - waiting.size());
  }
  unparsed_.append(received);
  return unparsed_;
}

/// The parser of one request. Made when its first bytes are there: a connection that waits has none.
struct HttpRequestReader::Parsing {
  explicit Parsing(const Endpoint& endpoint) {
    parser.eager(true);
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(endpoint.max_request_bytes);
  }
  bool wants_continue() const {
    return !has_said_continue && parser.get().version() >= 11 &&
           equals_ignoring_case(std::string_view(parser.get()[http::field::expect]), "100-continue");
  }
  /// Whether throwing the rest of the body away is worth the connection.
  bool is_rest_small() const {
    if (parser.is_done()) return true;
    const auto left = parser.content_length_remaining();
    return !wants_continue() && left && *left <= kMostThrownAway;
  }

  Parser parser;
  bool has_begun = false;
  bool has_said_continue = false;
  bool is_screened = false;
};

HttpRequestReader::HttpRequestReader(Connection& connection) : connection_(connection) {}
HttpRequestReader::~HttpRequestReader() = default;

HttpRequestReader::Outcome HttpRequestReader::parse(std::string_view& input, Parsing& parsing) {
  Parser& parser = parsing.parser;
  while (!parsing.has_begun && !input.empty() && (input.front() == '\r' || input.front() == '\n')) input.remove_prefix(1);
  while (!input.empty() && !parser.is_done()) {
    parsing.has_begun = true;
    error_code failure;
    const std::size_t parsed = parser.put(net::const_buffer(input.data(), input.size()), failure);
    input.remove_prefix(parsed);
    if (failure == http::error::need_more || (!failure && parsed == 0)) break;
    if (failure == http::error::body_limit) return refuse(413, "request body is too large");
    if (failure == http::error::header_limit) return refuse(431, "request header fields are too large");
    if (failure == http::error::bad_version) return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken");
    if (failure) return refuse(400, "bad request: " + failure.message());
  }
  if (!parser.is_done() && input.size() > kMaxWaitingBytes) return refuse(400, "bad request: a chunk header is too large");
  return Outcome::Request;
}

HttpRequestReader::Outcome HttpRequestReader::screen(const BoundService& bound, Parsing& parsing, HttpRequest& request) {
  parsing.is_screened = true;
  Parser& parser = parsing.parser;
  copy_head(parser, request);
  request.peer = connection_.peer();
  request.local = connection_.local();
  is_kept_alive_ = parser.get().keep_alive();
  const std::string_view encoding = trimmed(request.header("transfer-encoding"));
  if (!encoding.empty() && !equals_ignoring_case(encoding, "chunked")) return refuse(501, "unknown Transfer-Encoding");
  if (!bound.endpoint.http) return Outcome::Closed;
  auto* const service = dynamic_cast<SessionHttpService*>(bound.endpoint.http.get());
  std::optional<HttpResponse> refusal =
      service != nullptr ? service->screen(request, connection_.tls()) : bound.endpoint.http->refuse_early(request);
  if (!refusal) return Outcome::Request;
  refusal_ = *std::move(refusal);
  if (!parsing.is_rest_small()) return Outcome::Refused;
  parser.get().body().is_thrown_away = true;
  is_refused_ = true;
  return Outcome::Request;
}

Awaitable<HttpRequestReader::Outcome> HttpRequestReader::read(const BoundService& bound, HttpRequest& request) {
  Buffer received;
  std::string_view input;
  if (unparsed_.empty()) {
    unparsed_.shrink_to_fit();
    connection_.set_interruptions(Interruptions::Allowed);
    connection_.set_read_deadline(std::nullopt);
    received = co_await connection_.read_some();
    if (received.empty()) co_return closed_or_late();
    input = received.view();
  } else {
    input = unparsed_;
  }
  connection_.set_interruptions(Interruptions::Held);
  const auto patience = std::chrono::duration<double>(std::clamp(bound.endpoint.request_seconds, 0.001, 1e6));
  connection_.set_read_deadline(std::chrono::steady_clock::now() +
                                std::chrono::duration_cast<std::chrono::steady_clock::duration>(patience));
  const auto parsing = std::make_unique<Parsing>(bound.endpoint);
  Parser& parser = parsing->parser;
  is_refused_ = false;
  for (;;) {
    if (parse(input, *parsing) == Outcome::Refused) co_return Outcome::Refused;
    if (parser.is_header_done() && !parsing->is_screened) {
      const Outcome outcome = screen(bound, *parsing, request);
      if (outcome != Outcome::Request) co_return outcome;
    }
    if (parser.is_done()) break;
    if (is_too_much(parser.get().body(), bound.endpoint)) {
      refuse(503, "too many large requests at once, send it again");
      refusal_.headers.emplace_back("Retry-After", "1");
      co_return Outcome::Refused;
    }
    if (parser.is_header_done() && !is_refused_ && parsing->wants_continue()) {
      parsing->has_said_continue = true;
      const auto sent = co_await connection_.write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return Outcome::Closed;
    }
    // What waits unparsed is moved out of the read buffer, so that one buffer at a time is held.
    const bool waits_in_place = !input.empty() && !unparsed_.empty() && input.data() >= unparsed_.data() &&
                                input.data() < unparsed_.data() + unparsed_.size();
    if (!waits_in_place) {
      unparsed_.assign(input);
      input = unparsed_;
    }
    received = Buffer();
    received = co_await connection_.read_some();
    if (received.empty()) {
      if (connection_.read_end() == ReadEnd::TimedOut && parsing->has_begun)
        co_return refuse(408, "the request was not complete in time");
      co_return Outcome::Closed;
    }
    input = input.empty() ? received.view() : join(input, received.view());
  }
  std::string rest(input);
  unparsed_ = std::move(rest);
  if (is_refused_) co_return Outcome::Answered;
  auto& body = parser.get().body();
  request.body = body.memory.slice(0, body.size);
  co_return finish_body(bound.endpoint, request);
}

HttpRequestReader::Outcome HttpRequestReader::finish_body(const Endpoint& endpoint, HttpRequest& request) {
  const std::string_view encoding = trimmed(request.header("content-encoding"));
  if (encoding.empty() || equals_ignoring_case(encoding, "identity") || request.body.empty()) return Outcome::Request;
  const bool is_zstd = equals_ignoring_case(encoding, "zstd");
  if (!is_zstd && !equals_ignoring_case(encoding, "gzip") && !equals_ignoring_case(encoding, "x-gzip") &&
      !equals_ignoring_case(encoding, "deflate"))
    return refuse_and_go_on(415, "unknown Content-Encoding: gzip, deflate and zstd are read");
  auto inflated = is_zstd ? zstd_decompress_body(request.body.view(), endpoint.max_request_bytes)
                          : inflate_body(request.body.view(), endpoint.max_request_bytes);
  if (inflated) {
    request.body = *std::move(inflated);
    return Outcome::Request;
  }
  if (inflated.error().code == ErrorCode::TooLarge)
    return refuse_and_go_on(413, "request body is too large when decompressed");
  return refuse_and_go_on(400, inflated.error().message);
}

}  // namespace logboom
