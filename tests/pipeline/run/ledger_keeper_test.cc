// Ledgers over the lives of a queue: orderly ends, kills at any moment, outputs that come and go.
#include "pipeline/run/ledger_keeper.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "pipeline/queue/persistent_queue.h"
#include "tests/support/memory_files.h"
#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/temporary_directory.h"

namespace logboom {
namespace {

using Line = LedgerBalance::Output;

constexpr const char* kTwoOutputs = R"(input { test_source {} } output {
  test_output { id => "all" }
  if [n] < 100 { test_output { id => "few" } }
})";
constexpr const char* kBehindDisk = R"(input { test_source {} } output {
  test_output { id => "all" }
  test_output { id => "slow" buffer => { type => "disk" } }
})";

/// One pipeline with a persisted queue in memory, again and again.
class Lives {
 public:
  explicit Lives(std::size_t workers = 1) : workers_(workers) {}
  ~Lives() { running_.reset(); }

  PipelineUnderTest& begin(std::string_view text = kTwoOutputs) {
    running_.reset();
    PersistentQueueOptions options;
    options.store.directory = "/queue";
    options.store.files = files_.get();
    options.store.checkpoint_interval = std::chrono::milliseconds(1);
    auto queue = PersistentQueue::open(options, queue_metrics_);
    REQUIRE(queue);
    PipelineSettings settings = quick_settings(workers_);
    settings.disk_buffers.directory = directory_.at("buffers");
    settings.disk_buffers.store = options.store;
    running_ = std::make_unique<PipelineUnderTest>(text, settings, std::move(*queue));
    return *running_;
  }
  std::shared_ptr<RecordingReceiver> push(std::int64_t first, std::size_t count) {
    const ChunkPtr chunk = numbered_chunk(first, count);
    auto receiver = follow(*chunk);
    REQUIRE(running_->push(chunk));
    return receiver;
  }
  void push_all(std::int64_t first, std::int64_t end) {
    for (; first < end; first += 10) push(first, 10);
  }
  /// Everything is delivered, and the end is an orderly one.
  LedgerBalance end() {
    running_->drain();
    return ledger();
  }
  /// The next begin() finds what a kill leaves now. Returns how many events each of the two outputs was offered, at most.
  std::pair<std::uint64_t, std::uint64_t> kill() {
    auto left = std::make_unique<MemoryFiles>();
    files_->copy_to(*left);
    running_->pipeline().abandon();
    running_->drain();
    const auto offered = std::pair(running_->output(0).lines().size(), running_->output(1).lines().size());
    running_.reset();
    files_ = std::move(left);
    return offered;
  }
  LedgerBalance ledger() { return running_->pipeline().ledger(); }
  SegmentStore::Counters kept() {
    auto slots = StateSlots(*files_, "/queue").load();
    REQUIRE(slots);
    return slots->newest->counters;
  }

 private:
  const std::size_t workers_;
  TemporaryDirectory directory_;
  std::unique_ptr<MemoryFiles> files_ = std::make_unique<MemoryFiles>();
  MetricScope queue_metrics_;
  std::unique_ptr<PipelineUnderTest> running_;
};

const Line& line_of(const LedgerBalance& ledger, const std::string& id) {
  const auto found =
      std::find_if(ledger.outputs.begin(), ledger.outputs.end(), [&](const Line& line) { return line.id == id; });
  REQUIRE(found != ledger.outputs.end());
  return *found;
}

void check_no_gap(const LedgerBalance& ledger) {
  for (const std::string& gap : ledger.gaps_at_rest()) FAIL_CHECK(gap);
}

/// Refuses some of what comes for good.
void refuse_every_tenth(FakeOutput& output) {
  output.on_deliver = [](const Delivery& delivery) {
    auto& mutable_delivery = const_cast<Delivery&>(delivery);
    for (std::size_t i = 0; i < delivery.events().size(); ++i)
      if (number_of(*delivery.events()[i]) % 10 == 0) mutable_delivery.report(i, Outcome::permanent("a tenth"));
  };
}

