#include "plugins/outputs/elasticsearch/cluster_setup.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "pipeline/event/json.h"
#include "plugins/outputs/elasticsearch/bulk_answer.h"

namespace logboom {
namespace {

constexpr std::string_view kDefaultPolicy = "logstash-policy";

// Texts are searched whole and matched whole ("keyword"), which is what users of Logstash's own template expect.
constexpr std::string_view kMappings = R"({
  "dynamic_templates": [
    {"message": {"path_match": "message", "match_mapping_type": "string", "mapping": {"type": "text", "norms": false}}},
    {"texts": {"match": "*", "match_mapping_type": "string",
               "mapping": {"type": "text", "norms": false, "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}}}
  ],
  "properties": {
    "@timestamp": {"type": "date"},
    "@version": {"type": "keyword"},
    "geoip": {"properties": {"ip": {"type": "ip"}, "location": {"type": "geo_point"}}}
  }
})";
constexpr std::string_view kEcsMappings = R"({
  "dynamic_templates": [
    {"message": {"path_match": "message", "match_mapping_type": "string", "mapping": {"type": "text", "norms": false}}},
    {"original": {"path_match": "event.original", "match_mapping_type": "string",
                  "mapping": {"type": "keyword", "index": false, "doc_values": false}}},
    {"addresses": {"match": "ip", "match_mapping_type": "string", "mapping": {"type": "ip", "ignore_malformed": true}}},
    {"places": {"path_match": "*.geo.location", "mapping": {"type": "geo_point"}}},
    {"texts": {"match": "*", "match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}
  ],
  "properties": {"@timestamp": {"type": "date"}, "@version": {"type": "keyword"}}
})";

constexpr std::string_view kIlmPolicy =
    R"({"policy":{"phases":{"hot":{"actions":{"rollover":{"max_size":"50gb","max_age":"30d"}}}}}})";

bool is_good(const HttpAnswer& answer) { return answer.status >= 200 && answer.status < 300; }

/// An answer that was not what was hoped for.
Error refused(std::string_view what, const HttpAnswer& answer) {
  const bool may_pass = answer.status == 429 || answer.status >= 500;
  return Error{may_pass ? ErrorCode::Unavailable : ErrorCode::InvalidArgument,
               fmt::format("{}: {}", what, explain_answer(answer.status, answer.content_type, answer.body))};
}

const Value* member(const Value* value, std::string_view name) {
  return value != nullptr && value->is_object() ? value->as_object().find(make_key(name)) : nullptr;
}

std::string_view text_member(const Value* value, std::string_view name) {
  const Value* found = member(value, name);
  return found != nullptr && found->is_string() ? found->as_string() : std::string_view();
}

Result<Value> parsed(std::string_view json, Arena& arena) {
  JsonReader reader;
  return reader.parse_unpadded(arena.copy(json), arena);
}

}  // namespace

Result<ServerProduct> read_product(const HttpAnswer& answer) {
  if (!is_good(answer)) return refused("asking for the server's version", answer);
  Arena arena;
  const auto json = parsed(answer.body, arena);
  const Value* version = json ? member(&*json, "version") : nullptr;
  ServerProduct product;
  product.version = text_member(version, "number");
  if (product.version.empty())
    return Error{ErrorCode::Corrupt, fmt::format("this is neither Elasticsearch nor OpenSearch: {}",
                                                 explain_answer(0, answer.content_type, answer.body))};
  product.is_opensearch = text_member(version, "distribution") == "opensearch";
  product.is_serverless = text_member(version, "build_flavor") == "serverless";
  product.major_version = std::atoi(product.version.c_str());
  if (!product.is_opensearch && product.major_version < 7)
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("Elasticsearch {} is too old: 7 is the first that is spoken", product.version)};
  return product;
}

Result<FieldTemplate> ClusterSetup::run(const Ask& ask) const {
  const auto root = ask("GET", "/", {});
  if (!root) return root.error();
  const auto product = read_product(*root);
  if (!product) return product.error();
  if (is_data_stream_) {
    if (!product->is_opensearch && product->major_version == 7 && product->version < "7.9")
      return Error{ErrorCode::InvalidArgument,
                   fmt::format("Elasticsearch {} has no data streams: set data_stream => false", product->version)};
    return FieldTemplate();
  }
  const auto has_lifecycle = uses_lifecycle(ask, *product);
  if (!has_lifecycle) return has_lifecycle.error();
  const std::string alias = options_.ilm_rollover_alias.value_or(default_name());
  if (options_.manage_template)
    if (const auto done = install_template(ask, *product, *has_lifecycle ? &alias : nullptr); !done) return done.error();
  if (*has_lifecycle) {
    if (const auto done = install_policy(ask, *product, alias); !done) return done.error();
    if (const auto done = install_alias(ask, alias); !done) return done.error();
    return FieldTemplate::parse(alias);
  }
  if (options_.index) return *options_.index;
  return FieldTemplate::parse(default_name() + "-%{+yyyy.MM.dd}");
}

Result<bool> ClusterSetup::uses_lifecycle(const Ask& ask, const ServerProduct& product) const {
  if (options_.ilm_enabled == "false") return false;
  const bool is_wanted = options_.ilm_enabled == "true" || options_.ilm_rollover_alias || !options_.index;
  if (!is_wanted) return false;
  if (product.is_serverless) {
    if (options_.ilm_enabled == "true")
      return Error{ErrorCode::InvalidArgument, "ilm_enabled: serverless Elasticsearch has no life-cycle policies"};
    return false;
  }
  const auto answer = ask("GET", product.is_opensearch ? "/_plugins/_ism/policies?size=1" : "/_ilm/status", {});
  if (!answer) return answer.error();
  if (is_good(*answer)) return true;
  if (answer->status == 429 || answer->status >= 500) return refused("asking for life-cycle policies", *answer);
  if (options_.ilm_enabled == "true" || options_.ilm_rollover_alias)
    return refused("ilm_enabled: the server has no life-cycle policies, or does not let us use them", *answer);
  return false;
}

Result<std::string> ClusterSetup::template_body(const ServerProduct& product, bool is_composable,
                                                const std::string* alias) const {
  Arena arena;
  Object* whole = nullptr;
  if (options_.template_file) {
    std::ifstream in(*options_.template_file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto json = parsed(text, arena);
    if (!json || !json->is_object())
      return Error{ErrorCode::InvalidArgument, fmt::format("template: {} holds no JSON object", *options_.template_file)};
    whole = &json->as_object();
  } else {
    const std::string pattern = fmt::format("[\"{}-*\"]", default_name());
    const auto patterns = parsed(pattern, arena);
    const auto mappings = parsed(is_ecs_ ? kEcsMappings : kMappings, arena);
    const auto settings = parsed(R"({"index":{"refresh_interval":"5s"}})", arena);
    if (!patterns || !mappings || !settings) return Error{ErrorCode::Corrupt, "the plugin's own template cannot be read"};
    whole = Object::make(arena);
    whole->append(arena, make_key("index_patterns"), *patterns);
    Object* body = is_composable ? Object::make(arena) : whole;
    body->append(arena, make_key("settings"), *settings);
    body->append(arena, make_key("mappings"), *mappings);
    if (is_composable) whole->append(arena, make_key("template"), Value::object(body));
    if (is_composable) whole->append(arena, make_key("priority"), Value::integer(200));
  }
  if (alias != nullptr) {
    Array* patterns = Array::make(arena, 1);
    patterns->push(arena, Value::string(arena.copy(*alias + "-*")));
    whole->set(arena, make_key("index_patterns"), Value::array(patterns));
    Object* holder = whole;
    if (is_composable) {
      Value* inner = whole->find(make_key("template"));
      if (inner == nullptr || !inner->is_object())
        inner = &whole->set(arena, make_key("template"), Value::object(Object::make(arena)));
      holder = &inner->as_object();
    }
    Value* settings = holder->find(make_key("settings"));
    if (settings == nullptr || !settings->is_object())
      settings = &holder->set(arena, make_key("settings"), Value::object(Object::make(arena)));
    Object& to = settings->as_object();
    if (product.is_opensearch) {
      to.set(arena, make_key("plugins.index_state_management.rollover_alias"), Value::string(arena.copy(*alias)));
    } else {
      to.set(arena, make_key("index.lifecycle.name"), Value::string(arena.copy(options_.ilm_policy)));
      to.set(arena, make_key("index.lifecycle.rollover_alias"), Value::string(arena.copy(*alias)));
    }
  }
  std::string out;
  write_json(*whole, out);
  return out;
}

Result<void> ClusterSetup::install_template(const Ask& ask, const ServerProduct& product, const std::string* alias) const {
  const bool is_composable = options_.template_api == "composable" ||
                             (options_.template_api == "auto" && (product.is_opensearch || product.major_version >= 8));
  const std::string name = options_.template_name.value_or(alias != nullptr ? *alias : default_name());
  const std::string path = (is_composable ? "/_index_template/" : "/_template/") + percent_encoded(name);
  if (!options_.template_overwrite) {
    const auto there = ask("HEAD", path, {});
    if (!there) return there.error();
    if (there->status == 200) return {};
    if (there->status != 404) return refused("asking for the index template " + name, *there);
  }
  auto body = template_body(product, is_composable, alias);
  if (!body) return body.error();
  const auto answer = ask("PUT", path, std::move(*body));
  if (!answer) return answer.error();
  if (!is_good(*answer)) return refused("installing the index template " + name, *answer);
  return {};
}

Result<void> ClusterSetup::install_policy(const Ask& ask, const ServerProduct& product, const std::string& alias) const {
  const std::string path =
      (product.is_opensearch ? "/_plugins/_ism/policies/" : "/_ilm/policy/") + percent_encoded(options_.ilm_policy);
  const auto there = ask("GET", path, {});
  if (!there) return there.error();
  if (is_good(*there)) return {};
  if (there->status != 404) return refused("asking for the policy " + options_.ilm_policy, *there);
  if (options_.ilm_policy != kDefaultPolicy)
    return Error{ErrorCode::InvalidArgument, fmt::format("ilm_policy: the server has no policy {}; make it, or use {}",
                                                         options_.ilm_policy, kDefaultPolicy)};
  std::string body(kIlmPolicy);
  if (product.is_opensearch) {
    body = R"({"policy":{"description":"Rolls over at 50 GB or 30 days.","default_state":"hot","states":[{"name":"hot",)"
           R"("actions":[{"rollover":{"min_size":"50gb","min_index_age":"30d"}}],"transitions":[]}],)"
           R"("ism_template":[{"index_patterns":[)";
    write_json_string(alias + "-*", body);
    body += R"(],"priority":100}]}})";
  }
  const auto answer = ask("PUT", path, std::move(body));
  if (!answer) return answer.error();
  if (!is_good(*answer)) return refused("installing the policy " + options_.ilm_policy, *answer);
  return {};
}

Result<void> ClusterSetup::install_alias(const Ask& ask, const std::string& alias) const {
  const auto there = ask("HEAD", "/_alias/" + percent_encoded(alias), {});
  if (!there) return there.error();
  if (there->status == 200) return {};
  if (there->status != 404) return refused("asking for the alias " + alias, *there);
  std::string body = "{\"aliases\":{";
  write_json_string(alias, body);
  body += ":{\"is_write_index\":true}}}";
  const std::string first_index = fmt::format("<{}-{}>", alias, options_.ilm_pattern);
  const auto answer = ask("PUT", "/" + percent_encoded(first_index), std::move(body));
  if (!answer) return answer.error();
  const bool is_there = answer->body.find("resource_already_exists_exception") != std::string::npos;
  if (!is_good(*answer) && !is_there) return refused("making the first index of " + alias, *answer);
  return {};
}

}  // namespace logboom
