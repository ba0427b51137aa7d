#include "pipeline/event/timestamp.h"

#include <array>
#include <cstring>

#include "pipeline/event/civil_calendar.h"
#include "pipeline/event/iso8601_text.h"

namespace logboom {
namespace {

// "000102...99": two digits per copy instead of two divisions.
constexpr std::array<char, 200> kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

constexpr auto kFirstDay = static_cast<std::int32_t>(Timestamp::kMinSeconds / 86'400);

void put_two(char* out, std::uint32_t value) { std::memcpy(out, &kDigitPairs[2 * value], 2); }

void put_three(char* out, std::uint32_t value) {
  out[0] = static_cast<char>('0' + value / 100);
  put_two(out + 1, value % 100);
}

/// What was printed last on this thread: most events of a log are of the same minute as the one before.
struct PrintedMinute {
  static constexpr std::size_t kBytes = 17;  // "2024-05-06T07:08:"
  std::uint64_t since_year_1 = ~std::uint64_t{0};  // in minutes
  char text[kBytes];
};
constinit thread_local PrintedMinute printed_minute{};

void print_minute(std::uint64_t minutes, char* out) {
  constexpr std::uint64_t kMinutesPerDay = 1'440;
  const CivilDate date = civil_from_days(static_cast<std::int32_t>(minutes / kMinutesPerDay) + kFirstDay);
  const auto of_day = static_cast<std::uint32_t>(minutes % kMinutesPerDay);
  put_two(out, static_cast<std::uint32_t>(date.year) / 100);
  put_two(out + 2, static_cast<std::uint32_t>(date.year) % 100);
  out[4] = '-';
  put_two(out + 5, static_cast<std::uint32_t>(date.month));
  out[7] = '-';
  put_two(out + 8, static_cast<std::uint32_t>(date.day));
  out[10] = 'T';
  put_two(out + 11, of_day / 60);
  out[13] = ':';
  put_two(out + 14, of_day % 60);
  out[16] = ':';
}

}  // namespace

char* format_iso8601(Timestamp time, char* out) {
  if (!time.is_valid()) [[unlikely]] {
    if (time.seconds < Timestamp::kMinSeconds) time = {Timestamp::kMinSeconds, 0};
    if (time.seconds > Timestamp::kMaxSeconds) time = {Timestamp::kMaxSeconds, 999'999'999};
    if (time.nanoseconds > 999'999'999) time.nanoseconds = 999'999'999;
  }
  const auto since_year_1 = static_cast<std::uint64_t>(time.seconds - Timestamp::kMinSeconds);
  const std::uint64_t minutes = since_year_1 / 60;
  PrintedMinute& printed = printed_minute;
  if (printed.since_year_1 != minutes) {
    print_minute(minutes, printed.text);
    printed.since_year_1 = minutes;
  }
  std::memcpy(out, printed.text, PrintedMinute::kBytes);
  put_two(out + 17, static_cast<std::uint32_t>(since_year_1 % 60));
  out[19] = '.';
  const std::uint32_t microseconds = time.nanoseconds / 1'000;
  const std::uint32_t below_micro = time.nanoseconds % 1'000;
  const std::uint32_t below_milli = microseconds % 1'000;
  put_three(out + 20, microseconds / 1'000);
  out += 23;
  if (below_milli != 0 || below_micro != 0) {
    put_three(out, below_milli);
    out += 3;
    if (below_micro != 0) {
      put_three(out, below_micro);
      out += 3;
    }
  }
  *out = 'Z';
  return out + 1;
}

std::string to_iso8601(Timestamp time) {
  char text[kMaxIso8601Bytes];
  return std::string(text, format_iso8601(time, text));
}

std::optional<Timestamp> parse_iso8601(std::string_view text) {
  const auto reading = read_event_iso8601(text);
  if (!reading) return std::nullopt;
  const Timestamp time{reading->local_seconds - reading->offset_seconds.value_or(0), reading->nanoseconds};
  if (!time.is_valid()) return std::nullopt;
  return time;
}

}  // namespace logboom
