// What a grok filter compiles to: for every field the patterns it is held against, and for every pattern the fields that its
// groups fill.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/plugin/registry.h"
#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_candidates.h"
#include "pipeline/text/pattern_library.h"

namespace logboom {

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
  std::uint64_t timeout_millis = 30'000;
  std::string timeout_scope = "pattern";
};

/// A group of a pattern and the field that it fills.
struct GrokField {
  std::size_t group = 0;
  CaptureType type = CaptureType::None;
  bool is_overwriting = false;
  bool is_plain = false;     // one top-level name that any value may stand under
  bool is_new_text = false;  // plain and of no type: the usual case
  bool is_tags = false;
  Key key;  // only when is_plain
  FieldRef field;
};

/// What the fields of a pattern mostly are: new ones that take a text as it is.
struct GrokTextField {
  Key key;
  std::size_t group = 0;
};

/// Says of nearly every other name that it is none of these, by two parts of its hash.
class NameFilter {
 public:
  void add(const Key& key) {
    for_object_ |= Object::filter_of(key);
    first_ |= std::uint64_t{1} << (key.hash >> 6 & 63);
    second_ |= std::uint64_t{1} << (key.hash & 63);
  }
  bool may_hold(const Key& key) const { return ((first_ >> (key.hash >> 6 & 63)) & (second_ >> (key.hash & 63)) & 1) != 0; }
  std::uint64_t for_object() const { return for_object_; }  // for Object::may_hold_any()

 private:
  std::uint64_t for_object_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t second_ = 0;
};

struct GrokPattern {
  std::string text;
  std::shared_ptr<const Matcher> matcher;
  std::vector<GrokField> captures;
  std::vector<GrokTextField> text_fields;  // all of the captures, when each has a name of its own and is_new_text
  NameFilter text_field_names;
  Counter* matched = nullptr;
  Counter* missed = nullptr;
  Counter* over_budget = nullptr;
  Counter* nanoseconds = nullptr;
};

/// The patterns that one field is held against, in order.
struct GrokSource {
  FieldRef field;
  std::vector<GrokPattern> patterns;
  std::vector<std::uint32_t> places;                    // 0, 1, 2, …: each pattern is tried
  std::unique_ptr<const PatternCandidates> candidates;  // when set, only those that it finds
};

/// Everything that is compiled, once for all workers.
struct GrokProgram {
  std::vector<GrokSource> sources;
  LogRateLimit log_limit;
};

/// A program even when something was wrong, which the diagnostics of `context` then say. For start-up: compiles all
/// patterns.
std::unique_ptr<GrokProgram> build_grok_program(const GrokFilterOptions& options, const PluginContext& context);

}  // namespace logboom
