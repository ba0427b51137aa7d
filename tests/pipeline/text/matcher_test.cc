#include "pipeline/text/matcher.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace logboom {
namespace {

std::shared_ptr<const Matcher> compiled(std::string_view pattern, const MatcherOptions& options = {}) {
  auto matcher = Matcher::compile(pattern, options);
  if (!matcher) FAIL(matcher.error().message);
  return *matcher;
}

MatcherOptions grok_options() {
  MatcherOptions options;
  options.dot_matches_newline = true;
  options.captures_unnamed = false;
  return options;
}

bool matches(std::string_view pattern, std::string_view subject, const MatcherOptions& options = {}) {
  MatchScratch scratch;
  return compiled(pattern, options)->match(subject, scratch) == MatchStatus::Matched;
}

std::vector<std::string> all_matches(std::string_view pattern, std::string_view subject) {
  const auto matcher = compiled(pattern);
  MatchScratch scratch;
  MatchCursor cursor;
  std::vector<std::string> out;
  while (matcher->find_next(subject, scratch, cursor) == MatchStatus::Matched) {
    out.push_back(std::to_string(scratch.begin(0)) + ":" + std::string(scratch.group(0)));
  }
  return out;
}

}  // namespace

TEST_CASE("a text that ends as no match does is refused by its last byte, one of several lines is not", "[text][matcher]") {
  const auto matcher = Matcher::compile(R"((?:"[^"]*"|'[^']*'|\d+(?:kB)?)$)");
  REQUIRE(matcher);
  MatchScratch scratch;
  const auto matches = [&](std::string_view text) { return (*matcher)->match(text, scratch) == MatchStatus::Matched; };
  CHECK(matches("x \"a\""));
  CHECK(matches("x 12kB"));
  CHECK(matches("x 12"));
  CHECK(matches("x 12\ny"));
  CHECK(matches("\"a\"\n"));
  CHECK_FALSE(matches("x \"a\"!"));
  CHECK_FALSE(matches("x \"a\"!\n!"));
  CHECK_FALSE(matches(""));
  CHECK(matches("é 7"));
  const auto empty = Matcher::compile("(?:a|)$");
  REQUIRE(empty);
  CHECK((*empty)->match("b", scratch) == MatchStatus::Matched);
}

TEST_CASE("captures are read by group number, and unset is not empty", "[text][matcher]") {
  const auto matcher = compiled("(?<a>x*)(?<b>y)?(?<c>z)");
  MatchScratch scratch;
  REQUIRE(matcher->match("--z", scratch) == MatchStatus::Matched);
  CHECK(scratch.group(0) == "z");
  CHECK(scratch.is_set(1));
  CHECK(scratch.group(1).empty());
  CHECK_FALSE(scratch.is_set(2));
  CHECK(scratch.group(3) == "z");
  CHECK(scratch.begin(3) == 2);
  CHECK_FALSE(scratch.is_set(4));
}

TEST_CASE("a scratch serves patterns of any size in turn", "[text][matcher]") {
  MatchScratch scratch;
  std::string many;
  for (int i = 0; i < 300; ++i) many += "(.)?";
  REQUIRE(compiled("(a)")->match("a", scratch) == MatchStatus::Matched);
  REQUIRE(compiled(many)->match("ab", scratch) == MatchStatus::Matched);
  CHECK(scratch.group_count() == 301);
  CHECK(scratch.group(2) == "b");
  REQUIRE(compiled("(b)")->match("ab", scratch) == MatchStatus::Matched);
  CHECK(scratch.group_count() == 2);
  CHECK(scratch.begin(1) == 1);
  MatchScratch moved = std::move(scratch);
  CHECK(moved.group(1) == "b");
}

TEST_CASE("a dot takes newlines for grok and not for conditions", "[text][matcher]") {
  CHECK(matches("^a.b$", "a\nb", grok_options()));
  CHECK_FALSE(matches("^a.b$", "a\nb"));
  CHECK(matches("^b$", "a\nb\nc"));
  CHECK(matches("^.$", "é"));
  CHECK_FALSE(matches("^.$", "éé"));
  CHECK_FALSE(matches("${HIGH}", "100"));
}

TEST_CASE("options switch case and captures", "[text][matcher]") {
  MatcherOptions options;
  options.ignore_case = true;
  CHECK(matches("ÉRROR [a-c]", "éRRor B", options));
  options.captures = false;
  const auto matcher = compiled("(?<n>a)(b)", options);
  CHECK(matcher->highest_group() == 0);
  CHECK(matcher->groups().empty());
}

TEST_CASE("searching from an offset still sees what is before it", "[text][matcher]") {
  MatchScratch scratch;
  CHECK(compiled("(?<=a)b")->match("ab", scratch, 1) == MatchStatus::Matched);
  CHECK(compiled("^b")->match("ab", scratch, 1) == MatchStatus::NoMatch);
  CHECK(compiled("\\Aa")->match("aa", scratch, 1) == MatchStatus::NoMatch);
  CHECK(compiled("")->match("aa", scratch, 2) == MatchStatus::Matched);
  CHECK(compiled("")->match("aa", scratch, 3) == MatchStatus::NoMatch);
}

TEST_CASE("walking over matches follows Ruby's gsub", "[text][matcher]") {
  using Found = std::vector<std::string>;
  CHECK(all_matches("x*", "abc") == Found{"0:", "1:", "2:", "3:"});
  CHECK(all_matches("l*", "hello") == Found{"0:", "1:", "2:ll", "4:", "5:"});
  CHECK(all_matches("", "é€") == Found{"0:", "2:", "5:"});
  CHECK(all_matches("\\Ga", "aaba") == Found{"0:a", "1:a"});
  CHECK(all_matches("$", "a\nb") == Found{"1:", "3:"});
  CHECK(all_matches("q", "abc").empty());
  CHECK(all_matches("a", "").empty());
}

TEST_CASE("bytes that are no UTF-8 are no match for the checked entry", "[text][matcher]") {
  const auto matcher = compiled("a");
  MatchScratch scratch;
  const std::vector<std::string> broken = {"a\xff",
                                           "\xc0\xaf"
                                           "a",
                                           "a\xed\xa0\x80",
                                           "a\xf4\x90\x80\x80",
                                           "a\xe2\x82",
                                           "\x80"
                                           "a",
                                           "a\xf0\x80\x80\x80"};
  for (const std::string& bytes : broken) CHECK(matcher->match_untrusted(bytes, scratch) == MatchStatus::NoMatch);
  CHECK(matcher->match_untrusted("é€😀a", scratch) == MatchStatus::Matched);
  CHECK(matcher->match_untrusted("éa", scratch, 1) == MatchStatus::NoMatch);
  CHECK(matcher->match_untrusted({}, scratch) == MatchStatus::NoMatch);
}

TEST_CASE("an expression that is no UTF-8 or too long is refused", "[text][matcher]") {
  CHECK_FALSE(Matcher::compile("a\xff"));
  const auto too_long = Matcher::compile(std::string(Matcher::kMaxPatternBytes + 1, 'a'));
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == ErrorCode::TooLarge);
  const auto explodes = Matcher::compile("(?:(?:(?:a{1000}){1000}){1000}){1000}");
  REQUIRE_FALSE(explodes);
  CHECK(explodes.error().code == ErrorCode::TooLarge);
  CHECK_FALSE(Matcher::compile(std::string(5000, '(') + std::string(5000, ')')));
  CHECK_FALSE(Matcher::compile(std::string(5000, '[') + "a" + std::string(5000, ']')));
  CHECK_FALSE(Matcher::compile("a" + std::string(5000, '?')));
}

