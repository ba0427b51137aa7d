#include "plugins/outputs/elasticsearch/connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/net/http_text.h"
#include "pipeline/net/server_address.h"

namespace logboom {
namespace {

void read_addresses(const ElasticsearchOptions& options, const PluginContext& context, ElasticsearchConnection& to,
                    std::string& credentials) {
  const bool uses_tls = options.ssl_enabled.value_or(false);
  if (options.cloud_id) {
    const auto url = server_of_cloud_id(*options.cloud_id);
    if (url) {
      to.urls.push_back(*url);
    } else {
      context.error("cloud_id", url.error().message);
    }
  } else {
    if (options.hosts.empty()) context.error("hosts", "hosts: names no server", "give at least one address");
    for (const std::string& host : options.hosts) {
      const auto address = parse_server_address(host, uses_tls, options.path);
      if (!address) {
        context.error("hosts", address.error().message, "write https://host:9200");
        continue;
      }
      to.urls.push_back(address->url);
      if (!address->user_info.empty()) credentials = address->user_info;
    }
  }
  const auto is_https = [](const std::string& url) { return url.rfind("https://", 0) == 0; };
  const bool has_plain = !std::all_of(to.urls.begin(), to.urls.end(), is_https);
  if (options.ssl_enabled &&
      std::any_of(to.urls.begin(), to.urls.end(), [&](const auto& url) { return is_https(url) != uses_tls; }))
    context.error("ssl_enabled", "ssl_enabled: an address in hosts says otherwise", "leave it out, or make them agree");
  if (options.api_key && has_plain)
    context.error("api_key", "api_key: would go over the network in clear", "use https:// in hosts, or ssl_enabled => true");
  if (options.user) credentials = *options.user + ":" + (options.password ? options.password->value : "");
  if (options.cloud_auth) credentials = options.cloud_auth->value;
  to.path = "";
  if (!to.urls.empty()) {
    const std::size_t authority = to.urls[0].find("://") + 3;
    const std::size_t slash = to.urls[0].find('/', authority);
    if (slash != std::string::npos) to.path = to.urls[0].substr(slash);
    to.scheme = to.urls[0].substr(0, authority - 3);
  }
}

void read_client_options(const ElasticsearchOptions& options, const PluginContext& context, HttpClientOptions& to) {
  to.max_transfers = options.pool_max;
  to.max_transfers_per_host = options.pool_max_per_route;
  to.request_seconds = options.timeout.seconds;
  to.connect_seconds = std::min(options.timeout.seconds, 10.0);
  to.silence_seconds = 0;  // a bulk request may take a while to answer; `timeout` bounds it
  to.follows_redirects = false;
  to.keeps_cookies = false;
  to.proxy = options.proxy.value_or("");
  to.max_answer_bytes = 64 * 1024 * 1024;
  if (options.ssl_certificate.has_value() != options.ssl_key.has_value())
    context.error(!options.ssl_key ? "ssl_certificate" : "ssl_key", "ssl_certificate and ssl_key belong together",
                  "give both, or neither");
  read_http_tls_options(options, context, to);
}

void read_headers(const ElasticsearchOptions& options, const PluginContext& context, const std::string& credentials,
                  HttpHeaders& to) {
  for (const auto& [name, value] : options.custom_headers) {
    if (name.empty() || name.find_first_of(": \t\r\n") != std::string::npos)
      context.error("custom_headers", fmt::format("custom_headers: \"{}\" is no header name", name));
    to.emplace_back(name, value);
  }
  if (options.api_key) {
    const std::string& key = options.api_key->value;
    to.emplace_back("Authorization", "ApiKey " + (key.find(':') == std::string::npos ? key : encode_base64(key)));
  } else if (!credentials.empty()) {
    to.emplace_back("Authorization", "Basic " + encode_base64(credentials));
  }
}

}  // namespace

ElasticsearchConnection connection_of(const ElasticsearchOptions& options, const PluginContext& context) {
  ElasticsearchConnection made;
  std::string credentials;
  read_addresses(options, context, made, credentials);
  read_client_options(options, context, made.client);
  read_headers(options, context, credentials, made.headers);
  const std::string base = options.bulk_path.value_or("/_bulk");
  made.bulk_path =
      fmt::format("{}{}?filter_path=errors,items.*.error,items.*.status", base.empty() || base[0] == '/' ? "" : "/", base);
  for (const auto& [name, value] : options.parameters)
    made.bulk_path += fmt::format("&{}={}", percent_encoded(name), percent_encoded(value));
  return made;
}

}  // namespace logboom
