// Matcher: a compiled regular expression in Ruby's dialect that answers within a bounded number of steps.
//
// ASCII texts are walked through by a Scanner first where the expression allows it: most log lines are settled there. Behind
// it stand two engines. PCRE2 with JIT does the work and yields the captures, under a step limit that grows with the
// subject. When the limit trips, a relaxation of the expression (a superset, see regex_dialect.h) runs on RE2 in linear
// time: its "no" is final, its "yes" gives PCRE2 one last, larger budget. Tested by tests/pipeline/text/matcher_test.cc and
// matcher_property_test.cc; measured by tests/bench/matcher_bench.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace logboom {

struct MatcherOptions {
  bool dot_matches_newline = false;  // grok: true; conditions, gsub, kv: false. (?m) and (?-m) inside still switch
  bool ignore_case = false;          // as if the expression stood in (?i:…)
  bool captures = true;              // false: only yes or no (and where), no group is recorded
  bool captures_unnamed = true;      // false: (…) without a name records nothing unless a back-reference needs it
  bool may_scan = true;              // false: PCRE2 alone, for comparing the two
};

enum class MatchStatus {
  Matched,
  NoMatch,
  OverBudget,  // neither engine could decide within the budget: grok tags _groktimeout, others treat it as no match
};

/// A named group; duplicates of a name are separate entries.
struct NamedGroup {
  std::string name;       // as written between < and >
  std::size_t index = 0;  // for MatchScratch::group()
};

/// What the matches of one thread are recorded in. Reused: after the largest pattern has been seen nothing is allocated.
/// Threads: one at a time. Contents describe the last call that returned Matched and refer to that call's subject.
class MatchScratch {
 public:
  MatchScratch();
  ~MatchScratch();
  MatchScratch(MatchScratch&& other) noexcept;
  MatchScratch& operator=(MatchScratch&& other) noexcept;

  /// True when group `index` (0: the whole match) took part in the match. False for an index out of range.
  bool is_set(std::size_t index) const {
    return index < group_count_ && offsets_[2 * index] != std::numeric_limits<std::size_t>::max();
  }
  /// Bytes of the group, empty when it is not set (is_set tells the two apart). Valid as long as the subject's bytes are.
  std::string_view group(std::size_t index) const {
    if (!is_set(index)) return {};
    return {subject_ + offsets_[2 * index], offsets_[2 * index + 1] - offsets_[2 * index]};
  }
  /// Byte offsets of the group in the subject; only for a group that is_set().
  std::size_t begin(std::size_t index) const { return offsets_[2 * index]; }
  std::size_t end(std::size_t index) const { return offsets_[2 * index + 1]; }
  /// Groups of the last pattern, the whole match included.
  std::size_t group_count() const { return group_count_; }

 private:
  friend class Matcher;
  struct Storage;
  std::unique_ptr<Storage> storage_;
  const std::size_t* offsets_ = nullptr;
  std::size_t group_count_ = 0;
  const char* subject_ = nullptr;
};

/// Where find_next() goes on. Start with a default one per subject.
struct MatchCursor {
  enum class Alphabet { Unknown, Ascii, Utf8 };

  std::size_t offset = 0;
  bool is_exhausted = false;
  Alphabet alphabet = Alphabet::Unknown;  // of the subject; found out on the first call
};

/// Immutable; every function may be called from any thread at once (each with its own scratch).
class Matcher {
 public:
  static constexpr std::uint64_t kDefaultBudget = 0;            // "what fits the length of the subject"
  static constexpr std::uint64_t kLargestBudget = 50'000'000;   // a larger one counts as this
  static constexpr std::size_t kMaxPatternBytes = 1024 * 1024;  // longer expressions are refused

  /// What kDefaultBudget stands for, in steps, when `bytes` are searched.
  static constexpr std::uint64_t usual_budget(std::size_t bytes) { return 500 + 8 * static_cast<std::uint64_t>(bytes); }

  /// Compiles an expression in Ruby's dialect. Takes up to some milliseconds: for start-up and reload.
  /// Errors: InvalidArgument - the message names the byte offset in `pattern`, what is wrong and what to write instead.
  /// TooLarge - over kMaxPatternBytes or beyond what the engine can hold.
  static Result<std::shared_ptr<const Matcher>> compile(std::string_view pattern, const MatcherOptions& options = {});

  ~Matcher();

  /// Searches `subject` from byte `start` (not anchored; look-behind and ^ see the bytes before `start`).
  /// The subject must be valid UTF-8 and `start` on a character border: events' strings are; else use match_untrusted().
  /// `budget`: steps of the fast engine before the linear one is asked; kDefaultBudget picks usual_budget().
  /// Ends within bounded work whatever the pattern. Allocates nothing in the steady state.
  MatchStatus match(std::string_view subject, MatchScratch& scratch, std::size_t start = 0,
                    std::uint64_t budget = kDefaultBudget) const;

  /// As match(), for bytes nobody has checked: what is not valid UTF-8, or a `start` inside a character, is NoMatch.
  MatchStatus match_untrusted(std::string_view subject, MatchScratch& scratch, std::size_t start = 0,
                              std::uint64_t budget = kDefaultBudget) const;

  /// The next match at or after the cursor, as Ruby's gsub and scan walk: after an empty match the cursor steps over one
  /// character. Matched: scratch holds it, the cursor is behind it. NoMatch: no more. OverBudget: stop, cursor exhausted.
  MatchStatus find_next(std::string_view subject, MatchScratch& scratch, MatchCursor& cursor,
                        std::uint64_t budget = kDefaultBudget) const;

  /// Named groups in the order of the expression (empty with captures == false).
  const std::vector<NamedGroup>& groups() const;
  /// Index of the highest group that is recorded; 0 when there is none.
  std::size_t highest_group() const;
  /// The expression as given to compile().
  const std::string& pattern() const;

  /// The scanner's steps for people, empty when the expression has none. Compiles it on first use.
  std::string scanner_note() const;

  /// Bytes that every match begins with, empty when none are known.
  const std::string& prefix_literal() const;
  /// The longest run of bytes that every match contains, empty when none is known.
  const std::string& required_literal() const;
  /// All such runs. For choosing among many patterns in one pass (PatternCandidates).
  const std::vector<std::string>& required_literals() const;
  /// True when a match can only begin at the subject's first byte.
  bool is_anchored() const;

  /// For the configuration check: why a hard subject may end in OverBudget for this pattern, empty when the linear engine
  /// can arbitrate. Compiles the relaxation on first use.
  std::string engine_note() const;

  /// True when the linear engine can be asked at all; then `linear_says_maybe` is what it answers (a superset of match()).
  /// For tests and the pattern workbench.
  std::optional<bool> linear_says_maybe(std::string_view subject) const;

 private:
  struct Side;
  struct Engine;
  MatchStatus match_on(const Side& side, std::string_view subject, MatchScratch& scratch, std::size_t start,
                       std::uint64_t budget) const;
  explicit Matcher(std::unique_ptr<Engine> engine);
  std::unique_ptr<const Engine> engine_;
};

}  // namespace logboom
