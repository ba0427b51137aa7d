// Pipelines that send to each other in one process: the patterns of docs/routing.md, acknowledgement, backpressure, and
// pipelines that come and go.
#include <algorithm>
#include <thread>

#include "pipeline/queue/persistent_queue.h"
#include "tests/support/linked_pipelines.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/temporary_directory.h"

namespace logboom {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kSource = "input { test_source {} } ";

std::string sends_to(const std::string& addresses, const std::string& more = {}) {
  return "output { pipeline { send_to => [" + addresses + "] " + more + " } } ";
}
std::string receives(const std::string& address, const std::string& rest = "output { test_output {} }") {
  return "input { pipeline { address => \"" + address + "\" } } " + rest;
}

std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t end) {
  std::vector<std::int64_t> made;
  for (std::int64_t n = first; n < end; ++n) made.push_back(n);
  return made;
}
std::vector<std::int64_t> sorted(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

void wait_until_open(LinkedPipelines& linked, const std::string& address) {
  while (linked.bus.address(address)->receiver() == nullptr) std::this_thread::yield();
}

/// Sends a chunk, and gives back who is told of its end.
std::shared_ptr<RecordingReceiver> send(TestPipeline& pipeline, ChunkPtr chunk) {
  auto receiver = follow(*chunk);
  REQUIRE(pipeline.push(std::move(chunk)));
  return receiver;
}

}  // namespace

TEST_CASE("distributor: one input, and conditions that send each event to its own pipeline", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& web =
      linked.add("web", receives("web", "filter { mutate { add_tag => [\"web\"] } } output { test_output {} }"));
  TestPipeline& db = linked.add("db", receives("db"));
  TestPipeline& in = linked.add("in", std::string(kSource) + R"(output {
    if [n] < 3 { pipeline { send_to => "web" } } else { pipeline { send_to => ["db"] } } })");
  for (TestPipeline* pipeline : {&web, &db, &in}) pipeline->start();
  const auto receiver = send(in, numbered_chunk(0, 5));
  CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(web.output().numbers() == numbers(0, 3));
  CHECK(web.output().lines().at(0) == R"({"n":0,"tags":["web"]})");
  CHECK(db.output().numbers() == numbers(3, 5));
  for (TestPipeline* pipeline : {&in, &web, &db}) {
    pipeline->stop();
    pipeline->check_ledger();
  }
}

TEST_CASE("output isolator: a dead output does not hold up the other one, and gets what its pipeline can keep",
          "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& healthy = linked.add("healthy", receives("healthy"), MemoryQueueLimits{100'000});
  TestPipeline& dead = linked.add("dead", receives("dead"), MemoryQueueLimits{100});
  TestPipeline& in = linked.add("in", kSource + sends_to("\"healthy\"") + sends_to("\"dead\"", "ensure_delivery => false"));
  for (TestPipeline* pipeline : {&healthy, &dead, &in}) pipeline->start();
  dead.output().hold();
  constexpr std::int64_t kEvents = 60'000;  // more than the buffers of both pipelines hold
  for (std::int64_t n = 0; n < kEvents; n += 100) REQUIRE(in.push(numbered_chunk(n, 100)));
  REQUIRE(healthy.output().wait_for_events(kEvents));
  CHECK(sorted(healthy.output().numbers()) == numbers(0, kEvents));
  const std::uint64_t discarded = in.output_counter("discarded", 1);
  CHECK(discarded > 0);
  dead.output().release();
  in.stop();
  dead.stop();
  CHECK(dead.output().numbers().size() + discarded == kEvents);
  in.check_ledger();
  healthy.stop();
}

TEST_CASE("forked path: each pipeline changes its own event, and the sender hears when both are done", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& full = linked.add(
      "full", receives("full", R"(filter { mutate { add_field => { "[user][role]" => "x" } } } output { test_output {} })"));
  TestPipeline& masked = linked.add(
      "masked",
      receives(
          "masked",
          R"(filter { mutate { remove_field => ["[user][name]"] replace => { "text" => "-" } } } output { test_output {} })"));
  TestPipeline& in = linked.add("in", kSource + sends_to(R"("full", "masked")"));
  for (TestPipeline* pipeline : {&full, &masked, &in}) pipeline->start();
  masked.output().hold();
  const auto receiver = send(in, chunk_of(R"({"text":"a","user":{"name":"ann"}})"));
  REQUIRE(full.output().wait_for_events(1));
  REQUIRE(masked.output().wait_for_events(1));
  CHECK(full.output().lines() == Lines{R"({"text":"a","user":{"name":"ann","role":"x"}})"});
  CHECK(masked.output().lines() == Lines{R"({"text":"-","user":{}})"});
  CHECK_FALSE(receiver->is_finished());
  masked.output().release();
  CHECK(receiver->wait() == AckResult::Delivered);
  for (TestPipeline* pipeline : {&in, &full, &masked}) pipeline->stop();
}

