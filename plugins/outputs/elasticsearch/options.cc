#include "plugins/outputs/elasticsearch/options.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace logboom {
namespace {

using O = ElasticsearchOptions;

void declare_destination(OptionTable<O>& table) {
  table.optional(
      "hosts", &O::hosts,
      "Addresses: host, host:port, or URLs; port 9200 when none is given. Requests go to whichever has least to do.");
  table.optional("path", &O::path, "Path in front of everything, for servers behind a proxy.");
  table.optional("bulk_path", &O::bulk_path, "Path of bulk requests, when it is not path and /_bulk.");
  table.optional("parameters", &O::parameters, "Query parameters of bulk requests.");
  table.optional("cloud_id", &O::cloud_id, "Elastic Cloud's id of a deployment, instead of hosts.");
  table.optional("user", &O::user, "User for basic authentication.");
  table.optional("password", &O::password, "Password for the user.");
  table.optional("cloud_auth", &O::cloud_auth, "user:password, instead of user and password.");
  table.optional("api_key", &O::api_key, "API key as id:key or in base64; needs TLS.");
  table.optional("custom_headers", &O::custom_headers, "Further headers of every request.");
  table.optional("proxy", &O::proxy, "Proxy, for example http://proxy:3128.");
}

void declare_documents(OptionTable<O>& table) {
  table.optional("index", &O::index,
                 "Index or alias; may hold %{field} and dates. ecs-logstash-%{+yyyy.MM.dd}, without ECS "
                 "logstash-%{+yyyy.MM.dd}, when not given and no data stream is used.");
  table.optional("action", &O::action, "index, create, update or delete; may hold %{field}. create for data streams.");
  table.optional("document_id", &O::document_id, "Id of the document; may hold %{field}.");
  table.optional("routing", &O::routing, "Routing value; may hold %{field}.");
  table.optional("pipeline", &O::pipeline, "Ingest pipeline; may hold %{field}; none when it comes out empty.");
  table.optional("version", &O::version, "Version of the document; may hold %{field}.");
  table.optional("version_type", &O::version_type, "internal, external, external_gt or external_gte.");
  table.optional("parent", &O::parent, "Id of the parent document, for join_field.");
  table.optional("join_field", &O::join_field, "Field of the join type; the event's value is the relation's name.");
  table.optional("effectively_once", &O::effectively_once,
                 "Gives each event an id made of its source and position there, and creates documents under it: an event "
                 "that is delivered again makes no second document.");
  table.optional("upsert", &O::upsert, "JSON of the document to create when an update finds none; may hold %{field}.");
  table.optional("doc_as_upsert", &O::doc_as_upsert, "An update that finds no document creates one of the event.");
  table.optional("scripted_upsert", &O::scripted_upsert, "The script runs when there is no document, too.");
  table.optional("script", &O::script, "Script of updates; may hold %{field}.");
  table.optional("script_type", &O::script_type, "What script is: inline source, or the id of an indexed one.")
      .one_of({"inline", "indexed", "file"});
  table.optional("script_lang", &O::script_lang, "Language of an inline script.");
  table.optional("script_var_name", &O::script_var_name, "Parameter under which a script sees the event.");
  table.optional("retry_on_conflict", &O::retry_on_conflict, "Times that the server tries an update again on a conflict.");
}

void declare_streams_and_templates(OptionTable<O>& table) {
  table
      .optional("data_stream", &O::data_stream,
                "Whether events go to a data stream; auto: with ECS, when no option speaks against it (index, ilm_*, "
                "template*, version, updates).")
      .one_of({"true", "false", "auto"});
  table.optional("data_stream_type", &O::data_stream_type, "First part of the stream's name.")
      .one_of({"logs", "metrics", "synthetics", "traces"});
  table.optional("data_stream_dataset", &O::data_stream_dataset, "Second part of the stream's name.");
  table.optional("data_stream_namespace", &O::data_stream_namespace, "Last part of the stream's name.");
  table.optional("data_stream_auto_routing", &O::data_stream_auto_routing,
                 "[data_stream][type], [dataset] and [namespace] of an event choose its stream.");
  table.optional("data_stream_sync_fields", &O::data_stream_sync_fields,
                 "Documents get the data_stream fields of the stream that they go to.");
  table.optional("manage_template", &O::manage_template, "Installs an index template at start; never for data streams.");
  table
      .optional("template", &O::template_file, "JSON file with the template, instead of the one that comes with the plugin.")
      .must_exist();
  table.optional("template_name", &O::template_name, "The template's name; that of the index when not given.");
  table.optional("template_overwrite", &O::template_overwrite, "Replaces a template that is there.");
  table.optional("template_api", &O::template_api, "Which kind of template; auto: composable where the server knows it.")
      .one_of({"auto", "legacy", "composable"});
  table
      .optional(
          "ilm_enabled", &O::ilm_enabled,
          "Rolls indexes over by a life-cycle policy (Elasticsearch ILM, OpenSearch ISM); auto: when the server can and "
          "index is not given or ilm_rollover_alias is.")
      .one_of({"true", "false", "auto"});
  table.optional("ilm_rollover_alias", &O::ilm_rollover_alias, "Alias that events are written to, instead of index.");
  table.optional("ilm_pattern", &O::ilm_pattern, "End of the first index's name.");
  table.optional("ilm_policy", &O::ilm_policy, "Policy; only logstash-policy is made when it is missing.");
}

void declare_failures(OptionTable<O>& table) {
  table.optional("retry_initial_interval", &O::retry_initial_interval, "First pause before an event is tried again.")
      .at_least(0.001);
  table.optional("retry_max_interval", &O::retry_max_interval, "Longest pause.").at_least(0.001);
  table.optional("dlq_custom_codes", &O::dlq_custom_codes, "Statuses of documents beside 400 and 404 that are final.");
  table.optional("dlq_on_failed_indexname_interpolation", &O::dlq_on_failed_indexname_interpolation,
                 "An index name with a %{field} that the event does not have is final; otherwise it is sent as it is.");
  table.optional("drop_error_types", &O::drop_error_types, "Types of document errors after which the event is let go.");
  table.optional("silence_errors_in_log", &O::silence_errors_in_log, "Types of document errors that are not logged.");
}

void declare_client(OptionTable<O>& table) {
  table.optional("timeout", &O::timeout, "Seconds for a request.").at_least(0.001);
  table.optional("pool_max", &O::pool_max, "Requests at the same time.").at_least(1).at_most(10000);
  table.optional("pool_max_per_route", &O::pool_max_per_route, "Connections to one host.").at_least(1).at_most(10000);
  table.optional("validate_after_inactivity", &O::validate_after_inactivity,
                 "Accepted for compatibility: connections are always checked.");
  table.optional("resurrect_delay", &O::resurrect_delay, "How often hosts that are down are looked at.").at_least(0.001);
  table.optional("healthcheck_path", &O::healthcheck_path,
                 "What is asked for to see whether a host is back; path when not given.");
  table.optional("sniffing", &O::sniffing, "Asks the cluster for its nodes and sends to them.");
  table.optional("sniffing_delay", &O::sniffing_delay, "How often.").at_least(0.001);
  table.optional("sniffing_path", &O::sniffing_path, "Where the nodes are listed; path and /_nodes/http when not given.");
  table.optional("compression_level", &O::compression_level, "gzip level of requests; 0: not compressed.").at_most(9);
  table.optional("http_compression", &O::http_compression, "Whether requests are compressed.")
      .deprecated("set compression_level");
  table.optional("ssl_enabled", &O::ssl_enabled,
                 "Speaks TLS to hosts whose address does not say; those that say must agree.");
  declare_http_tls_options(table);
}

void declare_refused(OptionTable<O>& table) {
  table.obsolete("document_type", "documents have no types any more; leave it out");
  table.obsolete("ca_trusted_fingerprint", "trust the authority itself: ssl_certificate_authorities with its PEM file");
  table.obsolete("ssl", "it is called ssl_enabled");
  table.obsolete("cacert", "it is called ssl_certificate_authorities");
  table.obsolete("ssl_certificate_verification", "it is called ssl_verification_mode");
}

/// Options that make no sense for a data stream: `auto` decides against one when they are given, `true` refuses them.
constexpr std::array kAgainstDataStream = {"index",           "ilm_enabled", "ilm_rollover_alias", "ilm_pattern",
                                           "ilm_policy",      "template",    "template_name",      "template_overwrite",
                                           "template_api",    "version",     "version_type",       "join_field",
                                           "parent",          "upsert",      "doc_as_upsert",      "script",
                                           "scripted_upsert", "script_type", "script_lang",        "script_var_name"};

constexpr std::array kOfDataStream = {"data_stream_type", "data_stream_dataset", "data_stream_namespace",
                                      "data_stream_auto_routing", "data_stream_sync_fields"};

bool is_allowed_in_name(std::string_view part) {
  return !part.empty() && part.size() <= 100 && part.find_first_of("-\\/*?\"<>| ,#:") == std::string_view::npos &&
         part.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
}

}  // namespace

