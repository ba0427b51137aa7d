// Random expressions on random subjects: the translation agrees with Ruby itself, and the relaxation never says no where the
// expression matches. Ruby is only asked when it is installed; otherwise that case says so and passes.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "pipeline/text/matcher.h"

namespace logboom {
namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }

  std::string expression() {
    groups_ = 0;
    is_named_ = below(3) == 0;
    return alternatives(3);
  }

  std::string subject() {
    static const std::vector<std::string> pieces = {"a", "b",  "A", "B", "1",  "7",  " ", "-",
                                                    "_", "\n", "é", "€", "ab", "a1", "日"};
    std::string out;
    for (std::size_t left = below(9); left > 0; --left) out += pieces[below(pieces.size())];
    return out;
  }

 private:
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  std::string alternatives(int depth) {
    std::string out = sequence(depth);
    while (below(4) == 0) out += "|" + sequence(depth);
    return out;
  }

  std::string sequence(int depth) {
    std::string out;
    for (std::size_t left = 1 + below(4); left > 0; --left) out += item(depth);
    return out;
  }

  std::string item(int depth) {
    if (below(9) == 0) return pick({"^", "$", "\\A", "\\z", "\\Z", "\\b", "\\B"});
    if (below(14) == 0) return look();
    if (groups_ > 0 && below(12) == 0) return reference();
    const std::string one = atom(depth);
    return below(3) == 0 ? one + quantifier() : one;
  }

  std::string quantifier() {
    return pick(
        {"*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}", "{1,2}?", "?+", "*+", "++", "{2}+", "{0,1}*"});
  }

  std::string look() {
    return pick({"(?=", "(?!", "(?<=", "(?<!"}) + pick({"a", "[ab]", "\\d", "b1", "\\s", "é", "a|b1", "."}) + ")";
  }

  std::string reference() {
    const std::string number = std::to_string(1 + below(groups_));
    return is_named_ ? "\\k<n" + number + ">" : "\\" + number;
  }

  std::string atom(int depth) {
    if (depth > 0 && below(3) == 0) return group(depth - 1);
    if (below(4) == 0) return set(2);
    return pick({"a",     "b",   "A",      "1",          " ",          "-",        "_",     "é",       "€",
                 ".",     "\\d", "\\w",    "\\s",        "\\h",        "\\D",      "\\W",   "\\S",     "\\H",
                 "\\n",   "\\R", "\\p{L}", "\\p{Upper}", "\\P{Alpha}", "\\p{^Nd}", "\\x61", "\\u00e9", "\\u{61}",
                 "\\141", "]",   "}",      "{",          "a{",         "\\/",      "\\-"});
  }

  std::string group(int depth) {
    switch (below(7)) {
      case 0: return "(?:" + alternatives(depth) + ")";
      case 1: return "(?>" + alternatives(depth) + ")";
      case 2: return "(?m:" + alternatives(depth) + ")";
      case 3: return "(?-m:" + alternatives(depth) + ")";
      case 4: return "(?x: " + sequence(depth) + " # note\n)";
      default: break;
    }
    if (is_named_ && below(4) == 0) return "(" + alternatives(depth) + ")";
    const std::string inside = alternatives(depth);
    ++groups_;
    // Numbers count opening brackets and inner groups came first here, so names carry the reference safely.
    return (is_named_ ? "(?<n" + std::to_string(groups_) + ">" : std::string("(")) + inside + ")";
  }

  std::string set(int depth) {
    std::string out = below(3) == 0 ? "[^" : "[";
    for (std::size_t left = 1 + below(3); left > 0; --left) {
      out += pick({"a", "b-c", "A-Z", "0-9", "_", "é", "€", "\\d", "\\w", "\\s", "\\n", "[:alpha:]", "[:^digit:]",
                   "[:punct:]", "[:space:]", "\\p{L}", "\\u00e9", "\\H"});
    }
    // Ruby 3.1 itself goes wrong on && beside negated or nested brackets with characters outside ASCII, so tables hold
    // those.
    const bool is_nesting = depth > 0 && below(5) == 0;
    if (is_nesting) out += set(0);
    if (depth > 0 && !is_nesting && out[1] != '^' && below(6) == 0) out += "&&" + pick({"a-z", "[^b]", "\\w", "[:alnum:]"});
    return out + "]";
  }

  std::mt19937 random_;
  std::size_t groups_ = 0;
  bool is_named_ = false;
};

std::string hex(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    out += digits;
  }
  return out;
}

// "0,3 1,2 -" per group, "nil" without a match, "error" when the expression is refused.
std::string describe(const std::string& expression, const std::string& subject) {
  const auto matcher = Matcher::compile(expression);
  if (!matcher) return "error";
  MatchScratch scratch;
  const MatchStatus status = (*matcher)->match(subject, scratch);
  if (status == MatchStatus::OverBudget) return "over budget";
  if (status == MatchStatus::NoMatch) return "nil";
  std::string out;
  for (std::size_t i = 0; i < scratch.group_count(); ++i) {
    if (i > 0) out += " ";
    out += scratch.is_set(i) ? std::to_string(scratch.begin(i)) + "," + std::to_string(scratch.end(i)) : "-";
  }
  return out;
}

