// Ruby's dialect, construct by construct. The expected places were produced by Ruby 3.1.
#include "pipeline/text/regex_dialect.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "pipeline/text/matcher.h"
#include "pipeline/text/regex_parser.h"

namespace logboom {
namespace {

struct Case {
  std::string expression;
  std::string subject;
  std::string expected;  // "begin,end" per group, "-" where unset; "nil"; "refused"
};

std::string answer(const Case& one) {
  const auto matcher = Matcher::compile(one.expression);
  if (!matcher) return "refused";
  MatchScratch scratch;
  if ((*matcher)->match(one.subject, scratch) != MatchStatus::Matched) return "nil";
  std::string out;
  for (std::size_t i = 0; i < scratch.group_count(); ++i) {
    if (i > 0) out += " ";
    out += scratch.is_set(i) ? std::to_string(scratch.begin(i)) + "," + std::to_string(scratch.end(i)) : "-";
  }
  return out;
}

void check_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO(one.expression << " on \"" << one.subject << "\"");
    CHECK(answer(one) == one.expected);
  }
}

}  // namespace

TEST_CASE("look-behind mean what they mean in Ruby", "[text][dialect]") {
  check_all({
      {"(?<=\\n)^", "a\n", "nil"},
      {"(?<=\\n)$", "a\n", "2,2"},
      {"(?<=a|bc)x", "bcx", "2,3"},
      {"(?<=a(?:b|cd))x", "abx", "refused"},
      {"(?<=a+)x", "ax", "refused"},
      {"(?<=(a))x", "ax", "1,2 0,1"},
      {"(?<=a\\b)x", "ax", "nil"},
      {"(?<=\\R)x", "ax", "refused"},
      {"(?<=a?)x", "ax", "refused"},
      {"(?<=a{2})x", "aax", "2,3"},
      {"(?<=^a)x", "ax", "1,2"},
      {"(?<=(?i)a)x", "Ax", "1,2"},
      {"(?i)(?<=a)x", "Ax", "1,2"},
      {"(?i)(?<=ss)x", "ssx", "2,3"},
      {"(?<=a||b)x", "ax", "1,2"},
      {"(?<!a|bc)x", "bcx", "nil"},
      {"(?<!a|(?:b|cd))x", "bcx", "refused"},
      {"(?<=a)+b", "ab", "1,2"},
      {"(?<=\\X)x", "ax", "refused"},
      {"(?<=\\A|b)x", "bx", "1,2"},
      {"(?<=(?:a|b))x", "bx", "1,2"},
      {"(?<=(?:ab|cd))x", "abx", "2,3"},
      {"(?<=a|(b|c))x", "bx", "1,2 0,1"},
      {"(?<=é|a)x", "éx", "2,3"},
      {"(?<=\\p{L})x", "éx", "2,3"},
      {"(?<=[^a])x", "éx", "2,3"},
      {"(?<=.)x", "éx", "2,3"},
      {"(?<=\\w{1,2})x", "aax", "refused"},
      {"(?<=a(?i)b)x", "aBx", "2,3"},
      {"(?<=a{0}b)x", "bx", "1,2"},
      {"(?<=(?:a|bc)d)x", "adx", "refused"},
      {"(?<=\\G)x", "x", "0,1"},
      {"(?<=\\bb)x", "bx", "1,2"},
      {"(?<=a$)x", "ax", "nil"},
      {"(?<=(?<=a)b)x", "abx", "2,3"},
      {"(?<=(?<!a)b)x", "bx", "1,2"},
      {"(?<!(?<=a)b)x", "bx", "1,2"},
      {"(?<=)x", "x", "0,1"},
      {"(?<!)x", "x", "nil"},
      {"(?i)(?<=k)x", "kx", "1,2"},
      {"(?<a>z)?(?<!(b))x", "x", "0,1 -"},
  });
}