OptionTable<ElasticsearchOptions> elasticsearch_options() {
  OptionTable<O> table;
  declare_destination(table);
  declare_documents(table);
  declare_streams_and_templates(table);
  declare_failures(table);
  declare_client(table);
  declare_refused(table);
  return table;
}

bool uses_data_stream(const ElasticsearchOptions& options, const PluginContext& context) {
  const char* against = nullptr;
  for (const char* name : kAgainstDataStream)
    if (context.written(name) != nullptr && against == nullptr) against = name;
  if (options.action && options.action->text() != "create") against = "action";
  if (options.manage_template && context.written("manage_template") != nullptr) against = "manage_template";
  if (options.data_stream == "true") {
    if (against != nullptr)
      context.error(against, fmt::format("{}: has no meaning for a data stream", against),
                    "leave it out, or set data_stream => false");
    for (const auto& [name, part] : {std::pair("data_stream_dataset", &options.data_stream_dataset),
                                     std::pair("data_stream_namespace", &options.data_stream_namespace)})
      if (!is_allowed_in_name(*part))
        context.error(name, fmt::format("{}: \"{}\" cannot be part of a stream's name", name, *part),
                      "use up to 100 lower-case letters, digits, dots and underscores");
    return true;
  }
  const bool decided = options.data_stream == "auto" && context.is_ecs() && against == nullptr;
  if (!decided)
    for (const char* name : kOfDataStream)
      if (context.written(name) != nullptr)
        context.error(name, fmt::format("{}: no data stream is used", name),
                      against != nullptr
                          ? fmt::format("because of {}; set data_stream => true, or leave one of them out", against)
                          : "set data_stream => true");
  return decided;
}

