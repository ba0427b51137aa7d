#include "pipeline/text/named_char_sets.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace logboom {
namespace {

using Ascii = std::bitset<128>;

Ascii ascii_where(bool (*belongs)(char32_t)) {
  Ascii out;
  for (char32_t c = 0; c < 128; ++c) out[c] = belongs(c);
  return out;
}

bool is_upper(char32_t c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char32_t c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char32_t c) { return is_upper(c) || is_lower(c); }
bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_control(char32_t c) { return c < 0x20 || c == 0x7f; }
bool is_white(char32_t c) { return c == ' ' || (c >= 9 && c <= 13); }

// General category of an ASCII character (Unicode Character Database, UnicodeData.txt).
std::string_view ascii_category(char32_t c) {
  if (is_upper(c)) return "Lu";
  if (is_lower(c)) return "Ll";
  if (is_digit(c)) return "Nd";
  if (is_control(c)) return "Cc";
  switch (c) {
    case ' ': return "Zs";
    case '_': return "Pc";
    case '-': return "Pd";
    case '(':
    case '[':
    case '{': return "Ps";
    case ')':
    case ']':
    case '}': return "Pe";
    case '$': return "Sc";
    case '+':
    case '<':
    case '=':
    case '>':
    case '|':
    case '~': return "Sm";
    case '^':
    case '`': return "Sk";
    default: return "Po";
  }
}

Ascii ascii_of_category(std::string_view category) {
  Ascii out;
  for (char32_t c = 0; c < 128; ++c) {
    const std::string_view own = ascii_category(c);
    out[c] = category == "L&" ? is_letter(c) : category.size() == 1 ? own[0] == category[0] : own == category;
  }
  return out;
}

CharProperty category(std::string_view name) {
  CharProperty property;
  property.name = name;
  property.ascii = ascii_of_category(name);
  property.is_case_bound = name == "Lu" || name == "Ll" || name == "Lt";
  return property;
}

CharProperty binary(std::string_view name, bool (*belongs)(char32_t), bool is_case_bound = false) {
  CharProperty property;
  property.name = name;
  property.ascii = ascii_where(belongs);
  property.is_case_bound = is_case_bound;
  return property;
}

CharProperty negated(CharProperty property) {
  property.is_negated = !property.is_negated;
  return property;
}

CharSet of_properties(std::vector<CharProperty> properties, std::vector<CodePointRange> ranges = {}) {
  CharSet set;
  set.properties = std::move(properties);
  set.ranges = std::move(ranges);
  return set;
}

CharSet of_ranges(std::vector<CodePointRange> ranges) { return of_properties({}, std::move(ranges)); }

CharProperty alphabetic() { return binary("Alphabetic", is_letter); }
CharProperty lowercase() { return binary("Lowercase", is_lower, true); }
CharProperty uppercase() { return binary("Uppercase", is_upper, true); }
CharProperty white_space() { return binary("White_Space", is_white); }

// Characters that Ruby counts as [[:punct:]] although Unicode calls them symbols.
const std::vector<CodePointRange>& ascii_symbols() {
  static const std::vector<CodePointRange> ranges = {{'$', '$'}, {'+', '+'}, {'<', '>'}, {'^', '^'},
                                                     {'`', '`'}, {'|', '|'}, {'~', '~'}};
  return ranges;
}

CharSet graph_set() {
  CharSet none = of_properties({white_space(), category("Cc"), category("Cn"), category("Cs")});
  none.is_negated = true;
  return none;
}

std::string loose(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ' ' || c == '_' || c == '-') continue;
    out += is_upper(static_cast<unsigned char>(c)) ? static_cast<char>(c + 32) : c;
  }
  return out;
}

struct Alias {
  std::string_view loose_name;
  std::string_view name;
};

constexpr auto kCategories = std::to_array<Alias>({
    {"l", "L"},
    {"letter", "L"},
    {"lu", "Lu"},
    {"uppercaseletter", "Lu"},
    {"ll", "Ll"},
    {"lowercaseletter", "Ll"},
    {"lt", "Lt"},
    {"titlecaseletter", "Lt"},
    {"lc", "L&"},
    {"casedletter", "L&"},
    {"lm", "Lm"},
    {"modifierletter", "Lm"},
    {"lo", "Lo"},
    {"otherletter", "Lo"},
    {"m", "M"},
    {"mark", "M"},
    {"combiningmark", "M"},
    {"mn", "Mn"},
    {"nonspacingmark", "Mn"},
    {"mc", "Mc"},
    {"spacingmark", "Mc"},
    {"me", "Me"},
    {"enclosingmark", "Me"},
    {"n", "N"},
    {"number", "N"},
    {"nd", "Nd"},
    {"decimalnumber", "Nd"},
    {"nl", "Nl"},
    {"letternumber", "Nl"},
    {"no", "No"},
    {"othernumber", "No"},
    {"p", "P"},
    {"punctuation", "P"},
    {"pc", "Pc"},
    {"connectorpunctuation", "Pc"},
    {"pd", "Pd"},
    {"dashpunctuation", "Pd"},
    {"ps", "Ps"},
    {"openpunctuation", "Ps"},
    {"pe", "Pe"},
    {"closepunctuation", "Pe"},
    {"pi", "Pi"},
    {"initialpunctuation", "Pi"},
    {"pf", "Pf"},
    {"finalpunctuation", "Pf"},
    {"po", "Po"},
    {"otherpunctuation", "Po"},
    {"s", "S"},
    {"symbol", "S"},
    {"sm", "Sm"},
    {"mathsymbol", "Sm"},
    {"sc", "Sc"},
    {"currencysymbol", "Sc"},
    {"sk", "Sk"},
    {"modifiersymbol", "Sk"},
    {"so", "So"},
    {"othersymbol", "So"},
    {"z", "Z"},
    {"separator", "Z"},
    {"zs", "Zs"},
    {"spaceseparator", "Zs"},
    {"zl", "Zl"},
    {"lineseparator", "Zl"},
    {"zp", "Zp"},
    {"paragraphseparator", "Zp"},
    {"c", "C"},
    {"other", "C"},
    {"cc", "Cc"},
    {"control", "Cc"},
    {"cf", "Cf"},
    {"format", "Cf"},
    {"cn", "Cn"},
    {"unassigned", "Cn"},
    {"co", "Co"},
    {"privateuse", "Co"},
    {"cs", "Cs"},
    {"surrogate", "Cs"},
});

