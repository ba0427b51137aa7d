// Regex bombs: what a hostile line costs, per byte, beside an ordinary line of the same pattern. A bomb may cost at most
// twice as much or has to end over budget. Counters: ordinary and hostile nanoseconds per byte, their ratio, over_budget (1:
// yes).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_library.h"
#include "tests/bench/filter_under_test.h"

namespace logboom {
namespace {

constexpr std::size_t kLong = 64 * 1024;

std::string repeated(const std::string& text, std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += text;
  return out;
}

struct Bomb {
  std::string name;
  std::string pattern;  // grok
  std::string ordinary;
  std::string hostile;
  PatternSet set = PatternSet::Legacy;
};

std::vector<Bomb> bombs() {
  const std::string access = R"(10.1.2.3 - - [17/May/2015:10:05:03 +0000] "GET /images/kibana.png HTTP/1.1" 200 203023 )"
                             R"("http://example.org/blog/" "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/27.0")";
  const std::string stack = "\tat org.acme.web.Handler.serve(Handler.java:42)";
  const std::string text = repeated("some words of an ordinary message, ", kLong);
  const std::string words = text.substr(0, 105);
  const std::string greedy = "^%{GREEDYDATA:a} x %{GREEDYDATA:b} y %{GREEDYDATA:c} z %{GREEDYDATA:d}$";
  const std::string lazy = "^%{DATA:a}, %{DATA:b}, %{DATA:c}, %{DATA:d};$";
  return {
      {"nested_quantifier", "(a+)+$", repeated("a", kLong), repeated("a", kLong) + "!"},
      {"nested_quantifier_inside", "^(?:a+)+b", repeated("a", kLong) + "b", repeated("a", kLong)},
      {"nested_words", R"(^(?:\w+\s?)+$)", repeated("word ", kLong) + "w", repeated("word ", kLong) + "!"},
      {"overlapping_alternation", "^(?:a|aa|a?)+$", repeated("a", kLong), repeated("a", kLong) + "!"},
      {"overlapping_classes", R"(^(?:\d|\w|[a-z0-9])+$)", repeated("a1", kLong), repeated("a1", kLong) + "-"},
      {"greedydata_chain", greedy, words + " x 1 y 2 z 3", text},
      {"greedydata_chain_almost", greedy, words + " x 1 y 2 z 3", repeated("a x b y c ", kLong)},
      {"data_chain", lazy, "one, two, three, four;", repeated("a, ", kLong)},
      {"data_chain_long", lazy, words + "one, two, three, four;", repeated("a,b ", kLong)},
      {"access_log_cut", "%{COMBINEDAPACHELOG}", access, access.substr(0, access.size() - 2)},
      {"access_log_cut_ecs", "%{COMBINEDAPACHELOG}", access, access.substr(0, access.size() - 2), PatternSet::EcsV1},
      {"access_log_cut_anchored", "^%{COMBINEDAPACHELOG}$", access, access.substr(0, access.size() - 2)},
      {"access_log_cut_name", "%{COMBINEDAPACHELOG}", "www-1.a.example.org" + access.substr(8),
       "www-1.a.example.org" + access.substr(8, access.size() - 10)},
      {"access_log_cut_utf8", "%{COMBINEDAPACHELOG}", access.substr(0, access.size() - 1) + "é\"",
       access.substr(0, access.size() - 2) + "é"},
      {"access_log_no_status", "%{COMBINEDAPACHELOG}", access, access.substr(0, 75) + " ok " + access.substr(79)},
      {"access_log_no_status_ecs", "%{COMBINEDAPACHELOG}", access, access.substr(0, 75) + " ok " + access.substr(79),
       PatternSet::EcsV1},
      {"access_log_utf8_no_status", "%{COMBINEDAPACHELOG}", access.substr(0, access.size() - 1) + "é\"",
       access.substr(0, 75) + " ok " + access.substr(79, access.size() - 80) + "é\""},
      {"stack_line_cut", "%{JAVASTACKTRACEPART}", stack, stack.substr(0, stack.size() - 1)},
      {"stack_line_cut_ecs", "%{JAVASTACKTRACEPART}", stack, stack.substr(0, stack.size() - 4) + "x)", PatternSet::EcsV1},
      {"access_log_long_path", "%{COMBINEDAPACHELOG}", access,
       R"(10.1.2.3 - - [17/May/2015:10:05:03 +0000] "GET /)" + repeated("a/b", kLong) + R"( HTTP/1.1" 200 x)"},
      {"access_log_many_starts", "%{COMBINEDAPACHELOG}", access, repeated("10.1.2.3 - - [", kLong)},
      {"access_log_numbers", "%{COMBINEDAPACHELOG}", access, repeated("1.2.3.4.", kLong)},
      {"access_log_quotes", "%{COMBINEDAPACHELOG}", access, repeated(R"(\")", kLong)},
      {"stack_line_almost", "%{JAVASTACKTRACEPART}", stack,
       "\tat " + repeated("org.acme.", kLong) + "Handler(Handler.java:x)"},
      {"stack_line_spaces", "%{JAVASTACKTRACEPART}", stack, repeated(" ", kLong)},
      {"syslog_almost", "%{SYSLOGLINE}", "May 17 10:05:03 web1 sshd[4711]: Accepted password for root",
       "May 17 10:05:03 " + repeated("a.", kLong) + " sshd[x"},
      {"quoted_never_closed", "%{QUOTEDSTRING:q}$", "\"" + words + "\"", repeated("\"a", kLong) + "!"},
      {"uri_almost", "^%{URI:u}$", "http://user@example.org:80/a/b?c=d", "http://" + repeated("a@b:", kLong) + " "},
      {"mail_almost", "^%{EMAILADDRESS:m}$", "someone@mail.example.org", repeated("a.", kLong) + "@"},
      {"path_almost", "^%{UNIXPATH:p}$", "/usr/local/share/doc", repeated("/a", kLong) + " "},
      {"ipv6_almost", "^%{IPV6:i}$", "2001:db8:0:1:2:3:4:5", repeated("1:", kLong)},
      {"back_reference", R"(^(?<a>\w+)\k<a>+!$)", "abab!", repeated("ab", kLong)},
      {"look_ahead", "(?=(?:a+)+!)(?<b>(?:a|b)*)!", "aaa!", repeated("a", kLong)},
  };
}

std::shared_ptr<const Matcher> compiled(const Bomb& bomb) {
  const auto expanded = PatternLibrary::bundled(bomb.set).expand(bomb.pattern);
  if (!expanded) return nullptr;
  auto matcher = Matcher::compile(expanded->regex, {.dot_matches_newline = true, .captures_unnamed = false});
  return matcher ? *matcher : nullptr;
}

/// The median of several calls, after one that compiles and learns. Short lines are matched many times.
double nanoseconds_per_byte(const Matcher& matcher, const std::string& line, MatchStatus& status) {
  MatchScratch scratch;
  status = matcher.match(line, scratch);
  const std::size_t calls = std::max<std::size_t>(1, kLong / (line.size() + 1));
  std::vector<double> taken;
  for (int round = 0; round < 9; ++round) {
    const double start = thread_seconds();
    for (std::size_t i = 0; i < calls; ++i) benchmark::DoNotOptimize(matcher.match(line, scratch));
    taken.push_back((thread_seconds() - start) * 1e9 / static_cast<double>(calls * line.size()));
  }
  std::nth_element(taken.begin(), taken.begin() + 4, taken.end());
  return taken[4];
}

void BM_Bomb(benchmark::State& state, const Bomb& bomb) {
  const auto matcher = compiled(bomb);
  if (matcher == nullptr) return state.SkipWithError("the pattern does not compile");
  MatchStatus ordinary = MatchStatus::NoMatch;
  MatchStatus hostile = MatchStatus::NoMatch;
  for (auto _ : state) {
    state.counters["ordinary"] = nanoseconds_per_byte(*matcher, bomb.ordinary, ordinary);
    state.counters["hostile"] = nanoseconds_per_byte(*matcher, bomb.hostile, hostile);
  }
  if (ordinary != MatchStatus::Matched) return state.SkipWithError("the ordinary line does not match");
  state.counters["ratio"] = state.counters["hostile"] / state.counters["ordinary"];
  state.counters["over_budget"] = hostile == MatchStatus::OverBudget ? 1 : 0;
}

const bool registered = [] {
  for (const Bomb& bomb : bombs())
    benchmark::RegisterBenchmark(("BM_Bomb/" + bomb.name).c_str(), BM_Bomb, bomb)
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace logboom
