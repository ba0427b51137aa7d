#include "pipeline/plugin/http_lookup.h"

#include <fmt/format.h>

#include <condition_variable>

#include "pipeline/plugin/tls_options.h"

namespace logboom {
namespace {

/// What tells one request from another.
std::string key_of(const HttpCall& call) {
  std::string key = call.method + '\n' + call.url + '\n';
  for (const auto& [name, value] : call.headers) key += name + ':' + value + '\n';
  return key + '\n' + call.body;
}

/// Answers of one batch on their way.
struct Pending {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t open = 0;
};

}  // namespace

HttpLookup::HttpLookup(const HttpLookupOptions& options, const PluginContext& context)
    : cache_size_(options.cache_size),
      cache_ttl_(options.cache_ttl.seconds),
      retries_(options.automatic_retries),
      clock_(context.clock()),
      requests_(context.metrics().counter("requests")),
      hits_(context.metrics().counter("cache_hits")),
      failures_(context.metrics().counter("failed_requests")),
      latency_(context.metrics().histogram("request_latency")) {
  HttpClientOptions to;
  to.max_transfers = options.pool_max;
  to.max_transfers_per_host = options.pool_max_per_route;
  to.request_seconds = options.request_timeout.seconds;
  to.connect_seconds = options.connect_timeout.seconds;
  to.silence_seconds = options.socket_timeout.seconds;
  to.follows_redirects = options.follow_redirects;
  to.keeps_connections = options.keepalive;
  to.keeps_cookies = false;
  to.verifies_peer = options.ssl_verification_mode == "full";
  to.certificate_file = options.ssl_certificate.value_or("");
  to.key_file = options.ssl_key.value_or("");
  to.proxy = options.proxy.value_or("");
  to.user = options.user.value_or("");
  if (options.password) to.password = options.password->value;
  to.keeps_answer_headers = true;
  to.max_answer_bytes = 16 * 1024 * 1024;
  to.authorities_pem = read_certificate_authorities(options.ssl_certificate_authorities, context);
  if (options.user.has_value() != options.password.has_value())
    context.error(options.user ? "user" : "password", "user and password belong together", "give both, or neither");
  if (options.ssl_certificate.has_value() != options.ssl_key.has_value())
    context.error(options.ssl_key ? "ssl_key" : "ssl_certificate", "ssl_certificate and ssl_key belong together",
                  "give both, or neither");
  client_ = std::make_unique<HttpClient>(std::move(to));
}

HttpLookup::AnswerPtr HttpLookup::find(const std::string& key) {
  if (cache_size_ == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto kept = found->second;
  if (kept->until < clock_.steady_now()) {
    by_key_.erase(found);
    recent_.erase(kept);
    return nullptr;
  }
  recent_.splice(recent_.begin(), recent_, kept);
  return kept->answer;
}

void HttpLookup::keep(const std::string& key, const AnswerPtr& answer) {
  if (cache_size_ == 0 || !*answer || (*answer)->status >= 500 || (*answer)->status == 429) return;
  const auto until = clock_.steady_now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(cache_ttl_);
  const std::lock_guard lock(mutex_);
  if (by_key_.find(key) != by_key_.end()) return;
  recent_.push_front({key, answer, until});
  by_key_.emplace(recent_.front().key, recent_.begin());
  if (recent_.size() <= cache_size_) return;
  by_key_.erase(recent_.back().key);
  recent_.pop_back();
}

void HttpLookup::send(HttpCall call, std::uint64_t retries, std::function<void(Result<HttpAnswer>)> done) {
  requests_.add();
  const auto begun = std::chrono::steady_clock::now();
  HttpCall again = retries > 0 ? call : HttpCall{};
  client_->send(std::move(call),
                [this, again = std::move(again), retries, begun, done = std::move(done)](Result<HttpAnswer> answer) mutable {
                  latency_.observe(std::chrono::steady_clock::now() - begun);
                  if (!answer) failures_.add();
                  if (!answer && answer.error().code == ErrorCode::Unavailable && retries > 0) {
                    send(std::move(again), retries - 1, std::move(done));
                  } else {
                    done(std::move(answer));
                  }
                });
}

std::vector<HttpLookup::AnswerPtr> HttpLookup::ask(std::vector<HttpCall> calls) {
  std::vector<AnswerPtr> answers(calls.size());
  std::vector<std::string> keys(calls.size());
  std::unordered_map<std::string_view, std::size_t> first_of;  // place of the call that is sent for all equal ones
  const auto pending = std::make_shared<Pending>();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    keys[i] = key_of(calls[i]);
    answers[i] = find(keys[i]);
    if (answers[i] != nullptr) {
      hits_.add();
      continue;
    }
    if (const auto [place, is_new] = first_of.try_emplace(keys[i], i); !is_new) continue;
    {
      const std::lock_guard lock(pending->mutex);
      ++pending->open;
    }
    send(std::move(calls[i]), retries_, [pending, &answers, i](Result<HttpAnswer> answer) {
      const std::lock_guard lock(pending->mutex);
      answers[i] = std::make_shared<const Result<HttpAnswer>>(std::move(answer));
      if (--pending->open == 0) pending->changed.notify_all();
    });
  }
  {
    std::unique_lock lock(pending->mutex);
    pending->changed.wait(lock, [&] { return pending->open == 0; });
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto first = first_of.find(keys[i]);
    if (first == first_of.end()) continue;
    if (first->second == i) {
      keep(keys[i], answers[i]);
    } else if (answers[i] == nullptr) {
      answers[i] = answers[first->second];
      hits_.add();
    }
  }
  return answers;
}

}  // namespace logboom
