// ByteAutomaton: a part of an expression without captures as a deterministic automaton over ASCII.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/text/ascii_facts.h"
#include "pipeline/text/byte_class.h"

namespace logboom {

/// Immutable; any thread.
class ByteAutomaton {
 public:
  struct Ends {
    std::size_t count = 0;  // 0: the part does not fit here
    const char* last = nullptr;
  };

  /// An automaton for the concatenation of `nodes` where one of `after` follows. nullptr when one of them cannot be told in
  /// terms of bytes and their neighbours, or when the automaton would be too large. Groups are taken as plain: the caller
  /// sees to it that atomic ones may be. Equal parts share one automaton: %{IP} before a slash is built once, however many
  /// patterns have it.
  static std::shared_ptr<const ByteAutomaton> build(std::span<const RegexNode* const> nodes, const SymbolSet& after);

  /// Runs over subject from `at` and counts the places where the part may end. `read` grows by the bytes looked at.
  Ends run(std::string_view subject, const char* at, std::size_t& read) const {
    const char* const end = subject.data() + subject.size();
    const char* const start = at;
    const auto* const table = reinterpret_cast<const char*>(table_.data());
    Ends ends;
    std::uint32_t entry = starts_[at == subject.data() ? kSubjectBorder : static_cast<unsigned char>(at[-1])];
    const auto read_symbol = [&](std::size_t symbol) {
      // An entry without flags is the byte offset of the next row: one load per byte stands in the way of the next.
      std::memcpy(&entry, table + columns_[symbol] + entry, sizeof entry);
      ++at;
      return (entry & kFlags) == 0;
    };
    for (;;) {
      bool is_silent = true;
      while (is_silent && at != end) is_silent = read_symbol(static_cast<unsigned char>(*at));
      if (is_silent) read_symbol(kSubjectBorder);  // leads to the end from everywhere
      if ((entry & kIsEnd) != 0) {
        ++ends.count;
        ends.last = at - 1;
      }
      if ((entry & kIsOver) != 0) break;
      const bool is_run = (entry & kIsRun) != 0;
      entry &= ~kFlags;
      if (is_run) at = runs_[run_of_row_[entry / row_bytes_]].skip(at, end);
    }
    read += static_cast<std::size_t>(at - start);
    return ends;
  }
  std::size_t state_count() const { return run_of_row_.size(); }

 private:
  friend class AutomatonBuilder;
  static constexpr std::uint32_t kIsEnd = 1;   // the part may end before this symbol
  static constexpr std::uint32_t kIsRun = 2;   // the next state mostly leads to itself
  static constexpr std::uint32_t kIsOver = 4;  // nothing fits any more
  static constexpr std::uint32_t kFlags = 7;

  std::array<std::uint16_t, 129> columns_{};  // byte offset in a row, by symbol
  std::array<std::uint32_t, 129> starts_{};   // offset of the first row, by the symbol before the part
  std::uint32_t row_bytes_ = 0;               // a multiple of kFlags + 1
  std::vector<std::uint32_t> table_;          // row by row: offset of the next row and flags
  std::vector<std::uint32_t> run_of_row_;
  std::vector<ByteClass> runs_;
};

}  // namespace logboom