TEST_CASE("each output's line goes on after a restart", "[ledger]") {
  for (const char* text : {kTwoOutputs, kBehindDisk}) {
    CAPTURE(text);
    const std::string second = text == kTwoOutputs ? "few" : "slow";
    const std::uint64_t of_second = text == kTwoOutputs ? 100 : 200;
    Lives lives;
    for (std::uint64_t life = 1; life <= 3; ++life) {
      PipelineUnderTest& running = lives.begin(text);
      check_no_gap(lives.ledger());
      refuse_every_tenth(running.output(1));
      running.start();
      lives.push_all(0, 200);
      const LedgerBalance ledger = lives.end();
      check_no_gap(ledger);
      CHECK(ledger.received == 200 * life);
      CHECK(ledger.finished == 200 * life);
      CHECK(line_of(ledger, "all").taken == 200 * life);
      CHECK(line_of(ledger, "all").delivered == 200 * life);
      CHECK(line_of(ledger, second).taken == of_second * life);
      CHECK(line_of(ledger, second).rejected == of_second / 10 * life);
      CHECK(line_of(ledger, second).delivered == of_second / 10 * 9 * life);
      CHECK(line_of(ledger, second).buffered == 0);
    }
  }
}

TEST_CASE("what an output has not delivered at the end is taken again in the next life, and counts once", "[ledger]") {
  Lives lives;
  PipelineUnderTest& first = lives.begin();
  first.output(1).hold();
  first.start();
  lives.push_all(0, 50);
  REQUIRE(first.output(0).wait_for_events(50));
  REQUIRE(first.output(1).wait_for_events(50));
  first.pipeline().request_stop();
  first.pipeline().drain(std::chrono::steady_clock::now());
  PipelineUnderTest& second = lives.begin();
  const LedgerBalance between = lives.ledger();
  CHECK(between.queued == 50);
  CHECK(line_of(between, "all").delivered == 50);  // they come again: one output had not
  CHECK(line_of(between, "few").taken == 0);
  check_no_gap(between);
  second.start();
  const LedgerBalance ledger = lives.end();
  check_no_gap(ledger);
  CHECK(line_of(ledger, "all").delivered == 100);
  CHECK(line_of(ledger, "few").delivered == 50);
}

TEST_CASE("after a kill at any moment every event that is done is in the lines of its outputs, and nothing is made up",
          "[ledger]") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    Lives lives(1 + random() % 2);
    const char* const text = random() % 3 == 0 ? kBehindDisk : kTwoOutputs;
    const bool is_behind_disk = text == kBehindDisk;
    std::uint64_t offered[2] = {0, 0};
    for (int life = 0; life < 3; ++life) {
      PipelineUnderTest& running = lives.begin(text);
      const LedgerBalance found = lives.ledger();
      check_no_gap(found);
      const std::uint64_t done = found.received - found.queued;
      CHECK(found.lost == 0);
      CHECK(found.finished == done);
      const Line& all = line_of(found, "all");
      CHECK(all.delivered >= done);
      CHECK(all.delivered <= offered[0]);
      if (!is_behind_disk) CHECK(line_of(found, "few").outcomes() <= offered[1]);
      refuse_every_tenth(running.output(1));
      if (random() % 4 == 0) running.output(1).hold();
      REQUIRE(running.pipeline().start_outputs());
      if (is_behind_disk) CHECK(line_of(lives.ledger(), "slow").taken >= done);  // its files are open now
      running.pipeline().start_workers();
      const auto wanted = static_cast<std::int64_t>(random() % 20) * 10;
      lives.push_all(life * 50, life * 50 + wanted);
      running.output(0).wait_for_events(random() % static_cast<std::uint64_t>(wanted + 1));
      if (random() % 4 == 0) running.output(1).release();
      const auto [by_first, by_second] = lives.kill();
      offered[0] += by_first;
      offered[1] += by_second;
    }
    PipelineUnderTest& last = lives.begin(text);
    last.start();
    const LedgerBalance ledger = lives.end();
    check_no_gap(ledger);
    CHECK(ledger.queued == 0);
    CHECK(line_of(ledger, "all").delivered >= ledger.received);
    if (is_behind_disk) CHECK(line_of(ledger, "slow").outcomes() >= ledger.received);
  }
}

