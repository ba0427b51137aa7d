#include "pipeline/net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/net/http_text.h"
#include "pipeline/net/tls_limits.h"

namespace logboom {
namespace {

struct Waiting {
  HttpCall call;
  HttpClient::Callback done;
};

/// One request under way. libcurl points into it until it is finished.
struct Transfer {
  Waiting request;
  curl_slist* headers = nullptr;
  HttpAnswer answer;
  std::size_t max_answer_bytes = 0;
  char error_text[CURL_ERROR_SIZE] = {};

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { curl_slist_free_all(headers); }

  void add_header(const std::string& line) {
    curl_slist* longer = curl_slist_append(headers, line.c_str());
    if (longer != nullptr) headers = longer;
  }
};

std::size_t receive_body(char* data, std::size_t, std::size_t size, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  const std::size_t room = transfer.max_answer_bytes - std::min(transfer.max_answer_bytes, transfer.answer.body.size());
  transfer.answer.body.append(data, std::min(room, size));
  return size;
}

/// Called by libcurl for every context that it makes.
CURLcode apply_tls_limits(CURL*, void* context, void* given) {
  const auto& options = *static_cast<const HttpClientOptions*>(given);
  const bool is_done =
      restrict_tls(static_cast<ssl_ctx_st*>(context), options.tls_protocols, options.cipher_suites).has_value();
  return is_done ? CURLE_OK : CURLE_SSL_CIPHER;
}

/// A header value from an event must not begin a header of its own.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; }, ' ');
  return text;
}

long to_milliseconds(double seconds) { return static_cast<long>(seconds * 1000); }

Error transfer_error(CURLcode code, const Transfer& transfer) {
  const std::string what = transfer.error_text[0] != '\0' ? transfer.error_text : curl_easy_strerror(code);
  // What answers in no HTTP that we know is called an unsupported protocol as well.
  const bool is_no_http = what.find("HTTP/0.9") != std::string::npos;
  const bool is_hopeless = code == CURLE_URL_MALFORMAT || (code == CURLE_UNSUPPORTED_PROTOCOL && !is_no_http);
  return Error{is_hopeless ? ErrorCode::InvalidArgument : ErrorCode::Unavailable, what};
}

void initialise_curl() {
  static const CURLcode status = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (status != CURLE_OK) log_error("http_client", "libcurl cannot start: {}", curl_easy_strerror(status));
}

}  // namespace

struct HttpClient::State {
  explicit State(HttpClientOptions chosen) : options(std::move(chosen)) {
    initialise_curl();
    multi = curl_multi_init();
    if (options.keeps_cookies) {  // all on one thread: no locks are needed
      cookies = curl_share_init();
      curl_share_setopt(cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    }
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_transfers));
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options.max_transfers_per_host));
    thread = std::thread([this] { run(); });
  }
  ~State() {
    for (CURL* easy : idle_handles) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    if (cookies != nullptr) curl_share_cleanup(cookies);
  }

  void run();
  void start_waiting();
  void start(Waiting request);
  void collect_finished();
  Waiting take_back(CURL* easy);
  void finish(CURL* easy, Result<HttpAnswer> result);
  void cancel_everything();
  void configure(CURL* easy, Transfer& transfer);

  const HttpClientOptions options;
  CURLM* multi = nullptr;
  CURLSH* cookies = nullptr;  // of all handles together
  std::thread thread;

  // Of the client's thread.
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> running;
  std::vector<CURL*> idle_handles;

  std::mutex mutex;
  std::condition_variable became_idle;
  std::deque<Waiting> waiting;
  std::size_t open = 0;  // waiting or running
  bool is_closing = false;
  bool is_cancelling = false;
};

void HttpClient::State::run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex);
      if (is_cancelling) break;
    }
    start_waiting();
    int still_running = 0;
    curl_multi_perform(multi, &still_running);
    collect_finished();
    bool has_more_to_start = false;
    {
      const std::lock_guard lock(mutex);
      has_more_to_start = !waiting.empty() && running.size() < options.max_transfers;
    }
    if (!has_more_to_start) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  cancel_everything();
}

void HttpClient::State::start_waiting() {
  while (running.size() < options.max_transfers) {
    Waiting request;
    {
      const std::lock_guard lock(mutex);
      if (waiting.empty()) return;
      request = std::move(waiting.front());
      waiting.pop_front();
    }
    start(std::move(request));
  }
}

void HttpClient::State::start(Waiting request) {
  CURL* easy = nullptr;
  if (idle_handles.empty()) {
    easy = curl_easy_init();
  } else {
    easy = idle_handles.back();
    idle_handles.pop_back();
  }
  auto transfer = std::make_unique<Transfer>();
  transfer->request = std::move(request);
  transfer->max_answer_bytes = options.max_answer_bytes;
  Transfer& started = *transfer;
  running.emplace(easy, std::move(transfer));
  configure(easy, started);
  if (curl_multi_add_handle(multi, easy) != CURLM_OK)
    finish(easy, Error{ErrorCode::Unavailable, "no room for another request"});
}

