// Labels as ways through a running pipeline: of inputs, and @ERROR.
#include <catch2/catch.hpp>
#include <mutex>

#include "pipeline/run/input_label.h"
#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

using Catch::Contains;
using Lines = std::vector<std::string>;

/// What an event's [@metadata] holds, as JSON.
std::string metadata_of(const Event& event) {
  std::string text;
  if (event.metadata_if_any() != nullptr) write_json(*event.metadata_if_any(), text);
  return text;
}

/// Keeps every entry at once.
class KeptLetters final : public DeadLetterSink {
 public:
  Taken put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) override {
    {
      const std::lock_guard lock(mutex_);
      entries_.push_back(std::string(cause.plugin_id) + ": " + std::string(cause.reason) + " " + json_of(event));
    }
    on_safe(true);
    return Taken::Taken;
  }
  std::string problem() const override { return {}; }
  bool wait_until_writable(std::chrono::milliseconds) override { return false; }
  void give_up() override {}
  Lines entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  Lines entries_;
};

void check_ledger(PipelineUnderTest& running) {
  for (const std::string& gap : running.pipeline().ledger().gaps_at_rest()) FAIL_CHECK(gap);
}

/// Sends one chunk through a pipeline to its end; the chunk must be acknowledged.
void run_through(PipelineUnderTest& running, std::string_view json_lines) {
  ChunkPtr chunk = chunk_of(json_lines);
  const auto receiver = follow(*chunk);
  running.start();
  REQUIRE(running.push(std::move(chunk)));
  CHECK(receiver->wait() == AckResult::Delivered);
  running.drain();
  check_ledger(running);
}

}  // namespace

TEST_CASE("events of an input with a label take the label's way, not the pipeline's", "[label]") {
  PipelineUnderTest running(R"(
    input { test_source { label => "@EDGE" } }
    filter { mutate { add_field => { "way" => "main" } } }
    output { test_output {} }
    label "@EDGE" {
      filter { if [n] == 2 { drop {} } mutate { add_field => { "way" => "edge" } } }
      output { test_output {} }
    })");
  run_through(running, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}");
  CHECK(running.output(0).lines().empty());
  CHECK(running.output(1).lines() == Lines{R"({"n":1,"way":"edge"})", R"({"n":3,"way":"edge"})"});
}

TEST_CASE("inputs with and without a label share a batch, and each event takes its own way once", "[label]") {
  CompiledPlan compiled(R"(
    input { test_source { label => "@A" } test_source {} test_source { label => "@B" } }
    output { test_output {} }
    label "@A" { output { test_output {} relabel { label => "@B" } } }
    label "@B" { output { test_output {} } })");
  for (std::size_t i = 0; i < 3; ++i) compiled.source(i).is_listening = true;
  Pipeline pipeline(compiled.plan, quick_settings(1), std::make_unique<MemoryQueue>(MemoryQueueLimits{}), compiled.metrics);
  auto wanted = pipeline.take_endpoints();
  StopSignal stop;
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (std::int64_t i = 0; i < 3; ++i) {
    ChunkPtr chunk = numbered_chunk(i, 1);
    receivers.push_back(follow(*chunk));
    REQUIRE(wanted[static_cast<std::size_t>(i)].sink->push(std::move(chunk), stop));  // before a worker runs: one batch
  }
  REQUIRE(pipeline.start_outputs());
  pipeline.start_workers();
  for (const auto& receiver : receivers) CHECK(receiver->wait() == AckResult::Delivered);
  pipeline.request_stop();
  pipeline.drain();
  CHECK(compiled.output(0).numbers() == std::vector<std::int64_t>{1});
  CHECK(compiled.output(1).numbers() == std::vector<std::int64_t>{0});
  CHECK(compiled.output(2).numbers() == std::vector<std::int64_t>{0, 2});
  for (const std::string& gap : pipeline.ledger().gaps_at_rest()) FAIL_CHECK(gap);
}

