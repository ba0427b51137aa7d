// grok: finds named patterns in a text and makes fields of what they capture.
// Tested by tests/plugins/filters/grok_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/plugin/registry.h"
#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_candidates.h"
#include "pipeline/text/pattern_library.h"
#include "plugins/filters/grok/number_prefix.h"

namespace logboom {
namespace {

constexpr std::uint64_t kUsualTimeoutMillis = 30'000;
// What Matcher takes by default, for timeouts longer than the usual one to multiply.
constexpr std::uint64_t kStepsPerText = 500;
constexpr std::uint64_t kStepsPerByte = 8;
constexpr std::uint64_t kMostSteps = 50'000'000;

struct GrokFilterOptions {
  ConfigHash match;
  std::vector<std::string> patterns_dir;
  std::string patterns_files_glob = "*";
  TextHash pattern_definitions;
  bool break_on_match = true;
  bool named_captures_only = true;
  bool keep_empty_captures = false;
  std::vector<FieldRef> overwrite;
  std::optional<FieldRef> target;
  std::vector<std::string> tag_on_failure = {"_grokparsefailure"};
  std::string tag_on_timeout = "_groktimeout";
  std::uint64_t timeout_millis = kUsualTimeoutMillis;
  std::string timeout_scope = "pattern";
};

OptionTable<GrokFilterOptions> grok_options() {
  using Options = GrokFilterOptions;
  OptionTable<Options> table;
  table.optional("match", &Options::match, "Fields, each with the pattern or the list of patterns to find in it.");
  table.optional("patterns_dir", &Options::patterns_dir,
                 "Directories of pattern files; a name defined there replaces a bundled one.");
  table.optional("patterns_files_glob", &Options::patterns_files_glob, "Which files of patterns_dir are read.");
  table.optional("pattern_definitions", &Options::pattern_definitions,
                 "Patterns of this filter alone; they replace those of files.");
  table.optional("break_on_match", &Options::break_on_match,
                 "Whether the first pattern that matches ends the search, in all fields.");
  table.optional("named_captures_only", &Options::named_captures_only,
                 "Whether %{WORD} without a field name captures nothing.");
  table.optional("keep_empty_captures", &Options::keep_empty_captures, "Whether captures of nothing make fields too.");
  table.optional("overwrite", &Options::overwrite, "Fields that a capture replaces instead of making a list.");
  table.optional("target", &Options::target, "The field below which captures go; the event itself when not given.");
  table.optional("tag_on_failure", &Options::tag_on_failure, "Tags of events in which nothing was found.");
  table.optional("tag_on_timeout", &Options::tag_on_timeout, "Tag of events that took too many steps.");
  table.optional("timeout_millis", &Options::timeout_millis,
                 "How much work a text may cost: 30000 or less is the usual limit of steps, more raises it in proportion, 0 "
                 "lifts it as far as possible.");
  table
      .optional("timeout_scope", &Options::timeout_scope,
                "Accepted; the limit of steps grows with the text and holds for each pattern.")
      .one_of({"pattern", "event"});
  return table;
}

/// A group of a pattern and the field that it fills.
struct Capture {
  std::size_t group = 0;
  CaptureType type = CaptureType::None;
  bool is_overwriting = false;
  bool is_plain = false;  // one top-level name that any value may stand under
  bool is_new_text = false;  // plain and of no type: the usual case
  bool is_tags = false;
  Key key;  // only when is_plain
  FieldRef field;
};

struct Pattern {
  std::string text;
  std::shared_ptr<const Matcher> matcher;
  std::vector<Capture> captures;
  Counter* matched = nullptr;
  Counter* missed = nullptr;
  Counter* over_budget = nullptr;
  Counter* nanoseconds = nullptr;
};

/// The patterns that one field is held against, in order.
struct Source {
  FieldRef field;
  std::vector<Pattern> patterns;
  std::vector<std::uint32_t> places;                    // 0, 1, 2, …: each pattern is tried
  std::unique_ptr<const PatternCandidates> candidates;  // when set, only those that it finds
};

/// What happened to the patterns of a source during a batch, counted so that a text costs one addition and not one per pattern.
struct Tally {
  std::vector<std::uint64_t> ended;    // by the first place that was not missed: where a search ended, or behind the last
  std::vector<std::uint64_t> matched;  // without break_on_match: matches before the end
};

/// Everything that is compiled, once for all workers.
struct Program {
  std::vector<Source> sources;
  LogRateLimit log_limit;
};

class ProgramBuilder {
 public:
  ProgramBuilder(const GrokFilterOptions& options, const PluginContext& context)
      : options_(options),
        context_(context),
        library_(PatternLibrary::bundled(context.is_ecs() ? PatternSet::EcsV1 : PatternSet::Legacy)) {}

