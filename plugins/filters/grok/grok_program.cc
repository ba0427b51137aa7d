#include "plugins/filters/grok/grok_program.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace logboom {
namespace {

class ProgramBuilder {
 public:
  ProgramBuilder(const GrokFilterOptions& options, const PluginContext& context)
      : options_(options),
        context_(context),
        library_(PatternLibrary::bundled(context.is_ecs() ? PatternSet::EcsV1 : PatternSet::Legacy)) {}

  /// A program even when something was wrong, which the diagnostics then know.
  std::unique_ptr<GrokProgram> build() {
    load_patterns();
    if (options_.match.empty())
      context_.warning("match", "grok without patterns finds nothing and tags every event",
                       "write match => { \"message\" => \"…\" }");
    auto program = std::make_unique<GrokProgram>();
    for (const auto& [name, value] : options_.match) add_source(name, value, *program);
    for (GrokSource& source : program->sources) find_candidates(source);
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

  void add_source(const ConfigValue& name, const ConfigValue& value, GrokProgram& program) {
    auto field = FieldRef::parse(name.text);
    if (!field) {
      context_.error(name.span, fmt::format("match: {}", field.error().message));
      return;
    }
    auto known = std::find_if(program.sources.begin(), program.sources.end(),
                              [&](const GrokSource& source) { return source.field == *field; });
    if (known == program.sources.end()) known = program.sources.insert(known, GrokSource{*field, {}});
    if (value.kind != ConfigValue::Kind::Array) {
      add_pattern(value, *known);
      return;
    }
    for (const ConfigValue& item : value.items) add_pattern(item, *known);
  }

  void add_pattern(const ConfigValue& value, GrokSource& source) {
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
    GrokPattern made;
    made.text = value.text;
    made.matcher = std::move(*matcher);
    for (const GrokCapture& capture : expression->captures) add_capture(capture, value, made);
    find_text_fields(made);
    MetricScope& counters =
        context_.metrics().child("patterns").child(source.field.text()).child(std::to_string(source.patterns.size()));
    made.matched = &counters.counter("matched");
    made.missed = &counters.counter("missed");
    made.over_budget = &counters.counter("over_budget");
    made.nanoseconds = &counters.counter("nanoseconds");
    source.patterns.push_back(std::move(made));
  }

  static void find_text_fields(GrokPattern& pattern) {
    for (const GrokField& capture : pattern.captures) {
      const bool is_known = std::any_of(pattern.text_fields.begin(), pattern.text_fields.end(),
                                        [&](const GrokTextField& field) { return field.key == capture.key; });
      if (!capture.is_new_text || is_known) return pattern.text_fields.clear();
      pattern.text_fields.push_back({capture.key, capture.group});
      pattern.text_field_names.add(capture.key);
    }
  }

  static void find_candidates(GrokSource& source) {
    source.places.resize(source.patterns.size());
    std::iota(source.places.begin(), source.places.end(), 0);
    std::vector<std::vector<std::string>> required;
    for (const GrokPattern& pattern : source.patterns) required.push_back(pattern.matcher->required_literals());
    auto candidates = std::make_unique<PatternCandidates>(required);
    if (candidates->is_useful()) source.candidates = std::move(candidates);
  }

  void add_capture(const GrokCapture& capture, const ConfigValue& place, GrokPattern& pattern) {
    auto field = FieldRef::parse(capture.field);
    if (!field) {
      context_.error(place.span,
                     fmt::format("match: the capture \"{}\" cannot be a field: {}", capture.name, field.error().message));
      return;
    }
    GrokField made;
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

}  // namespace

std::unique_ptr<GrokProgram> build_grok_program(const GrokFilterOptions& options, const PluginContext& context) {
  return ProgramBuilder(options, context).build();
}

}  // namespace logboom
