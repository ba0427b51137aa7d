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
#include "pipeline/plugin/options.h"

namespace logboom {

/// The options of filters that ask web services; an options struct derives from this.
struct HttpLookupOptions {
  std::optional<std::string> user;
  std::optional<Secret> password;
  std::optional<std::string> proxy;
  Duration request_timeout{60};
  Duration socket_timeout{10};
  Duration connect_timeout{10};
  std::uint64_t pool_max = 50;
  std::uint64_t pool_max_per_route = 25;
  bool follow_redirects = true;
  bool keepalive = true;
  std::uint64_t automatic_retries = 1;
  std::uint64_t cache_size = 1000;
  Duration cache_ttl{60};
  std::string ssl_verification_mode = "full";
  std::vector<std::string> ssl_certificate_authorities;
  std::optional<std::string> ssl_certificate;
  std::optional<std::string> ssl_key;
};

/// Declares them in a table whose options struct derives from HttpLookupOptions.
template <class Options>
void declare_http_lookup_options(OptionTable<Options>& table) {
  const auto of = [](auto HttpLookupOptions::*member) {
    using Member = std::remove_reference_t<decltype(std::declval<HttpLookupOptions&>().*member)>;
    return static_cast<Member Options::*>(member);
  };
  using O = HttpLookupOptions;
  table.optional("user", of(&O::user), "User for basic authentication.");
  table.optional("password", of(&O::password), "Password for the user.");
  table.optional("proxy", of(&O::proxy), "Proxy, for example http://proxy:3128.");
  table.optional("request_timeout", of(&O::request_timeout), "Seconds for a whole request.").at_least(0.001);
  table.optional("socket_timeout", of(&O::socket_timeout), "Seconds without a byte after which a request has failed.");
  table.optional("connect_timeout", of(&O::connect_timeout), "Seconds to connect.").at_least(0.001);
  table.optional("pool_max", of(&O::pool_max), "Requests at the same time.").at_least(1).at_most(10000);
  table.optional("pool_max_per_route", of(&O::pool_max_per_route), "Connections to one host.").at_least(1).at_most(10000);
  table.optional("follow_redirects", of(&O::follow_redirects), "Follows up to ten redirects.");
  table.optional("keepalive", of(&O::keepalive), "Uses connections again.");
  table.optional("automatic_retries", of(&O::automatic_retries), "Times that a request without an answer is sent again.")
      .at_most(10);
  table.optional("cache_size", of(&O::cache_size), "Answers that are kept, by request; 0: none.").at_most(10'000'000);
  table.optional("cache_ttl", of(&O::cache_ttl), "How long an answer is kept.");
  table.optional("ssl_verification_mode", of(&O::ssl_verification_mode), "Whether the service's certificate is checked.")
      .one_of({"full", "none"});
  table
      .optional("ssl_certificate_authorities", of(&O::ssl_certificate_authorities),
                "PEM files to trust instead of the system's.")
      .must_exist();
  table.optional("ssl_certificate", of(&O::ssl_certificate), "PEM certificate of this client.").must_exist();
  table.optional("ssl_key", of(&O::ssl_key), "PEM key of this client.").must_exist();
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
  void send(HttpCall call, std::uint64_t retries, std::function<void(Result<HttpAnswer>)> done);

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