  /// A program even when something was wrong, which the diagnostics then know.
  std::unique_ptr<Program> build() {
    load_patterns();
    if (options_.match.empty())
      context_.warning("match", "grok without patterns finds nothing and tags every event",
                       "write match => { \"message\" => \"…\" }");
    auto program = std::make_unique<Program>();
    for (const auto& [name, value] : options_.match) add_source(name, value, *program);
    for (Source& source : program->sources) find_candidates(source);
    return program;
  }

 private:
  void load_patterns() {
    for (const std::string& directory : options_.patterns_dir) {
      const auto loaded = library_.load_directory(directory, options_.patterns_files_glob);
      if (!loaded) context_.error("patterns_dir", loaded.error().message);
    }
    for (const auto& [name, expression] : options_.pattern_definitions)
      library_.add(name, expression, "pattern_definitions");
  }

  void add_source(const ConfigValue& name, const ConfigValue& value, Program& program) {
    auto field = FieldRef::parse(name.text);
    if (!field) {
      context_.error(name.span, fmt::format("match: {}", field.error().message));
      return;
    }
    auto known = std::find_if(program.sources.begin(), program.sources.end(),
                              [&](const Source& source) { return source.field == *field; });
    if (known == program.sources.end()) known = program.sources.insert(known, Source{*field, {}});
    if (value.kind != ConfigValue::Kind::Array) {
      add_pattern(value, *known);
      return;
    }
    for (const ConfigValue& item : value.items) add_pattern(item, *known);
  }

  void add_pattern(const ConfigValue& value, Source& source) {
    using Kind = ConfigValue::Kind;
    if (value.kind == Kind::Array || value.kind == Kind::Hash || value.kind == Kind::Plugin) {
      context_.error(value.span, "match: wants a pattern or a list of patterns");
      return;
    }
    auto expression = library_.expand(value.text, {.named_captures_only = options_.named_captures_only});
    if (!expression) {
      context_.error(value.span, fmt::format("match: {}", expression.error().message));
      return;
    }
    auto matcher = Matcher::compile(expression->regex, {.dot_matches_newline = true, .captures_unnamed = false});
    if (!matcher) {
      context_.error(value.span, fmt::format("match: {}", matcher.error().message));
      return;
    }
    Pattern made;
    made.text = value.text;
    made.matcher = std::move(*matcher);
    for (const GrokCapture& capture : expression->captures) add_capture(capture, value, made);
    MetricScope& counters =
        context_.metrics().child("patterns").child(source.field.text()).child(std::to_string(source.patterns.size()));
    made.matched = &counters.counter("matched");
    made.missed = &counters.counter("missed");
    made.over_budget = &counters.counter("over_budget");
    made.nanoseconds = &counters.counter("nanoseconds");
    source.patterns.push_back(std::move(made));
  }

  static void find_candidates(Source& source) {
    source.places.resize(source.patterns.size());
    std::iota(source.places.begin(), source.places.end(), 0);
    std::vector<std::vector<std::string>> required;
    for (const Pattern& pattern : source.patterns) required.push_back(pattern.matcher->required_literals());
    auto candidates = std::make_unique<PatternCandidates>(required);
    if (candidates->is_useful()) source.candidates = std::move(candidates);
  }

