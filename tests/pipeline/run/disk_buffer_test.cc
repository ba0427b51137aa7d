#include "pipeline/run/disk_buffer.h"

#include <catch2/catch.hpp>
#include <future>
#include <numeric>
#include <set>
#include <thread>

#include "pipeline/event/event_identity.h"
#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/temporary_directory.h"

namespace logboom {
namespace {

constexpr const char* kBehindDisk = R"(input { test_source {} } output {
  test_output {}
  test_output { id => "dead" buffer => { type => "disk" } }
  test_output {}
})";
constexpr std::size_t kDead = 1;

/// Pipelines one after the other, whose buffers lie in one directory.
class Lives {
 public:
  PipelineUnderTest& begin(std::string_view text = kBehindDisk) {
    PipelineSettings settings = quick_settings(1);
    settings.output_limits.max_events = 100;
    settings.disk_buffers.directory = directory_.path() + "/buffers";
    running_ = std::make_unique<PipelineUnderTest>(text, settings);
    return *running_;
  }
  /// Ends without a drain, as after a second signal.
  void abandon() { running_->destroy(); }
  const std::string& directory() const { return directory_.path(); }

  std::shared_ptr<RecordingReceiver> push(std::int64_t first, std::size_t count) {
    const ChunkPtr chunk = numbered_chunk(first, count);
    auto receiver = follow(*chunk);
    REQUIRE(running_->push(chunk));
    return receiver;
  }
  LedgerBalance::Output balance() { return running_->pipeline().ledger().outputs.at(kDead); }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<PipelineUnderTest> running_;
};

std::set<std::int64_t> set_of(const std::vector<std::int64_t>& numbers) { return {numbers.begin(), numbers.end()}; }

std::set<std::int64_t> numbers_to(std::int64_t end) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(end));
  std::iota(all.begin(), all.end(), 0);
  return set_of(all);
}

TEST_CASE("a dead output with a disk buffer holds up nobody: its events are done when they are on disk", "[disk_buffer]") {
  Lives lives;
  PipelineUnderTest& running = lives.begin();
  running.output(kDead).hold();
  running.start();
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  for (int i = 0; i < 50; ++i) receivers.push_back(lives.push(i * 100, 100));  // far more than 100 may be undelivered
  REQUIRE(running.output(0).wait_for_events(5000));
  REQUIRE(running.output(2).wait_for_events(5000));
  for (const auto& receiver : receivers) CHECK(receiver->wait() == AckResult::Delivered);
  CHECK(running.output(kDead).lines().size() < 300);
  CHECK(lives.balance().taken == 5000);
  CHECK(lives.balance().buffered == 5000);
  CHECK(lives.balance().gap == 0);

  // After recovery the backlog drains while new events come.
  running.output(kDead).release();
  lives.push(5000, 100);
  REQUIRE(running.output(kDead).wait_for_events(5100));
  running.drain();
  CHECK(running.output(kDead).numbers().size() == 5100);
  CHECK(set_of(running.output(kDead).numbers()) == numbers_to(5100));
  const LedgerBalance ledger = running.pipeline().ledger();
  CHECK(ledger.gaps_at_rest().empty());
  CHECK(ledger.finished == 5100);
  CHECK(lives.balance().delivered == 5100);
}

TEST_CASE("what a dead output did not get is there after the next start, and nothing of what it got", "[disk_buffer]") {
  for (const bool is_orderly : {true, false}) {
    CAPTURE(is_orderly);
    Lives lives;
    {
      PipelineUnderTest& running = lives.begin();
      running.output(kDead).hold();
      running.start();
      std::vector<std::shared_ptr<RecordingReceiver>> receivers;
      for (int i = 0; i < 30; ++i) receivers.push_back(lives.push(i * 10, 10));
      for (const auto& receiver : receivers) CHECK(receiver->wait() == AckResult::Delivered);
      REQUIRE(running.output(kDead).wait_for_events(10));
      // Of the first delivery every second event is taken, the others have to come again.
      const auto held = running.output(kDead).take_held();
      for (std::size_t i = 0; i < held[0]->events().size(); ++i)
        held[0]->report(i, i % 2 == 0 ? Outcome::delivered() : Outcome::retry("no"));
      CHECK(lives.balance().buffered == 300 - (held[0]->events().size() + 1) / 2);
      CHECK(lives.balance().gap == 0);
      if (is_orderly) {
        running.pipeline().request_stop();
        running.pipeline().drain(std::chrono::steady_clock::now() + std::chrono::seconds(30));
      } else {
        lives.abandon();
      }
    }
    PipelineUnderTest& running = lives.begin();
    running.start();
    REQUIRE(running.output(kDead).wait_for_events(290));
    lives.push(300, 5);
    running.drain();
    const auto seen = running.output(kDead).numbers();
    CHECK(seen.size() == set_of(seen).size());
    CHECK(set_of(seen).count(0) == 0);
    CHECK(set_of(seen).count(1) == 1);
    CHECK(set_of(seen).count(304) == 1);
    CHECK(lives.balance().gap == 0);
    CHECK(lives.balance().buffered == 0);
    CHECK(lives.balance().lost == 0);
  }
}

