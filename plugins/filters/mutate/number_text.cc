#include "plugins/filters/mutate/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace logboom {
namespace {

constexpr std::int64_t kLargestAddedDigits = 4096;  // "1e999999999" must not become a gigabyte of zeros
constexpr std::size_t kLargestHexDigits = 1024;     // the change of base is quadratic

bool is_digit(char c) { return c >= '0' && c <= '9'; }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Takes digits, single underscores between them left out. False for an underscore elsewhere.
bool take_digits(std::string_view& text, std::string& out) {
  bool is_after_digit = false;
  while (!text.empty()) {
    if (is_digit(text.front())) {
      out += text.front();
      is_after_digit = true;
    } else if (text.front() == '_') {
      if (!is_after_digit || text.size() < 2 || !is_digit(text[1])) return false;
      is_after_digit = false;
    } else {
      return true;
    }
    text.remove_prefix(1);
  }
  return true;
}

bool take_sign(std::string_view& text) {
  if (text.empty() || (text.front() != '-' && text.front() != '+')) return false;
  const bool is_negative = text.front() == '-';
  text.remove_prefix(1);
  return is_negative;
}

struct Decimal {
  bool is_negative = false;
  std::string whole;
  std::string fraction;
  bool has_point = false;
  std::int64_t exponent = 0;
};

bool read_decimal(std::string_view text, Decimal& out) {
  out.is_negative = take_sign(text);
  if (!take_digits(text, out.whole)) return false;
  if (!text.empty() && text.front() == '.') {
    out.has_point = true;
    text.remove_prefix(1);
    if (!take_digits(text, out.fraction)) return false;
  }
  if (out.whole.empty() && out.fraction.empty()) return false;
  if (text.empty()) return true;
  if (text.front() != 'e') return false;
  text.remove_prefix(1);
  const bool is_small = take_sign(text);
  std::string digits;
  if (!take_digits(text, digits) || digits.empty() || !text.empty()) return false;
  for (const char c : digits) out.exponent = std::min<std::int64_t>(out.exponent * 10 + (c - '0'), 1'000'000'000);
  if (is_small) out.exponent = -out.exponent;
  return true;
}

Value integer_of(bool is_negative, std::string_view digits, Arena& arena) {
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  if (digits.empty() || digits == "0") return Value::integer(0);
  std::string text = is_negative ? "-" : "";
  text += digits;
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc()) return Value::integer(number);
  return Value::big_number(arena.copy(text));
}

/// The sign and the digits behind "0x".
std::optional<std::string_view> hexadecimal_digits(std::string_view text, bool& is_negative) {
  if (!looks_hexadecimal(text)) return std::nullopt;
  is_negative = take_sign(text);
  return text.substr(2);
}

}  // namespace

bool looks_hexadecimal(std::string_view text) {
  take_sign(text);
  return text.substr(0, 2) == "0x";
}

std::optional<Value> hexadecimal_to_integer(std::string_view text, Arena& arena) {
  bool is_negative = false;
  const auto digits = hexadecimal_digits(text, is_negative);
  if (!digits || digits->empty() || digits->size() > kLargestHexDigits) return std::nullopt;
  constexpr std::uint32_t kLimb = 1'000'000'000;
  std::vector<std::uint32_t> limbs{0};  // base 10^9, lowest first
  for (const char c : *digits) {
    const int value = hex_value(c);
    if (value < 0) return std::nullopt;
    std::uint64_t carry = static_cast<std::uint64_t>(value);
    for (std::uint32_t& limb : limbs) {
      carry += static_cast<std::uint64_t>(limb) * 16;
      limb = static_cast<std::uint32_t>(carry % kLimb);
      carry /= kLimb;
    }
    if (carry > 0) limbs.push_back(static_cast<std::uint32_t>(carry));
  }
  std::string decimal;
  for (auto limb = limbs.rbegin(); limb != limbs.rend(); ++limb) {
    const std::string part = std::to_string(*limb);
    decimal += std::string(9 - part.size(), '0') + part;
  }
  return integer_of(is_negative, decimal, arena);
}

std::optional<double> hexadecimal_to_double(std::string_view text) {
  bool is_negative = false;
  const auto digits = hexadecimal_digits(text, is_negative);
  if (!digits || digits->empty() || hex_value(digits->front()) < 0) return std::nullopt;
  double number = 0;
  const char* const last = digits->data() + digits->size();
  if (last[-1] == '.') return std::nullopt;
  const auto [end, problem] = std::from_chars(digits->data(), last, number, std::chars_format::hex);
  if (problem != std::errc() || end != last) return std::nullopt;
  return is_negative ? -number : number;
}

std::optional<Value> decimal_to_integer(std::string_view text, Arena& arena) {
  Decimal number;
  if (!read_decimal(text, number)) return std::nullopt;
  std::string digits = number.whole + number.fraction;
  const std::int64_t wanted = static_cast<std::int64_t>(number.whole.size()) + number.exponent;
  if (wanted <= 0 || digits.find_first_not_of('0') == std::string::npos) return Value::integer(0);
  if (wanted > static_cast<std::int64_t>(digits.size()) + kLargestAddedDigits) return std::nullopt;
  digits.resize(static_cast<std::size_t>(wanted), '0');
  return integer_of(number.is_negative, digits, arena);
}

std::optional<double> decimal_to_double(std::string_view text) {
  Decimal number;
  if (!read_decimal(text, number) || (number.has_point && number.fraction.empty())) return std::nullopt;
  const std::string plain = (number.whole.empty() ? "0" : number.whole) + "." +
                            (number.fraction.empty() ? "0" : number.fraction) + "e" + std::to_string(number.exponent);
  double made = 0;
  const auto [end, problem] = std::from_chars(plain.data(), plain.data() + plain.size(), made);
  if (problem == std::errc::result_out_of_range) {
    const bool is_tiny = number.exponent < 0 || number.whole.find_first_not_of('0') == std::string::npos;
    if (!is_tiny) return std::nullopt;
    made = 0;
  }
  return number.is_negative ? -made : made;
}

}  // namespace logboom