TEST_CASE("a sender cannot choose its label", "[label]") {
  CompiledPlan compiled(R"(
    input { test_source { label => "@A" } test_source {} }
    output { test_output {} }
    label "@A" { output { test_output {} } })");
  compiled.source(0).is_listening = compiled.source(1).is_listening = true;
  Pipeline pipeline(compiled.plan, quick_settings(1), std::make_unique<MemoryQueue>(MemoryQueueLimits{}), compiled.metrics);
  auto wanted = pipeline.take_endpoints();
  ChunkPtr chunk = numbered_chunk(7, 1);
  note_input_label(*chunk, "@A");
  const auto receiver = follow(*chunk);
  StopSignal stop;
  REQUIRE(wanted[1].sink->push(std::move(chunk), stop));
  REQUIRE(pipeline.start_outputs());
  pipeline.start_workers();
  CHECK(receiver->wait() == AckResult::Delivered);
  pipeline.request_stop();
  pipeline.drain();
  CHECK(compiled.output(0).numbers() == std::vector<std::int64_t>{7});
  CHECK(compiled.output(1).numbers().empty());
}

TEST_CASE("an event that was queued for a label that is gone takes the pipeline's own way", "[label]") {
  CompiledPlan compiled(R"(input { test_source { label => "@A" } } label "@A" { output { test_output {} } })");
  ChunkPtr chunk = numbered_chunk(1, 2);
  CHECK_FALSE(label_of_input(*chunk->events()[0], *compiled.plan));
  note_input_label(*chunk, "@A");
  CHECK(label_of_input(*chunk->events()[1], *compiled.plan) == 0U);
  note_input_label(*chunk, "@FORMER");
  CHECK_FALSE(label_of_input(*chunk->events()[1], *compiled.plan));
}

TEST_CASE("what an output refuses for good goes to @ERROR with the reason, and counts as delivered there",
          "[label][error]") {
  PipelineUnderTest running(R"(
    input { test_source {} }
    output { test_output { id => "store" } }
    label "@ERROR" { filter { mutate { add_field => { "why" => "%{[@metadata][error][reason]}" } } } output { test_output {} } })");
  running.output(0).hold();
  std::string metadata;
  running.output(1).on_deliver = [&](const Delivery& delivery) { metadata = metadata_of(*delivery.events()[0]); };
  running.output(1).hold();
  ChunkPtr chunk = numbered_chunk(1, 1);
  const auto receiver = follow(*chunk);
  running.start();
  REQUIRE(running.push(std::move(chunk)));
  REQUIRE(running.output(0).wait_for_events(1));
  DeliveryPtr refused;
  while (refused == nullptr) {
    auto held = running.output(0).take_held();
    if (!held.empty()) refused = held.front();
  }
  refused->report_all(Outcome::permanent("no such index", 404));
  refused.reset();
  REQUIRE(running.output(1).wait_for_events(1));
  CHECK_FALSE(receiver->is_finished());  // its sender waits for @ERROR's output
  running.output(1).release();
  CHECK(receiver->wait() == AckResult::Delivered);
  running.output(0).release();
  running.drain();
  CHECK(running.output(1).lines() == Lines{R"({"n":1,"why":"no such index"})"});
  CHECK_THAT(metadata, Contains(R"({"error":{"plugin_type":"test_output","plugin_id":"store","reason":"no such index",)"
                                R"("code":404,"pipeline_id":"main","entry_time":")"));
  CHECK(running.compiled().output_counter("sent_to_error", 0) == 1);
  CHECK(running.compiled().output_counter("rejected", 0) == 0);
  check_ledger(running);
}

TEST_CASE("filters that fail an event, and conditions that cannot be evaluated, send it to @ERROR", "[label][error]") {
  PipelineUnderTest running(R"(
    input { test_source {} }
    filter {
      grok { id => "reads" match => { "message" => "^%{INT:size:int}$" } on_failure => "dlq" }
      if [size] > 10 { mutate { add_tag => ["big"] } }
    }
    output { if [limit] > 1 { test_output {} } else { test_output {} } }
    label "@ERROR" { output { test_output {} } })");
  std::vector<std::string> causes;
  std::mutex mutex;
  running.output(2).on_deliver = [&](const Delivery& delivery) {
    const std::lock_guard lock(mutex);
    for (const Event* event : delivery.events()) causes.push_back(metadata_of(*event).substr(0, 60));
  };
  run_through(running,
              "{\"message\":\"12\",\"limit\":2}\n{\"message\":\"x\",\"limit\":2}\n{\"message\":\"7\"}\n"
              "{\"message\":\"8\",\"limit\":0}");
  CHECK(running.output(0).lines() == Lines{R"({"message":"12","limit":2,"size":12,"tags":["big"]})"});
  CHECK(running.output(1).lines() == Lines{R"({"message":"8","limit":0,"size":8})"});
  const Lines failed = running.output(2).lines();
  REQUIRE(failed.size() == 2);
  CHECK(failed[0] == R"({"message":"x","limit":2})");  // without the tag _grokparsefailure
  CHECK(failed[1] == R"({"message":"7","size":7})");
  REQUIRE(causes.size() == 2);
  CHECK_THAT(causes[0], Contains(R"("plugin_type":"grok","plugin_id":"reads")"));
  CHECK_THAT(causes[1], Contains(R"("plugin_type":"if-statement")"));
}

TEST_CASE("what fails inside @ERROR, or in a label behind it, goes to the dead-letter queue and never back",
          "[label][error]") {
  PipelineSettings settings = quick_settings(1);
  const auto letters = std::make_shared<KeptLetters>();
  settings.dead_letters = letters;
  PipelineUnderTest running(R"(
    input { test_source {} }
    output { test_output { id => "store" } }
    label "@ERROR" {
      filter { grok { id => "again" match => { "message" => "^%{INT:size}$" } on_failure => "dlq" } }
      output { if [n] == 1 { test_output { id => "second" } } else { relabel { label => "@BEHIND" } } }
    }
    label "@BEHIND" { output { test_output { id => "third" } } })",
                            settings);
  for (const std::size_t i : {0, 1, 2})
    running.output(i).on_deliver = [](const Delivery& delivery) {
      const_cast<Delivery&>(delivery).report_all(Outcome::permanent("no"));
    };
  run_through(running, R"({"n":1,"message":"1"}
{"n":2,"message":"2"}
{"n":3,"message":"x"})");
  Lines entries = letters->entries();
  std::sort(entries.begin(), entries.end());
  REQUIRE(entries.size() == 3);
  CHECK_THAT(entries[0], Contains("again: _grokparsefailure") && Contains(R"({"n":3,)"));
  CHECK_THAT(entries[1], Contains("second: no") && Contains(R"({"n":1,)"));
  CHECK_THAT(entries[2], Contains("third: no") && Contains(R"({"n":2,)"));
  CHECK(running.output(0).lines().size() == 3);
}

