// Scanner: an expression compiled to one walk over an ASCII text, without backtracking.
//
// It follows the way that a backtracking engine tries first and notes whether it has left choices behind. When that way
// leads to the end, it is the match, with the same captures. When it fails with no choice left behind, nothing else could
// have fitted. Otherwise the scanner says so and leaves the text to an engine that backtracks. Log lines fit at the first
// try nearly always. Equality with PCRE2 is proven by tests/pipeline/text/scanner_test.cc on random expressions and texts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/text/ascii_facts.h"
#include "pipeline/text/byte_automaton.h"
#include "pipeline/text/byte_class.h"
#include "pipeline/text/regex_tree.h"

namespace logboom {

/// Immutable; any thread.
class Scanner {
 public:
  enum class Outcome { Matched, NoMatch, Undecided };
  static constexpr std::size_t kUnset = ~std::size_t{0};

  /// nullptr for expressions that it cannot follow: back-references, calls, loops around captures and the like.
  /// `required_literals`: what every match holds, in order (RegexFacts).
  static std::unique_ptr<const Scanner> compile(const RegexTree& tree, const std::vector<std::string>& required_literals);

  /// Searches an ASCII `subject` from byte `start`. Matched: `offsets` holds begin and end of the whole match and of each
  /// group, kUnset where it took no part; room for 2 * (group_count + 1) is needed. Undecided: no match begins before
  /// `start`, which has moved to where another engine has to go on. `tries` grows by the number of places where a match was
  /// tried. Work is bounded by a few steps per byte.
  Outcome run(std::string_view subject, std::size_t& start, std::size_t* offsets, std::size_t& tries) const;

  /// For people: what it is made of, one step per line.
  std::string describe() const;

 private:
  friend class ScannerCompiler;

  enum class Code : std::uint8_t {
    Literal,     // text
    Border,      // borders[index]
    Run,         // greedy run of classes[index], then one of `symbols`
    RunTo,       // greedy run, then the last occurrence of text in reach
    Lazy,        // lazy run of classes[index] up to one of `symbols`
    LazyTo,      // lazy run up to text
    Part,        // automata[index], then one of `symbols`
    Open,        // group begins
    Close,       // group ends
    Branch,      // begins with one of `symbols`, else go on at `target`; likewise when it fails before its Join
    Join,        // end of a branch: go on at `target`
    Atomic,      // choices left behind inside...
    Committed,   // ...are forgotten here
    Checkpoint,  // what is behind fails where it has failed before
    Done,
  };
  struct Step {
    Code code = Code::Done;
    bool is_final = false;    // Run, Lazy: no other length could fit; Join: no other branch could
    bool may_choose = false;  // Part: of several ends the last is the one tried first; Join: its branch may be returned to
    std::uint32_t group = 0;   // the group that holds just this step, 0 for none
    std::uint32_t passed = 0;  // bytes behind it that are known to fit with it, and belong to no group
    std::uint32_t index = 0;   // of a class, border, automaton; Open, Close: the group; Join: the checkpoint at its target
    std::uint32_t min = 0;
    std::uint32_t target = 0;
    std::uint32_t first_group = 0;  // Branch: groups inside, which a failure makes unset
    std::uint32_t last_group = 0;
    std::uint32_t next_group = 0;  // Branch: the first group at or behind it
    SymbolSet symbols;
    std::string text;
    std::uint64_t text_word = 0;  // the first bytes of text, and which bits of a word they are
    std::uint64_t text_mask = 0;
  };
  /// Border rules as bits: a place fits when both sides share one.
  struct Border {
    std::array<std::uint8_t, 129> before{};
    std::array<std::uint8_t, 129> after{};
  };
  static constexpr std::size_t kDeepest = 16;
  static constexpr std::size_t kMostCheckpoints = 8;
  static constexpr std::size_t kMostReturns = 8;  // to branches that are done, see try_at()

  /// Where the steps behind a checkpoint have failed they would fail again, in this try or the next: they depend on the
  /// place alone. So a line that fits but for its end is walked through once, although a try may begin at each part of a
  /// name or an address at its front, and although a "-" may be read in two ways.
  struct Memory {
    std::array<const char*, kMostCheckpoints> failed{};   // the place where each has failed last
    std::array<const char*, kMostCheckpoints> reached{};  // and where it was passed in this try
    std::size_t behind_reached = 0;                       // checkpoints from here on were not passed
    std::size_t read = 0;                                 // bytes, of all tries
    void note_failure(std::size_t first) {
      for (; behind_reached > first; --behind_reached)
        if (const char* const place = std::exchange(reached[behind_reached - 1], nullptr))
          failed[behind_reached - 1] = place;
    }
  };
  Outcome try_at(std::string_view subject, const char* at, std::size_t* offsets, Memory& memory) const;

  std::vector<Step> steps_;
  std::vector<ByteClass> classes_;
  std::vector<Border> borders_;
  std::vector<std::shared_ptr<const ByteAutomaton>> automata_;
  std::vector<std::string> required_literals_;
  std::vector<ByteClass> not_first_;  // one: bytes that no match begins with; none: a match may be empty
  std::size_t group_count_ = 0;
  // When not 0: the first checkpoint is behind a text of this size whose first byte cannot stand in front of it in a match.
  // A try that fails there has then failed for all places up to that text.
  std::size_t fresh_text_size_ = 0;
  bool begins_at_line_ = false;
  bool begins_at_text_ = false;
};

}  // namespace logboom