TEST_CASE("sets of characters mean what they mean in Ruby", "[text][dialect]") {
  check_all({
      {"\\w", "é", "nil"},
      {"[[:alpha:]]", "é", "0,2"},
      {"\\d", "٣", "nil"},
      {"[[:digit:]]", "٣", "0,2"},
      {"\\s", "\302\240", "nil"},
      {"[[:space:]]", "\302\240", "0,2"},
      {"\\s", "\013", "0,1"},
      {"\\h", "G", "nil"},
      {"[\\h]", "f", "0,1"},
      {"[[:word:]]", "é", "0,2"},
      {"\\p{Word}", "é", "0,2"},
      {"[\\w]", "é", "nil"},
      {"\\W", "é", "0,2"},
      {"(?u)\\w", "é", "0,2"},
      {"(?a)[[:alpha:]]", "é", "nil"},
      {"(?a)\\p{Alpha}", "é", "0,2"},
      {"\\p{Alnum}", "é", "0,2"},
      {"\\p{^Alnum}", "é", "nil"},
      {"\\P{^Alnum}", "é", "0,2"},
      {"\\p{L}", "é", "0,2"},
      {"\\pL", "L", "nil"},
      {"\\p{Greek}", "λ", "0,2"},
      {"\\p{IsL}", "λ", "refused"},
      {"\\p{InGreek}", "λ", "refused"},
      {"\\p{Foo}", "λ", "refused"},
      {"\\p{Script=Greek}", "λ", "refused"},
      {"[]a]", "a]", "0,1"},
      {"[]", "a", "refused"},
      {"[a", "a", "refused"},
      {"[^]a]", "b", "0,1"},
      {"[a-]", "-", "0,1"},
      {"[-a]", "-", "0,1"},
      {"[a-\\d]", "-", "refused"},
      {"[\\d-a]", "-", "refused"},
      {"[z-a]", "-", "refused"},
      {"[a-c-e]", "-", "0,1"},
      {"[a&&b]", "a", "nil"},
      {"[a-z&&[^aeiou]]", "ab", "1,2"},
      {"[^a&&b]", "b", "0,1"},
      {"[^a-c&&b-d]", "b", "nil"},
      {"[^a-c&&b-d]", "a", "0,1"},
      {"[a[bc]]", "c", "0,1"},
      {"[a[^b]]", "c", "0,1"},
      {"[a&&]", "a", "nil"},
      {"[&&a]", "a", "nil"},
      {"[a&b]", "&", "0,1"},
      {"[[:foo:]]", ":", "refused"},
      {"[[:^alpha:]]", "a1", "1,2"},
      {"[:alpha:]", "p", "0,1"},
      {"[[a]", "a", "refused"},
      {"[a\\]b]", "]", "0,1"},
      {"[\\b]", "\010", "0,1"},
      {"[\\R]", "R", "0,1"},
      {"[.]", ".", "0,1"},
      {"[(]", "(", "0,1"},
      {"[a-[:alpha:]]", "-", "refused"},
      {"[[.a.]]", "a", "0,1"},
      {"[[=a=]]", "a", "0,1"},
      {"(?x)[a b]", " ", "0,1"},
      {"(?<[a][b]>x)", "x", "0,1 0,1"},
      {"(?<A:[a][b]:int>x)", "x", "0,1 0,1"},
      {"(?i)[k]", "\342\204\252", "0,3"},
      {"(?i)[^[:lower:]]", "A", "nil"},
      {"(?i)[[:lower:]]", "A", "0,1"},
      {"(?i)\\p{Lower}", "A", "0,1"},
      {"(?i)\\P{Lower}", "A", "nil"},
      {"\\p", "p", "0,1"},
      {"\\p{", "p", "refused"},
      {"[[:print:]]", "\343\200\200", "0,3"},
      {"[[:print:]]", "\n", "nil"},
      {"[[:graph:]]", "é", "0,2"},
      {"[[:punct:]]", "$", "0,1"},
      {"[[:punct:]]", "+", "0,1"},
      {"[[:punct:]]", "€", "nil"},
      {"[[:cntrl:]]", "\302\200", "0,2"},
      {"[[:blank:]]", "\302\240", "0,2"},
      {"[[:xdigit:]]", "\357\274\241", "nil"},
      {"[[:ascii:]]", "é", "nil"},
      {"[[:upper:]]", "\342\205\247", "0,3"},
      {"\\p{Punct}", "$", "nil"},
      {"\\p{P}", "$", "nil"},
      {"\\p{Any}", "$", "0,1"},
      {"\\p{Assigned}", "$", "0,1"},
      {"\\p{Lu}", "A", "0,1"},
      {"\\p{Letter}", "A", "0,1"},
      {"\\p{Uppercase_Letter}", "A", "0,1"},
      {"\\p{blank}", "A", "nil"},
      {"\\p{XPosixPunct}", "$", "0,1"},
      {"\\p{Han}", "漢", "0,3"},
      {"\\p{Hiragana}", "漢", "nil"},
      {"\\p{Emoji}", "\360\237\230\200", "0,4"},
      {"\\p{Common}", "1", "0,1"},
      {"\\p{Cyrillic}", "я", "0,2"},
      {"\\p{cyrillic}", "я", "0,2"},
      {"\\p{White_Space}", " ", "0,1"},
      {"\\p{whitespace}", " ", "0,1"},
      {"\\p{Alphabetic}", "a", "0,1"},
      {"\\p{L&}", "a", "refused"},
      {"\\p{LC}", "a", "0,1"},
      {"[a-c-e]", "d", "nil"},
      {"[a-c-\\d]", "1", "0,1"},
      {"[[b]-a]", "-", "0,1"},
      {"[[b]-]", "-", "0,1"},
      {"[a-&&-]", "-", "0,1"},
      {"[^]", "a", "refused"},
      {"[^]]", "a", "0,1"},
      {"[a&&b&&b]", "b", "nil"},
      {"[a\\Kb]", "K", "0,1"},
      {"[\\A]", "A", "0,1"},
      {"[\\08]", "8", "0,1"},
      {"[\\8]", "8", "0,1"},
      {"[\\u{41 43}-E]", "D", "0,1"},
      {"[\\xE2\\x82\\xAC]", "€", "0,3"},
      {"[a-\\u{62 64}]", "c", "nil"},
      {"[[:alpha]", "a", "refused"},
      {"[[:alpha:]", "a", "refused"},
      {"[a-c-]", "-", "0,1"},
      {"[]-a]", "^", "0,1"},
      {"[a-]b]", "a", "nil"},
      {"[--a]", "A", "0,1"},
      {"[a--]", "a", "refused"},
      {"[!--]", "-", "0,1"},
      {"[a-c--]", "-", "0,1"},
      {"(?u)[[:punct:]]", "$", "0,1"},
      {"(?a)[[:^alpha:]]", "é", "0,2"},
      {"(?a)[[:word:]]", "é", "nil"},
      {"(?u)\\d", "٣", "0,2"},
      {"(?u)\\s", "\302\240", "0,2"},
      {"(?u)\\h", "\357\274\241", "nil"},
      {"(?a)(?u)\\w", "é", "0,2"},
      {"(?a)[é]", "é", "0,2"},
      {"(?i)[^k]", "\342\204\252", "nil"},
      {"(?<[@m][b]>x)", "x", "0,1 0,1"},
  });
}

