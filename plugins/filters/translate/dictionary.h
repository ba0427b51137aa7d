// What translate looks texts up in.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/value.h"
#include "pipeline/text/matcher.h"

namespace logboom {

enum class LookupMode {
  Exact,       // the text is a key
  Expression,  // the first key that matches the text as a regular expression
  Substrings,  // every key found in the text is replaced by its value
};

/// Keys and values in order. Filled by one thread, then finished; from then on immutable, any thread.
class Dictionary {
 public:
  explicit Dictionary(LookupMode mode) : mode_(mode), entries_(Object::make(arena_, 16)) {}

  /// Adds an entry or replaces its value. Both are copied.
  void set(std::string_view key, const Value& value);
  /// Takes over all entries of another dictionary.
  void add_all(const Dictionary& other);
  /// Makes it ready for find(). Errors: those of a key that is no regular expression (Expression).
  Result<void> finish();

  std::uint32_t size() const { return entries_->size(); }
  /// Looks `text` up. True with the value in `found`, copied to `arena`.
  bool find(std::string_view text, MatchScratch& scratch, Arena& arena, Value& found) const;

 private:
  static constexpr std::size_t kLargestResult = 64 * 1024 * 1024;

  bool replace_substrings(std::string_view text, Arena& arena, Value& found) const;

  LookupMode mode_;
  Arena arena_;
  Object* entries_;
  struct Expression {
    std::shared_ptr<const Matcher> matcher;
    std::uint32_t entry;
  };
  std::vector<Expression> expressions_;
  std::array<std::vector<std::uint32_t>, 256> by_first_byte_;  // Substrings: entries in order
};

}  // namespace logboom