TEST_CASE("a full disk buffer holds its worker until there is room", "[disk_buffer]") {
  Lives lives;
  PipelineUnderTest& running = lives.begin(R"(input { test_source {} } output {
    test_output {}
    test_output { id => "dead" buffer => { type => "disk" max_events => 200 } }
    test_output {} })");
  running.output(kDead).hold();
  running.start();
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  const std::size_t chunks = 12;
  std::thread source([&] {
    for (std::size_t i = 0; i < chunks; ++i) {
      const ChunkPtr chunk = numbered_chunk(static_cast<std::int64_t>(i * 100), 100);
      receivers.push_back(follow(*chunk));
      running.push(chunk);
    }
  });
  REQUIRE(running.output(0).wait_for_events(200));
  CHECK(lives.balance().buffered <= 216);
  running.output(kDead).release();
  source.join();
  for (const auto& receiver : receivers) CHECK(receiver->wait() == AckResult::Delivered);
  running.drain();
  CHECK(set_of(running.output(kDead).numbers()) == numbers_to(1200));
  CHECK(set_of(running.output(2).numbers()) == numbers_to(1200));
}

TEST_CASE("a worker that waits for a full disk buffer comes back when the pipeline is given up", "[disk_buffer]") {
  Lives lives;
  PipelineUnderTest& running = lives.begin(R"(input { test_source {} } output {
    test_output {} test_output { id => "dead" buffer => { type => "disk" max_events => 10 } } })");
  running.output(kDead).hold();
  running.start();
  const auto first = lives.push(0, 16);
  const auto second = lives.push(16, 16);
  const auto third = lives.push(32, 16);
  CHECK(first->wait() == AckResult::Delivered);
  running.pipeline().abandon();
  running.drain();
  CHECK(third->wait() == AckResult::NotDelivered);
}

TEST_CASE("events from a disk buffer are what they were: fields, metadata, order, name", "[disk_buffer]") {
  want_event_identities();
  const std::string line = R"({"b":1,"a":{"z":[1,2.5,null,"ä"],"y":12345678901234567890},"n":7,"message":"x"})";
  std::string name;
  for (const bool is_restarted : {false, true}) {
    Lives lives;
    PipelineUnderTest* running = &lives.begin();
    running->output(kDead).hold();
    running->output(0).on_deliver = [&](const Delivery& delivery) {
      name = std::string(event_identity(*delivery.events()[0])->text());
    };
    std::string found;
    std::string found_name;
    const auto look = [&](const Delivery& delivery) {
      found = json_of(*delivery.events()[0]);
      found_name = std::string(event_identity(*delivery.events()[0])->text());
      CHECK(event_identity(*delivery.events()[0])->is_lasting);
      const Object* metadata = delivery.events()[0]->metadata_if_any();
      REQUIRE(metadata != nullptr);
      CHECK(metadata->find(intern_key("kept")) != nullptr);
    };
    running->output(kDead).on_deliver = look;
    running->start();
    const ChunkPtr chunk = chunk_of(line);
    chunk->events()[0]->metadata().set(chunk->arena(), intern_key("kept"), Value::string("yes"));
    const auto receiver = follow(*chunk);
    REQUIRE(running->push(chunk));
    REQUIRE(receiver->wait() == AckResult::Delivered);
    REQUIRE(running->output(kDead).wait_for_events(1));
    if (is_restarted) {
      lives.abandon();
      found.clear();
      running = &lives.begin();
      running->output(kDead).on_deliver = look;
      running->start();
      REQUIRE(running->output(kDead).wait_for_events(1));
    }
    CHECK(found == line);
    CHECK(found_name == name);
    running->output(kDead).release();
    running->drain();
  }
}

