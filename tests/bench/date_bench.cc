// What a timestamp costs: reading it by the date filter's formats, and printing it.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>

#include "pipeline/event/time_parser.h"
#include "pipeline/event/time_printer.h"
#include "pipeline/event/timestamp.h"

namespace logboom {
namespace {

constexpr Timestamp kNow{1'700'000'000, 0};

// Reads `texts` in turn; the first must be `expected`, or the case is skipped.
template <std::size_t N>
void read(benchmark::State& state, std::string_view format, const TimeParserOptions& options,
          const std::array<std::string_view, N>& texts, Timestamp expected) {
  const auto parser = TimeParser::compile(format, options);
  TimeParser::Scratch scratch;
  if (!parser || parser->parse(texts[0], kNow, scratch) != expected) {
    state.SkipWithError("wrong answer");
    return;
  }
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser->parse(texts[next], kNow, scratch));
    next = next + 1 == N ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}

void read_http_date(benchmark::State& state) {
  const std::array<std::string_view, 4> texts = {"25/Mar/2013:20:33:56 +0000", "09/Nov/2015:23:59:59 +0100",
                                                 "31/Dec/1999:00:00:00 -0800", "17/May/2021:12:30:07 +0530"};
  read(state, "dd/MMM/yyyy:HH:mm:ss Z", {}, texts, Timestamp{1'364'243'636, 0});
}
BENCHMARK(read_http_date);

/// As a busy log has them: the seconds alone differ.
void read_http_dates_of_one_minute(benchmark::State& state) {
  const std::array<std::string_view, 4> texts = {"25/Mar/2013:20:33:56 +0000", "25/Mar/2013:20:33:57 +0000",
                                                 "25/Mar/2013:20:33:07 +0000", "25/Mar/2013:20:33:59 +0000"};
  read(state, "dd/MMM/yyyy:HH:mm:ss Z", {}, texts, Timestamp{1'364'243'636, 0});
}
BENCHMARK(read_http_dates_of_one_minute);

void read_iso8601(benchmark::State& state) {
  const std::array<std::string_view, 2> texts = {"2012-12-22T01:00:46.767Z", "2014-09-23T12:34:56.123456-08:00"};
  read(state, "ISO8601", {}, texts, Timestamp{1'356'138'046, 767'000'000});
}
BENCHMARK(read_iso8601);

void read_local_time_in_named_zone(benchmark::State& state) {
  const auto zone = resolve_zone("America/Los_Angeles");
  if (!zone) return state.SkipWithError("no time zone database");
  const std::array<std::string_view, 2> texts = {"2013 Jun 24 01:29:01", "2013 Jul 04 12:00:00"};
  read(state, "yyyy MMM dd HH:mm:ss", {*zone, ""}, texts, Timestamp{1'372'062'541, 0});
}
BENCHMARK(read_local_time_in_named_zone);

void read_syslog_date_and_guess_year(benchmark::State& state) {
  const std::array<std::string_view, 2> texts = {"Nov 14 22:13:20", "Jan 31 01:02:03"};
  read(state, "MMM d HH:mm:ss", {}, texts, Timestamp{1'700'000'000, 0});
}
BENCHMARK(read_syslog_date_and_guess_year);

void read_french_date(benchmark::State& state) {
  const std::array<std::string_view, 2> texts = {"14 juillet 1989", "01 août 2001"};
  read(state, "dd MMMM yyyy", {nullptr, "fr-FR"}, texts, Timestamp{616'377'600, 0});
}
BENCHMARK(read_french_date);

void write_iso8601(benchmark::State& state) {
  const bool has_nanoseconds = state.range(0) != 0;
  Timestamp time{1'356'138'046, has_nanoseconds ? 767'123'456U : 767'000'000U};
  if (to_iso8601(time) != (has_nanoseconds ? "2012-12-22T01:00:46.767123456Z" : "2012-12-22T01:00:46.767Z")) {
    state.SkipWithError("wrong answer");
    return;
  }
  char text[kMaxIso8601Bytes];
  for (auto _ : state) {
    benchmark::DoNotOptimize(format_iso8601(time, text));
    benchmark::ClobberMemory();
    time.seconds += 7'919;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_iso8601)->ArgName("nanoseconds")->Arg(0)->Arg(1);

void print_index_name(benchmark::State& state) {
  const auto printer = TimePrinter::joda("YYYY.MM.dd");
  std::string out;
  for (auto _ : state) {
    out.clear();
    printer->append(kNow, out);
    benchmark::DoNotOptimize(out.data());
  }
  if (out != "2023.11.14") state.SkipWithError("wrong answer");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(print_index_name);

}  // namespace
}  // namespace logboom
