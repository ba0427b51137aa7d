// Speed of the text engine on access log lines, each answer checked before it is timed.
// The corpus is made from a seed: lines as web servers write them, and near-misses (the same lines cut two characters
// short).
#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_library.h"

namespace logboom {
namespace {

constexpr std::size_t kLines = 2000;

std::vector<std::string> access_log_lines() {
  std::mt19937 random(20150517);
  const auto pick = [&](std::size_t count) { return random() % count; };
  const std::vector<std::string> paths = {"/presentations/logstash-monitorama-2013/images/kibana-search.png",
                                          "/blog/tags/puppet?flav=rss20",
                                          "/",
                                          "/robots.txt",
                                          "/projects/xdotool/xdotool.xhtml",
                                          "/images/jordan-80.png",
                                          "/?flav=atom&page=2"};
  const std::vector<std::string> agents = {
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 "
      "Safari/537.36",
      "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
      "UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/",
      "Mozilla/5.0 (X11; Linux x86_64; rv:27.0) Gecko/20100101 Firefox/27.0"};
  const std::vector<std::string> referrers = {"-", "http://semicomplete.com/presentations/logstash-monitorama-2013/",
                                              "http://www.semicomplete.com/projects/xdotool/"};
  const auto number = [&](std::size_t below) { return std::to_string(pick(below)); };
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kLines; ++i) {
    lines.push_back(number(224) + "." + number(256) + "." + number(256) + "." + number(256) + " - - [17/May/2015:1" +
                    number(10) + ":05:" + std::to_string(10 + pick(50)) + " +0000] \"" + (pick(5) == 0 ? "HEAD " : "GET ") +
                    paths[pick(paths.size())] + " HTTP/1.1\" " + (pick(9) == 0 ? "404 " : "200 ") + number(300000) + " \"" +
                    referrers[pick(referrers.size())] + "\" \"" + agents[pick(agents.size())] + "\"");
  }
  return lines;
}

std::shared_ptr<const Matcher> compile_grok(const std::string& expression) {
  const auto expanded = PatternLibrary::bundled(PatternSet::Legacy).expand(expression);
  if (!expanded) return nullptr;
  MatcherOptions options;
  options.dot_matches_newline = true;
  options.captures_unnamed = false;
  auto matcher = Matcher::compile(expanded->regex, options);
  return matcher ? *matcher : nullptr;
}

void run(benchmark::State& state, const std::string& expression, const std::vector<std::string>& lines,
         MatchStatus expected) {
  const auto matcher = compile_grok(expression);
  if (matcher == nullptr) return state.SkipWithError("the expression does not compile");
  MatchScratch scratch;
  std::size_t bytes = 0;
  for (const std::string& line : lines) {
    bytes += line.size();
    if (matcher->match(line, scratch) != expected) return state.SkipWithError(("wrong answer for " + line).c_str());
  }
  for ([[maybe_unused]] auto _ : state) {
    for (const std::string& line : lines) benchmark::DoNotOptimize(matcher->match(line, scratch));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * lines.size()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void combined_log_match(benchmark::State& state) {
  run(state, "%{COMBINEDAPACHELOG}", access_log_lines(), MatchStatus::Matched);
}

void combined_log_match_anchored(benchmark::State& state) {
  run(state, "^%{COMBINEDAPACHELOG}$", access_log_lines(), MatchStatus::Matched);
}

void combined_log_near_miss(benchmark::State& state) {
  std::vector<std::string> lines = access_log_lines();
  for (std::string& line : lines) line.resize(line.size() - 2);
  run(state, "%{COMBINEDAPACHELOG}", lines, MatchStatus::NoMatch);
}

void combined_log_other_lines(benchmark::State& state) {
  std::vector<std::string> lines(
      kLines, "May 17 10:05:03 host sshd[4711]: Accepted publickey for deploy from 10.1.2.3 port 50022 ssh2");
  run(state, "%{COMBINEDAPACHELOG}", lines, MatchStatus::NoMatch);
}

void combined_log_not_ascii(benchmark::State& state) {
  std::vector<std::string> lines = access_log_lines();
  for (std::string& line : lines) line.insert(line.size() - 1, "é");
  run(state, "%{COMBINEDAPACHELOG}", lines, MatchStatus::Matched);
}

void literal_condition(benchmark::State& state) {
  run(state, "kibana-search", {access_log_lines()[0] + " kibana-search"}, MatchStatus::Matched);
}

BENCHMARK(combined_log_match);
BENCHMARK(combined_log_match_anchored);
BENCHMARK(combined_log_near_miss);
BENCHMARK(combined_log_other_lines);
BENCHMARK(combined_log_not_ascii);
BENCHMARK(literal_condition);

}  // namespace
}  // namespace logboom

BENCHMARK_MAIN();