// What Ruby says to each line "hex of expression, blank, hex of subject". An expression that runs away is "slow".
constexpr const char* kRubyScript = R"ruby(
$VERBOSE = nil
require 'timeout'
File.foreach(ARGV[0], chomp: true) do |line|
  expression, subject = line.split(' ', -1).map { |x| [x].pack('H*').force_encoding('UTF-8') }
  begin
    m = Regexp.new(expression).match(subject)
    if m.nil?
      puts 'nil'
    else
      puts (0...m.size).map { |i| m.begin(i) ? "#{subject[0...m.begin(i)].bytesize},#{subject[0...m.end(i)].bytesize}" : '-' }.join(' ')
    end
  rescue RegexpError
    puts 'error'
  end
end
)ruby";

bool has_ruby() { return std::system("ruby -e 'exit 0' >/dev/null 2>&1") == 0; }

std::vector<std::string> ask_ruby(const std::vector<std::pair<std::string, std::string>>& cases) {
  const auto folder = std::filesystem::temp_directory_path() / ("logboom_ruby_" + std::to_string(std::random_device()()));
  std::filesystem::create_directories(folder);
  {
    std::ofstream script(folder / "oracle.rb");
    script << kRubyScript;
    std::ofstream input(folder / "cases.txt");
    for (const auto& [expression, subject] : cases) input << hex(expression) << ' ' << hex(subject) << '\n';
  }
  const std::string command = "ruby '" + (folder / "oracle.rb").string() + "' '" + (folder / "cases.txt").string() +
                              "' > '" + (folder / "out.txt").string() + "'";
  std::vector<std::string> out;
  if (std::system(command.c_str()) == 0) {
    std::ifstream answers(folder / "out.txt");
    for (std::string line; std::getline(answers, line);) out.push_back(line);
  }
  std::filesystem::remove_all(folder);
  return out;
}

}  // namespace

TEST_CASE("a translated expression matches what Ruby matches, group by group", "[text][matcher][property]") {
  if (!has_ruby()) {
    WARN("skipped: ruby is not installed");
    return;
  }
  const char* seed = std::getenv("LOGBOOM_PROPERTY_SEED");
  Generator generate(seed != nullptr ? static_cast<std::uint32_t>(std::strtoul(seed, nullptr, 10)) : 4711);
  std::vector<std::pair<std::string, std::string>> cases;
  for (int i = 0; i < 3000; ++i) {
    const std::string expression = generate.expression();
    for (int k = 0; k < 3; ++k) cases.emplace_back(expression, generate.subject());
  }
  const std::vector<std::string> answers = ask_ruby(cases);
  REQUIRE(answers.size() == cases.size());
  std::size_t matched = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [expression, subject] = cases[i];
    if (answers[i] == "error") continue;  // Ruby refuses more look-behinds than PCRE2; the tables hold what must be refused
    if (answers[i] != "nil") ++matched;
    const std::string own = describe(expression, subject);
    if (own != answers[i]) {
      UNSCOPED_INFO(expression << " on " << hex(subject) << " (" << subject << "): Ruby " << answers[i] << ", here " << own);
    }
    CHECK(own == answers[i]);
  }
  CHECK(matched > cases.size() / 5);
}

TEST_CASE("the relaxation never says no where the expression matches", "[text][matcher][property]") {
  Generator generate(815);
  std::size_t matched = 0;
  std::size_t ruled_out = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string expression = generate.expression();
    MatcherOptions options;
    options.ignore_case = i % 3 == 0;
    const auto matcher = Matcher::compile(expression, options);
    if (!matcher) continue;
    MatchScratch scratch;
    for (int k = 0; k < 4; ++k) {
      const std::string subject = generate.subject();
      const MatchStatus status = (*matcher)->match(subject, scratch);
      const auto maybe = (*matcher)->linear_says_maybe(subject);
      if (!maybe) continue;
      if (status == MatchStatus::Matched) {
        ++matched;
        INFO(expression << " on " << hex(subject) << (options.ignore_case ? " without case" : ""));
        REQUIRE(*maybe);
      } else if (!*maybe) {
        ++ruled_out;
      }
    }
  }
  CHECK(matched > 1000);
  CHECK(ruled_out > 1000);
}

TEST_CASE("arbitrary text as an expression is compiled or refused, and then matched within bounds",
          "[text][matcher][property]") {
  std::mt19937 random(99);
  const std::vector<std::string> pieces = {"(",    ")",    "[",    "]",      "{",     "}",     "*",    "+",    "?",   "|",
                                           "\\",   "^",    "$",    ".",      "a",     "b",     "1",    ",",    "<",   ">",
                                           "=",    "!",    ":",    "-",      "(?<n",  "\\k<n", "\\p{", "&&",   "[:a", "(?i-",
                                           "é",    "\\x",  "\\u{", "\\g<0>", "(?(1)", "#",     "(?x)", "\\Q",  "{2,", "\n",
                                           "\xff", "\\M-", "\\c",  "\\K",    "(?~",   "'",     "\\8",  "\\377"};
  MatchScratch scratch;
  std::size_t compiled = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string expression;
    for (std::size_t left = 1 + random() % 12; left > 0; --left) expression += pieces[random() % pieces.size()];
    const auto matcher = Matcher::compile(expression);
    if (!matcher) {
      CHECK_FALSE(matcher.error().message.empty());
      continue;
    }
    ++compiled;
    const MatchStatus status = (*matcher)->match("aab11 é\n(b)", scratch);
    if (status == MatchStatus::Matched) REQUIRE(scratch.begin(0) <= scratch.end(0));
  }
  CHECK(compiled > 500);
}

}  // namespace logboom