void HttpClient::State::configure(CURL* easy, Transfer& transfer) {
  const HttpCall& call = transfer.request.call;
  curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error_text);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  if (call.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (call.method == "GET" && call.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    if (call.method != "POST") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }
  transfer.add_header("Expect:");
  for (const auto& [name, value] : call.headers)
    transfer.add_header(on_one_line(value.empty() ? name + ";" : name + ": " + value));
  if (!options.keeps_connections) transfer.add_header("Connection: close");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, options.follows_redirects ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_POSTREDIR, static_cast<long>(CURL_REDIR_POST_ALL));
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, to_milliseconds(options.request_seconds));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, to_milliseconds(options.connect_seconds));
  if (options.silence_seconds > 0) {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(options.silence_seconds)));
  }
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!options.keeps_connections) curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy.c_str());
  if (!options.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(easy, CURLOPT_USERNAME, options.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, options.password.c_str());
  }
  if (cookies != nullptr) curl_easy_setopt(easy, CURLOPT_SHARE, cookies);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.tls_protocols.empty() || !options.cipher_suites.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, apply_tls_limits);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, const_cast<HttpClientOptions*>(&options));
  }
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options.verifies_peer ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options.verifies_peer && options.verifies_name ? 2L : 0L);
  if (!options.authorities_pem.empty()) {
    curl_blob authorities{const_cast<char*>(options.authorities_pem.data()), options.authorities_pem.size(),
                          CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authorities);
  }
  if (!options.certificate_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, options.certificate_file.c_str());
  if (!options.key_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, options.key_file.c_str());
  if (!options.key_passphrase.empty()) curl_easy_setopt(easy, CURLOPT_KEYPASSWD, options.key_passphrase.c_str());
}

void HttpClient::State::collect_finished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode code = message->data.result;
    curl_multi_remove_handle(multi, easy);
    Transfer& transfer = *running.at(easy);
    if (code != CURLE_OK) {
      const Error error = transfer_error(code, transfer);
      if (error.code != ErrorCode::Unavailable || transfer.request.call.retries == 0) {
        finish(easy, error);
      } else {
        --transfer.request.call.retries;
        start(take_back(easy));
      }
      continue;
    }
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    transfer.answer.status = static_cast<int>(status);
    const char* type = nullptr;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    if (type != nullptr) transfer.answer.content_type = type;
    if (options.keeps_answer_headers)
      for (curl_header* header = nullptr; (header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header)) != nullptr;)
        transfer.answer.headers.emplace_back(lower_case(header->name), header->value);
    finish(easy, std::move(transfer.answer));
  }
}

/// The request of a handle, which is idle then. It is in no multi any more.
Waiting HttpClient::State::take_back(CURL* easy) {
  const auto found = running.find(easy);
  const std::unique_ptr<Transfer> transfer = std::move(found->second);
  running.erase(found);
  curl_easy_reset(easy);  // lets go of what points into the transfer
  idle_handles.push_back(easy);
  return std::move(transfer->request);
}

/// Tells who asked. The handle is in no multi any more.
void HttpClient::State::finish(CURL* easy, Result<HttpAnswer> result) {
  const Waiting request = take_back(easy);
  try {
    request.done(std::move(result));
  } catch (const std::exception& failure) {
    log_error("http_client", "a request's callback failed: {}", failure.what());
  }
  const std::lock_guard lock(mutex);
  if (--open == 0) became_idle.notify_all();
}

void HttpClient::State::cancel_everything() {
  const Error cancelled{ErrorCode::Cancelled, "the HTTP client is closing"};
  while (!running.empty()) {
    CURL* easy = running.begin()->first;
    curl_multi_remove_handle(multi, easy);
    finish(easy, cancelled);
  }
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex);
    left.swap(waiting);
    open -= left.size();
  }
  for (Waiting& request : left) request.done(cancelled);
  const std::lock_guard lock(mutex);
  became_idle.notify_all();
}

HttpClient::HttpClient(HttpClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}

HttpClient::~HttpClient() { close(std::chrono::milliseconds(0)); }

void HttpClient::send(HttpCall call, Callback done) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->is_closing) {
      state_->waiting.push_back({std::move(call), std::move(done)});
      ++state_->open;
      curl_multi_wakeup(state_->multi);
      return;
    }
  }
  done(Error{ErrorCode::Cancelled, "the HTTP client is closing"});
}

void HttpClient::close(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(state_->mutex);
    state_->is_closing = true;
    state_->became_idle.wait_for(lock, patience, [this] { return state_->open == 0; });
    if (state_->is_cancelling) return;
    state_->is_cancelling = true;
  }
  curl_multi_wakeup(state_->multi);
  if (state_->thread.joinable()) state_->thread.join();
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                          byte == '-' || byte == '.' || byte == '_' || byte == '~';
    if (is_plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace logboom
