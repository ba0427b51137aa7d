// HTTP requests to destinations: many at a time on one thread, connections kept and reused, TLS where the URL says https.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/net/http_exchange.h"

namespace logboom {

struct HttpClientOptions {
  std::size_t max_transfers = 50;  // at the same time; the others wait in line
  std::size_t max_transfers_per_host = 25;
  double request_seconds = 60;  // from the first byte sent to the last received
  double connect_seconds = 10;
  double silence_seconds = 10;    // nothing sent or received for so long; 0: no limit
  bool follows_redirects = true;  // up to ten, with the same method
  bool keeps_connections = true;
  bool keeps_cookies = true;
  bool verifies_peer = true;  // the certificate and, unless verifies_name says otherwise, the name in it
  bool verifies_name = true;
  std::string authorities_pem;   // trusted certificates instead of the system's; empty: the system's
  std::string certificate_file;  // PEM, for destinations that ask for a client certificate
  std::string key_file;
  std::string key_passphrase;
  std::vector<std::string> tls_protocols;  // "TLSv1.2", "TLSv1.3"; empty: both
  std::vector<std::string> cipher_suites;  // IANA or OpenSSL names; empty: OpenSSL's own
  std::string proxy;                       // "http://host:port"; the environment is not looked at
  std::string user;                        // basic authentication; empty: none
  std::string password;
  std::size_t max_answer_bytes = 1024 * 1024;  // of a body; what is beyond is read and thrown away
  bool keeps_answer_headers = false;           // HttpAnswer::headers is filled
};

struct HttpCall {
  std::string method = "POST";
  std::string url;
  HttpHeaders headers;
  std::string body;
  std::uint64_t retries = 0;  // times that it is sent again at once when there is no answer
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string content_type;
  HttpHeaders headers;  // of the last answer, after redirects
};

/// Sends requests and calls back. Any thread.
class HttpClient {
 public:
  /// Called exactly once, on the client's thread; must not block, may call send(). Errors: Unavailable - the destination
  /// could not be reached, or was too slow: try again. InvalidArgument - the URL can never work. Cancelled - the client is
  /// closing.
  using Callback = std::function<void(Result<HttpAnswer>)>;

  explicit HttpClient(HttpClientOptions options);
  /// As close() without patience.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Puts a request in line. Never blocks.
  void send(HttpCall call, Callback done);
  /// Takes nothing more, waits at most this long for what was begun, and cancels the rest. Not on the client's thread.
  void close(std::chrono::milliseconds patience);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A text with every byte outside A-Z a-z 0-9 - . _ ~ as %XX (RFC 3986).
std::string percent_encoded(std::string_view text);

}  // namespace logboom
