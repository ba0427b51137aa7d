// The scanner against PCRE2: random expressions on random texts of ASCII, and the bundled grok patterns on lines like their
// own.
#include "pipeline/text/scanner.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "pipeline/text/byte_class.h"
#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_library.h"
#include "pipeline/text/regex_facts.h"
#include "pipeline/text/regex_parser.h"

namespace logboom {
namespace {

/// Expressions as grok makes them (fields between literals), mixed with what may trip a walk without backtracking, and a
/// text that the expression is likely to match.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }

  std::string expression() {
    groups_ = 0;
    text_.clear();
    std::string out = below(6) == 0 ? pick({"^", "\\A", "\\b"}) : "";
    for (std::size_t left = 1 + below(5); left > 0; --left) out += item(2);
    if (below(6) == 0) out += pick({"$", "\\z", "\\b", "(?!\\d)"});
    return out;
  }

  /// A text that was put together beside the last expression, perhaps damaged.
  std::string subject() {
    std::string out = text_;
    for (std::size_t left = below(3); left > 0; --left) {
      const std::string piece = pick({"a", "b", "1", " ", "-", "\"", "\n", "ab", "x1", ".", "", ""});
      const std::size_t place = below(out.size() + 1);
      if (below(2) == 0 && place < out.size()) {
        out.replace(place, 1 + below(3), piece);
      } else {
        out.insert(place, piece);
      }
    }
    return out;
  }

 private:
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  std::string item(int depth) {
    switch (below(depth > 0 ? 12 : 7)) {
      case 0:
      case 1: return literal();
      case 2: return run();
      case 3: return number();
      case 4: return border();
      case 5: return words();
      case 6: return literal();
      case 7:
      case 8: return capture(depth - 1);
      case 9: return choice(depth - 1);
      case 10: return repeated(depth - 1);
      default: return atomic(depth - 1);
    }
  }
  std::string literal() {
    const std::string text = pick({"a", "b", " ", "-", "ab", "1", ": ", "\"", "x", "=", "aa"});
    text_ += text;
    return below(8) == 0 ? "(?i:" + text + ")" : text;
  }
  std::string run() {
    const std::size_t which = below(7);
    static const std::vector<std::string> sets = {"\\w", "\\S", ".", "[ab]", "[^\"]", "[^ ]", "[a-z0-9]"};
    static const std::vector<std::string> samples = {"ab1", "a-\"b", "a b1", "abba", "a b", "ab-\n", "x1a"};
    const std::string sample = samples[which];
    const std::size_t size = below(sample.size() + 1);
    text_ += sample.substr(0, size);
    return sets[which] + pick({"*", "+", "*?", "+?", "*+", "++", "{2,}", "?", "{1,3}", "??"});
  }
  std::string number() {
    text_ += pick({"1", "12", "1.5", ".5", "-3", "+1.25", "", "0"});
    return pick({"[+-]?\\d+", "(?:[+-]?(?:\\d+(?:\\.\\d+)?|\\.\\d+))", "(?<![\\d.+-])[+-]?(?:\\d+(?:\\.\\d+)?|\\.\\d+)",
                 "\\d\\d?", "(?:25[0-5]|2[0-4]\\d|[01]?\\d?\\d)"});
  }
  std::string border() { return pick({"\\b", "\\B", "(?=a)", "(?!b)", "(?<=\\w)", "(?<!-)", "^", "$", "(?=[ab1])"}); }
  std::string words() {
    text_ += pick({"ab", "abc", "a", "b1", "aab", ""});
    return pick({"(?:ab|abc|a)", "(?:a|ab)(?:c|bcd)?", "(?:aa?|b1)*", "(?:a|b)+", "(?:ab?)*?", "(?>ab|abc)", "(?:a|b|)",
                 "(?:ab|a)++"});
  }
  std::string capture(int depth) {
    const std::string name = "g" + std::to_string(groups_++);
    std::string out = "(?<" + name + ">";
    for (std::size_t left = 1 + below(2); left > 0; --left) out += item(depth);
    return out + ")";
  }
  std::string choice(int depth) {
    const std::string before = text_;
    std::string kept;
    std::string out = "(?:";
    const std::size_t count = 2 + below(2);
    const std::size_t taken = below(count);
    for (std::size_t i = 0; i < count; ++i) {
      text_ = before;
      if (i > 0) out += "|";
      for (std::size_t left = below(3); left > 0; --left) out += item(depth);
      if (i == taken) kept = text_;
    }
    text_ = kept;
    return out + ")";
  }
  std::string repeated(int depth) {
    const std::string inside = item(depth);
    return "(?:" + inside + ")" + pick({"?", "??", "*", "+", "{2}", "?+", "{1,2}", "{1}"});
  }
  std::string atomic(int depth) {
    const std::string first = item(depth);
    return "(?>" + first + item(depth) + ")";
  }