TEST_CASE("names, numbers and back-references mean what they mean in Ruby", "[text][dialect]") {
  check_all({
      {"(?<a>x)(y)", "xy", "0,2 0,1"},
      {"(?<a>x)\\1", "xx", "refused"},
      {"(?<a>x)\\k<a>", "xx", "0,2 0,1"},
      {"(?'a'x)\\k'a'", "xx", "0,2 0,1"},
      {"(x)\\k<1>", "xx", "0,2 0,1"},
      {"(x)\\k<-1>", "xx", "0,2 0,1"},
      {"(?<a>x)|(?<a>y)\\k<a>", "yy", "0,2 - 0,1"},
      {"(?<a>x)(?<a>y)\\k<a>", "xyx", "0,3 0,1 1,2"},
      {"(?<a>x)(?<a>y)\\g<a>", "xyx", "refused"},
      {"\\1(x)", "xx", "nil"},
      {"\\2(x)", "x", "refused"},
      {"\\8", "8", "refused"},
      {"\\101", "A", "0,1"},
      {"\\11", "\t", "0,1"},
      {"\\400", "a", "refused"},
      {"\\777", "a", "refused"},
      {"(a)\\10", "a", "nil"},
      {"(?<a.b>x)", "x", "0,1 0,1"},
      {"(?<1a>x)", "x", "refused"},
      {"(?<>x)", "x", "refused"},
      {"(?<-a>x)", "x", "refused"},
      {"(?<a b>x)", "x", "0,1 0,1"},
      {"(?<a)b>x)", "x", "refused"},
      {"(?<é>x)", "x", "0,1 0,1"},
      {"(?(1)a|b)", "b", "refused"},
      {"(a)?(?(1)b|c)", "ab", "0,2 0,1"},
      {"(?<n>a)?(?(<n>)b|c)", "ab", "0,2 0,1"},
      {"(a)?(?(1)b)", "b", "0,0 -"},
      {"(a)?(?(1)b|c|d)", "ab", "refused"},
      {"(?(2)a|b)", "b", "refused"},
      {"(?i)(a)\\1", "aA", "0,2 0,1"},
      {"(?<a", "a", "refused"},
      {"\\k<x>", "a", "refused"},
      {"\\g<x>", "a", "refused"},
      {"\\k", "k", "0,1"},
      {"\\g", "g", "0,1"},
      {"\\k<1>", "a", "refused"},
      {"(a)(?:b)\\1", "aba", "0,3 0,1"},
      {"(?<a>(b)c)", "bc", "0,2 0,2"},
      {"(.)\\k<+1>", "aa", "refused"},
      {"(.)\\k<0>", "aa", "refused"},
      {"(?<a>.)\\g<0>?", "a", "0,1 0,1"},
      {"(?<a>.)\\g<1>", "ab", "refused"},
      {"(?<a>.)\\k<1>", "aa", "refused"},
      {"(?<a>x)(?(1)b|c)", "xb", "refused"},
      {"(?<a>x)(?('a')b)", "xb", "0,2 0,1"},
      {"(x)(?(1))b", "xb", "0,2 0,1"},
      {"(x)(?(1)|c)b", "xb", "0,2 0,1"},
      {"(?(<a>)b|c)", "b", "refused"},
      {"(?'a-b'x)", "x", "0,1 0,1"},
      {"(?<a(b>x)", "x", "0,1 0,1"},
      {"(?<@a>x)", "x", "0,1 0,1"},
      {"(?<a'b>x)", "x", "0,1 0,1"},
      {"(?<a<b>x)", "x", "0,1 0,1"},
      {"(?<a\\b>x)", "x", "0,1 0,1"},
      {"(?< a>x)", "x", "0,1 0,1"},
  });
}

