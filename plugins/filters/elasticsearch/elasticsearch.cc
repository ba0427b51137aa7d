// elasticsearch: looks documents up in Elasticsearch or OpenSearch and copies fields of them.
// Tested by tests/plugins/filters/elasticsearch_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <atomic>
#include <fstream>
#include <iterator>

#include "pipeline/base/log.h"
#include "pipeline/event/json.h"
#include "pipeline/net/http_text.h"
#include "pipeline/net/server_address.h"
#include "pipeline/plugin/batch_filter.h"
#include "pipeline/plugin/http_lookup.h"

namespace logboom {
namespace {

struct ElasticsearchFilterOptions : HttpLookupOptions {
  std::vector<std::string> hosts = {"localhost:9200"};
  std::optional<std::string> cloud_id;
  std::optional<Secret> cloud_auth;
  std::optional<Secret> api_key;
  FieldTemplate index;
  std::optional<FieldTemplate> query;
  std::optional<std::string> query_template;
  TextHash fields;
  TextHash docinfo_fields;
  TextHash aggregation_fields;
  bool enable_sort = true;
  std::string sort = "@timestamp:desc";
  std::uint64_t result_size = 1;
  std::optional<FieldRef> target;
  TextHash custom_headers;
  std::vector<std::string> tag_on_failure = {"_elasticsearch_lookup_failure"};
};

OptionTable<ElasticsearchFilterOptions> elasticsearch_filter_options() {
  using O = ElasticsearchFilterOptions;
  OptionTable<O> table;
  table.optional("hosts", &O::hosts, "Addresses: host, host:port, or URLs; they take turns.");
  table.optional("cloud_id", &O::cloud_id, "Elastic Cloud's id of a deployment, instead of hosts.");
  table.optional("cloud_auth", &O::cloud_auth, "user:password, instead of user and password.");
  table.optional("api_key", &O::api_key, "API key as id:key or in base64; needs TLS.");
  table.optional("index", &O::index, "Indexes to search; may hold %{field}; all when not given.");
  table.optional("query", &O::query, "Query in the query_string language; may hold %{field}.");
  table.optional("query_template", &O::query_template, "File with a whole search request in JSON; may hold %{field}.")
      .must_exist();
  table.optional("fields", &O::fields, "Fields of the document found => fields of the event.");
  table.optional("docinfo_fields", &O::docinfo_fields, "_index, _id, _score … of the document => fields of the event.");
  table.optional("aggregation_fields", &O::aggregation_fields, "Aggregations of the answer => fields of the event.");
  table.optional("enable_sort", &O::enable_sort, "Whether results are sorted.");
  table.optional("sort", &O::sort, "field:asc or field:desc, several with commas.");
  table.optional("result_size", &O::result_size, "Documents asked for; of several, fields become lists.").at_most(10'000);
  table.optional("target", &O::target, "Field below which all of these go, but for docinfo in [@metadata].");
  table.optional("custom_headers", &O::custom_headers, "Further headers of every request.");
  table.optional("tag_on_failure", &O::tag_on_failure, "Tags of events whose look-up failed.");
  declare_http_lookup_options(table);
  return table;
}

const Value* member(const Value* value, std::string_view name) {
  return value != nullptr && value->is_object() ? value->as_object().find(make_key(name)) : nullptr;
}

/// A field of a document; dots lead deeper unless a name has them.
const Value* document_field(const Value* source, const std::string& name, const FieldRef& reference) {
  if (const Value* found = member(source, name)) return found;
  return source != nullptr && source->is_object() ? reference.find(source->as_object(), nullptr) : nullptr;
}

class ElasticsearchFilter {
 public:
  ElasticsearchFilter(ElasticsearchFilterOptions options, const PluginContext& context)
      : options_(std::move(options)),
        place_(fmt::format("pipeline {}, filter {}", context.pipeline_id(), context.id())),
        id_(context.id()),
        failures_(context.metrics().counter("failures")),
        last_error_(context.metrics().note("last_error")),
        total_hits_(*FieldRef::parse("[@metadata][total_hits]")) {
    read_addresses(context);
    if (options_.query.has_value() == options_.query_template.has_value())
      context.error(options_.query ? "query_template" : "query", "one of query and query_template is needed");
    if (options_.query_template) {
      std::ifstream in(*options_.query_template, std::ios::binary);
      template_ = FieldTemplate::parse(std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>()));
    }
    for (const auto& [from, to] : options_.fields) fields_.push_back(copy_of("fields", from, to, context));
    for (const auto& [from, to] : options_.docinfo_fields) docinfo_.push_back(copy_of("docinfo_fields", from, to, context));
    for (const auto& [from, to] : options_.aggregation_fields)
      aggregations_.push_back(copy_of("aggregation_fields", from, to, context));
    lookup_ = context.shared<HttpLookup>([&] { return new HttpLookup(options_, context); });
  }

  void apply(std::vector<Event*>& events, std::vector<Verdict>& verdicts) {
    std::vector<HttpCall> calls;
    calls.reserve(events.size());
    for (const Event* event : events) calls.push_back(call_for(*event));
    ++turn_;
    const auto answers = lookup_->ask(std::move(calls));
    for (std::size_t i = 0; i < events.size(); ++i) verdicts[i] = take(*answers[i], *events[i]);
  }

 private:
  struct Copy {
    std::string from;
    FieldRef from_field;
    FieldRef to;
  };

  Copy copy_of(std::string_view option, const std::string& from, const std::string& to, const PluginContext& context) const {
    Copy copy{from, {}, {}};
    const auto to_field = FieldRef::parse(to);
    const auto from_field = FieldRef::parse(from);
    if (!to_field) {
      context.error(option, fmt::format("{}: \"{}\" is no field: {}", option, to, to_field.error().message));
      return copy;
    }
    if (from_field) copy.from_field = *from_field;
    copy.to = *to_field;
    if (options_.target && !to_field->is_metadata()) {
      copy.to = *options_.target;
      for (const auto& step : to_field->steps()) copy.to = copy.to.child(step.key.text());
    }
    return copy;
  }

  void read_addresses(const PluginContext& context) {
    if (options_.cloud_id) {
      const auto url = server_of_cloud_id(*options_.cloud_id);
      if (url) {
        urls_.push_back(*url);
      } else {
        context.error("cloud_id", url.error().message);
      }
    } else {
      for (const std::string& host : options_.hosts) {
        const auto address = parse_server_address(host, options_.ssl_enabled.value_or(false), "");
        if (address) {
          urls_.push_back(address->url);
          if (!address->user_info.empty())
            headers_.emplace_back("Authorization", "Basic " + encode_base64(address->user_info));
        } else {
          context.error("hosts", address.error().message, "write https://host:9200");
        }
      }
      if (options_.hosts.empty()) context.error("hosts", "hosts: names no server");
    }
    for (const auto& [name, value] : options_.custom_headers) headers_.emplace_back(name, value);
    headers_.emplace_back("Content-Type", "application/json");
    if (options_.cloud_auth) headers_.emplace_back("Authorization", "Basic " + encode_base64(options_.cloud_auth->value));
    if (!options_.api_key) return;
    const std::string& key = options_.api_key->value;
    headers_.emplace_back("Authorization", "ApiKey " + (key.find(':') == std::string::npos ? key : encode_base64(key)));
    for (const std::string& url : urls_)
      if (url.rfind("https://", 0) != 0) {
        context.error("api_key", "api_key: would go over the network in clear", "use https:// in hosts");
        return;
      }
  }

  HttpCall call_for(const Event& event) const {
    HttpCall call;
    call.url = urls_[turn_ % urls_.size()];
    std::string index;
    options_.index.append_to(event, index);
    if (!index.empty()) call.url += "/" + percent_encoded(index);
    call.url += "/_search";
    call.headers = headers_;
    if (options_.query_template) {
      template_.append_to(event, call.body);
      return call;
    }
    std::string query;
    options_.query->append_to(event, query);
    call.body = fmt::format("{{\"size\":{},\"query\":{{\"query_string\":{{\"query\":", options_.result_size);
    write_json_string(query, call.body);
    call.body += "}}";
    if (options_.enable_sort) {
      call.body += ",\"sort\":[";
      bool is_first = true;
      for (std::size_t at = 0; at < options_.sort.size();) {
        const std::size_t end = std::min(options_.sort.find(',', at), options_.sort.size());
        const std::string_view one = trimmed(std::string_view(options_.sort).substr(at, end - at));
        const std::size_t colon = one.rfind(':');
        if (!is_first) call.body += ',';
        is_first = false;
        call.body += '{';
        write_json_string(one.substr(0, colon), call.body);
        // An index without the field is no reason to fail.
        call.body += fmt::format(":{{\"order\":\"{}\",\"unmapped_type\":\"long\"}}}}",
                                 colon != std::string_view::npos && one.substr(colon + 1) == "asc" ? "asc" : "desc");
        at = end + 1;
      }
      call.body += ']';
    }
    call.body += '}';
    return call;
  }

  Verdict fail(Event& event, const std::string& why) {
    failures_.add();
    last_error_.set(why);
    if (log_.allow()) log_warn(id_, "{}: {} ({} more held back)", place_, why, log_.suppressed());
    for (const std::string& tag : options_.tag_on_failure) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

  Verdict take(const Result<HttpAnswer>& answer, Event& event) {
    if (!answer) return fail(event, answer.error().message);
    if (answer->status >= 300) return fail(event, fmt::format("HTTP {}: {}", answer->status, answer->body.substr(0, 300)));
    Arena& arena = event.arena();
    JsonReader reader;
    const auto parsed = reader.parse_unpadded(arena.copy(answer->body), arena);
    const Value* hits = parsed ? member(member(&*parsed, "hits"), "hits") : nullptr;
    if (hits == nullptr || !hits->is_array()) return fail(event, "the answer is no answer to a search");
    if (member(&*parsed, "timed_out") != nullptr && member(&*parsed, "timed_out")->is_boolean() &&
        member(&*parsed, "timed_out")->as_boolean())
      return fail(event, "the search took too long");
    const Value* total = member(member(&*parsed, "hits"), "total");
    if (const Value* number = member(total, "value")) total = number;
    if (total != nullptr) event.set(total_hits_, *total);
    const Array& found = hits->as_array();
    for (const Copy& copy : fields_)
      set(event, copy, found,
          [&](const Value& hit) { return document_field(member(&hit, "_source"), copy.from, copy.from_field); });
    for (const Copy& copy : docinfo_) set(event, copy, found, [&](const Value& hit) { return member(&hit, copy.from); });
    for (const Copy& copy : aggregations_)
      if (const Value* value = member(member(&*parsed, "aggregations"), copy.from)) event.set(copy.to, *value);
    return Verdict::Pass;
  }

  /// The value of one document, or the list of values of several.
  template <class Find>
  static void set(Event& event, const Copy& copy, const Array& hits, const Find& find) {
    Array* values = Array::make(event.arena(), hits.size());
    for (const Value& hit : hits)
      if (const Value* value = find(hit)) values->push(event.arena(), *value);
    if (values->size() == 1) event.set(copy.to, (*values)[0]);
    if (values->size() > 1) event.set(copy.to, Value::array(values));
  }

  ElasticsearchFilterOptions options_;
  const std::string place_;
  const std::string id_;
  Counter& failures_;
  Note& last_error_;
  LogRateLimit log_;
  FieldRef total_hits_;
  std::vector<std::string> urls_;
  HttpHeaders headers_;
  FieldTemplate template_;
  std::vector<Copy> fields_;
  std::vector<Copy> docinfo_;
  std::vector<Copy> aggregations_;
  std::size_t turn_ = 0;
  std::shared_ptr<HttpLookup> lookup_;
};

const RegisterFilter registered(
    {.name = "elasticsearch",
     .summary = "Looks documents up in Elasticsearch or OpenSearch and copies fields of them into events.",
     .make = make_batch_filter<ElasticsearchFilter, elasticsearch_filter_options>,
     .details =
         R"(The searches of a batch run together, equal ones once; the worker waits for the slowest, `request_timeout` at most.
Answers are kept for `cache_ttl`, `cache_size` of them, for all workers together.

`[@metadata][total_hits]` is the number of documents found; an event for which there is none is passed on unchanged otherwise. A
search that fails tags the event `_elasticsearch_lookup_failure` and is logged, at most every ten seconds.)"});

}  // namespace
}  // namespace logboom