TEST_CASE("an end of the inputs' own empties the disk buffer, an asked-for end leaves it unless it is to be flushed",
          "[disk_buffer]") {
  for (const bool flushes : {false, true}) {
    Lives lives;
    const std::string text = std::string(R"(input { test_source {} } output { test_output {}
      test_output { id => "dead" buffer => { type => "disk" flush_at_shutdown => )") +
                             (flushes ? "true" : "false") + " } } }";
    PipelineUnderTest& running = lives.begin(text);
    running.output(kDead).hold();
    running.start();
    CHECK(lives.push(0, 50)->wait() == AckResult::Delivered);
    std::thread recovery;
    if (flushes)
      recovery = std::thread([&] {
        running.output(kDead).wait_for_events(50);
        running.output(kDead).release();
      });
    running.pipeline().request_stop();
    running.pipeline().drain(std::chrono::steady_clock::now() + std::chrono::seconds(60));
    if (recovery.joinable()) recovery.join();
    CHECK(lives.balance().buffered == (flushes ? 0 : 50));
  }
}

TEST_CASE("a buffer goes on with another instance of its output: what the first one refused and all the rest, once",
          "[disk_buffer]") {
  TemporaryDirectory directory;
  MetricScope metrics;
  PluginSite site;
  site.id = "out";
  site.metrics = &metrics;
  site.delivery.buffer.type = "disk";
  auto opened = DiskBuffer::open({directory.path(), {}}, "main", site, 10);
  REQUIRE(opened);
  DiskBuffer& buffer = **opened;
  std::mutex mutex;
  std::multiset<std::int64_t> first, second;
  OutputHealth health(metrics);
  std::promise<void> is_refusing;
  buffer.start([&](const BatchPtr& batch) {
    const std::lock_guard lock(mutex);
    if (first.size() >= 30) {
      is_refusing.set_value();
      return false;
    }
    for (const Event* event : batch->events()) first.insert(number_of(*event));
    Batch::complete(batch->events());
    return true;
  });
  std::vector<ChunkPtr> chunks;
  const auto put = [&](std::int64_t from) {
    chunks.push_back(numbered_chunk(from, 10));
    REQUIRE(buffer.put(chunks.back()->events(), health, [] {}));
  };
  for (int i = 0; i < 5; ++i) put(i * 10);
  is_refusing.get_future().wait();
  buffer.stop_giving();
  put(50);
  buffer.start([&](const BatchPtr& batch) {
    const std::lock_guard lock(mutex);
    for (const Event* event : batch->events()) second.insert(number_of(*event));
    Batch::complete(batch->events());
    return true;
  });
  CHECK(buffer.drain(DiskBuffer::Until::Empty, std::chrono::steady_clock::now() + std::chrono::seconds(30)));
  std::multiset<std::int64_t> all = first;
  all.insert(second.begin(), second.end());
  CHECK(all.size() == 60);
  CHECK(std::set<std::int64_t>(all.begin(), all.end()) == numbers_to(60));
  CHECK(second.count(50) == 1);
}

TEST_CASE("two outputs cannot share a disk buffer, and the one that comes second says so", "[disk_buffer]") {
  Lives lives;
  const std::string path = lives.directory() + "/shared";
  const std::string text = "input { test_source {} } output { test_output { buffer => { type => disk path => \"" + path +
                           "\" } } test_output { id => \"two\" buffer => { type => disk path => \"" + path + "\" } } }";
  const auto started = lives.begin(text).pipeline().start_outputs();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().message,
             Catch::Contains("output two: its disk buffer " + path + " is used by another output") &&
                 Catch::Contains("path of its own"));
}

TEST_CASE("the buffer of an output that is gone is left as it is, for the next output of this id", "[disk_buffer]") {
  Lives lives;
  {
    PipelineUnderTest& running = lives.begin();
    running.output(kDead).hold();
    running.start();
    CHECK(lives.push(0, 20)->wait() == AckResult::Delivered);
    lives.abandon();
  }
  {
    PipelineUnderTest& running = lives.begin("input { test_source {} } output { test_output {} }");
    running.start();
    running.drain();
  }
  PipelineUnderTest& running = lives.begin();
  running.start();
  REQUIRE(running.output(kDead).wait_for_events(20));
  running.drain();
  CHECK(set_of(running.output(kDead).numbers()) == numbers_to(20));
}

}  // namespace
}  // namespace logboom