TEST_CASE("groups and modes mean what they mean in Ruby", "[text][dialect]") {
  check_all({
      {"(?=a)*", "b", "0,0"},
      {"(?:)*", "b", "0,0"},
      {"(?a)\\bé", "aé", "1,3"},
      {"a(?i)b|c", "aC", "0,2"},
      {"a(?i)b|c", "c", "nil"},
      {"(?i:a)b", "AB", "nil"},
      {"(?i-m:a)b", "Ab", "0,2"},
      {"(?mix)a b", "AB", "0,2"},
      {"(?x) a # foo\nb", "ab", "0,2"},
      {"(?x)a\\ b", "a b", "0,3"},
      {"(?#foo)a", "a", "0,1"},
      {"(?s)a", "a", "refused"},
      {"a(?#b)*", "aaa", "0,3"},
      {"(?x)a *", "aaa", "0,3"},
      {"(?x)a + ?", "aaa", "0,3"},
      {"(?>a+)a", "aa", "nil"},
      {"(?i)k", "\342\204\252", "0,3"},
      {"(?i)é", "É", "0,2"},
      {"(?", "a", "refused"},
      {"(?a", "a", "refused"},
      {"(?z)", "a", "refused"},
      {"(?P<a>x)", "x", "refused"},
      {"(?|a|b)", "a", "refused"},
      {"(?i", "a", "refused"},
      {"(?-)a", "a", "0,1"},
      {"(?i-)a", "a", "0,1"},
      {"(?:", "a", "refused"},
      {"(?#", "a", "refused"},
      {"(?a)\\b", "é", "nil"},
      {"(?ai)a", "A", "0,1"},
      {"(?-a)a", "a", "refused"},
      {"(?au)a", "a", "0,1"},
      {"(?a:é)", "é", "0,2"},
      {"(?a)(?i)é", "É", "0,2"},
      {"(?:x{2}){3}", "xxxxxx", "0,6"},
      {"(?:a|b)?\?c", "ac", "0,2"},
      {"(?!a)*b", "ab", "1,2"},
      {"(?i)*", "a", "refused"},
      {"(?i)a*", "AA", "0,2"},
      {"a(?i)*", "a", "refused"},
      {"(?i:)*", "a", "0,0"},
      {"(?i)K", "k", "0,1"},
      {"(?i)ſ", "s", "0,1"},
      {"(?=)x", "x", "0,1"},
      {"(?!)", "x", "nil"},
      {"(?>)", "x", "0,0"},
  });
}

