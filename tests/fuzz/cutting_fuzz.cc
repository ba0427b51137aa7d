// The filters date, dissect, kv and grok on hostile texts, under configurations that use what they offer: no crash, bounded
// work, and an event that prints as valid UTF-8. The first byte chooses the filter.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/utf8.h"
#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"

namespace {

using namespace logboom;

constexpr std::size_t kLongestText = 4000;

const char* const kFilters[] = {
    R"(date { match => ["message", "ISO8601", "UNIX", "UNIX_MS", "TAI64N"] timezone => "Europe/Paris" })",
    R"(date { match => ["message", "dd/MMM/yyyy:HH:mm:ss Z", "EEE, d MMMM yy hh:mm:ss.SSSSSSSSS a", "xxxx-'W'ww-e", "D HH z",
       "MMM d HH:mm:ss ZZZ", "YYYYMMddHHmm", "C G kk"] timezone => "UTC" })",
    R"(date { match => ["message", "d. MMMM yyyy HH:mm", "EEEE dd MMM yyyy"] locale => "fr-FR" timezone => "+01:00" })",
    R"(dissect { mapping => { "message" => "%{a->} %{+b/2}|%{+b/1},%{?k}=%{&k};%{} %{[c][d]}" }
       convert_datatype => { "a" => "int" "b" => "float" } })",
    R"(dissect { mapping => { "message" => "%{?n->}: %{&n} %{+tags}.%{@timestamp}" } })",
    R"(kv { })",
    R"(kv { field_split => "&;\n" value_split => ":=" trim_key => "<>\s" trim_value => "\"'" remove_char_key => "\[\]"
       transform_key => "lowercase" transform_value => "capitalize" recursive => true allow_duplicate_values => false
       allow_empty_values => true whitespace => "strict" prefix => "p_" exclude_keys => ["p_x"] })",
    R"(kv { field_split_pattern => "\s*[,;]+\s*|::" value_split_pattern => "=+|:" target => "t" })",
    R"(grok { match => { "message" => ["%{COMBINEDAPACHELOG}", "%{SYSLOGLINE}", "%{TIMESTAMP_ISO8601:t} %{NUMBER:n:int} (?<x>.*)$",
       "%{URI:u}", "%{EMAILADDRESS:m:float}"] } overwrite => ["message"] keep_empty_captures => true break_on_match => false })",
    R"(grok { match => { "message" => ["%{JAVASTACKTRACEPART}", "%{HAPROXYHTTP}", "%{CISCO_TAGGED_SYSLOG}", "%{EXIM}", "%{RAILS3}"] } })",
};

struct Compiled {
  MetricScope metrics;
  std::shared_ptr<Plan> plan;
};

std::unique_ptr<Compiled> compile(const char* filter) {
  auto made = std::make_unique<Compiled>();
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(std::make_shared<SourceText>("fuzz.conf", "filter {" + std::string(filter) + "}"), {}, graph, diagnostics);
  CompileSettings settings;
  settings.metrics = &made->metrics;
  if (!diagnostics.has_errors()) made->plan = compile_plan(std::move(graph), settings, diagnostics);
  if (made->plan == nullptr) std::abort();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::unique_ptr<Compiled>> filters = [] {
    std::vector<std::unique_ptr<Compiled>> made;
    for (const char* filter : kFilters) made.push_back(compile(filter));
    return made;
  }();
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), std::min(size - 1, kLongestText));
  if (!is_valid_utf8(text)) return 0;  // the codec has seen to that
  const auto chunk = std::make_shared<Chunk>(Buffer::copy_of(text), Timestamp{1'700'000'000, 0});
  Event& event = chunk->new_event();
  event.fields().append(chunk->arena(), well_known().message, Value::string(chunk->received().view()));
  event.add_defaults(chunk->now());
  chunk->token().arm(1);
  const BatchPtr batch = std::make_shared<Batch>();
  batch->take(chunk, &event);
  std::vector<Event*> dropped;
  FilterBatch work{*batch, batch->events(), dropped};
  filters[data[0] % filters.size()]->plan->filters[0][0]->apply(work);
  std::string printed;
  write_json(event.fields(), printed);
  if (!is_valid_utf8(printed) || !event.timestamp()) std::abort();
  Batch::complete(batch->events());
  return 0;
}