TEST_CASE("without a dead-letter queue what fails inside @ERROR is counted as rejected", "[label][error]") {
  PipelineUnderTest running(R"(
    input { test_source {} }
    output { test_output {} }
    label "@ERROR" { output { test_output {} } })");
  for (const std::size_t i : {0, 1})
    running.output(i).on_deliver = [](const Delivery& delivery) {
      const_cast<Delivery&>(delivery).report_all(Outcome::permanent("no"));
    };
  run_through(running, R"({"n":1})");
  CHECK(running.compiled().output_counter("sent_to_error", 0) == 1);
  CHECK(running.compiled().output_counter("rejected", 1) == 1);
}

TEST_CASE("@ERROR that takes nothing does not hold up what does not fail", "[label][error]") {
  PipelineUnderTest running(R"(
    input { test_source {} }
    output { if [n] < 100 { test_output {} } else { test_output {} } }
    label "@ERROR" { output { test_output {} } })");
  running.output(0).on_deliver = [](const Delivery& delivery) {
    const_cast<Delivery&>(delivery).report_all(Outcome::permanent("no"));
  };
  running.output(2).hold();
  running.start();
  REQUIRE(running.push(numbered_chunk(0, 100)));
  ChunkPtr good = numbered_chunk(100, 50);
  const auto receiver = follow(*good);
  REQUIRE(running.push(std::move(good)));
  CHECK(receiver->wait() == AckResult::Delivered);
  running.output(2).release();
  running.drain();
  CHECK(running.output(2).numbers().size() == 100);
  check_ledger(running);
}

TEST_CASE("abandoned with failures on their way through @ERROR, senders are told once that nothing was delivered",
          "[label][error]") {
  PipelineUnderTest running(R"(
    input { test_source {} }
    output { test_output {} }
    label "@ERROR" { output { test_output {} } })");
  running.output(0).on_deliver = [](const Delivery& delivery) {
    const_cast<Delivery&>(delivery).report_all(Outcome::permanent("no"));
  };
  running.output(1).hold();
  ChunkPtr chunk = numbered_chunk(0, 40);
  const auto receiver = follow(*chunk);
  running.start();
  REQUIRE(running.push(std::move(chunk)));
  REQUIRE(running.output(1).wait_for_events(1));
  running.pipeline().abandon();
  running.output(1).take_held();
  running.drain();
  CHECK(receiver->wait() == AckResult::NotDelivered);
  CHECK(receiver->results().size() == 1);
}

}  // namespace logboom