TEST_CASE("literals that every match holds are known", "[text][matcher]") {
  CHECK(compiled("^kernel: (?:foo|bar) baz+ done")->prefix_literal() == "kernel: ");
  CHECK(compiled("^kernel: (?:foo|bar) ba+ finished")->required_literal() == " finished");
  CHECK(compiled("a|b")->required_literal().empty());
  CHECK(compiled("(?i)error")->required_literal().empty());
  CHECK(compiled("(?:abc)*x")->required_literal() == "x");
  CHECK(compiled("\\Aabc")->is_anchored());
  CHECK_FALSE(compiled("^abc")->is_anchored());
}

TEST_CASE("expressions that explode end in an answer or over budget", "[text][matcher][bomb]") {
  MatchScratch scratch;
  const std::string a_run(65536, 'a');
  // The linear engine rules these out.
  CHECK(compiled("(a+)+$")->match(a_run + "!", scratch) == MatchStatus::NoMatch);
  CHECK(compiled("(?:a|aa)+$")->match(a_run + "!", scratch) == MatchStatus::NoMatch);
  CHECK(compiled("^(?:a?){50}a{50}$")->match(std::string(49, 'a'), scratch) == MatchStatus::NoMatch);
  const std::string chained = "(?<a>.*) x (?<b>.*?) y (?<c>.*) z (?<d>.*?) w";
  CHECK(compiled(chained, grok_options())->match(a_run, scratch) == MatchStatus::NoMatch);
  CHECK(compiled("(?<a>.*),(?<b>.*),(?<c>.*),(?<d>.*)!$", grok_options())->match(std::string(65536, ','), scratch) ==
        MatchStatus::NoMatch);
  // A back-reference leaves it no say.
  CHECK(compiled("^(a+)+\\1b$")->match(std::string(64, 'a') + "c" + std::string(64, 'b') + "b", scratch) !=
        MatchStatus::Matched);
  CHECK(compiled("(?=(a+)+c)(a|b)*?\\2!")->match(a_run + "!", scratch) != MatchStatus::Matched);
  CHECK(compiled("(?<r>\\g<r>a|b)")->match(a_run, scratch) != MatchStatus::Matched);
}

