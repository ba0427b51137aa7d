// grok: finds named patterns in a text and makes fields of what they capture.
// Tested by tests/plugins/filters/grok_test.cc. Reference page: generated from the declarations below.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plugins/filters/grok/grok_program.h"
#include "plugins/filters/grok/number_prefix.h"

namespace logboom {
namespace {

constexpr std::uint64_t kUsualTimeoutMillis = 30'000;

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

/// What happened to the patterns of a source during a batch, counted so that a text costs one addition and not one per
/// pattern.
struct Tally {
  std::vector<std::uint64_t> ended;    // by the first place that was not missed: where a search ended, or behind the last
  std::vector<std::uint64_t> matched;  // without break_on_match: matches before the end
  std::vector<std::uint64_t> hits;     // all matches
};

class Grok {
 public:
  Grok(GrokFilterOptions options, const PluginContext& context)
      : options_(std::move(options)),
        id_(context.id()),
        matches_(&context.metrics().counter("matches")),
        failures_(&context.metrics().counter("failures")),
        timeouts_(&context.metrics().counter("timeouts")) {
    program_ = context.shared<GrokProgram>([&] { return build_grok_program(options_, context).release(); });
    for (const GrokSource& source : program_->sources)
      tallies_.push_back({std::vector<std::uint64_t>(source.patterns.size() + 1),
                          std::vector<std::uint64_t>(source.patterns.size()),
                          std::vector<std::uint64_t>(source.patterns.size())});
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
      ++matches_in_batch_;
      return Verdict::Pass;
    }
    ++failures_in_batch_;
    for (const std::string& tag : options_.tag_on_failure) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

  void end_batch() {
    if (matches_in_batch_ > 0) matches_->add(std::exchange(matches_in_batch_, 0));
    if (failures_in_batch_ > 0) failures_->add(std::exchange(failures_in_batch_, 0));
    for (std::size_t place = 0; place < tallies_.size(); ++place) {
      Tally& tally = tallies_[place];
      std::uint64_t searches = 0;  // that went past a pattern
      for (std::size_t at = tally.matched.size(); at-- > 0;) {
        searches += tally.ended[at + 1];
        if (tally.hits[at] > 0) program_->sources[place].patterns[at].matched->add(std::exchange(tally.hits[at], 0));
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
    const GrokSource& source = program_->sources[place];
    Tally& tally = tallies_[place];
    is_timed_ = ++texts_ % kTextsPerTimedOne == 0;
    Outcome result = Outcome::Missed;
    for (const std::uint32_t at : source.candidates ? source.candidates->find(text, candidates_) : source.places) {
      const Outcome outcome = match_pattern(source, source.patterns[at], text, event);
      if (outcome == Outcome::Missed) continue;
      if (outcome != Outcome::TimedOut) ++tally.hits[at];
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

  Outcome match_pattern(const GrokSource& source, const GrokPattern& pattern, std::string_view text, Event& event) {
    const auto start = is_timed_ ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    const MatchStatus status = pattern.matcher->match(text, scratch_, 0, budget_for(text));
    if (is_timed_) {
      const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - start;
      pattern.nanoseconds->add(static_cast<std::uint64_t>(taken.count()) * kTextsPerTimedOne);
    }
    switch (status) {
      case MatchStatus::Matched: return store_captures(pattern, event) ? Outcome::Matched : Outcome::Refused;
      case MatchStatus::NoMatch: return Outcome::Missed;
      case MatchStatus::OverBudget:
        pattern.over_budget->add();
        log_timeout(source, pattern, text);
        return Outcome::TimedOut;
    }
    return Outcome::Missed;
  }

  std::uint64_t budget_for(std::string_view text) const {
    if (options_.timeout_millis == 0) return Matcher::kLargestBudget;
    if (options_.timeout_millis <= kUsualTimeoutMillis) return Matcher::kDefaultBudget;
    const double factor = static_cast<double>(options_.timeout_millis) / kUsualTimeoutMillis;
    const double steps = static_cast<double>(Matcher::usual_budget(text.size())) * factor;
    return static_cast<std::uint64_t>(std::min(steps, static_cast<double>(Matcher::kLargestBudget)));
  }

  bool store_captures(const GrokPattern& pattern, Event& event) const {
    Object& fields = event.fields();
    Arena& arena = event.arena();
    if (!options_.keep_empty_captures && are_all_new(pattern, fields)) {
      for (const GrokTextField& field : pattern.text_fields) {
        const std::string_view text = scratch_.group(field.group);
        if (!text.empty()) fields.append(arena, field.key, Value::string(text));
      }
      return true;
    }
    for (const GrokField& capture : pattern.captures) {
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

  /// Whether all captures are texts for fields that are not there yet.
  static bool are_all_new(const GrokPattern& pattern, const Object& fields) {
    if (pattern.text_fields.empty()) return false;
    if (!fields.may_hold_any(pattern.text_field_names.for_object())) return true;
    for (const ObjectEntry& entry : fields) {
      if (!pattern.text_field_names.may_hold(entry.key)) continue;
      for (const GrokTextField& field : pattern.text_fields)
        if (field.key == entry.key) return false;
    }
    return true;
  }

  /// A missing field is set, a text becomes a list, a list grows, and anything else stays as it is.
  static bool store(const GrokField& capture, const Value& value, Event& event) {
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

  void log_timeout(const GrokSource& source, const GrokPattern& pattern, std::string_view text) const {
    if (!program_->log_limit.allow()) return;
    log_warn("grok",
             "{}: a text of {} bytes in field {} took too many steps for the pattern {} ({} more since the last such line)",
             id_, text.size(), source.field.text(), pattern.text, program_->log_limit.suppressed());
  }

  GrokFilterOptions options_;
  std::string id_;
  std::shared_ptr<GrokProgram> program_;
  std::vector<Tally> tallies_;  // of this worker, by source
  std::uint64_t matches_in_batch_ = 0;
  std::uint64_t failures_in_batch_ = 0;
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
