// ClusterSetup: what is asked of a cluster and installed in it before the first event goes out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/event/field_template.h"
#include "pipeline/net/http_client.h"
#include "plugins/outputs/elasticsearch/options.h"

namespace logboom {

/// What answers at an address.
struct ServerProduct {
  bool is_opensearch = false;
  bool is_serverless = false;
  int major_version = 0;
  std::string version;
};

/// Reads the answer to GET /. Errors: Corrupt - this is no such server; the message says what it seems to be.
Result<ServerProduct> read_product(const HttpAnswer& answer);

class ClusterSetup {
 public:
  /// Sends a request to the cluster and waits for the answer.
  using Ask = std::function<Result<HttpAnswer>(std::string_view method, const std::string& path, std::string body)>;

  /// `options` outlive it.
  ClusterSetup(const ElasticsearchOptions& options, bool is_data_stream, bool is_ecs)
      : options_(options), is_data_stream_(is_data_stream), is_ecs_(is_ecs) {}

  /// Looks at the product, installs template, policy and alias as the options want, and returns the index or alias that
  /// events are written to (for a data stream an empty template). Safe to repeat. Errors: Unavailable - try again later;
  /// InvalidArgument - somebody has to change something first. The message says what.
  Result<FieldTemplate> run(const Ask& ask) const;

 private:
  Result<bool> uses_lifecycle(const Ask& ask, const ServerProduct& product) const;
  Result<void> install_template(const Ask& ask, const ServerProduct& product, const std::string* alias) const;
  Result<void> install_policy(const Ask& ask, const ServerProduct& product, const std::string& alias) const;
  Result<void> install_alias(const Ask& ask, const std::string& alias) const;
  Result<std::string> template_body(const ServerProduct& product, bool is_composable, const std::string* alias) const;
  std::string default_name() const { return is_ecs_ ? "ecs-logstash" : "logstash"; }

  const ElasticsearchOptions& options_;
  const bool is_data_stream_;
  const bool is_ecs_;
};

}  // namespace logboom
