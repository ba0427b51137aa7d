#include "plugins/filters/grok/number_prefix.h"

#include <charconv>
#include <string>

namespace logboom {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_leading_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n\v\f\r");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

/// Length of digits in which single underscores may stand between two of them.
std::size_t digits_length(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_digit(text[at])) {
      ++at;
    } else if (text[at] == '_' && at > 0 && text[at - 1] != '_' && at + 1 < text.size() && is_digit(text[at + 1])) {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != '_') out += c;
  return out;
}

/// Behind a mantissa of this length: ".25", "e-3" or both, as far as they are whole.
std::size_t decimals_length(std::string_view text, std::size_t at) {
  if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) at += 1 + digits_length(text.substr(at + 1));
  if (at == 0 || at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  std::size_t exponent = at + 1;
  if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
  const std::size_t length = digits_length(text.substr(exponent));
  return length == 0 ? at : exponent + length;
}

}  // namespace

Value integer_prefix(std::string_view text, Arena& arena) {
  text = without_leading_space(text);
  const bool is_negative = !text.empty() && text.front() == '-';
  const std::size_t sign = !text.empty() && (text.front() == '-' || text.front() == '+') ? 1 : 0;
  std::string_view digits = text.substr(sign, digits_length(text.substr(sign)));
  std::string plain;
  if (digits.find('_') != std::string_view::npos) digits = plain = without_underscores(digits);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  if (digits.empty()) return Value::integer(0);

  std::uint64_t magnitude = 0;
  constexpr std::uint64_t kLargest = 0x7fff'ffff'ffff'ffff;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
  if (problem == std::errc() && magnitude <= kLargest + (is_negative ? 1 : 0))
    return Value::integer(static_cast<std::int64_t>(is_negative ? 0 - magnitude : magnitude));
  if (!is_negative && plain.empty()) return Value::big_number(digits);
  return Value::big_number(arena.copy((is_negative ? "-" : "") + std::string(digits)));
}

Value float_prefix(std::string_view text) {
  const std::string_view given = text;
  text = without_leading_space(text);
  const bool is_negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  std::string_view number = text.substr(0, decimals_length(text, digits_length(text)));
  std::string plain;
  if (number.find('_') != std::string_view::npos) number = plain = without_underscores(number);
  if (number.empty()) return Value::real(0);

  double made = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), made);
  if (problem == std::errc::result_out_of_range) {
    const std::size_t exponent = number.find_first_of("eE");
    const bool is_small =
        exponent != std::string_view::npos ? number[exponent + 1] == '-' : number.front() == '0' || number.front() == '.';
    if (!is_small) return Value::string(given);
    made = 0;
  }
  return Value::real(is_negative ? -made : made);
}

}  // namespace logboom