  std::mt19937 random_;
  std::size_t groups_ = 0;
  std::string text_;
};

std::string describe(const Matcher& matcher, const std::string& subject, std::size_t start) {
  MatchScratch scratch;
  const MatchStatus status = matcher.match(subject, scratch, start);
  if (status == MatchStatus::OverBudget) return "over budget";
  if (status == MatchStatus::NoMatch) return "no match";
  std::string out;
  for (std::size_t i = 0; i < scratch.group_count(); ++i)
    out += scratch.is_set(i) ? std::to_string(scratch.begin(i)) + "," + std::to_string(scratch.end(i)) + " " : "- ";
  return out;
}

std::shared_ptr<const Matcher> compiled(const std::string& expression, bool may_scan) {
  MatcherOptions options;
  options.dot_matches_newline = true;
  options.captures_unnamed = false;
  options.may_scan = may_scan;
  const auto made = Matcher::compile(expression, options);
  return made ? *made : nullptr;
}

struct Count {
  std::size_t expressions = 0;
  std::size_t scanned = 0;  // expressions that have a scanner
  std::size_t texts = 0;
  std::size_t matched = 0;
  std::size_t undecided = 0;
};

void compare(const std::string& expression, const std::vector<std::string>& texts, Count& count) {
  const auto plain = compiled(expression, false);
  const auto both = compiled(expression, true);
  if (!plain || !both) return;
  ++count.expressions;
  if (both->scanner_note().empty()) return;
  ++count.scanned;
  RegexParseOptions options;
  options.dot_matches_newline = true;
  options.captures_unnamed = false;
  const auto tree = parse_regex(expression, options);
  REQUIRE(tree);
  const auto scanner = Scanner::compile(*tree, facts_of(*tree).required_literals);
  REQUIRE(scanner);
  std::vector<std::size_t> offsets(2 * (tree->group_count + 1));
  for (const std::string& text : texts) {
    for (const std::size_t start : {std::size_t{0}, text.size() / 2}) {
      ++count.texts;
      std::size_t from = start;
      std::size_t tries = 0;
      const Scanner::Outcome outcome = scanner->run(text, from, offsets.data(), tries);
      if (outcome == Scanner::Outcome::Undecided) ++count.undecided;
      const std::string expected = describe(*plain, text, start);
      if (expected == "over budget") continue;
      std::string found = "no match";
      if (outcome == Scanner::Outcome::Matched) {
        found.clear();
        for (std::size_t i = 0; i < offsets.size(); i += 2) {
          const bool is_set = offsets[i] != Scanner::kUnset && offsets[i + 1] != Scanner::kUnset;
          found += is_set ? std::to_string(offsets[i]) + "," + std::to_string(offsets[i + 1]) + " " : "- ";
        }
        ++count.matched;
      }
      INFO(expression << "   on   " << text << "   from " << start << "\n" << scanner->describe());
      if (outcome != Scanner::Outcome::Undecided) REQUIRE(found == expected);
      REQUIRE(describe(*both, text, start) == expected);
    }
  }
}

Count compare_random(std::uint32_t first_seed, std::uint32_t last_seed) {
  Count count;
  for (std::uint32_t seed = first_seed; seed <= last_seed; ++seed) {
    Generator generator(seed);
    const std::string expression = generator.expression();
    std::vector<std::string> texts;
    for (int i = 0; i < 6; ++i) texts.push_back(generator.subject());
    compare(expression, texts, count);
  }
  return count;
}

TEST_CASE("what the scanner decides is what PCRE2 finds, on many more random expressions and texts", "[.long][scanner]") {
  CHECK(compare_random(10'000, 300'000).scanned > 100'000);
}

TEST_CASE("what the scanner decides is what PCRE2 finds, on random expressions and texts", "[scanner]") {
  const Count count = compare_random(1, 6000);
  // Not vacuous: most expressions have a scanner, and it settles most texts.
  CHECK(count.expressions > 5500);
  CHECK(count.scanned * 2 > count.expressions);
  CHECK(count.undecided * 3 < count.texts);
  CHECK(count.matched * 5 > count.texts);
}

TEST_CASE("what the scanner decides is what PCRE2 finds, for every bundled pattern", "[scanner]") {
  const std::vector<std::string> lines = {
      R"~(83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /images/kibana.png HTTP/1.1" 200 203023 "http://x.com/" "Mozilla/5.0 (Mac)")~",
      R"~(10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "-" 408 - "-" "\"quoted\" agent")~",
      "Mar  7 00:00:01 host.example.com sshd[1234]: Failed password for root from 10.1.2.3 port 22 ssh2",
      "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed on /dev/pts/8",
      "2015-05-17T10:05:03.123+02:00 [main] ERROR com.example.Main - java.lang.NullPointerException: null",
      "\tat com.example.Main.run(Main.java:42)",
      "Deny inbound UDP from 10.0.0.1/53 to 192.168.1.1/1025 on interface outside",
      "Built outbound TCP connection 42 for outside:10.0.0.1/80 (10.0.0.1/80) to inside:192.168.1.1/1025 (1.2.3.4/1025)",
      "fe80::1%eth0 2001:db8::ff00:42:8329 00:1B:44:11:3A:B7 C:\\Windows\\x.dll /var/log/syslog",
      "user.name+tag@sub.example.co.uk https://user:pw@example.com:8080/a/b?c=d#e 550e8400-e29b-41d4-a716-446655440000",
      "1431857103.123 +5.25 0x1F -17 \"a \\\" quote\" 'single' `back`",
      "",
      " ",
  };
  std::mt19937 random(7);
  std::vector<std::string> texts = lines;
  for (const std::string& line : lines) {
    for (int i = 0; i < 4 && !line.empty(); ++i) {
      std::string damaged = line;
      damaged[random() % damaged.size()] = "a1 -\"[.:"[random() % 8];
      damaged.erase(random() % damaged.size(), random() % 3);
      texts.push_back(damaged);
    }
  }
  Count count;
  for (const PatternSet set : {PatternSet::Legacy, PatternSet::EcsV1}) {
    const PatternLibrary& library = PatternLibrary::bundled(set);
    for (const auto& [name, pattern] : library.patterns()) {
      const auto expanded = library.expand("%{" + name + "}");
      if (expanded) compare(expanded->regex, texts, count);
    }
  }
  CHECK(count.scanned * 2 > count.expressions);
  CHECK(count.matched > 1000);
}

TEST_CASE("a class is scanned to its first stranger from every place", "[scanner]") {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::bitset<128> members;
    for (std::size_t byte = 0; byte < 128; ++byte) members[byte] = random() % 8 != 0;
    const ByteClass scanned(members);
    std::string text;
    for (std::size_t i = 0; i < 80; ++i) text += static_cast<char>(random() % 128);
    for (std::size_t from = 0; from <= text.size(); ++from) {
      std::size_t expected = from;
      while (expected < text.size() && members[static_cast<unsigned char>(text[expected])]) ++expected;
      const char* const end = text.data() + text.size();
      REQUIRE(scanned.skip(text.data() + from, end) == text.data() + expected);
    }
  }
}

}  // namespace
}  // namespace logboom
