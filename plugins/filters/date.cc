// date: reads the time in a field and makes it the event's.
// Tested by tests/plugins/filters/date_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/event/time_parser.h"
#include "pipeline/event/time_zone.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct DateOptions {
  std::vector<ConfigValue> match;
  FieldRef target = FieldRef::of_name("@timestamp");
  FieldTemplate timezone;
  std::string locale;
  std::vector<std::string> tag_on_failure = {"_dateparsefailure"};
};

OptionTable<DateOptions> date_options() {
  OptionTable<DateOptions> table;
  table.required("match", &DateOptions::match, "The field, then the formats to try in order.");
  table.optional("target", &DateOptions::target, "Where the time goes.");
  table.optional("timezone", &DateOptions::timezone,
                 "Zone of texts that name none: Europe/Paris, +01:00, %{field}; the machine's when not given.");
  table.optional("locale", &DateOptions::locale, "Language of month and weekday names: de, fr-FR; English when not given.");
  table.optional("tag_on_failure", &DateOptions::tag_on_failure, "Tags of events whose text no format reads.");
  return table;
}

/// False only when the current time surely makes no difference to what the format reads: a full year is in it.
bool depends_on_now(std::string_view format) {
  if (format == "ISO8601" || format == "UNIX" || format == "UNIX_MS" || format == "TAI64N") return false;
  std::size_t run = 0;
  bool is_quoted = false;
  for (const char c : format) {
    if (c == '\'') is_quoted = !is_quoted;
    run = !is_quoted && (c == 'y' || c == 'Y') ? run + 1 : 0;
    if (run == 3) return false;
  }
  return true;
}

/// The compiled formats, once for all workers.
struct Formats {
  FieldRef source;
  std::vector<TimeParser> parsers;
  bool depends_on_now = false;
};

std::unique_ptr<Formats> compile_formats(const DateOptions& options, const PluginContext& context) {
  auto made = std::make_unique<Formats>();
  for (const ConfigValue& item : options.match) {
    if (item.kind == ConfigValue::Kind::Array || item.kind == ConfigValue::Kind::Hash) {
      context.error(item.span, "match: wants names and formats as plain texts", R"(write match => [ "field", "ISO8601" ])");
      return made;
    }
  }
  if (options.match.size() < 2) {
    context.error("match", "match needs a field and at least one format", R"(write match => [ "field", "ISO8601" ])");
    return made;
  }
  if (auto source = FieldRef::parse(options.match[0].text)) {
    made->source = std::move(*source);
  } else {
    context.error(options.match[0].span, fmt::format("match: {}", source.error().message));
  }

  TimeParserOptions parser_options{.zone = nullptr, .locale = options.locale};
  if (options.timezone.empty()) {
    parser_options.zone = &machine_zone();
  } else if (options.timezone.is_literal()) {
    const auto zone = resolve_zone(options.timezone.text());
    if (!zone) context.error("timezone", fmt::format("timezone: {}", zone.error().message));
    parser_options.zone = zone ? *zone : nullptr;
  }
  if (const auto locale = TimeLocale::load(options.locale); !locale) {
    context.error("locale", fmt::format("locale: {}", locale.error().message));
    return made;
  }
  for (std::size_t i = 1; i < options.match.size(); ++i) {
    const ConfigValue& format = options.match[i];
    auto parser = TimeParser::compile(format.text, parser_options);
    if (!parser) {
      context.error(format.span, fmt::format("match: {}", parser.error().message));
      continue;
    }
    made->parsers.push_back(std::move(*parser));
    made->depends_on_now |= depends_on_now(format.text);
  }
  return made;
}

class Date {
 public:
  Date(DateOptions options, const PluginContext& context)
      : options_(std::move(options)),
        clock_(&context.clock()),
        has_zone_of_event_(!options_.timezone.is_literal()),
        matches_(&context.metrics().counter("matches")),
        failures_(&context.metrics().counter("failures")) {
    formats_ = context.shared<Formats>([&] { return compile_formats(options_, context).release(); });
  }

  Verdict apply(Event& event) {
    const Value* source = event.get(formats_->source);
    if (source == nullptr || source->is_null()) return Verdict::Unmatched;
    const std::optional<Timestamp> time = read(*source, event);
    if (time && event.set(options_.target, Value::timestamp(*time))) {
      matches_->add();
      return Verdict::Pass;
    }
    failures_->add();
    for (const std::string& tag : options_.tag_on_failure) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

 private:
  std::optional<Timestamp> read(const Value& source, const Event& event) {
    switch (source.kind()) {
      case ValueKind::String: return read_text(source.as_string(), event);
      case ValueKind::Timestamp: return read_text(value_text(source, event.arena()), event);
      case ValueKind::Integer: return read_number(source.as_integer());
      case ValueKind::Double: return read_number(source.as_double());
      default: return std::nullopt;
    }
  }

  template <class Number>
  std::optional<Timestamp> read_number(Number number) const {
    for (const TimeParser& parser : formats_->parsers)
      if (const auto time = parser.parse(number)) return time;
    return std::nullopt;
  }

  std::optional<Timestamp> read_text(std::string_view text, const Event& event) {
    const TimeZone* zone = nullptr;
    if (has_zone_of_event_) {
      zone = find_zone(options_.timezone.render(event));
      if (zone == nullptr) return std::nullopt;
    }
    const Timestamp now = formats_->depends_on_now ? Timestamp::now(*clock_) : Timestamp{};
    for (const TimeParser& parser : formats_->parsers)
      if (const auto time = parser.parse(text, now, scratch_, zone)) return time;
    return std::nullopt;
  }

  DateOptions options_;
  const Clock* clock_;
  bool has_zone_of_event_;
  std::shared_ptr<const Formats> formats_;
  TimeParser::Scratch scratch_;
  Counter* matches_;
  Counter* failures_;
};

const RegisterFilter registered({
    .name = "date",
    .summary = "Reads the time in a field and makes it the event's.",
    .make = make_filter<Date, date_options>,
    .details =
        R"(`match` names a field and one or more formats; the first format that reads the whole text wins.

| Format | Reads |
|---|---|
| `ISO8601` | `2001-09-05T16:36:36.123+0700`, with a blank or a comma in the usual places, the offset or the time left out |
| `UNIX` | seconds since 1970 as text or number, cut to milliseconds; up to 2147483647 |
| `UNIX_MS` | milliseconds since 1970 as text or number |
| `TAI64N` | `@4000000050d506482dbdf024`, with or without the `@` |
| letters | Joda-Time: `yyyy-MM-dd HH:mm:ss.SSS`, `dd/MMM/yyyy:HH:mm:ss Z`; texts in single quotes as they are |

Letters read numbers of fewer digits too, names in either case, and up to nine decimals. A text without a year is of
this year; read in January, December is last year's, and read in December, January is next year's. A month that would
lie more than half a year ahead is last year's too (Logstash leaves it in the future). Numbers are read by `UNIX` and
`UNIX_MS` alone.

`timezone` holds for texts that name no zone. It may be made from the event: `%{[host][timezone]}`. A name that is no
zone is refused in the configuration and tagged in an event. A local time that daylight saving skips fails; one that
it repeats is the first. Without the option the zone is the machine's (`TZ`, then `/etc/localtime`).

An event without the field passes untouched. One whose text no format reads keeps its time and is tagged
`_dateparsefailure` (`tag_on_failure`); `add_field` and the like then do not happen.

Counters: `matches`, `failures`.)",
});

}  // namespace
}  // namespace logboom
