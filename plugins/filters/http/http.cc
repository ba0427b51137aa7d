// http: asks a web service about an event and keeps the answer in it.
// Tested by tests/plugins/filters/http_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"
#include "pipeline/net/http_text.h"
#include "pipeline/plugin/batch_filter.h"
#include "pipeline/plugin/http_lookup.h"

namespace logboom {
namespace {

struct HttpFilterOptions : HttpLookupOptions {
  FieldTemplate url;
  std::string verb = "GET";
  std::optional<ConfigValue> body;
  std::string body_format = "text";
  ConfigHash headers;
  ConfigHash query;
  std::optional<FieldRef> target_body;
  std::optional<FieldRef> target_headers;
  std::vector<std::string> tag_on_request_failure = {"_httprequestfailure"};
  std::vector<std::string> tag_on_json_failure = {"_jsonparsefailure"};
};

OptionTable<HttpFilterOptions> http_filter_options() {
  using O = HttpFilterOptions;
  OptionTable<O> table;
  table.required("url", &O::url, "Whom to ask; may hold %{field}.");
  table.optional("verb", &O::verb, "Method of the requests.").one_of({"GET", "HEAD", "PATCH", "DELETE", "POST", "PUT"});
  table.optional("body", &O::body, "Body: a text, or with body_format => json anything; texts may hold %{field}.");
  table.optional("body_format", &O::body_format, "text, or json: the body is sent as JSON.").one_of({"text", "json"});
  table.optional("headers", &O::headers, "Headers of the requests; values may hold %{field}.");
  table.optional("query", &O::query, "Parameters behind the URL; values may hold %{field}.");
  table.optional("target_body", &O::target_body, "Where the answer goes; [body] when not given, with ECS it must be.");
  table.optional("target_headers", &O::target_headers,
                 "Where its headers go; [headers], with ECS [@metadata][filter][http][response][headers], when not given.");
  table.optional("tag_on_request_failure", &O::tag_on_request_failure, "Tags of events whose request failed.");
  table.optional("tag_on_json_failure", &O::tag_on_json_failure,
                 "Tags of events whose answer says that it is JSON and is not.");
  declare_http_lookup_options(table);
  return table;
}

/// A value of the body: templates in texts, at any depth.
void append_json_of(const ConfigValue& value, const Event& event, std::string& out) {
  switch (value.kind) {
    case ConfigValue::Kind::Array: {
      out += '[';
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out += ',';
        append_json_of(value.items[i], event, out);
      }
      out += ']';
      return;
    }
    case ConfigValue::Kind::Hash: {
      out += '{';
      for (std::size_t i = 0; i < value.entries.size(); ++i) {
        if (i > 0) out += ',';
        std::string name;
        FieldTemplate::parse(value.entries[i].first.text).append_to(event, name);
        write_json_string(name, out);
        out += ':';
        append_json_of(value.entries[i].second, event, out);
      }
      out += '}';
      return;
    }
    case ConfigValue::Kind::Number: out += value.text; return;
    default: {
      std::string text;
      FieldTemplate::parse(value.text).append_to(event, text);
      write_json_string(text, out);
    }
  }
}

class HttpFilter {
 public:
  HttpFilter(HttpFilterOptions options, const PluginContext& context)
      : options_(std::move(options)),
        lookup_(context.shared<HttpLookup>([&] { return new HttpLookup(options_, context); })),
        failures_(context.metrics().counter("failures")) {
    if (options_.url.is_literal() && options_.url.text().rfind("http://", 0) != 0 &&
        options_.url.text().rfind("https://", 0) != 0)
      context.error("url", "url: is no http:// or https:// address");
    if (!options_.target_body && context.is_ecs())
      context.error("target_body", "target_body: must be given with ECS", "for example target_body => \"[lookup]\"");
    target_body_ = options_.target_body.value_or(*FieldRef::parse("[body]"));
    target_headers_ = options_.target_headers.value_or(
        *FieldRef::parse(context.is_ecs() ? "[@metadata][filter][http][response][headers]" : "[headers]"));
    for (const auto& [name, value] : options_.headers) headers_.emplace_back(name.text, FieldTemplate::parse(value.text));
    for (const auto& [name, value] : options_.query) query_.emplace_back(name.text, FieldTemplate::parse(value.text));
    if (options_.body && options_.body_format == "text") body_text_ = FieldTemplate::parse(options_.body->text);
  }

