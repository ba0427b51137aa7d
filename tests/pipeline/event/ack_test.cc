#include "pipeline/event/ack.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <numeric>
#include <random>
#include <thread>

#include "tests/support/recording_receiver.h"

namespace logboom {
namespace {

const std::vector<AckResult> kDelivered = {AckResult::Delivered};
const std::vector<AckResult> kNotDelivered = {AckResult::NotDelivered};

TEST_CASE("a token tells its receiver once, after the last event", "[ack]") {
  const auto receiver = std::make_shared<RecordingReceiver>();
  {
    AckToken token;
    token.set_receiver(receiver, AckTracking::Whole);
    token.arm(4);
    token.complete_many(2);
    token.complete(3);
    CHECK(token.remaining() == 1);
    CHECK_FALSE(receiver->is_finished());
    token.complete(2);
    CHECK(receiver->results() == kDelivered);
  }
  CHECK(receiver->results() == kDelivered);  // its destruction adds nothing
  CHECK(receiver->prefixes().empty());       // nobody asked for prefixes
}

TEST_CASE("a token waits for the children of its events", "[ack]") {
  const auto receiver = std::make_shared<RecordingReceiver>();
  AckToken token;
  token.set_receiver(receiver, AckTracking::Whole);
  token.arm(1);
  token.add_child(0);
  token.add_child(0);
  token.complete(0);
  token.complete(0);
  CHECK_FALSE(receiver->is_finished());
  token.complete(0);
  CHECK(receiver->results() == kDelivered);
}

TEST_CASE("a chunk without events is done when it is handed over", "[ack]") {
  const auto receiver = std::make_shared<RecordingReceiver>();
  {
    AckToken token;
    token.set_receiver(receiver, AckTracking::Prefix);
    token.arm(0);
    CHECK(receiver->results() == kDelivered);
  }
  CHECK(receiver->results() == kDelivered);
}

TEST_CASE("a token destroyed before its events are done says not delivered", "[ack]") {
  for (const auto tracking : {AckTracking::Whole, AckTracking::Prefix}) {
    const auto receiver = std::make_shared<RecordingReceiver>();
    {
      AckToken token;
      token.set_receiver(receiver, tracking);
      token.arm(3);
      token.complete(0);
      token.complete(2);
    }
    CHECK(receiver->results() == kNotDelivered);
    if (tracking == AckTracking::Prefix) CHECK(receiver->prefixes() == std::vector<std::size_t>{1});
  }
}

TEST_CASE("a token that was never handed over says nothing", "[ack]") {
  const auto receiver = std::make_shared<RecordingReceiver>();
  {
    AckToken token;
    token.set_receiver(receiver, AckTracking::Whole);
  }
  CHECK(receiver->results().empty());
}

TEST_CASE("a receiver that was taken away is not told", "[ack]") {
  const auto receiver = std::make_shared<RecordingReceiver>();
  {
    AckToken token;
    token.set_receiver(receiver, AckTracking::Whole);
    token.arm(2);
    CHECK(token.has_receiver());
    CHECK(token.release_receiver() == receiver);
    CHECK_FALSE(token.has_receiver());
    token.complete(0);
  }
  CHECK(receiver->results().empty());
}

TEST_CASE("a finished prefix ends before the first event that is not done, children included", "[ack]") {
  const auto receiver = std::make_shared<RecordingReceiver>();
  AckToken token;
  token.set_receiver(receiver, AckTracking::Prefix);
  token.arm(4);
  token.add_child(1);
  token.complete(3);
  token.complete(1);
  CHECK(receiver->prefixes().empty());
  token.complete(0);
  CHECK(receiver->prefixes() == std::vector<std::size_t>{1});  // event 1 has an unfinished child
  token.complete(1);
  CHECK(receiver->prefixes() == std::vector<std::size_t>{1, 2});
  CHECK_FALSE(receiver->is_finished());
  token.complete(2);
  CHECK(receiver->prefixes() == std::vector<std::size_t>{1, 2, 4});
  CHECK(receiver->results() == kDelivered);
}

/// Holds every reported prefix against what is really done. Counts instead of asserting: it is called on many threads.
class CheckingReceiver final : public AckReceiver {
 public:
  explicit CheckingReceiver(std::size_t events) : is_done(events) {}

  void prefix_finished(std::size_t finished_events) override {
    for (std::size_t i = 0; i < finished_events; ++i)
      if (!is_done[i].load()) ++lies;
    std::size_t known = largest.load();
    while (known < finished_events && !largest.compare_exchange_weak(known, finished_events)) {
    }
    thread_local const void* told_of = nullptr;
    thread_local std::size_t told_last = 0;
    if (told_of == this && finished_events <= told_last) ++steps_back;
    told_of = this;
    told_last = finished_events;
  }
  void finished(AckResult result) override {
    if (result != AckResult::Delivered || largest.load() != is_done.size()) ++lies;
    ++ends;
  }

  std::vector<std::atomic<bool>> is_done;
  std::atomic<std::size_t> largest{0};
  std::atomic<int> lies{0};
  std::atomic<int> steps_back{0};
  std::atomic<int> ends{0};
};

TEST_CASE("prefixes are true, grow on each thread and end at the full count, in whatever order threads finish events",
          "[ack]") {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEvents = 400;
  for (unsigned seed = 1; seed <= 25; ++seed) {
    const auto receiver = std::make_shared<CheckingReceiver>(kEvents);
    AckToken token;
    token.set_receiver(receiver, AckTracking::Prefix);
    token.arm(kEvents);
    // Neighbours end on different threads, every third event has a child that ends elsewhere.
    std::vector<std::vector<std::size_t>> work(kThreads);
    std::vector<std::atomic<int>> open(kEvents);
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < kEvents; ++i) {
      open[i] = 1;
      work[random() % kThreads].push_back(i);
      if (i % 3 != 0) continue;
      token.add_child(static_cast<std::uint32_t>(i));
      ++open[i];
      work[random() % kThreads].push_back(i);
    }
    // Half of the runs nearly in order, where borders meet; half at random.
    for (auto& list : work)
      if (seed % 2 == 0) std::shuffle(list.begin(), list.end(), random);
    std::atomic<bool> may_go{false};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        while (!may_go.load()) std::this_thread::yield();
        for (const std::size_t event : work[t]) {
          if (--open[event] == 0) receiver->is_done[event] = true;
          token.complete(static_cast<std::uint32_t>(event));
        }
      });
    }
    may_go = true;
    for (std::thread& thread : threads) thread.join();
    CAPTURE(seed);
    CHECK(receiver->lies.load() == 0);
    CHECK(receiver->steps_back.load() == 0);
    CHECK(receiver->largest.load() == kEvents);
    CHECK(receiver->ends.load() == 1);
    CHECK(token.remaining() == 0);
  }
}

}  // namespace
TEST_CASE("the time to the last event's end is observed once; a token that is given up observes nothing", "[ack]") {
  Histogram latency;
  {
    AckToken token;
    token.set_latency(&latency);
    token.arm(2);
    token.complete(0);
    CHECK(latency.total() == 0);
    token.complete(1);
  }
  CHECK(latency.total() == 1);
  {
    AckToken given_up;
    given_up.set_latency(&latency);
    given_up.arm(1);
  }
  CHECK(latency.total() == 1);
}

}  // namespace logboom
