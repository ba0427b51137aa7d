// PatternCandidates: which of many expressions can match a text at all, found in one pass over it.
//
// Of each expression some pieces of the texts that every match contains are looked for: those that the fewest other
// expressions share. The look goes at windows of four bytes, every fourth where the pieces are long enough for one of them
// to be met. A text that lacks a piece of an expression cannot match it. Tested by
// tests/pipeline/text/pattern_candidates_test.cc; measured by tests/bench/matcher_bench.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

/// Immutable; any thread, each with its own Scratch.
class PatternCandidates {
 public:
  struct Scratch {
    std::vector<std::uint8_t> found;  // per expression, the pieces seen so far
    std::vector<std::uint32_t> candidates;
  };

  /// `required`: per expression, texts that all of its matches contain (Matcher::required_literals()). Expressions without
  /// one of four bytes are always candidates.
  explicit PatternCandidates(const std::vector<std::vector<std::string>>& required);

  /// True when asking may save more than it costs.
  bool is_useful() const { return chosen_count_ >= kFewestPatterns; }
  /// Places of the expressions that may match `text`, ascending; valid until the next call with this scratch.
  const std::vector<std::uint32_t>& find(std::string_view text, Scratch& scratch) const;

 private:
  static constexpr std::size_t kFewestPatterns = 4;
  static constexpr std::size_t kWindowBytes = sizeof(std::uint32_t);
  static constexpr std::size_t kLargestStride = 4;
  static constexpr std::size_t kFilterBits = 1 << 15;

  struct Window {
    std::uint32_t bytes = 0;
    std::uint32_t first_mark = 0;
    std::uint32_t mark_count = 0;  // 0: a free place
  };
  struct Mark {
    std::uint32_t pattern = 0;
    std::uint8_t bit = 0;
  };

  static std::uint32_t hash_of(std::uint32_t window) { return window * 0x9E3779B1U; }
  void mark_window(std::uint32_t window, Scratch& scratch) const;

  std::size_t pattern_count_ = 0;
  std::size_t chosen_count_ = 0;
  std::size_t stride_ = 1;             // bytes between looks at a text
  std::vector<std::uint32_t> always_;  // expressions that are candidates for every text
  std::vector<std::uint8_t> wanted_;   // per expression, the bits of all its pieces of text; 0: always a candidate
  std::vector<std::uint64_t> filter_;  // one bit per hash: most windows of a text are of no interest
  std::vector<Window> windows_;        // open addressing
  std::vector<Mark> marks_;
};

}  // namespace logboom