  void add_capture(const GrokCapture& capture, const ConfigValue& place, Pattern& pattern) {
    auto field = FieldRef::parse(capture.field);
    if (!field) {
      context_.error(place.span,
                     fmt::format("match: the capture \"{}\" cannot be a field: {}", capture.name, field.error().message));
      return;
    }
    Capture made;
    made.group = capture.group;
    made.type = capture.type;
    made.is_overwriting =
        std::find(options_.overwrite.begin(), options_.overwrite.end(), *field) != options_.overwrite.end();
    made.field = options_.target ? below(*options_.target, *field) : *field;
    if (!made.field.is_metadata() && made.field.steps().size() == 1) {
      made.key = made.field.steps()[0].key;
      made.is_tags = made.key == well_known().tags;
      made.is_plain = !made.is_tags && !(made.key == well_known().timestamp);
      made.is_new_text = made.is_plain && made.type == CaptureType::None;
    }
    pattern.captures.push_back(std::move(made));
  }

  static FieldRef below(const FieldRef& target, const FieldRef& field) {
    FieldRef made = target;
    if (field.is_metadata()) made = made.child("@metadata");
    for (const FieldRef::Step& step : field.steps()) made = made.child(step.key.text());
    return made;
  }

  const GrokFilterOptions& options_;
  const PluginContext& context_;
  PatternLibrary library_;
};

class Grok {
 public:
  Grok(GrokFilterOptions options, const PluginContext& context)
      : options_(std::move(options)),
        id_(context.id()),
        matches_(&context.metrics().counter("matches")),
        failures_(&context.metrics().counter("failures")),
        timeouts_(&context.metrics().counter("timeouts")) {
    program_ = context.shared<Program>([&] { return ProgramBuilder(options_, context).build().release(); });
    for (const Source& source : program_->sources)
      tallies_.push_back({std::vector<std::uint64_t>(source.patterns.size() + 1), std::vector<std::uint64_t>(source.patterns.size())});
  }