TEST_CASE("repetitions mean what they mean in Ruby", "[text][dialect]") {
  check_all({
      {"a{2}?", "aaa", "0,2"},
      {"(a{2})?", "aaa", "0,2 0,2"},
      {"a{2}+b", "aaaab", "0,5"},
      {"a{3,1}", "aaaa", "refused"},
      {"a{,2}", "aaaa", "0,2"},
      {"a{,}", "a{,}", "0,4"},
      {"a{", "a{", "0,2"},
      {"a{1", "a{1", "0,3"},
      {"a{1,2", "a{1,2", "0,5"},
      {"{1}", "{1}", "refused"},
      {"a|{1}", "{1}", "refused"},
      {"a|*", "b", "refused"},
      {"^*", "b", "0,0"},
      {"\\b*", "b", "0,0"},
      {"a**", "aaa", "0,3"},
      {"a+*", "aaa", "0,3"},
      {"a?\??", "aaa", "0,0"},
      {"a{2}{3}", "aaaaaaa", "0,6"},
      {"a{2}?\?", "aaa", "0,0"},
      {"\\x{41}", "A", "refused"},
      {"\\u{41 42}", "AB", "0,2"},
      {"\\u{41 42 e9}+", "ABéé", "0,6"},
      {"x\\u{41 42}{2}", "xABB", "0,4"},
      {"\\u{110000}", "A", "refused"},
      {"a++b", "aab", "0,3"},
      {"a?+a", "a", "nil"},
      {"a*+a", "aa", "nil"},
      {"a{100001}", "a", "refused"},
      {"x{0}", "x", "0,0"},
      {"x{2}*", "xxxx", "0,4"},
      {"\\A*", "a", "0,0"},
      {"\\K*", "a", "0,0"},
      {"\\G?", "a", "0,0"},
      {"a{ 1}", "a{ 1}", "0,5"},
      {"a{1 }", "a{1 }", "0,5"},
      {"a{,3", "a{,3", "0,4"},
      {"a{0,0}b", "b", "0,1"},
      {"{", "{", "0,1"},
      {"a|{", "{", "0,1"},
      {"({)", "{", "0,1 0,1"},
      {"{a}", "{a}", "0,3"},
      {"({,2})", "a", "refused"},
      {"{,2}", "a", "refused"},
  });
}

TEST_CASE("anchors and escapes mean what they mean in Ruby", "[text][dialect]") {
  check_all({
      {"\\n$", "a\n", "1,2"},
      {"^", "a\n", "0,0"},
      {"\\Z", "a\n", "1,1"},
      {"a\\Z", "a\n\n", "nil"},
      {"\\bé", "aé", "nil"},
      {"\\bé", " é", "1,3"},
      {"a]", "a]", "0,2"},
      {"]", "a]", "1,2"},
      {"\\x41", "A", "0,1"},
      {"\\x4", "A", "nil"},
      {"\\x", "x", "refused"},
      {"\\u0041", "A", "0,1"},
      {"\\xE2\\x82\\xAC", "€", "0,3"},
      {"\\xE2", "€", "refused"},
      {"\\cA", "\001", "0,1"},
      {"\\C-a", "\001", "0,1"},
      {"\\M-a", "\001", "refused"},
      {"\\e", "\033", "0,1"},
      {"\\a", "\007", "0,1"},
      {"\\y", "y", "0,1"},
      {"\\j", "j", "0,1"},
      {"\\é", "é", "0,2"},
      {"\\Q", "Q", "0,1"},
      {"\\N", "N", "0,1"},
      {"\\o", "o", "0,1"},
      {"\\O", "O", "0,1"},
      {"\\i", "i", "0,1"},
      {"\\ ", " ", "0,1"},
      {"\\", "\\", "refused"},
      {"\\\\", "\\", "0,1"},
      {"a\\Kb", "ab", "1,2"},
      {"\\Gb", "ab", "nil"},
      {"\\R", "\r\n", "0,2"},
      {"\\R", "\342\200\250", "0,3"},
      {"\\X", "e\314\201", "0,3"},
      {")", "a", "refused"},
      {"(", "a", "refused"},
      {"\\", "a", "refused"},
      {"a\\", "a", "refused"},
  });
}

