#include "server/listen/http_request_reader.h"

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>

#include "pipeline/net/gzip.h"

namespace logboom {
namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kMaxHeaderBytes = 32 * 1024;
constexpr std::size_t kMaxWaitingBytes = 256 * 1024;  // one read beyond the longest thing that the parser waits for
constexpr std::size_t kFirstBodyBytes = 64 * 1024;    // a length that is only announced gets no more than this

/// Beast's idea of a body: it goes into a Buffer that grows with what really arrives.
struct BufferBody {
  struct value_type {
    Buffer memory;
    std::size_t size = 0;

    void append(const char* data, std::size_t bytes, std::size_t announced) {
      if (bytes == 0) return;
      if (memory.size() - size < bytes) {
        const std::size_t doubled = std::max(size * 2, std::min(announced, kFirstBodyBytes));
        Buffer larger = Buffer::allocate(std::max(size + bytes, announced != 0 ? std::min(doubled, announced) : doubled));
        if (size != 0) std::memcpy(larger.writable_data(), memory.data(), size);
        memory = std::move(larger);
      }
      std::memcpy(memory.writable_data() + size, data, bytes);
      size += bytes;
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

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void copy_head(const Parser& parser, HttpRequest& request) {
  const auto& message = parser.get();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.version = message.version() == 10 ? "HTTP/1.0" : "HTTP/1.1";
  request.headers.clear();
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
}

}  // namespace

HttpRequestReader::Outcome HttpRequestReader::refuse(int status, std::string_view text) {
  refusal_ = HttpResponse(status, std::string(text) + "\n");
  return Outcome::Refused;
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

Awaitable<HttpRequestReader::Outcome> HttpRequestReader::read(const Endpoint& endpoint, HttpRequest& request) {
  Parser parser;
  parser.eager(true);
  parser.header_limit(kMaxHeaderBytes);
  parser.body_limit(endpoint.max_request_bytes);

  Buffer received;
  std::string_view input;
  if (unparsed_.empty()) {
    connection_.set_interruptions(Interruptions::Allowed);
    connection_.set_read_deadline(std::nullopt);
    received = co_await connection_.read_some();
    if (received.empty()) co_return closed_or_late();
    input = received.view();
  } else {
    input = unparsed_;
  }
  connection_.set_interruptions(Interruptions::Held);
  const auto patience = std::chrono::duration<double>(std::clamp(endpoint.request_seconds, 0.001, 1e6));
  connection_.set_read_deadline(std::chrono::steady_clock::now() +
                                std::chrono::duration_cast<std::chrono::steady_clock::duration>(patience));
  bool has_begun = false;
  bool has_said_continue = false;
  for (;;) {
    while (!has_begun && !input.empty() && (input.front() == '\r' || input.front() == '\n')) input.remove_prefix(1);
    while (!input.empty() && !parser.is_done()) {
      has_begun = true;
      error_code failure;
      const std::size_t parsed = parser.put(net::const_buffer(input.data(), input.size()), failure);
      input.remove_prefix(parsed);
      if (failure == http::error::need_more || (!failure && parsed == 0)) break;
      if (failure == http::error::body_limit) co_return refuse(413, "request body is too large");
      if (failure == http::error::header_limit) co_return refuse(431, "request header fields are too large");
      if (failure == http::error::bad_version) co_return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken");
      if (failure) co_return refuse(400, "bad request: " + failure.message());
    }
    if (parser.is_done()) break;
    if (input.size() > kMaxWaitingBytes) co_return refuse(400, "bad request: a chunk header is too large");
    if (parser.is_header_done() && !has_said_continue && parser.get().version() >= 11 &&
        equals_ignoring_case(std::string_view(parser.get()[http::field::expect]), "100-continue")) {
      has_said_continue = true;
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
    received = co_await connection_.read_some();
    if (received.empty()) {
      if (connection_.read_end() == ReadEnd::TimedOut && has_begun)
        co_return refuse(408, "the request was not complete in time");
      co_return Outcome::Closed;
    }
    input = input.empty() ? received.view() : join(input, received.view());
  }
  std::string rest(input);
  unparsed_ = std::move(rest);
  const std::string_view encoding = trimmed(std::string_view(parser.get()[http::field::transfer_encoding]));
  if (!encoding.empty() && !equals_ignoring_case(encoding, "chunked")) co_return refuse(501, "unknown Transfer-Encoding");
  copy_head(parser, request);
  auto& body = parser.get().body();
  request.body = body.memory.slice(0, body.size);
  request.peer = connection_.peer();
  request.local = connection_.local();
  is_kept_alive_ = parser.get().keep_alive();
  co_return finish_body(endpoint, request);
}

HttpRequestReader::Outcome HttpRequestReader::finish_body(const Endpoint& endpoint, HttpRequest& request) {
  const std::string_view encoding = trimmed(request.header("content-encoding"));
  if (encoding.empty() || equals_ignoring_case(encoding, "identity") || request.body.empty()) return Outcome::Request;
  if (!equals_ignoring_case(encoding, "gzip") && !equals_ignoring_case(encoding, "x-gzip") &&
      !equals_ignoring_case(encoding, "deflate")) {
    return refuse(415, "unknown Content-Encoding: gzip and deflate are read");
  }
  auto inflated = inflate_body(request.body.view(), endpoint.max_request_bytes);
  if (inflated) {
    request.body = *std::move(inflated);
    return Outcome::Request;
  }
  if (inflated.error().code == ErrorCode::TooLarge) return refuse(413, "request body is too large when inflated");
  return refuse(400, inflated.error().message);
}

}  // namespace logboom
