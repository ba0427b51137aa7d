#include "pipeline/event/epoch_text.h"

#include <cmath>
#include <cstddef>

namespace logboom {
namespace {

constexpr std::int64_t kMaxUnixSeconds = 2'147'483'647;
constexpr std::int64_t kMaxDecimalValue = 1'000'000'000'000'000;  // beyond every valid count, far from overflow

// A decimal number: whole part, then the first three decimals as thousandths, the rest cut.
struct Decimal {
  bool is_negative = false;
  std::int64_t whole = 0;
  std::int32_t thousandths = 0;
};

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal number;
  std::size_t at = 0;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    number.is_negative = text[0] == '-';
    ++at;
  }
  const std::size_t digits_begin = at;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number.whole = number.whole * 10 + (text[at] - '0');
    if (number.whole > kMaxDecimalValue) return std::nullopt;
  }
  if (at == digits_begin) return std::nullopt;
  if (at == text.size()) return number;
  if (text[at] != '.' || ++at == text.size()) return std::nullopt;
  std::int32_t place = 100;
  for (; at < text.size(); ++at) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
    number.thousandths += (text[at] - '0') * place;
    place /= 10;
  }
  return number;
}

std::optional<Timestamp> from_milliseconds(std::int64_t milliseconds) {
  std::int64_t seconds = milliseconds / 1'000;
  std::int64_t rest = milliseconds % 1'000;
  if (rest < 0) {
    rest += 1'000;
    --seconds;
  }
  const Timestamp time{seconds, static_cast<std::uint32_t>(rest * 1'000'000)};
  if (!time.is_valid()) return std::nullopt;
  return time;
}

std::optional<std::uint64_t> read_hexadecimal(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<std::uint64_t>((c | 0x20) - 'a') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

std::optional<Timestamp> read_unix_seconds(std::string_view text) {
  const auto number = read_decimal(text);
  if (!number) return std::nullopt;
  const std::int64_t milliseconds = number->whole * 1'000 + number->thousandths;
  if (!number->is_negative && milliseconds > kMaxUnixSeconds * 1'000) return std::nullopt;
  return from_milliseconds(number->is_negative ? -milliseconds : milliseconds);
}

std::optional<Timestamp> read_unix_seconds(std::int64_t seconds) {
  if (seconds > kMaxUnixSeconds || seconds < Timestamp::kMinSeconds) return std::nullopt;
  return Timestamp{seconds, 0};
}

std::optional<Timestamp> read_unix_seconds(double seconds) {
  if (!(seconds <= static_cast<double>(kMaxUnixSeconds)) || !(seconds >= static_cast<double>(Timestamp::kMinSeconds))) {
    return std::nullopt;
  }
  // To the nearest microsecond first: a double next to .457 must not be cut to .456.
  return from_milliseconds(std::llround(seconds * 1e6) / 1'000);
}

std::optional<Timestamp> read_unix_milliseconds(std::string_view text) {
  const auto number = read_decimal(text);
  if (!number) return std::nullopt;
  return from_milliseconds(number->is_negative ? -number->whole : number->whole);
}

std::optional<Timestamp> read_unix_milliseconds(std::int64_t milliseconds) { return from_milliseconds(milliseconds); }

std::optional<Timestamp> read_unix_milliseconds(double milliseconds) {
  if (!(std::fabs(milliseconds) < 1e15)) return std::nullopt;
  return from_milliseconds(static_cast<std::int64_t>(milliseconds));
}

std::optional<Timestamp> read_tai64n(std::string_view text) {
  constexpr std::uint64_t kLabelOf1970 = std::uint64_t{1} << 62;
  constexpr std::int64_t kTaiMinusUtc = 10;
  if (!text.empty() && text.front() == '@') text.remove_prefix(1);
  if (text.size() != 24) return std::nullopt;
  const auto label = read_hexadecimal(text.substr(0, 16));
  const auto nanoseconds = read_hexadecimal(text.substr(16));
  if (!label || !nanoseconds || *label >> 63 != 0 || *nanoseconds > 999'999'999) return std::nullopt;
  const std::int64_t seconds = static_cast<std::int64_t>(*label) - static_cast<std::int64_t>(kLabelOf1970) - kTaiMinusUtc;
  const Timestamp time{seconds, static_cast<std::uint32_t>(*nanoseconds)};
  if (!time.is_valid()) return std::nullopt;
  return time;
}

}  // namespace logboom
