#include "pipeline/event/time_locale.h"

#include <fmt/core.h>
#include <unicode/dtfmtsym.h>
#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

namespace logboom {
namespace {

constexpr std::size_t kMaxTagBytes = 64;

constexpr std::array<std::string_view, 12> kMonths = {"january", "february", "march",     "april",   "may",      "june",
                                                      "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                       "friday", "saturday", "sunday"};

// ASCII letters to lower case; other bytes may change, so both sides of a comparison with letters must be letters.
constexpr std::uint32_t fold_three(const char* p) {
  return (static_cast<std::uint32_t>(static_cast<unsigned char>(p[0])) << 16 |
          static_cast<std::uint32_t>(static_cast<unsigned char>(p[1])) << 8 | static_cast<unsigned char>(p[2])) |
         0x202020U;
}

// The short names as a hash table without collisions: slots of the first three letters, found by one multiplication.
template <std::size_t N>
struct ShortNames {
  static constexpr std::size_t kSlots = 32;
  std::uint32_t multiplier = 0x9E37'79B1;
  std::array<std::uint32_t, kSlots> keys{};
  std::array<std::uint8_t, kSlots> indexes{};

  explicit constexpr ShortNames(const std::array<std::string_view, N>& names) {
    while (!fill(names)) multiplier = (multiplier * 1'664'525 + 1'013'904'223) | 1;
  }
  constexpr std::size_t slot(std::uint32_t key) const { return (key * multiplier) >> 27; }

 private:
  constexpr bool fill(const std::array<std::string_view, N>& names) {
    keys = {};
    for (std::size_t i = 0; i < N; ++i) {
      const std::uint32_t key = fold_three(names[i].data());
      if (keys[slot(key)] != 0) return false;
      keys[slot(key)] = key;
      indexes[slot(key)] = static_cast<std::uint8_t>(i);
    }
    return true;
  }
};
constexpr ShortNames<12> kShortMonths(kMonths);
constexpr ShortNames<7> kShortWeekdays(kWeekdays);

bool starts_with_folded(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

template <std::size_t N>
TimeLocale::Match english_name(std::string_view text, const std::array<std::string_view, N>& names,
                               const ShortNames<N>& table) {
  if (text.size() < 3) return {};
  const std::uint32_t key = fold_three(text.data());
  const std::size_t slot = table.slot(key);
  if (table.keys[slot] != key) return {};
  const std::size_t index = table.indexes[slot];
  const std::string_view name = names[index];
  const bool is_full = name.size() > 3 && starts_with_folded(text.substr(3), name.substr(3));
  return {is_full ? name.size() : 3, static_cast<int>(index) + 1};
}

// The two English words of a pair, in any case.
TimeLocale::Match english_word(std::string_view text, std::initializer_list<std::pair<std::string_view, int>> words) {
  for (const auto& [word, value] : words) {
    if (starts_with_folded(text, word)) return {word.size(), value};
  }
  return {};
}

std::string utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

// The language and country of a tag, in the form that ICU reads: `fr_FR.UTF-8@euro` is `fr-FR`.
std::string canonical_tag(std::string_view tag) {
  std::string out(tag.substr(0, tag.find_first_of(".@")));
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

bool is_known_language(const std::string& language) {
  static const std::vector<std::string> languages = [] {
    std::vector<std::string> all;
    std::int32_t count = 0;
    const icu::Locale* const locales = icu::Locale::getAvailableLocales(count);
    for (std::int32_t i = 0; i < count; ++i) all.emplace_back(locales[i].getLanguage());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }();
  return std::binary_search(languages.begin(), languages.end(), language);
}

// A name in the forms that are read: as it is, in lower and in upper case, each also without a final point.
template <class Names>
void add_name(Names& names, const icu::UnicodeString& name, int value, const icu::Locale& locale) {
  for (const icu::UnicodeString& form :
       {icu::UnicodeString(name), icu::UnicodeString(name).toLower(locale), icu::UnicodeString(name).toUpper(locale)}) {
    std::string text = utf8(form);
    if (text.empty()) continue;
    names.push_back({text, value});
    if (text.size() > 1 && text.back() == '.') {
      text.pop_back();
      names.push_back({text, value});
    }
  }
}

template <class Names>
void sort_longest_first(Names& names) {
  std::stable_sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
    return a.text.size() != b.text.size() ? a.text.size() > b.text.size() : a.text < b.text;
  });
  const auto is_same = [](const auto& a, const auto& b) { return a.text == b.text; };
  names.erase(std::unique(names.begin(), names.end(), is_same), names.end());
}

}  // namespace

Result<TimeLocale> TimeLocale::load(std::string_view tag) {
  if (tag.size() > kMaxTagBytes) return Error{ErrorCode::InvalidArgument, "a locale name has at most 64 bytes"};
  TimeLocale loaded;
  const std::string canonical = canonical_tag(tag);
  if (canonical.empty() || canonical == "C" || canonical == "POSIX") return loaded;

  UErrorCode status = U_ZERO_ERROR;
  const icu::Locale locale = icu::Locale::forLanguageTag(canonical, status);
  const std::string language = U_SUCCESS(status) ? locale.getLanguage() : "";
  if (language == "en") return loaded;
  if (!is_known_language(language)) {
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("locale \"{}\": no such language; use a tag such as \"de\" or \"fr-FR\"", tag)};
  }
  const icu::DateFormatSymbols symbols(locale, status);
  if (U_FAILURE(status)) {
    return Error{ErrorCode::InvalidArgument, fmt::format("locale \"{}\": no names of months: {}", tag, u_errorName(status))};
  }
  loaded.is_english_ = false;
  using Symbols = icu::DateFormatSymbols;
  for (const auto context : {Symbols::FORMAT, Symbols::STANDALONE}) {
    for (const auto width : {Symbols::WIDE, Symbols::ABBREVIATED}) {
      std::int32_t count = 0;
      const icu::UnicodeString* names = symbols.getMonths(count, context, width);
      for (std::int32_t i = 0; i < std::min(count, 12); ++i) add_name(loaded.months_, names[i], i + 1, locale);
      names = symbols.getWeekdays(count, context, width);  // [0] is empty, [1] is Sunday
      for (std::int32_t i = 1; i < std::min(count, 8); ++i) add_name(loaded.weekdays_, names[i], i == 1 ? 7 : i - 1, locale);
    }
  }
  std::int32_t count = 0;
  const icu::UnicodeString* names = symbols.getAmPmStrings(count);
  for (std::int32_t i = 0; i < std::min(count, 2); ++i) add_name(loaded.half_days_, names[i], i, locale);
  names = symbols.getEras(count);
  for (std::int32_t i = 0; i < std::min(count, 2); ++i) add_name(loaded.eras_, names[i], i, locale);
  for (Names* const list : {&loaded.months_, &loaded.weekdays_, &loaded.half_days_, &loaded.eras_}) {
    sort_longest_first(*list);
  }
  return loaded;
}

TimeLocale::Match TimeLocale::longest(const Names& names, std::string_view text) {
  if (text.empty()) return {};
  for (const Name& name : names) {
    if (name.text[0] == text[0] && text.substr(0, name.text.size()) == name.text) return {name.text.size(), name.value};
  }
  return {};
}

TimeLocale::Match TimeLocale::month(std::string_view text) const {
  if (!is_english_) return longest(months_, text);
  Match match = english_name(text, kMonths, kShortMonths);
  if (match.value == 9 && match.length_bytes == 3 && text.size() > 3 && (text[3] == 't' || text[3] == 'T')) {
    match.length_bytes = 4;  // "Sept", the short name outside America
  }
  return match;
}

TimeLocale::Match TimeLocale::weekday(std::string_view text) const {
  return is_english_ ? english_name(text, kWeekdays, kShortWeekdays) : longest(weekdays_, text);
}

TimeLocale::Match TimeLocale::half_day(std::string_view text) const {
  const Match match = longest(half_days_, text);
  return match.length_bytes != 0 ? match : english_word(text, {{"am", 0}, {"pm", 1}});
}

TimeLocale::Match TimeLocale::era(std::string_view text) const {
  const Match match = longest(eras_, text);
  return match.length_bytes != 0 ? match : english_word(text, {{"bce", 0}, {"bc", 0}, {"ad", 1}, {"ce", 1}});
}

}  // namespace logboom