void check_elasticsearch_options(const ElasticsearchOptions& options, const PluginContext& context) {
  const int credentials = (options.user ? 1 : 0) + (options.cloud_auth ? 1 : 0) + (options.api_key ? 1 : 0);
  if (credentials > 1)
    context.error(options.api_key ? "api_key" : "cloud_auth", "only one of user, cloud_auth and api_key can be used");
  if (options.user.has_value() != options.password.has_value())
    context.error(options.user ? "user" : "password", "user and password belong together", "give both, or neither");
  if (options.cloud_id && context.written("hosts") != nullptr)
    context.error("cloud_id", "cloud_id and hosts exclude each other", "leave one of them out");
  if (options.cloud_auth && options.cloud_auth->value.find(':') == std::string::npos)
    context.error("cloud_auth", "cloud_auth: is not of the form user:password");
  const std::string action = options.action && options.action->is_literal() ? options.action->text() : "";
  if (!action.empty() && action != "index" && action != "create" && action != "update" && action != "delete")
    context.error("action", fmt::format("action: \"{}\" is none", action), "choose index, create, update or delete");
  if (action == "update" && !options.document_id)
    context.error("action", "action: update needs document_id", "say which document: document_id => \"%{id}\"");
  if (action == "delete" && !options.document_id)
    context.error("action", "action: delete needs document_id", "say which document: document_id => \"%{id}\"");
  if (options.script_type == "file")
    context.error("script_type", "script_type: file was removed from servers", "store the script and use indexed");
  if (options.scripted_upsert && !options.script) context.error("scripted_upsert", "scripted_upsert: needs script");
  if (options.version_type && !options.version) context.error("version_type", "version_type: needs version");
  if (options.parent.has_value() && !options.join_field) context.error("parent", "parent: needs join_field");
  if (options.effectively_once && options.document_id)
    context.error("document_id", "document_id: effectively_once makes the ids", "leave one of them out");
  if (options.effectively_once && options.action && action != "create")
    context.error("action", "action: effectively_once creates documents", "leave one of them out");
  if (options.effectively_once && options.version)
    context.error("version", "version: effectively_once creates each document once", "leave one of them out");
  if (options.ilm_rollover_alias && options.ilm_rollover_alias->find("%{") != std::string::npos)
    context.error("ilm_rollover_alias", "ilm_rollover_alias: cannot hold %{field}", "name one alias");
  if (options.template_file && !options.template_name && options.index && !options.ilm_rollover_alias)
    context.warning("template", "template: has the name of the default index", "name it with template_name");
}

}  // namespace logboom
