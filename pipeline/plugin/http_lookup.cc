#include "pipeline/plugin/http_lookup.h"

#include <fmt/format.h>

#include <condition_variable>

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
  HttpClientOptions to = http_client_options(options, context);
  to.keeps_answer_headers = true;
  to.max_answer_bytes = 16 * 1024 * 1024;
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

void HttpLookup::send(HttpCall call, std::function<void(Result<HttpAnswer>)> done) {
  requests_.add();
  call.retries = retries_;
  const auto begun = std::chrono::steady_clock::now();
  client_->send(std::move(call), [this, begun, done = std::move(done)](Result<HttpAnswer> answer) {
    latency_.observe(std::chrono::steady_clock::now() - begun);
    if (!answer) failures_.add();
    done(std::move(answer));
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
    send(std::move(calls[i]), [pending, &answers, i](Result<HttpAnswer> answer) {
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