TEST_CASE("collector: several pipelines send to one address, and everything arrives once", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& out = linked.add("out", receives("out"), MemoryQueueLimits{50});
  TestPipeline& one = linked.add("one", kSource + sends_to("\"out\""));
  TestPipeline& two = linked.add("two", kSource + sends_to("\"out\""));
  for (TestPipeline* pipeline : {&out, &one, &two}) pipeline->start();
  std::thread other([&] {
    for (std::int64_t n = 5000; n < 10'000; n += 50) two.push(numbered_chunk(n, 50));
  });
  for (std::int64_t n = 0; n < 5000; n += 50) one.push(numbered_chunk(n, 50));
  other.join();
  for (TestPipeline* pipeline : {&one, &two, &out}) {
    pipeline->stop();
    pipeline->check_ledger();
  }
  CHECK(sorted(out.output().numbers()) == numbers(0, 10'000));
}

TEST_CASE("an event is delivered when the pipelines that it was sent on to have delivered it", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& last = linked.add("last", receives("last"));
  TestPipeline& middle = linked.add("middle", receives("middle", sends_to("\"last\"")));
  TestPipeline& first = linked.add("first", kSource + sends_to("\"middle\""));
  for (TestPipeline* pipeline : {&last, &middle, &first}) pipeline->start();
  last.output().hold();
  const auto receiver = send(first, numbered_chunk(0, 20));
  REQUIRE(last.output().wait_for_events(20));
  CHECK_FALSE(receiver->is_finished());
  CHECK(first.pipeline().undelivered_events() == 20);
  last.output().release();
  CHECK(receiver->wait() == AckResult::Delivered);
  for (TestPipeline* pipeline : {&first, &middle, &last}) pipeline->stop();
}

TEST_CASE("texts are shared with the pipeline that they came from, tags and metadata come along", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& out = linked.add("out", R"(
    input { pipeline { address => "out" tags => ["seen"] add_field => { "by" => "%{[@metadata][from]}" } } }
    output { test_output {} })");
  TestPipeline& in = linked.add("in", kSource + std::string(R"(
    filter { mutate { add_field => { "[@metadata][from]" => "in" } } })") +
                                          sends_to("\"out\""));
  const void* text = nullptr;
  out.output().on_deliver = [&](const Delivery& delivery) {
    text = delivery.events()[0]->string_at(FieldRef::of_name("text")).data();
  };
  for (TestPipeline* pipeline : {&out, &in}) pipeline->start();
  ChunkPtr chunk = chunk_of(R"({"text":"as it was received"})");
  const Buffer received = chunk->received();
  const auto receiver = send(in, std::move(chunk));
  CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(out.output().lines() == Lines{R"({"text":"as it was received","by":"in","tags":["seen"]})"});
  CHECK(text == received.view().substr(received.view().find("as it")).data());
  in.stop();
  out.stop();
}

TEST_CASE("an input's label and the pipeline's @ERROR work across pipelines", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& out = linked.add("out", R"(
    input { pipeline { address => "out" label => "@WAY" } }
    output { test_output {} }
    label "@WAY" { output { test_output {} } }
    label "@ERROR" { output { test_output {} } })");
  TestPipeline& in = linked.add("in", kSource + sends_to("\"out\""));
  out.output(1).on_deliver = [](const Delivery& delivery) {
    const_cast<Delivery&>(delivery).report_all(Outcome::permanent("no"));
  };
  for (TestPipeline* pipeline : {&out, &in}) pipeline->start();
  const auto receiver = send(in, numbered_chunk(1, 1));
  CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(out.output(0).numbers().empty());
  CHECK(out.output(2).numbers() == numbers(1, 2));
  in.stop();
  out.stop();
}

TEST_CASE("events wait for a pipeline that has not been started yet", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& in = linked.add("in", kSource + sends_to("\"late\"")).start();
  const auto receiver = send(in, numbered_chunk(0, 30));
  TestPipeline& late = linked.add("late", receives("late"));
  CHECK_FALSE(receiver->is_finished());
  late.start();
  CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(late.output().numbers() == numbers(0, 30));
  in.stop();
  late.stop();
}

TEST_CASE("a pipeline that is stopped in the middle: its successor gets what it did not deliver, in time and once",
          "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& in = linked.add("in", kSource + sends_to("\"out\"")).start();
  TestPipeline& first = linked.add("out", receives("out"), std::make_unique<MemoryQueue>(MemoryQueueLimits{10}),
                                   OutputBufferLimits{50, 64 * 1024 * 1024});
  first.start();
  const auto early = send(in, numbered_chunk(0, 100));
  CHECK(early->wait() == AckResult::Delivered);
  first.output().hold();
  std::vector<std::shared_ptr<RecordingReceiver>> later;
  for (std::int64_t n = 100; n < 400; n += 10) later.push_back(send(in, numbered_chunk(n, 10)));
  REQUIRE(first.output().wait_for_events(110));
  first.pipeline().abandon();  // its time is over
  first.output().take_held();
  first.stop();
  CHECK(first.output().numbers().size() < 400);
  linked.remove("out");
  for (const auto& receiver : later) CHECK(receiver->results().empty());  // nobody was told that it failed
  TestPipeline& second = linked.add("out", receives("out")).start();
  for (const auto& receiver : later) CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(sorted(second.output().numbers()) == numbers(100, 400));
  in.stop();
  in.check_ledger();
  second.stop();
}

TEST_CASE("a pipeline comes and goes under load, and nothing is lost or doubled", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& in = linked.add("in", kSource + sends_to("\"out\"")).start();
  constexpr std::int64_t kEvents = 20'000;
  std::atomic<bool> is_sent{false};
  std::thread sender([&] {
    for (std::int64_t n = 0; n < kEvents; n += 20) in.push(numbered_chunk(n, 20));
    is_sent = true;
  });
  std::vector<std::int64_t> seen;
  bool is_last = false;
  while (!is_last) {
    is_last = is_sent;
    TestPipeline& out = linked.add("out", receives("out"), MemoryQueueLimits{50}).start();
    if (is_last) {
      in.stop();
    } else {
      REQUIRE(out.output().wait_for_events(1));
    }
    out.stop();
    const auto more = out.output().numbers();
    seen.insert(seen.end(), more.begin(), more.end());
    linked.remove("out");
  }
  sender.join();
  CHECK(sorted(seen) == numbers(0, kEvents));
}

TEST_CASE("a pipeline that takes nothing holds up the one before it, up to the sender", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& out = linked.add("out", receives("out"), std::make_unique<MemoryQueue>(MemoryQueueLimits{20}),
                                 OutputBufferLimits{50, 64 * 1024 * 1024});
  TestPipeline& in = linked.add("in", kSource + sends_to("\"out\""), std::make_unique<MemoryQueue>(MemoryQueueLimits{20}),
                                OutputBufferLimits{50, 64 * 1024 * 1024});
  out.output().hold();
  out.start();
  in.start();
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  std::int64_t sent = 0;
  constexpr std::int64_t kEndless = 100'000;
  for (bool is_held = false; !is_held && sent < kEndless; ++sent) {
    ChunkPtr chunk = numbered_chunk(sent, 1);
    receivers.push_back(follow(*chunk));
    for (int attempts = 0; chunk != nullptr && attempts < 10'000; ++attempts) {
      if (in.sink().try_push(chunk)) break;
      std::this_thread::yield();
    }
    is_held = chunk != nullptr;
  }
  CHECK(sent < 1000);  // a few buffers of 20 and 50 events
  out.output().release();
  receivers.pop_back();  // of the chunk that was not taken
  for (const auto& receiver : receivers) CHECK(receiver->wait() == AckResult::Delivered);
  in.stop();
  out.stop();
  CHECK(sorted(out.output().numbers()) == numbers(0, sent - 1));
}

TEST_CASE("without ensure_delivery events for a pipeline that is not there are counted and gone", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& in = linked.add("in", kSource + sends_to("\"nobody\"", "ensure_delivery => false")).start();
  const auto receiver = send(in, numbered_chunk(0, 7));
  CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(in.output_counter("discarded") == 7);
  TestPipeline& out = linked.add("out", receives("nobody")).start();
  wait_until_open(linked, "nobody");
  const auto second = send(in, numbered_chunk(7, 1));
  CHECK(second->wait() == AckResult::Delivered);
  REQUIRE(out.output().wait_for_events(1));
  CHECK(out.output().numbers() == numbers(7, 8));
  in.stop();
  out.stop();
}

TEST_CASE("when the process ends, pipelines that are sent to end last, and everything on its way arrives", "[pipelines]") {
  LinkedPipelines linked;
  TestPipeline& out = linked.add("out", receives("out"), MemoryQueueLimits{10}).start();
  TestPipeline& in = linked.add("in", kSource + sends_to("\"out\""), MemoryQueueLimits{10'000});
  for (std::int64_t n = 0; n < 2000; n += 20) REQUIRE(in.push(numbered_chunk(n, 20)));  // nobody works so far
  wait_until_open(linked, "out");
  REQUIRE(in.pipeline().start_outputs());
  linked.bus.begin_shutdown();
  out.pipeline().request_stop();
  in.pipeline().request_stop();
  in.pipeline().start_workers();
  std::thread ending([&] { out.pipeline().drain(); });  // as the server: all at the same time
  in.pipeline().drain();
  ending.join();
  CHECK(sorted(out.output().numbers()) == numbers(0, 2000));
}

TEST_CASE("a pipeline with a persisted queue answers the one before it when its events are on disk", "[pipelines]") {
  TemporaryDirectory directory;
  MetricScope metrics;
  PersistentQueueOptions options;
  options.store.directory = directory.at("queue");
  auto queue = PersistentQueue::open(std::move(options), metrics);
  REQUIRE(queue);
  LinkedPipelines linked;
  TestPipeline& out = linked.add("out", receives("out"), std::move(*queue)).start();
  TestPipeline& in = linked.add("in", kSource + sends_to("\"out\"")).start();
  out.output().hold();
  const auto receiver = send(in, numbered_chunk(0, 40));
  CHECK(receiver->wait() == AckResult::Delivered);  // although the output has not answered
  out.output().release();
  in.stop();
  out.stop();
  CHECK(sorted(out.output().numbers()) == numbers(0, 40));
}

}  // namespace logboom
