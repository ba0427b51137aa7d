// The options of the elasticsearch output, under Logstash's names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/plugin/context.h"
#include "pipeline/plugin/http_client_options.h"
#include "pipeline/plugin/options.h"

namespace logboom {

struct ElasticsearchOptions : HttpTlsOptions {
  // Where to.
  std::vector<std::string> hosts = {"//127.0.0.1"};
  std::string path;
  std::optional<std::string> bulk_path;
  TextHash parameters;
  std::optional<std::string> cloud_id;
  std::optional<std::string> user;
  std::optional<Secret> password;
  std::optional<Secret> cloud_auth;
  std::optional<Secret> api_key;
  TextHash custom_headers;
  std::optional<std::string> proxy;
  // What becomes of an event.
  std::optional<FieldTemplate> index;
  std::optional<FieldTemplate> action;
  std::optional<FieldTemplate> document_id;
  std::optional<FieldTemplate> routing;
  std::optional<FieldTemplate> pipeline;
  std::optional<FieldTemplate> version;
  std::optional<FieldTemplate> version_type;
  std::optional<FieldTemplate> parent;
  std::optional<FieldRef> join_field;
  bool effectively_once = false;
  // Updates.
  std::optional<FieldTemplate> upsert;
  bool doc_as_upsert = false;
  bool scripted_upsert = false;
  std::optional<FieldTemplate> script;
  std::string script_type = "inline";
  std::string script_lang = "painless";
  std::string script_var_name = "event";
  std::uint64_t retry_on_conflict = 1;
  // Data streams.
  std::string data_stream = "auto";
  std::string data_stream_type = "logs";
  std::string data_stream_dataset = "generic";
  std::string data_stream_namespace = "default";
  bool data_stream_auto_routing = true;
  bool data_stream_sync_fields = true;
  // Templates and life cycle.
  bool manage_template = true;
  std::optional<std::string> template_file;
  std::optional<std::string> template_name;
  bool template_overwrite = false;
  std::string template_api = "auto";
  std::string ilm_enabled = "auto";
  std::optional<std::string> ilm_rollover_alias;
  std::string ilm_pattern = "{now/d}-000001";
  std::string ilm_policy = "logstash-policy";
  // Failures.
  Duration retry_initial_interval{2};
  Duration retry_max_interval{64};
  std::vector<std::uint64_t> dlq_custom_codes;
  bool dlq_on_failed_indexname_interpolation = true;
  std::vector<std::string> drop_error_types;
  std::vector<std::string> silence_errors_in_log;
  // The client.
  Duration timeout{60};
  std::uint64_t pool_max = 1000;
  std::uint64_t pool_max_per_route = 100;
  std::uint64_t validate_after_inactivity = 10000;
  Duration resurrect_delay{5};
  std::optional<std::string> healthcheck_path;
  bool sniffing = false;
  Duration sniffing_delay{5};
  std::optional<std::string> sniffing_path;
  std::uint64_t compression_level = 1;
  std::optional<bool> http_compression;
  // TLS.
  std::optional<bool> ssl_enabled;
};

OptionTable<ElasticsearchOptions> elasticsearch_options();

/// Whether events go to a data stream: the option, or what `auto` makes of ECS and the options that were written. Reports
/// options that do not go together.
bool uses_data_stream(const ElasticsearchOptions& options, const PluginContext& context);

/// Reports what can never work, apart from addresses and data streams.
void check_elasticsearch_options(const ElasticsearchOptions& options, const PluginContext& context);

}  // namespace logboom
