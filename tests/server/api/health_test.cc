// What the probes say about numbers, and what they name as the cause.
#include "server/api/health_report.h"
#include "tests/server/api/api_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

PipelineFacts well() {
  PipelineFacts facts;
  facts.id = "main";
  facts.utilization_1m = 20;
  facts.utilization_5m = 20;
  facts.max_queue_bytes = 1'000'000'000;
  facts.filters = {{"grok_1", 15}};
  PipelineFacts::Output output;
  output.id = "es";
  output.state = "ok";
  output.utilization = 3;
  facts.outputs = {output};
  facts.disks = {{"/data", 50'000'000'000, 100'000'000'000}};
  return facts;
}

}  // namespace

TEST_CASE("a pipeline that does well is green and says so", "[api][health]") {
  const PipelineHealth health = judge(well());
  CHECK(health.status == Health::Green);
  CHECK(health.document["symptom"] == "The pipeline is healthy");
  CHECK_FALSE(health.document.contains("diagnosis"));
  CHECK(health.document["details"]["status"]["state"] == "RUNNING");
  CHECK(health.document["details"]["bottleneck"]["stage"] == "none");
}

TEST_CASE("each probe finds what it is for, with cause, remedy and impact", "[api][health]") {
  struct Case {
    const char* id;
    Health level;
    void (*change)(PipelineFacts&);
    const char* cause;
  };
  const Case cases[] = {
      {"status:diagnosis:loading", Health::Yellow, [](PipelineFacts& f) { f.state = ServedState::Starting; },
       "being started"},
      {"status:diagnosis:paused", Health::Yellow, [](PipelineFacts& f) { f.state = ServedState::Paused; }, "paused"},
      {"status:diagnosis:finished", Health::Yellow, [](PipelineFacts& f) { f.state = ServedState::Finished; },
       "inputs have ended"},
      {"status:diagnosis:failed", Health::Red,
       [](PipelineFacts& f) {
         f.state = ServedState::Failed;
         f.failure = "port 5044 is in use";
       },
       "port 5044 is in use"},
      {"outputs:diagnosis:blocked", Health::Red,
       [](PipelineFacts& f) {
         f.outputs[0].state = "blocked";
         f.outputs[0].last_error = "connection refused";
         f.outputs[0].buffered_events = 20000;
       },
       "the output es takes nothing: 20000 events wait in its buffer, and workers wait for it; its last error: connection "
       "refused"},
      {"outputs:diagnosis:retrying", Health::Yellow, [](PipelineFacts& f) { f.outputs[0].state = "retrying"; },
       "offers events again"},
      {"queue_growth:diagnosis:disk_refuses", Health::Red, [](PipelineFacts& f) { f.queue_is_failing = true; },
       "takes nothing"},
      {"queue_growth:diagnosis:full_soon", Health::Yellow,
       [](PipelineFacts& f) {
         f.is_persisted = true;
         f.queue_bytes = 400'000'000;
         f.queue_growth_bytes = 1'000'000;
         f.queue_growth_events = 2000;
       },
       "grows by 2000 events a second, and will be full in 10 minutes"},
      {"queue_growth:diagnosis:nearly_full", Health::Yellow,
       [](PipelineFacts& f) {
         f.is_persisted = true;
         f.queue_bytes = 950'000'000;
       },
       "95 % full"},
      {"queue_growth:diagnosis:full", Health::Red,
       [](PipelineFacts& f) {
         f.is_persisted = true;
         f.queue_bytes = 999'000'000;
       },
       "is full"},
      {"worker_utilization:diagnosis:busy", Health::Yellow, [](PipelineFacts& f) { f.utilization_1m = 96; },
       "busy 96 % of the last minute"},
      {"worker_utilization:diagnosis:blocked", Health::Red, [](PipelineFacts& f) { f.utilization_5m = 100; },
       "five minutes"},
      {"dead_letter_queue:diagnosis:growing", Health::Yellow,
       [](PipelineFacts& f) {
         f.has_dead_letters = true;
         f.dead_letter_growth = 0.5;
         f.dead_letters = 12;
       },
       "grows by 0.50 entries a second; it holds 12"},
      {"dead_letter_queue:diagnosis:full", Health::Yellow,
       [](PipelineFacts& f) {
         f.has_dead_letters = true;
         f.dead_letter_bytes = f.max_dead_letter_bytes = 1000;
       },
       "is full"},
      {"dead_letter_queue:diagnosis:disk_refuses", Health::Red,
       [](PipelineFacts& f) {
         f.has_dead_letters = true;
         f.dead_letter_error = "no space left";
       },
       "no space left"},
      {"status:diagnosis:reload_refused", Health::Yellow,
       [](PipelineFacts& f) { f.refusal = "there is no filter \"mutat\""; },
       "the last reload was refused: there is no filter \"mutat\""},
      {"worker_utilization:diagnosis:stalled", Health::Yellow,
       [](PipelineFacts& f) {
         f.stalled_seconds = 61;
         f.queue_events = 7;
       },
       "7 events wait, but for 61 seconds no filter or output has taken one"},
      {"worker_utilization:diagnosis:stalled", Health::Red, [](PipelineFacts& f) { f.stalled_seconds = 300; },
       "for 300 seconds"},
      {"queue_damage:diagnosis:lost_events", Health::Yellow, [](PipelineFacts& f) { f.lost_events = 3; },
       "3 events in damaged places"},
      {"certificates:diagnosis:ends_soon", Health::Yellow,
       [](PipelineFacts& f) {
         f.certificates = {{"/etc/a.pem", "beats_in", 13.2}};
       },
       "the certificate /etc/a.pem of beats_in ends in 13 days"},
      {"certificates:diagnosis:ended", Health::Red,
       [](PipelineFacts& f) {
         f.certificates = {{"/etc/a.pem", "beats_in", -2}};
       },
       "ended 2 days ago"},
      {"disk_space:diagnosis:low", Health::Yellow,
       [](PipelineFacts& f) {
         f.disks[0] = {"/data", 300'000'000, 10'000'000'000};
       },
       "/data has 286 MB left"},
      {"disk_space:diagnosis:critical", Health::Red, [](PipelineFacts& f) { f.disks[0].free_bytes = 50'000'000; },
       "/data has 47 MB left"},
  };
  for (const Case& one : cases) {
    INFO(one.id);
    PipelineFacts facts = well();
    one.change(facts);
    const PipelineHealth health = judge(facts);
    CHECK(health.status == one.level);
    REQUIRE(health.document["diagnosis"].size() == 1);
    const auto& diagnosis = health.document["diagnosis"][0];
    CHECK(diagnosis["id"] == std::string("logboom:health:pipeline:") + one.id);
    CHECK_THAT(diagnosis["cause"].get<std::string>(), Contains(one.cause));
    CHECK_FALSE(diagnosis["action"].get<std::string>().empty());
    CHECK_FALSE(health.document["impacts"][0]["description"].get<std::string>().empty());
    CHECK(health.document["impacts"][0]["severity"] == (one.level == Health::Red ? 1 : 2));
  }
}

TEST_CASE("the bottleneck is the stage that the evidence points at", "[api][health]") {
  PipelineFacts facts = well();
  facts.utilization_1m = 98;
  facts.filters[0].utilization = 80;
  CHECK(find_bottleneck(facts).plugin == "grok_1");
  CHECK_THAT(find_bottleneck(facts).evidence, Contains("the filter grok_1 takes 80 % of the workers' time"));
  facts.outputs[0].utilization = 90;
  CHECK(find_bottleneck(facts).stage == "output");
  facts.outputs[0].state = "blocked";
  facts.utilization_1m = facts.utilization_5m = 5;
  CHECK_THAT(find_bottleneck(facts).evidence, Contains("undelivered"));
  facts = well();
  facts.push_waiting = 2;
  CHECK(find_bottleneck(facts).stage == "queue");
  facts = well();
  facts.utilization_1m = facts.utilization_5m = -1;
  CHECK(find_bottleneck(facts).stage == "unknown");
}

TEST_CASE("the worst pipeline gives the report's status", "[api][health]") {
  ApiFixture fixture;
  fixture.pipelines.add_failed("broken", "there is no filter \"mutat\"");
  fixture.start();
  const Answer answer = fixture.ask("GET", "/_health_report");
  CHECK(answer.status == 200);
  const auto report = answer.json();
  CHECK(report["status"] == "red");
  CHECK(report["symptom"] == "1 indicator is unhealthy (`pipelines`)");
  CHECK_THAT(report["indicators"]["pipelines"]["symptom"].get<std::string>(), Contains("unhealthy (`broken`"));
  const auto& broken = report["indicators"]["pipelines"]["indicators"]["broken"];
  CHECK(broken["details"]["status"]["state"] == "TERMINATED");
  CHECK_THAT(broken["diagnosis"][0]["cause"].get<std::string>(), Contains("mutat"));
  CHECK(fixture.ask("GET", "/?wait_for_status=green&timeout=1ms").status == 408);
  CHECK(fixture.ask("GET", "/?wait_for_status=red&timeout=1s").status == 200);
  CHECK(fixture.ask("GET", "/?wait_for_status=blue&timeout=1s").status == 400);
  CHECK(fixture.ask("GET", "/?wait_for_status=green").status == 400);
}

}  // namespace logboom
