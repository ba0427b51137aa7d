// Speed of the grok filter, captures written into events: the access log pattern, and a hundred alternative patterns in one
// match beside the single right pattern for each line. Only the filter is timed; what it captures is checked first.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/filter_under_test.h"

namespace logboom {
namespace {

constexpr std::size_t kLines = 500;

std::string number(std::mt19937& random, std::uint32_t below) { return std::to_string(random() % below); }
std::string address(std::mt19937& random) {
  return number(random, 224) + "." + number(random, 256) + "." + number(random, 256) + "." + number(random, 256);
}

std::vector<std::string> access_log(std::mt19937& random) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kLines; ++i)
    lines.push_back(address(random) + " - - [17/May/2015:10:05:" + std::to_string(10 + random() % 50) +
                    " +0000] \"GET /images/" + number(random, 100'000) + ".png HTTP/1.1\" 200 " + number(random, 300'000) +
                    " \"http://example.org/blog/2013/" + number(random, 365) +
                    "\" \"Mozilla/5.0 (X11; Linux x86_64; rv:27.0) Gecko/20100101 Firefox/27.0\"");
  return lines;
}

constexpr const char* kVerbs[] = {"Deny",    "Built",     "Teardown",     "Permitted", "Translated",
                                  "Dropped", "Inspected", "Rate-limited", "Logged",    "Shunned"};
constexpr const char* kThings[] = {"TCP connection", "UDP request",  "ICMP echo",   "GRE tunnel", "ESP packet",
                                   "DNS query",      "FTP transfer", "SIP session", "IGMP join",  "OSPF update"};
constexpr std::size_t kPatterns = 100;

std::string firewall_pattern(std::size_t i) {
  return std::string(kVerbs[i / 10]) + " " + kThings[i % 10] +
         " %{INT:connection} for %{WORD:source_interface}:%{IP:source_ip}/%{INT:source_port} to "
         "%{WORD:target_interface}:%{IP:target_ip}/%{INT:target_port}(?: duration %{TIME:duration})? bytes %{INT:bytes}";
}
std::string firewall_line(std::size_t i, std::mt19937& random) {
  return "%FW-6-" + std::to_string(302'000 + i) + ": " + kVerbs[i / 10] + " " + kThings[i % 10] + " " +
         number(random, 99'999) + " for outside:" + address(random) + "/" + number(random, 65'536) +
         " to inside:" + address(random) + "/" + number(random, 65'536) + " duration 0:00:30 bytes " +
         number(random, 1'000'000);
}
std::string grok(const std::string& patterns) { return "grok { match => { \"message\" => [" + patterns + "] } }"; }

void finish(benchmark::State& state) { state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kLines)); }

void BM_GrokAccessLog(benchmark::State& state) {
  std::mt19937 random(1);
  run_filter_bench(state, grok("\"%{COMBINEDAPACHELOG}\""), access_log(random), "agent");
}
BENCHMARK(BM_GrokAccessLog)->UseManualTime();

/// What the next one is measured against: each line meets its own pattern alone.
void BM_GrokTheRightOneOfAHundred(benchmark::State& state) {
  std::vector<std::unique_ptr<FilterUnderTest>> filters;
  std::mt19937 random(1);
  std::vector<std::vector<std::string>> lines(kPatterns);
  for (std::size_t i = 0; i < kPatterns; ++i) {
    filters.push_back(std::make_unique<FilterUnderTest>(grok("\"" + firewall_pattern(i) + "\"")));
    if (!filters.back()->is_ready()) return state.SkipWithError(filters.back()->problems().c_str());
    for (std::size_t line = 0; line < kLines / kPatterns; ++line) lines[i].push_back(firewall_line(i, random));
  }
  for (std::size_t i = 0; i < kPatterns; ++i) Work(lines[i]).run(filters[i]->filter());  // compiles
  for (auto _ : state) {
    std::vector<std::unique_ptr<Work>> works;
    for (const auto& mine : lines) works.push_back(std::make_unique<Work>(mine));
    const double start = thread_seconds();
    for (std::size_t i = 0; i < kPatterns; ++i) works[i]->run(filters[i]->filter());
    state.SetIterationTime(thread_seconds() - start);
    for (const auto& work : works)
      if (!work->all_have("bytes")) return state.SkipWithError("a line did not match");
  }
  finish(state);
}
BENCHMARK(BM_GrokTheRightOneOfAHundred)->UseManualTime();

void BM_GrokAHundredAlternatives(benchmark::State& state) {
  std::string patterns;
  std::mt19937 random(1);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kPatterns; ++i) patterns += (i > 0 ? ", \"" : "\"") + firewall_pattern(i) + "\"";
  for (std::size_t i = 0; i < kLines; ++i) lines.push_back(firewall_line((i * 37) % kPatterns, random));
  FilterUnderTest made(grok(patterns));
  if (!made.is_ready()) return state.SkipWithError(made.problems().c_str());
  Work(lines).run(made.filter());  // compiles
  for (auto _ : state) {
    Work work(lines);
    const double start = thread_seconds();
    work.run(made.filter());
    state.SetIterationTime(thread_seconds() - start);
    if (!work.all_have("bytes")) return state.SkipWithError("a line did not match");
  }
  finish(state);
}
BENCHMARK(BM_GrokAHundredAlternatives)->UseManualTime();

}  // namespace
}  // namespace logboom