TEST_CASE("a bomb without a linear answer is over budget, and the note said so", "[text][matcher][bomb]") {
  const auto matcher = compiled("^(a|a)*(?!b)\\1$|(?=q)\\1*");
  MatchScratch scratch;
  CHECK(matcher->match(std::string(40, 'a') + "b", scratch) == MatchStatus::OverBudget);
  CHECK_THAT(matcher->engine_note(), Catch::Contains("back-reference"));
  CHECK(compiled("(a+)+$")->engine_note().empty());
}

TEST_CASE("long ordinary subjects stay within the budget", "[text][matcher]") {
  MatchScratch scratch;
  const std::string quoted = "\"" + std::string(65536, 'q') + "\\\"" + std::string(65536, 'q') + "\"";
  REQUIRE(compiled("\"(?:\\\\.|[^\\\\\"])*\"")->match(quoted, scratch) == MatchStatus::Matched);
  CHECK(scratch.group(0).size() == quoted.size());
  const std::string line = "level=info " + std::string(20000, 'x') + " end";
  REQUIRE(compiled("(?<a>.*)level=(?<l>\\w+) (?<rest>.*) end", grok_options())->match(line, scratch) ==
          MatchStatus::Matched);
  CHECK(scratch.group(2) == "info");
  // Unanchored over many slices of start offsets, with the only match at the very end.
  const std::string far = std::string(200000, 'b') + "é" + std::string(70000, '7') + "!";
  REQUIRE(compiled("[é7]7{3}!")->match(far, scratch) == MatchStatus::Matched);
  CHECK(scratch.end(0) == far.size());
}

TEST_CASE("a small budget never turns a match into no match", "[text][matcher]") {
  const auto matcher = compiled("(?<a>\\w+) (?<b>\\w+)+ (?<c>.*)x$", grok_options());
  MatchScratch scratch;
  for (const std::uint64_t budget : {1, 2, 5, 20, 100}) {
    CHECK(matcher->match("one two three, four x", scratch, 0, budget) != MatchStatus::NoMatch);
  }
}

TEST_CASE("a repeat gives back what it took when an atomic group behind it is empty", "[text][matcher]") {
  MatchScratch scratch;
  for (const char* pattern : {"\\d+(?>(?:x)?)\\d", "\\d+(?:x)?+\\d", "\\d+(?:x)*+\\d", "\\d+(?:xy){0,2}+\\d"}) {
    INFO(pattern);
    MatcherOptions options;
    options.may_scan = false;
    const auto matcher = Matcher::compile(pattern, options);
    REQUIRE(matcher);
    CHECK((*matcher)->match("51", scratch) == MatchStatus::Matched);
    CHECK((*matcher)->match("é51", scratch) == MatchStatus::Matched);
  }
}

TEST_CASE("a repeat at the front starts again where the search moves on", "[text][matcher]") {
  MatchScratch scratch;
  MatcherOptions options;
  options.may_scan = false;
  const auto matcher = Matcher::compile("(?:b|)[^ ]+\\d-ab", options);
  REQUIRE(matcher);
  REQUIRE((*matcher)->match("abcab1-ab", scratch, 4) == MatchStatus::Matched);
  CHECK(scratch.begin(0) == 4);
}

TEST_CASE("a condition in front of .* leaves the later places to be searched", "[text][matcher]") {
  MatcherOptions options = grok_options();
  options.may_scan = false;
  MatchScratch scratch;
  REQUIRE(compiled("^.*", options)->match("ab\n-", scratch, 2) == MatchStatus::Matched);
  CHECK(scratch.begin(0) == 3);
  REQUIRE(compiled("(?=b).*", options)->match("ab", scratch) == MatchStatus::Matched);
  CHECK(scratch.begin(0) == 1);
  CHECK_FALSE(compiled("(?=b).*", options)->is_anchored());
  CHECK(compiled(".*", options)->is_anchored());
}

TEST_CASE("one matcher serves several threads at once", "[text][matcher]") {
  const auto matcher = compiled("(?<key>\\w+)=(?<value>é|\\d+)$");
  std::vector<int> found(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] {
      MatchScratch scratch;
      for (int i = 0; i < 500; ++i) {
        const std::string subject = i % 2 == 0 ? "a b count=" + std::to_string(i) : "size=é";
        if (matcher->match(subject, scratch) == MatchStatus::Matched && !scratch.group(2).empty()) ++found[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(found == std::vector<int>(4, 500));
}

}  // namespace logboom
