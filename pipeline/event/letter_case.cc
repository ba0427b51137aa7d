#include "pipeline/event/letter_case.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/stringoptions.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <limits>
#include <string>

#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

constexpr std::uint32_t kCapitalIWithDot = 0x130;  // the one character whose lower case form is two characters

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

char mapped(char c, LetterCase wanted, bool is_first) {
  return wanted == LetterCase::Upper || (wanted == LetterCase::Capital && is_first) ? upper(c) : lower(c);
}

std::string_view ascii_with_case(std::string_view text, LetterCase wanted, Arena& arena) {
  std::size_t same = 0;
  while (same < text.size() && mapped(text[same], wanted, same == 0) == text[same]) ++same;
  if (same == text.size()) return text;
  char* made = static_cast<char*>(arena.allocate(text.size(), 1));
  std::copy(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(same), made);
  for (std::size_t i = same; i < text.size(); ++i) made[i] = mapped(text[i], wanted, i == 0);
  return {made, text.size()};
}

void append_lower(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_sequence_length(text), 1);
    if (length == 1) {
      out += lower(text.front());
    } else {
      const auto* at = reinterpret_cast<const unsigned char*>(text.data());
      std::uint32_t code_point = length == 2 ? at[0] & 0x1FU : length == 3 ? at[0] & 0x0FU : at[0] & 0x07U;
      for (std::size_t i = 1; i < length; ++i) code_point = (code_point << 6) | (at[i] & 0x3FU);
      if (code_point == kCapitalIWithDot) {
        out += "i\xCC\x87";  // i and a combining dot
      } else {
        append_utf8(static_cast<std::uint32_t>(u_tolower(static_cast<UChar32>(code_point))), out);
      }
    }
    text.remove_prefix(length);
  }
}

bool append_upper(std::string_view text, std::string& out) {
  UErrorCode problem = U_ZERO_ERROR;
  icu::StringByteSink<std::string> sink(&out);
  icu::CaseMap::utf8ToUpper("", 0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr,
                            problem);
  return U_SUCCESS(problem) != 0;
}

bool append_title(std::string_view character, std::string& out) {
  UErrorCode problem = U_ZERO_ERROR;
  icu::StringByteSink<std::string> sink(&out);
  icu::CaseMap::utf8ToTitle("", U_TITLECASE_WHOLE_STRING | U_TITLECASE_NO_BREAK_ADJUSTMENT, nullptr,
                            icu::StringPiece(character.data(), static_cast<std::int32_t>(character.size())), sink, nullptr,
                            problem);
  return U_SUCCESS(problem) != 0;
}

}  // namespace

std::string_view with_letter_case(std::string_view text, LetterCase wanted, Arena& arena) {
  if (is_ascii(text)) return ascii_with_case(text, wanted, arena);
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max() / 4))
    return text;  // ICU counts in 32 bits
  static thread_local std::string made;
  made.clear();
  if (wanted == LetterCase::Upper) {
    if (!append_upper(text, made)) return text;
  } else {
    std::size_t first = 0;
    if (wanted == LetterCase::Capital) {
      first = std::max<std::size_t>(utf8_sequence_length(text), 1);
      if (!append_title(text.substr(0, first), made)) return text;
    }
    append_lower(text.substr(first), made);
  }
  return made == text ? text : arena.copy(made);
}

}  // namespace logboom