// Yes-or-no properties that both Ruby and PCRE2 10.42 have, beside those with a set of their own above.
constexpr auto kBinaryProperties = std::to_array<std::string_view>({
    "asciihexdigit",
    "bidicontrol",
    "bidimirrored",
    "caseignorable",
    "cased",
    "changeswhencasefolded",
    "changeswhencasemapped",
    "changeswhenlowercased",
    "changeswhentitlecased",
    "changeswhenuppercased",
    "dash",
    "defaultignorablecodepoint",
    "deprecated",
    "diacritic",
    "emoji",
    "emojicomponent",
    "emojimodifier",
    "emojimodifierbase",
    "emojipresentation",
    "extendedpictographic",
    "extender",
    "graphemebase",
    "graphemeextend",
    "graphemelink",
    "hexdigit",
    "idcontinue",
    "idstart",
    "idsbinaryoperator",
    "idstrinaryoperator",
    "ideographic",
    "joincontrol",
    "logicalorderexception",
    "math",
    "noncharactercodepoint",
    "patternsyntax",
    "patternwhitespace",
    "prependedconcatenationmark",
    "quotationmark",
    "radical",
    "regionalindicator",
    "sentenceterminal",
    "softdotted",
    "terminalpunctuation",
    "unifiedideograph",
    "variationselector",
    "xidcontinue",
    "xidstart",
});

}  // namespace

std::optional<CharSet> posix_set(std::string_view name, bool ascii_only) {
  const auto limited = [&](CharSet set) {
    if (!ascii_only) return set;
    CharSet both;
    both.is_intersection = true;
    both.members.push_back(of_ranges({{0, 127}}));
    both.members.push_back(std::move(set));
    return both;
  };
  if (name == "alnum") return limited(of_properties({alphabetic(), category("Nd")}));
  if (name == "alpha") return limited(of_properties({alphabetic()}));
  if (name == "ascii") return of_ranges({{0, 127}});
  if (name == "blank") return limited(of_properties({category("Zs")}, {{'\t', '\t'}}));
  if (name == "cntrl") return limited(of_properties({category("Cc")}));
  if (name == "digit") return limited(digit_set(true));
  if (name == "graph") return limited(graph_set());
  if (name == "lower") return limited(of_properties({lowercase()}));
  if (name == "print") {
    CharSet set = of_properties({category("Zs")});
    set.members.push_back(graph_set());
    return limited(set);
  }
  if (name == "punct") return limited(of_properties({category("P")}, ascii_symbols()));
  if (name == "space") return limited(space_set(true));
  if (name == "upper") return limited(of_properties({uppercase()}));
  if (name == "xdigit") return hex_digit_set();
  if (name == "word") return limited(word_set(true));
  return std::nullopt;
}

std::optional<CharSet> property_set(std::string_view name) {
  const std::string key = loose(name);
  if (key == "any") return of_ranges({{0, kHighestCodePoint}});
  if (key == "assigned") return of_properties({negated(category("Cn"))});
  if (key == "punct") return of_properties({category("P")});
  if (key == "xposixpunct") return posix_set("punct", false);
  if (key == "alphabetic") return of_properties({alphabetic()});
  if (key == "lowercase") return of_properties({lowercase()});
  if (key == "uppercase") return of_properties({uppercase()});
  if (key == "whitespace") return of_properties({white_space()});
  if (auto set = posix_set(key, false)) return set;
  for (const Alias& alias : kCategories) {
    if (alias.loose_name == key) return of_properties({category(alias.name)});
  }
  // In_Cyrillic is a block, Inherited, Inscriptional_… are scripts.
  const bool is_block =
      name.size() > 3 && (name[0] == 'I' || name[0] == 'i') && (name[1] == 'n' || name[1] == 'N') && name[2] == '_';
  if (is_block || key.rfind("age=", 0) == 0) return std::nullopt;
  CharProperty property;
  if (std::find(kBinaryProperties.begin(), kBinaryProperties.end(), key) != kBinaryProperties.end()) {
    property.name = key;
    property.is_ascii_known = false;
  } else {
    property.name = "sc:" + key;
    property.ascii = key == "latin" || key == "latn" ? ascii_where(is_letter) : Ascii();
    if (key == "common" || key == "zyyy") property.ascii = ~ascii_where(is_letter);
  }
  return of_properties({property});
}

CharSet digit_set(bool is_unicode) { return is_unicode ? of_properties({category("Nd")}) : of_ranges({{'0', '9'}}); }

CharSet space_set(bool is_unicode) {
  return is_unicode ? of_properties({white_space()}) : of_ranges({{'\t', '\r'}, {' ', ' '}});
}

CharSet word_set(bool is_unicode) {
  if (is_unicode) return of_properties({alphabetic(), category("M"), category("Nd"), category("Pc")});
  return of_ranges({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
}

CharSet hex_digit_set() { return of_ranges({{'0', '9'}, {'A', 'F'}, {'a', 'f'}}); }

}  // namespace logboom
