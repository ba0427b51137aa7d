// Look-ups over HTTP for filters: those of a batch run together, answers are kept for a while.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipeline/base/clock.h"
#include "pipeline/net/http_client.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/http_client_options.h"

namespace logboom {

/// The options of filters that ask web services; an options struct derives from this.
struct HttpLookupOptions : HttpPluginOptions {
  std::uint64_t cache_size = 1000;
  Duration cache_ttl{60};
};

/// Declares them in a table whose options struct derives from HttpLookupOptions.
template <class Options>
void declare_http_lookup_options(OptionTable<Options>& table) {
  declare_http_client_options(table);
  table
      .optional("cache_size", static_cast<std::uint64_t Options::*>(&HttpLookupOptions::cache_size),
                "Answers that are kept, by request; 0: none.")
      .at_most(10'000'000);
  table.optional("cache_ttl", static_cast<Duration Options::*>(&HttpLookupOptions::cache_ttl),
                 "How long an answer is kept.");
}

/// A client and the answers that are kept; all instances of a filter share one. Any thread.
class HttpLookup {
 public:
  using AnswerPtr = std::shared_ptr<const Result<HttpAnswer>>;

  /// Reports what cannot work at its option.
  HttpLookup(const HttpLookupOptions& options, const PluginContext& context);

  /// Sends all calls that no kept answer is there for, equal ones once, and waits for the answers: one for each call. What
  /// could not be asked, and answers of 500 and more, are not kept.
  std::vector<AnswerPtr> ask(std::vector<HttpCall> calls);

 private:
  struct Kept {
    std::string key;
    AnswerPtr answer;
    std::chrono::steady_clock::time_point until;
  };
  AnswerPtr find(const std::string& key);
  void keep(const std::string& key, const AnswerPtr& answer);
  void send(HttpCall call, std::function<void(Result<HttpAnswer>)> done);

  const std::size_t cache_size_;
  const std::chrono::duration<double> cache_ttl_;
  const std::uint64_t retries_;
  const Clock& clock_;
  Counter& requests_;
  Counter& hits_;
  Counter& failures_;
  Histogram& latency_;
  std::mutex mutex_;
  std::list<Kept> recent_;  // the last used first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_key_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace logboom