TEST_CASE("expressions that PCRE2 10.42 gets wrong by itself are right", "[text][dialect]") {
  check_all({
      {"(?>\\S+\\H|[^\\n]?)\\P{Alpha}", "ba\n", "2,3"},
      {"(?=a)x*?a", "ba", "1,2"},
      {"b$|(?<n>a)*+c", "ab", "1,2 -"},
  });
}

TEST_CASE("a refused expression says where and what to do", "[text][dialect]") {
  const std::vector<std::pair<std::string, std::string>> messages = {
      {"ab)", "at offset 2: this ) closes nothing"},
      {"a(b", "at offset 1: this ( has no closing )"},
      {"x[a", "at offset 1: this [ has no closing ]"},
      {"*a", "at offset 0: there is nothing in front of this to repeat"},
      {"a{3,1}", "upper number of this repetition is smaller"},
      {"(?<a>x)\\1", "where groups have names, groups without one have no number"},
      {"\\k<who>", "there is no group named \"who\""},
      {"[[:letters:]]", "there is no [:letters:]"},
      {"\\p{In_Cyrillic}", "the character property {In_Cyrillic} is not available"},
      {"(?~x)", "the absent operator"},
      {"a\\", "a backslash ends the expression"},
      {"(?<=a+)b", "near offset"},
  };
  for (const auto& [expression, part] : messages) {
    INFO(expression);
    const auto matcher = Matcher::compile(expression);
    REQUIRE_FALSE(matcher);
    CHECK_THAT(matcher.error().message, Catch::Contains(part));
  }
}

TEST_CASE("group names may be field references and repeat", "[text][dialect]") {
  const auto matcher = Matcher::compile("(?<[a][b]>x)(?<WORD:[c][d]:int>y)(z)(?<a.b>.)|(?<[a][b]>q)");
  REQUIRE(matcher);
  std::vector<std::string> names;
  for (const NamedGroup& group : (*matcher)->groups()) names.push_back(group.name + "=" + std::to_string(group.index));
  CHECK(names == std::vector<std::string>{"[a][b]=1", "WORD:[c][d]:int=2", "a.b=3", "[a][b]=4"});
}

TEST_CASE("groups without a name can be left out unless something refers to them", "[text][dialect]") {
  RegexParseOptions options;
  options.captures_unnamed = false;
  const auto tree = parse_regex("(a)(b)\\2(c)", options);
  REQUIRE(tree);
  CHECK(tree->group_count == 1);
  CHECK(write_pcre2(*tree, SubjectAlphabet::Utf8).text == "(?=)(?:a)(b)\\g{1}(?:c)");
}

TEST_CASE("for ASCII subjects other characters are cut away", "[text][dialect]") {
  const auto tree = parse_regex("[éa]\\p{L}");
  REQUIRE(tree);
  CHECK(write_pcre2(*tree, SubjectAlphabet::Ascii).text == "(?=)[a][A-Za-z]");
  CHECK(write_pcre2(*tree, SubjectAlphabet::Utf8).text == "(?=)[a\\x{e9}][\\p{L}]");
}

TEST_CASE("the relaxation names what it lost most by", "[text][dialect]") {
  const auto widest = [](const char* expression) {
    const auto tree = parse_regex(expression);
    REQUIRE(tree);
    return write_re2(*tree, SubjectAlphabet::Ascii, 1000).widest_part;
  };
  CHECK(widest("a+b") == "");
  CHECK(widest("(?>a+)b") == "an atomic group");
  CHECK(widest("(a)(?=b)\\1") == "a back-reference");
}

TEST_CASE("an expression that ends inside a character is read to its end and no further", "[regex]") {
  for (const char* text :
       {"a\xff", "\xf0", "[\xe2", "\\\xff", "(?<\xff", "(?#\\", "\\p{\xff", "a{\xff", "\xff*", "\\u{4\xf0"}) {
    CAPTURE(text);
    const auto compiled = Matcher::compile(text, {});  // refused or not, but it comes back
    if (!compiled) CHECK_FALSE(compiled.error().message.empty());
  }
}

}  // namespace logboom
