// The page that Prometheus reads, and the dashboard and rules that read Prometheus.
#include <fstream>
#include <regex>
#include <set>

#include "server/api/prometheus_text.h"
#include "tests/server/api/api_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  REQUIRE(in);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Names of series on a page; of histograms with their suffixes.
std::set<std::string> series_names(const std::string& page) {
  std::set<std::string> names;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line[0] != '#') names.insert(line.substr(0, line.find_first_of("{ ")));
  return names;
}

/// A page of a process that has one of everything.
std::string full_page() {
  const TemporaryDirectory dead_letters;
  ApiFixture fixture;
  PipelineView& view = fixture.pipelines.views[0];
  REQUIRE(view.settings.set("queue.type", "persisted", "test"));
  DeadLetterOptions options;
  options.directory = dead_letters.at("main");
  options.metrics = &view.metrics->child("dead_letter_queue");
  auto opened = DeadLetterQueue::open(std::move(options));
  REQUIRE(opened);
  view.dead_letters = *opened;
  for (const char* name : {"bytes_in", "bytes_out", "retries", "rejected"})
    view.metrics->child("plugins").child("outputs").child("out").counter(name).add(1);
  view.metrics->child("plugins").child("inputs").child("in").histogram("ack_latency").observe(std::chrono::milliseconds(3));
  view.metrics->child("plugins")
      .child("filters")
      .child("mark")
      .child("patterns")
      .child("[a][b]")
      .child("0")
      .counter("matched")
      .add(5);
  fixture.start();
  const Answer answer = fixture.ask("GET", "/metrics");
  REQUIRE(answer.status == 200);
  CHECK_THAT(answer.head, Contains("text/plain; version=0.0.4"));
  return answer.body;
}

}  // namespace

TEST_CASE("families stand together, with help and type, whatever order they came in", "[api][prometheus]") {
  PrometheusText page;
  page.counter("b_total", "B.", {{"x", "1"}}, 1);
  page.gauge("a", "A.", {}, 0.5);
  page.counter("b_total", "B.", {{"x", "say \"hi\"\n\\"}}, 2);
  CHECK_THAT(page.text(), Contains("# HELP a A.\n# TYPE a gauge\na 0.5\n# HELP b_total B.\n# TYPE b_total counter\n"
                                   "b_total{x=\"1\"} 1\nb_total{x=\"say \\\"hi\\\"\\n\\\\\"} 2\n"));
}

TEST_CASE("a histogram's buckets are cumulative and end in +Inf", "[api][prometheus]") {
  Histogram histogram;
  histogram.observe(std::chrono::microseconds(10));
  histogram.observe(std::chrono::milliseconds(1));
  histogram.observe(std::chrono::hours(1));
  PrometheusText page;
  page.histogram("t_seconds", "T.", {{"id", "x"}}, histogram);
  const std::string text = page.text();
  CHECK_THAT(text, Contains("t_seconds_bucket{id=\"x\",le=\"6.4e-05\"} 1\n"));
  CHECK_THAT(text, Contains("t_seconds_bucket{id=\"x\",le=\"0.001024\"} 2\n"));
  CHECK_THAT(text, Contains("t_seconds_bucket{id=\"x\",le=\"67.108864\"} 2\n"));
  CHECK_THAT(
      text,
      Contains(
          "t_seconds_bucket{id=\"x\",le=\"+Inf\"} 3\nt_seconds_sum{id=\"x\"} 3600.00101\nt_seconds_count{id=\"x\"} 3\n"));
}

TEST_CASE("a page has a limit, and says how much it left out", "[api][prometheus]") {
  PrometheusText page(10);
  for (int i = 0; i < 15; ++i) page.counter("c_total", "C.", {{"i", std::to_string(i)}}, i);
  CHECK_THAT(page.text(), Contains("c_total{i=\"9\"}") && !Contains("c_total{i=\"10\"}") &&
                              Contains("logboom_metrics_left_out_series 5\n"));
}

TEST_CASE("every line of the page is what Prometheus reads, no series comes twice", "[api][prometheus]") {
  const std::string page = full_page();
  const std::regex sample(R"(^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]+="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eInfNa]+$)");
  std::set<std::string> series;
  std::set<std::string> families;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    if (line.substr(0, 7) == "# TYPE ") {
      CHECK(families.insert(line).second);
    } else if (line[0] != '#') {
      CHECK(std::regex_match(line, sample));
      CHECK(series.insert(line.substr(0, line.rfind(' '))).second);
    }
  }
  CHECK(families.size() > 40);
  for (const char* name :
       {"logboom_pipeline_events_in_total{pipeline=\"main\"} ",
        "logboom_queue_events{pipeline=\"main\",type=\"persisted\"} ", "logboom_queue_oldest_event_age_seconds{",
        "logboom_dead_letter_queue_entries{pipeline=\"main\"} 0", "logboom_dead_letter_queue_failing{pipeline=\"main\"} 0\n",
        "logboom_plugin_bytes_out_total{pipeline=\"main\",plugin_type=\"output\",plugin=\"null\",id=\"out\"} 1",
        "logboom_plugin_ack_latency_seconds_count{pipeline=\"main\",plugin_type=\"input\",plugin=\"generator\",id=\"in\"} 1",
        "logboom_grok_pattern_matched_total{pipeline=\"main\",id=\"mark\",field=\"[a][b]\",pattern=\"0\"} 5",
        "logboom_pipeline_state{pipeline=\"main\",state=\"running\"} 1", "process_resident_memory_bytes "})
    CHECK_THAT(page, Contains(name));
}

TEST_CASE("dashboard and alert rules ask for nothing that the page does not give", "[api][prometheus]") {
  std::set<std::string> known = series_names(full_page());
  known.insert("logboom_certificate_not_after_timestamp_seconds");  // needs a certificate: its own test
  known.insert("logboom_pipeline_worker_utilization_ratio");        // needs a minute
  const std::regex name(R"(\b(logboom|process)_[a-z0-9_]+)");
  for (const char* path : {"docs/monitoring/grafana-dashboard.json", "docs/monitoring/alerts.yml"}) {
    const std::string text = text_of(path);
    std::size_t used = 0;
    for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
      INFO(path << ": " << it->str());
      CHECK(known.count(it->str()) == 1);
      ++used;
    }
    CHECK(used > 10);
  }
}

}  // namespace logboom