  Verdict apply(Event& event) {
    bool is_matched = false;
    for (std::size_t place = 0; place < program_->sources.size(); ++place) {
      const Outcome outcome = match_source(place, event);
      if (outcome == Outcome::TimedOut) {
        timeouts_->add();
        event.add_failure_tag(options_.tag_on_timeout);
        return Verdict::Unmatched;
      }
      is_matched |= outcome == Outcome::Matched;
      if (is_matched && options_.break_on_match) break;
    }
    if (is_matched) {
      matches_->add();
      return Verdict::Pass;
    }
    failures_->add();
    for (const std::string& tag : options_.tag_on_failure) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

  void end_batch() {
    for (std::size_t place = 0; place < tallies_.size(); ++place) {
      Tally& tally = tallies_[place];
      std::uint64_t searches = 0;  // that went past a pattern
      for (std::size_t at = tally.matched.size(); at-- > 0;) {
        searches += tally.ended[at + 1];
        if (searches != tally.matched[at]) program_->sources[place].patterns[at].missed->add(searches - tally.matched[at]);
      }
      std::fill(tally.ended.begin(), tally.ended.end(), 0);
      std::fill(tally.matched.begin(), tally.matched.end(), 0);
    }
  }

 private:
  static constexpr std::uint64_t kTextsPerTimedOne = 64;
  enum class Outcome { Matched, Missed, Refused, TimedOut };  // Refused: the event cannot hold a capture

  Outcome match_source(std::size_t place, Event& event) {
    const Value* value = event.get(program_->sources[place].field);
    if (value == nullptr || value->is_null()) return match_text(place, {}, event);
    if (value->is_string()) return match_text(place, value->as_string(), event);
    if (!value->is_array()) return match_text(place, value_text(*value, event.arena()), event);

    // Captures may make the list longer, and only what it held before counts.
    const Array& list = value->as_array();
    const std::uint32_t size = list.size();
    Outcome result = Outcome::Missed;
    for (std::uint32_t i = 0; i < std::min(size, list.size()); ++i) {
      const Outcome outcome = match_text(place, value_text(list[i], event.arena()), event);
      if (outcome == Outcome::Refused || outcome == Outcome::TimedOut) return outcome;
      if (outcome == Outcome::Matched) result = outcome;
    }
    return result;
  }

  /// Without break_on_match the last pattern decides, as in Logstash.
  Outcome match_text(std::size_t place, std::string_view text, Event& event) {
    const Source& source = program_->sources[place];
    Tally& tally = tallies_[place];
    is_timed_ = ++texts_ % kTextsPerTimedOne == 0;
    Outcome result = Outcome::Missed;
    for (const std::uint32_t at : source.candidates ? source.candidates->find(text, candidates_) : source.places) {
      const Outcome outcome = match_pattern(source, source.patterns[at], text, event);
      if (outcome == Outcome::Missed) continue;
      if (outcome != Outcome::Matched || options_.break_on_match) {
        ++tally.ended[at];
        return outcome;
      }
      ++tally.matched[at];
      if (at + 1 == source.patterns.size()) result = Outcome::Matched;
    }
    ++tally.ended[source.patterns.size()];
    return result;
  }

  Outcome match_pattern(const Source& source, const Pattern& pattern, std::string_view text, Event& event) {
    const auto start = is_timed_ ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    const MatchStatus status = pattern.matcher->match(text, scratch_, 0, budget_for(text));
    if (is_timed_) {
      const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - start;
      pattern.nanoseconds->add(static_cast<std::uint64_t>(taken.count()) * kTextsPerTimedOne);
    }
    switch (status) {
      case MatchStatus::Matched: pattern.matched->add(); return store_captures(pattern, event) ? Outcome::Matched : Outcome::Refused;
      case MatchStatus::NoMatch: return Outcome::Missed;
      case MatchStatus::OverBudget:
        pattern.over_budget->add();
        log_timeout(source, pattern, text);
        return Outcome::TimedOut;
    }
    return Outcome::Missed;
  }

  std::uint64_t budget_for(std::string_view text) const {
    if (options_.timeout_millis == 0) return kMostSteps;
    if (options_.timeout_millis <= kUsualTimeoutMillis) return Matcher::kDefaultBudget;
    const double factor = static_cast<double>(options_.timeout_millis) / kUsualTimeoutMillis;
    const double steps = static_cast<double>(kStepsPerText + kStepsPerByte * text.size()) * factor;
    return steps < static_cast<double>(kMostSteps) ? static_cast<std::uint64_t>(steps) : kMostSteps;
  }

  bool store_captures(const Pattern& pattern, Event& event) const {
    Object& fields = event.fields();
    Arena& arena = event.arena();
    for (const Capture& capture : pattern.captures) {
      const bool is_set = scratch_.is_set(capture.group);
      if (capture.is_new_text && is_set) {
        const std::string_view text = scratch_.group(capture.group);
        if (!text.empty() && fields.find(capture.key) == nullptr) {
          fields.append(arena, capture.key, Value::string(text));
          continue;
        }
      }
      if (!is_set && !options_.keep_empty_captures) continue;
      const std::string_view text = scratch_.group(capture.group);
      Value value;
      if (is_set) {
        switch (capture.type) {
          case CaptureType::None:
            if (text.empty() && !options_.keep_empty_captures) continue;
            value = Value::string(text);
            break;
          case CaptureType::Int: value = integer_prefix(text, event.arena()); break;
          case CaptureType::Float: value = float_prefix(text); break;
        }
      }
      if (!store(capture, value, event)) return false;
    }
    return true;
  }

  /// A missing field is set, a text becomes a list, a list grows, and anything else stays as it is.
  static bool store(const Capture& capture, const Value& value, Event& event) {
    Value* existing = capture.is_plain ? event.fields().find(capture.key) : event.get(capture.field);
    if (capture.is_plain && existing == nullptr) {
      event.fields().append(event.arena(), capture.key, value);
      return true;
    }
    if (existing == nullptr || existing->is_null() || capture.is_overwriting) return event.set(capture.field, value);
    if (capture.is_tags && !value.is_string()) return false;
    if (existing->is_array()) {
      existing->as_array().push(event.arena(), value);
    } else if (existing->is_string()) {
      Array* list = Array::make(event.arena(), 2);
      list->push(event.arena(), *existing);
      list->push(event.arena(), value);
      *existing = Value::array(list);
    }
    return true;
  }

  void log_timeout(const Source& source, const Pattern& pattern, std::string_view text) const {
    if (!program_->log_limit.allow()) return;
    log_warn("grok",
             "{}: a text of {} bytes in field {} took too many steps for the pattern {} ({} more since the last such line)",
             id_, text.size(), source.field.text(), pattern.text, program_->log_limit.suppressed());
  }

  GrokFilterOptions options_;
  std::string id_;
  std::shared_ptr<Program> program_;
  std::vector<Tally> tallies_;  // of this worker, by source
  MatchScratch scratch_;
  PatternCandidates::Scratch candidates_;
  std::uint64_t texts_ = 0;
  bool is_timed_ = false;
  Counter* matches_;
  Counter* failures_;
  Counter* timeouts_;
};

const RegisterFilter registered({
    .name = "grok",
    .summary = "Finds named patterns in a text and makes fields of what they capture.",
    .make = make_filter<Grok, grok_options>,
    .details =
        R"(A pattern is a regular expression in Ruby's dialect with references: `%{NAME}` stands for a named pattern,
`%{NAME:field}` also captures it into a field, `%{NAME:field:int}` and `%{NAME:field:float}` make a number of it,
`%{NAME:field=regex}` defines it on the spot; `(?<field>…)` captures as well. A pattern is searched for anywhere in
the text: anchor it with `^` and `$`, which match at every line. `.` matches newlines. The bundled patterns are those
with the names of the Elastic Common Schema, or the older ones with `ecs_compatibility => disabled`; `patterns_dir`
replaces or adds to them, and `pattern_definitions` to both.

A missing field is held against the patterns as empty text, a number by its text, and of a list each element by
itself: one that matches is enough. With `break_on_match` the first match ends the search. Without it all patterns of
all fields are tried, and the last pattern of a field says whether the field matched, as in Logstash.

A capture sets a missing field, makes a list of a text that is there, extends a list, and is dropped where anything
else stands; fields named by `overwrite` are replaced. Captures of nothing are dropped unless `keep_empty_captures` is
set. Of several groups with the same name and type only the first becomes a number. Numbers are read as far as they
go: `12ms` is 12, text is 0.

Events in which nothing was found get `tag_on_failure`, and so do those that cannot hold a capture because its path
leads through a text. `add_field` and the like then do not happen.

A search ends after a number of steps that grows with the text, not after a time; before it gives up, an engine of
linear time is asked whether the text can match at all. Ordinary patterns never come near the limit. `timeout_millis`
up to its default of 30000 keeps that limit, which ends a search after at most a quarter of a second on today's
machines; a larger value raises it in proportion, and 0 raises it to its maximum. An event over the limit gets
`tag_on_timeout` and keeps what earlier patterns captured. The limit holds for each pattern; as it bounds the work on
an event too, `timeout_scope` makes no difference.

Counters: `matches`, `failures`, `timeouts` (events), and below `patterns.<field>.<place in the list>`: `matched`,
`missed`, `over_budget`, `nanoseconds` (spent, an estimate from one text in 64).)",
});

}  // namespace
}  // namespace logboom
