// Character sets of received bytes: everything that enters an event leaves here as valid UTF-8.
// Tested by tests/plugins/codecs/charset_test.cc.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/metrics.h"
#include "pipeline/base/result.h"
#include "pipeline/event/arena.h"
#include "pipeline/plugin/context.h"

namespace logboom {

/// A named character set. Immutable, any thread.
class Charset {
 public:
  /// UTF-8.
  Charset() = default;
  /// By any name or alias that ICU knows, case aside, and Ruby's BINARY and ASCII-8BIT (both read as US-ASCII).
  /// Errors: NotFound.
  static Result<Charset> find(std::string_view name);
  /// The same for a codec's `charset` option: an unknown name is refused there with a remedy.
  static Charset of_option(const std::string& name, const PluginContext& context);

  bool is_utf8() const { return icu_name_.empty(); }
  /// Bytes of the smallest unit: 1, or 2 and 4 for UTF-16 and UTF-32.
  std::size_t unit_bytes() const { return unit_bytes_; }
  /// True for UTF-16 and UTF-32 without a byte order in the name: a byte order mark decides, big-endian without one.
  bool has_open_byte_order() const { return has_open_byte_order_; }
  /// The same set with its byte order fixed.
  Charset with_byte_order(bool is_little_endian) const;
  /// A UTF-8 text in this set's bytes; what the set lacks becomes its substitute.
  std::string encode(std::string_view utf8) const;
  const std::string& icu_name() const { return icu_name_; }

 private:
  std::string icu_name_;  // empty: UTF-8
  std::size_t unit_bytes_ = 1;
  bool has_open_byte_order_ = false;
};

/// Turns bytes of one stream into valid UTF-8. One thread at a time.
class CharsetReader {
 public:
  /// `invalid` counts the texts that were not valid in their set.
  CharsetReader(Charset charset, Counter& invalid);
  ~CharsetReader();
  CharsetReader(CharsetReader&&) noexcept;

  const Charset& charset() const { return charset_; }
  void set_charset(Charset charset);

  /// `bytes` itself when it is valid UTF-8 already, else a text in `arena`. In UTF-8 every byte that is part of no valid
  /// sequence becomes \xHH; in other sets what cannot be read becomes U+FFFD. A byte order mark stays out of UTF-16 and
  /// UTF-32.
  std::string_view to_utf8(std::string_view bytes, Arena& arena);

 private:
  struct Converter;
  std::string_view convert(std::string_view bytes, Arena& arena);

  Charset charset_;
  Counter& invalid_;
  std::unique_ptr<Converter> converter_;
};

}  // namespace logboom