TEST_CASE("an output's id may be any text", "[ledger]") {
  const std::string ids[] = {"a/b", "output.delivered/x", "ü \\\"q\\\" %2F", "store.lost", std::string(3000, 'i')};
  std::string text = "input { test_source {} } output {";
  for (const std::string& id : ids) text += " test_output { id => '" + id + "' }";
  text += "}";
  Lives lives;
  for (std::uint64_t life = 1; life <= 2; ++life) {
    lives.begin(text).start();
    lives.push_all(0, 10 * static_cast<std::int64_t>(life));
    const LedgerBalance ledger = lives.end();
    check_no_gap(ledger);
    REQUIRE(ledger.outputs.size() == std::size(ids));
    for (const Line& line : ledger.outputs) CHECK(line.delivered == (life == 1 ? 10 : 30));
  }
}

TEST_CASE("outputs that are gone leave nothing behind", "[ledger]") {
  Lives lives;
  std::size_t kept = 0;
  for (int life = 0; life < 5; ++life) {
    const std::string id = "out" + std::to_string(life);
    lives.begin("input { test_source {} } output { test_output { id => stays } test_output { id => " + id + " } }").start();
    lives.push_all(0, 10);
    const LedgerBalance ledger = lives.end();
    check_no_gap(ledger);
    CHECK(line_of(ledger, "stays").delivered == 10 * (static_cast<std::uint64_t>(life) + 1));
    CHECK(line_of(ledger, id).delivered == 10);
    if (life == 0) kept = lives.kept().size();
    CHECK(lives.kept().size() == kept);
    CHECK(lives.kept().count("output.delivered/" + id) == 1);
  }
}

TEST_CASE("another pipeline in the same scope of metrics begins with its own numbers", "[ledger]") {
  MetricScope metrics;
  const PipelineLedger ledger(metrics);
  ledger.received.add(100);
  ledger.completed.add(60);  // the others were given up
  LedgerKeeper keeper(std::make_shared<MemoryQueue>(MemoryQueueLimits{}), ledger);
  Line counted;
  counted.taken = 100;
  counted.delivered = 60;
  const Line before = keeper.before("out", counted);
  ledger.received.add(5);
  ledger.completed.add(5);
  const LedgerBalance balance = keeper.balance({});
  CHECK(balance.received == 5);
  CHECK(balance.finished == 5);
  CHECK(balance.in_flight == 0);
  counted.taken += 5;
  counted.delivered += 5;
  const Line line = counted.after(before);
  CHECK(line.taken == 5);
  CHECK(line.delivered == 5);
  CHECK(line.gap == 0);
  CHECK(keeper.before("out", counted).taken == before.taken);
}

TEST_CASE("a disk buffer's line is put right after a crash: what will happen again has not happened", "[ledger]") {
  Line kept;
  kept.rejected = 3;
  kept.dead_lettered = 2;
  SECTION("all was kept") {
    const Line line = recovered_line(kept, 100, 20, 1);
    CHECK(line.delivered == 74);
    CHECK(line.gap == 0);
  }
  SECTION("outcomes of events that the buffer still has") {
    const Line line = recovered_line(kept, 24, 20, 1);
    CHECK(line.outcomes() == 3);
    CHECK(line.gap == 0);
  }
  SECTION("the state is gone") {
    const Line line = recovered_line({}, 24, 20, 0);
    CHECK(line.delivered == 4);
    CHECK(line.gap == 0);
  }
}

}  // namespace
}  // namespace logboom