  void apply(std::vector<Event*>& events, std::vector<Verdict>& verdicts) {
    std::vector<HttpCall> calls;
    calls.reserve(events.size());
    for (const Event* event : events) calls.push_back(call_for(*event));
    const auto answers = lookup_->ask(std::move(calls));
    for (std::size_t i = 0; i < events.size(); ++i) verdicts[i] = take(*answers[i], *events[i]);
  }

 private:
  HttpCall call_for(const Event& event) const {
    HttpCall call;
    call.method = options_.verb;
    options_.url.append_to(event, call.url);
    for (const auto& [name, value] : query_) {
      std::string text;
      value.append_to(event, text);
      call.url += call.url.find('?') == std::string::npos ? '?' : '&';
      call.url += percent_encoded(name) + "=" + percent_encoded(text);
    }
    for (const auto& [name, value] : headers_) {
      std::string text;
      value.append_to(event, text);
      call.headers.emplace_back(name, std::move(text));
    }
    if (!options_.body) return call;
    if (options_.body_format == "json") {
      append_json_of(*options_.body, event, call.body);
      call.headers.emplace_back("Content-Type", "application/json");
    } else {
      body_text_.append_to(event, call.body);
      call.headers.emplace_back("Content-Type", "text/plain");
    }
    return call;
  }

  Verdict fail(Event& event, const std::vector<std::string>& tags) const {
    failures_.add();
    for (const std::string& tag : tags) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

  Verdict take(const Result<HttpAnswer>& answer, Event& event) const {
    if (!answer || answer->status >= 400) return fail(event, options_.tag_on_request_failure);
    Arena& arena = event.arena();
    std::string valid;
    const auto text_in = [&](std::string_view text) {
      if (is_valid_utf8(text)) return arena.copy(text);
      valid.clear();
      append_valid_utf8(text, valid);
      return arena.copy(valid);
    };
    Object* headers = Object::make(arena);
    for (const auto& [name, value] : answer->headers)
      headers->set(arena, make_key(text_in(name)), Value::string(text_in(value)));
    event.set(target_headers_, Value::object(headers));
    if (options_.verb == "HEAD") return Verdict::Pass;
    if (parse_content_type(answer->content_type).media_type != "application/json") {
      event.set(target_body_, Value::string(text_in(answer->body)));
      return Verdict::Pass;
    }
    JsonReader reader;
    const auto parsed = reader.parse_unpadded(answer->body, arena);
    if (!parsed) return fail(event, options_.tag_on_json_failure);
    event.set(target_body_, copy_value(*parsed, arena, CopyStrings::Copy));
    return Verdict::Pass;
  }

  HttpFilterOptions options_;
  std::shared_ptr<HttpLookup> lookup_;
  Counter& failures_;
  FieldRef target_body_;
  FieldRef target_headers_;
  FieldTemplate body_text_;
  std::vector<std::pair<std::string, FieldTemplate>> headers_;
  std::vector<std::pair<std::string, FieldTemplate>> query_;
};

const RegisterFilter registered(
    {.name = "http",
     .summary = "Asks a web service about each event and keeps the answer.",
     .make = make_batch_filter<HttpFilter, http_filter_options>,
     .details =
         R"(The requests of a batch run together, equal ones once; the worker waits for the slowest, `request_timeout` at most.
Answers are kept for `cache_ttl`, `cache_size` of them, for all workers together; those of 500 and more, and failures, are not.

An answer of type application/json is parsed, any other is kept as a text. A status of 400 and more, and no answer, tag the event
`_httprequestfailure`; nothing else is changed then.)"});

}  // namespace
}  // namespace logboom
