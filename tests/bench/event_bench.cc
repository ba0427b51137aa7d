// Speed of the event model: field access, changes, templates, copies. Each answer is checked before it is timed.
#include <benchmark/benchmark.h>

#include <string>

#include "pipeline/event/event.h"
#include "pipeline/event/field_template.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

constexpr std::string_view kEvent =
    R"({"clientip":"93.180.71.3","ident":"-","auth":"-","verb":"GET","request":"/downloads/product_1","httpversion":"1.1","response":304,)"
    R"("bytes":0,"referrer":"-","agent":"Debian APT-HTTP/1.3 0.8.16","host":{"name":"web-1","ip":["10.0.0.1","10.0.0.2"]},)"
    R"("tags":["beats_input"],"message":"GET /downloads/product_1 HTTP/1.1","@metadata":{"beat":"filebeat"}})";

/// An event of the access log kind, on memory of its own.
class SampleEvent {
 public:
  explicit SampleEvent(int extra_fields = 0) : event_(arena_, nullptr, 0) {
    auto value = JsonReader().parse_unpadded(kEvent, arena_);
    event_.adopt_fields(&value->as_object(), {1'443'657'600, 0});
    for (int i = 0; i < extra_fields; ++i)
      event_.fields().set(arena_, make_key(arena_.copy("extra_field_" + std::to_string(i))), Value::integer(i));
  }
  Event& event() { return event_; }

 private:
  Arena arena_;
  Event event_;
};

FieldRef field(std::string_view text) { return *FieldRef::parse(text); }

void get_field(benchmark::State& state, const char* reference, int extra_fields, bool is_there) {
  SampleEvent sample(extra_fields);
  const FieldRef wanted = field(reference);
  if (sample.event().has(wanted) != is_there) return state.SkipWithError("wrong answer");
  for (auto _ : state) benchmark::DoNotOptimize(sample.event().get(wanted));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(get_field, first, "clientip", 0, true);
BENCHMARK_CAPTURE(get_field, last, "message", 0, true);
BENCHMARK_CAPTURE(get_field, missing, "nope", 0, false);
BENCHMARK_CAPTURE(get_field, nested, "[host][name]", 0, true);
BENCHMARK_CAPTURE(get_field, list_item, "[host][ip][-1]", 0, true);
BENCHMARK_CAPTURE(get_field, metadata, "[@metadata][beat]", 0, true);
BENCHMARK_CAPTURE(get_field, of_200, "message", 200, true);
BENCHMARK_CAPTURE(get_field, missing_of_200, "nope", 200, false);

void set_and_remove_field(benchmark::State& state, const char* reference) {
  SampleEvent sample;
  const FieldRef wanted = field(reference);
  if (!sample.event().set(wanted, Value::integer(1)) || !sample.event().remove(wanted))
    return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    sample.event().set(wanted, Value::integer(1));
    sample.event().remove(wanted);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(set_and_remove_field, top_level, "new_field");
BENCHMARK_CAPTURE(set_and_remove_field, nested, "[host][os]");

void render_template(benchmark::State& state, const char* text, const char* expected) {
  SampleEvent sample;
  const FieldTemplate made = FieldTemplate::parse(text);
  std::string out;
  made.append_to(sample.event(), out);
  if (out != expected) return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    out.clear();
    made.append_to(sample.event(), out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * out.size()));
}
BENCHMARK_CAPTURE(render_template, literal, "plain text", "plain text");
BENCHMARK_CAPTURE(render_template, field, "%{verb}", "GET");
BENCHMARK_CAPTURE(render_template, fields, "%{verb} %{request} from %{[host][name]} %{response}",
                  "GET /downloads/product_1 from web-1 304");
BENCHMARK_CAPTURE(render_template, daily_index, "logs-%{+YYYY.MM.dd}", "logs-2015.10.01");
BENCHMARK_CAPTURE(render_template, java_time, "%{{yyyy.MM.dd.HH}}", "2015.10.01.00");
BENCHMARK_CAPTURE(render_template, missing, "%{nope}", "%{nope}");

void copy_event(benchmark::State& state, CopyStrings strings) {
  SampleEvent sample;
  std::string original;
  std::string copied;
  {
    Arena arena;
    write_json(sample.event().fields(), original);
    write_json(sample.event().copy_into(arena, strings)->fields(), copied);
  }
  if (original != copied) return state.SkipWithError("wrong answer");
  for (auto _ : state) {
    Arena arena;
    for (int i = 0; i < 100; ++i) benchmark::DoNotOptimize(sample.event().copy_into(arena, strings));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 100);
}
BENCHMARK_CAPTURE(copy_event, sharing_texts, CopyStrings::Share);
BENCHMARK_CAPTURE(copy_event, with_texts, CopyStrings::Copy);

}  // namespace
}  // namespace logboom
