// Splitting a date pattern into runs of one letter and literal text; Joda-Time and java.time agree on this but for open
// quotes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace logboom {

inline constexpr std::size_t kMaxTimePatternBytes = 1'000;

/// One piece of a pattern: `letter` repeated `count` times, or, when `letter` is 0, literal text with its quotes
/// resolved.
struct PatternToken {
  char letter = 0;
  std::size_t count = 0;
  std::string literal;
};

enum class PatternDialect {
  Joda,
  Java,  // outside quotes [ and ] mark optional parts, and { } # are reserved
};

/// Reads a pattern from front to back. The pattern must outlive the reader.
class PatternReader {
 public:
  PatternReader(std::string_view pattern, PatternDialect dialect) : pattern_(pattern), dialect_(dialect) {}

  /// Fills `token` with the next piece; false at the end. A letter is A-Z or a-z outside single quotes; '' is a quote.
  bool next(PatternToken& token);

  /// Whether the pattern ended inside quotes; the text up to the end was a literal then.
  bool has_open_quote() const { return has_open_quote_; }

  /// Java: whether a reserved character or a ] without its [ was met. Optional marks themselves are dropped.
  bool has_reserved() const { return has_reserved_; }

 private:
  std::string_view pattern_;
  PatternDialect dialect_;
  std::size_t at_ = 0;
  std::size_t optional_depth_ = 0;
  bool has_reserved_ = false;
  bool has_open_quote_ = false;
};

}  // namespace logboom
