// Tokens through a whole pipeline with several workers, held against a model.
#include <catch2/catch.hpp>
#include <future>
#include <map>
#include <random>
#include <thread>

#include "pipeline/event/ack.h"
#include "tests/support/pipeline_under_test.h"
#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

const std::vector<AckResult> kDelivered = {AckResult::Delivered};
const std::vector<AckResult> kNotDelivered = {AckResult::NotDelivered};

/// Chunks of many sizes, numbered through, each followed.
struct Load {
  Load(std::size_t events, unsigned seed) {
    std::mt19937 random(seed);
    const std::size_t sizes[] = {1, 1, 2, 3, 5, 16, 17, 40, 150};  // around and past the batch size of 16
    for (std::size_t first = 0; first < events;) {
      const std::size_t size = std::min(sizes[random() % std::size(sizes)], events - first);
      chunks.push_back(numbered_chunk(static_cast<std::int64_t>(first), size));
      receivers.push_back(follow(*chunks.back(), random() % 2 == 0 ? AckTracking::Whole : AckTracking::Prefix));
      sizes_of.push_back(size);
      first += size;
    }
  }
  /// Several senders push the chunks, each its own.
  void push_into(PipelineUnderTest& running, std::size_t senders) {
    std::vector<std::thread> threads;
    for (std::size_t s = 0; s < senders; ++s) {
      threads.emplace_back([&, s] {
        for (std::size_t i = s; i < chunks.size(); i += senders) running.push(std::move(chunks[i]));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  void check_all_delivered_once() const {
    for (std::size_t i = 0; i < receivers.size(); ++i) {
      CHECK(receivers[i]->wait() == AckResult::Delivered);
      CHECK(receivers[i]->results().size() == 1);
      const auto prefixes = receivers[i]->prefixes();
      if (!prefixes.empty()) CHECK(*std::max_element(prefixes.begin(), prefixes.end()) == sizes_of[i]);
    }
  }

  std::vector<ChunkPtr> chunks;
  std::vector<std::shared_ptr<RecordingReceiver>> receivers;
  std::vector<std::size_t> sizes_of;
};

std::map<std::int64_t, int> count_of(const std::vector<std::int64_t>& numbers) {
  std::map<std::int64_t, int> counts;
  for (const std::int64_t number : numbers) ++counts[number];
  return counts;
}

TEST_CASE("chunks cut into batches and batches made of chunks: every event is delivered once, every token ends once",
          "[acknowledgement]") {
  constexpr std::size_t kEvents = 6000;
  PipelineUnderTest running("input { test_source {} } output { test_output {} }", quick_settings(4));
  Load load(kEvents, 1);
  running.start();
  load.push_into(running, 3);
  load.check_all_delivered_once();
  running.drain();
  const auto counts = count_of(running.output().numbers());
  CHECK(counts.size() == kEvents);
  for (const auto& [number, count] : counts) CHECK(count == 1);
  CHECK(running.compiled().metrics.counter("events.in").value() == kEvents);
  CHECK(running.compiled().output_counter("events.out") == kEvents);
}

TEST_CASE("clones, drops, branches, labels and two outputs: as many copies as the configuration says, each token once",
          "[acknowledgement]") {
  constexpr std::size_t kEvents = 4000;
  PipelineUnderTest running(R"(
    input { test_source {} }
    filter {
      if [n] < 1000 { drop {} }
      else if [n] < 2000 { clone { clones => ["a", "b"] } }
      if "b" in [tags] { drop {} }
    }
    label "@LATE" { filter { if [n] < 3500 { drop {} } clone { clones => ["c"] } } output { test_output {} } }
    output { test_output {} if [n] >= 3000 { relabel { label => "@LATE" } } })",
                            quick_settings(4));
  Load load(kEvents, 2);
  running.start();
  load.push_into(running, 3);
  load.check_all_delivered_once();
  running.drain();
  const auto counts = count_of(running.output(0).numbers());
  CHECK(counts.size() == 3000);
  for (const auto& [number, count] : counts) CHECK(count == (number < 2000 ? 2 : 1));
  const auto late = count_of(running.output(1).numbers());
  CHECK(late.size() == 500);
  for (const auto& [number, count] : late) CHECK((number >= 3500 && count == 2));
}

/// Answers for an output from threads of its own: every event by itself, in any order, sometimes Permanent.
class Answering {
 public:
  Answering(FakeOutput& output, std::size_t threads) : output_(output) {
    output.hold();
    for (std::size_t t = 0; t < threads; ++t) threads_.emplace_back([this, t] { answer(t); });
  }
  ~Answering() {
    is_stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  std::atomic<std::size_t> rejected{0};

 private:
  void answer(std::size_t seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::vector<std::pair<DeliveryPtr, std::size_t>> open;
    while (!is_stopping_ || !open.empty()) {
      for (const DeliveryPtr& delivery : output_.take_held())
        for (std::size_t i = 0; i < delivery->events().size(); ++i) open.emplace_back(delivery, i);
      if (open.empty()) std::this_thread::yield();
      std::shuffle(open.begin(), open.end(), random);
      for (std::size_t i = 0; i < open.size() / 2 + 1 && !open.empty(); ++i) {
        const auto [delivery, index] = std::move(open.back());
        open.pop_back();
        const bool is_bad = random() % 7 == 0;
        if (is_bad) ++rejected;
        delivery->report(index, is_bad ? Outcome::permanent("bad") : Outcome::delivered());
      }
    }
  }

  FakeOutput& output_;
  std::atomic<bool> is_stopping_{false};
  std::vector<std::thread> threads_;
};

TEST_CASE("two outputs that answer event by event, late and out of order: each token ends once, after both",
          "[acknowledgement]") {
  constexpr std::size_t kEvents = 3000;
  PipelineUnderTest running(
      "input { test_source {} } filter { clone { clones => [\"a\"] } } output { test_output {} test_output {} }",
      quick_settings(4));
  Load load(kEvents, 3);
  std::size_t rejected = 0;
  {
    Answering first(running.output(0), 2), second(running.output(1), 2);
    running.start();
    load.push_into(running, 2);
    load.check_all_delivered_once();
    running.drain();
    rejected = first.rejected + second.rejected;
  }
  for (const std::size_t output : {0, 1}) {
    const auto counts = count_of(running.output(output).numbers());
    CHECK(counts.size() == kEvents);
    for (const auto& [number, count] : counts) CHECK(count == 2);
  }
  CHECK(rejected > 0);
  CHECK(running.compiled().output_counter("rejected", 0) + running.compiled().output_counter("rejected", 1) == rejected);
}

TEST_CASE("abandoning in full flight tells every sender exactly once, and delivered only of what was", "[acknowledgement]") {
  PipelineUnderTest running("input { test_source {} } output { test_output {} }", quick_settings(4));
  Load load(2000, 4);
  std::atomic<std::size_t> events{0};
  std::promise<void> is_abandoned;
  running.output().on_deliver = [&, abandoned = is_abandoned.get_future().share()](const Delivery& delivery) {
    if ((events += delivery.events().size()) >= 300) abandoned.wait();  // the rest is still in the queue or before it
  };
  running.start();
  std::thread breaker([&] {
    while (events < 300) std::this_thread::yield();
    running.pipeline().abandon();
    is_abandoned.set_value();
  });
  load.push_into(running, 3);
  breaker.join();
  running.drain();
  load.chunks.clear();
  const auto offered = count_of(running.output().numbers());
  std::int64_t first = 0;
  std::size_t delivered = 0;
  for (std::size_t i = 0; i < load.receivers.size(); ++i) {
    const auto results = load.receivers[i]->results();
    REQUIRE(results.size() == 1);
    if (results[0] == AckResult::Delivered) {
      ++delivered;
      for (std::size_t n = 0; n < load.sizes_of[i]; ++n) CHECK(offered.count(first + static_cast<std::int64_t>(n)) == 1);
    }
    first += static_cast<std::int64_t>(load.sizes_of[i]);
  }
  CHECK(delivered < load.receivers.size());
}

TEST_CASE("acknowledging what is queued tells the sender at the hand-over, and nothing later", "[acknowledgement]") {
  PipelineSettings settings = quick_settings(1);
  settings.acknowledge = AcknowledgeWhen::Queued;
  PipelineUnderTest running("input { test_source {} } output { test_output {} }", settings);
  running.output().hold();
  const ChunkPtr whole = numbered_chunk(0, 3), tracked = numbered_chunk(3, 40), empty = numbered_chunk(43, 0);
  const auto of_whole = follow(*whole);
  const auto of_tracked = follow(*tracked, AckTracking::Prefix);
  const auto of_empty = follow(*empty);
  for (const ChunkPtr& chunk : {whole, tracked, empty}) REQUIRE(running.push(chunk));  // no worker runs yet
  CHECK(of_whole->results() == kDelivered);
  CHECK(of_tracked->results() == kDelivered);
  CHECK(of_empty->results() == kDelivered);
  running.start();
  REQUIRE(running.output().wait_for_events(43));
  running.output().release();
  running.drain();
  CHECK(of_whole->results() == kDelivered);
  CHECK(of_tracked->results() == kDelivered);
  CHECK(of_tracked->prefixes().empty());
}

TEST_CASE("a chunk that the queue refuses is not acknowledged, neither early nor late", "[acknowledgement]") {
  for (const auto acknowledge : {AcknowledgeWhen::Queued, AcknowledgeWhen::Delivered}) {
    PipelineSettings settings = quick_settings(1);
    settings.acknowledge = acknowledge;
    PipelineUnderTest running("input { test_source {} } output { test_output {} }", settings, {1, 1024 * 1024});
    ChunkPtr taken = numbered_chunk(0, 1), refused = numbered_chunk(1, 1);
    const auto of_refused = follow(*refused);
    REQUIRE(running.sink().try_push(taken));
    CHECK_FALSE(running.sink().try_push(refused));
    CHECK_FALSE(running.sink().try_push(refused));
    REQUIRE(refused != nullptr);  // it stays with the caller
    CHECK(of_refused->results().empty());
    refused.reset();
    CHECK(of_refused->results() == kNotDelivered);
  }
}

}  // namespace
}  // namespace logboom
