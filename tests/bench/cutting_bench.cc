// Speed of the filters that cut texts without expressions: dissect and kv.
#include <random>

#include "tests/bench/filter_under_test.h"

namespace logboom {
namespace {

constexpr std::size_t kLines = 500;

std::string number(std::mt19937& random, std::uint32_t below) { return std::to_string(random() % below); }

void BM_DissectAccessLog(benchmark::State& state) {
  std::mt19937 random(1);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kLines; ++i)
    lines.push_back("10." + number(random, 256) + ".3." + number(random, 256) + " - - [17/May/2015:10:05:" +
                    std::to_string(10 + random() % 50) + " +0000] \"GET /images/" + number(random, 100'000) +
                    ".png HTTP/1.1\" 200 " + number(random, 300'000) + " \"http://example.org/blog/2013/" +
                    number(random, 365) + "\" \"Mozilla/5.0 (X11; Linux x86_64; rv:27.0) Gecko/20100101 Firefox/27.0\"");
  run_filter_bench(
      state,
      R"(dissect { mapping => { "message" => '%{client} %{ident} %{auth} [%{time}] "%{verb} %{path} %{protocol}")"
      R"( %{status} %{bytes} "%{referrer}" "%{agent}"' } })",
      lines, "agent");
}
BENCHMARK(BM_DissectAccessLog)->UseManualTime();

/// A firewall's line: 20 pairs, some quoted.
std::vector<std::string> pair_lines() {
  std::mt19937 random(1);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kLines; ++i)
    lines.push_back("date=2026-03-04 time=10:05:" + std::to_string(10 + random() % 50) + " devname=\"edge-" +
                    number(random, 20) + "\" devid=FW" + number(random, 1'000'000) +
                    " logid=0000000013 type=traffic subtype=forward level=notice vd=root srcip=10.1.2." +
                    number(random, 256) + " srcport=" + number(random, 65'536) + " dstip=192.0.2." + number(random, 256) +
                    " dstport=443 sessionid=" + number(random, 10'000'000) +
                    " proto=6 action=\"close\" policyname=\"allow web out\"" +
                    " service=HTTPS sentbyte=" + number(random, 100'000) + " lastfield=" + number(random, 100'000));
  return lines;
}

void BM_KvFirewall(benchmark::State& state) { run_filter_bench(state, "kv { }", pair_lines(), "lastfield"); }
BENCHMARK(BM_KvFirewall)->UseManualTime();

void BM_KvFirewallByPattern(benchmark::State& state) {
  run_filter_bench(state, R"(kv { field_split_pattern => " +" })", pair_lines(), "lastfield");
}
BENCHMARK(BM_KvFirewallByPattern)->UseManualTime();

}  // namespace
}  // namespace logboom
