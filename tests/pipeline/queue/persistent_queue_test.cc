#include "pipeline/queue/persistent_queue.h"

#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "pipeline/event/event_identity.h"
#include "tests/support/memory_files.h"
#include "tests/support/stored_events.h"

namespace logboom {
namespace {

using namespace std::chrono_literals;

/// A queue on a file system in memory; commit() is the test's own unless it has a thread.
class TestQueue {
 public:
  TestQueue() {
    options.store.directory = "/queue";
    options.store.name = "main";
    options.store.files = &files;
    options.store.has_thread = false;
    options.store.segment_bytes = 64 * 1024;
  }
  PersistentQueue& open() {
    auto opened = PersistentQueue::open(options, metrics);
    if (!opened) FAIL(opened.error().message);
    queue = std::move(*opened);
    return *queue;
  }
  /// An orderly end and a new start.
  PersistentQueue& restart() {
    queue->finish(1s);
    queue.reset();
    return open();
  }
  bool push(std::int64_t first, std::size_t count, std::size_t bytes = 20) {
    ChunkPtr chunk = numbered_chunk(*queue, first, count, bytes, sources);
    return queue->try_push(chunk);
  }
  std::vector<std::int64_t> pop(std::size_t most) {
    std::vector<std::int64_t> ids;
    const BatchPtr batch = pop_batch(*queue, most, 5s);
    if (batch == nullptr) return ids;
    for (const Event* event : batch->events()) ids.push_back(id_of(*event));
    held.push_back(batch);
    return ids;
  }

  MemoryFiles files;
  MetricScope metrics;
  PersistentQueueOptions options;
  Acknowledged sources;
  std::unique_ptr<PersistentQueue> queue;
  std::vector<BatchPtr> held;
};

std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t end) {
  std::vector<std::int64_t> all;
  for (std::int64_t id = first; id < end; ++id) all.push_back(id);
  return all;
}

TEST_CASE("a source is told when its events are synced, not before, though workers have them already", "[queue]") {
  TestQueue test;
  PersistentQueue& queue = test.open();
  REQUIRE(test.push(0, 3));
  CHECK(test.pop(10) == numbers(0, 3));
  Batch::complete(test.held[0]->events());
  CHECK(test.sources.delivered().empty());
  REQUIRE(queue.store().commit());
  CHECK(test.sources.delivered() == std::set<std::int64_t>{0, 1, 2});
}

TEST_CASE("a source whose chunk the queue never took is told that it was not", "[queue]") {
  TestQueue test;
  PersistentQueue& queue = test.open();
  { const ChunkPtr chunk = numbered_chunk(queue, 0, 2, 10, test.sources); }
  CHECK(test.sources.refused() == std::set<std::int64_t>{0, 1});
}

TEST_CASE("a chunk without events is done at once", "[queue]") {
  TestQueue test;
  PersistentQueue& queue = test.open();
  ChunkPtr chunk = numbered_chunk(queue, 0, 0, 10, test.sources);
  CHECK(queue.try_push(chunk));
  CHECK(queue.fill().events == 0);
}

TEST_CASE("events that are done before an orderly end do not come again, also in the middle of a chunk", "[queue]") {
  TestQueue test;
  test.open();
  REQUIRE(test.push(0, 10));
  REQUIRE(test.push(10, 5));
  CHECK(test.pop(12) == numbers(0, 12));
  std::vector<Event*> done;
  for (Event* event : test.held[0]->events())
    if (id_of(*event) % 3 == 0) done.push_back(event);
  Batch::complete(done);
  test.restart();
  test.held.clear();  // tokens of the earlier life: nobody listens any more
  CHECK(test.pop(6) == std::vector<std::int64_t>{1, 2, 4, 5, 7, 8});
  CHECK(test.pop(100) == std::vector<std::int64_t>{10, 11, 12, 13, 14});
}

TEST_CASE("what does not fit into memory is read back from disk, in order", "[queue]") {
  TestQueue test;
  test.options.memory_bytes = 20'000;
  PersistentQueue& queue = test.open();
  for (std::int64_t first = 0; first < 1000; first += 10) {
    REQUIRE(test.push(first, 10, 200));
    if (first % 100 == 0) queue.store().commit();
  }
  queue.store().commit();
  std::vector<std::int64_t> all;
  while (all.size() < 1000) {
    const auto some = test.pop(64);
    REQUIRE_FALSE(some.empty());
    all.insert(all.end(), some.begin(), some.end());
    Batch::complete(test.held.back()->events());
    test.held.clear();
  }
  CHECK(all == numbers(0, 1000));
  CHECK(queue.fill().events == 0);
  CHECK(test.push(1000, 1));
  CHECK(test.pop(10) == numbers(1000, 1001));
}

TEST_CASE("a full queue refuses until segments are done, and then calls who waits", "[queue]") {
  TestQueue test;
  test.options.max_bytes = 512 * 1024;
  PersistentQueue& queue = test.open();
  std::int64_t taken = 0;
  while (test.push(taken, 1, 10'000)) {
    ++taken;
    queue.store().commit();
    REQUIRE(taken < 1000);
  }
  CHECK(queue.fill().bytes >= 512 * 1024);
  bool was_called = false;
  queue.call_when_room([&] { was_called = true; });
  CHECK_FALSE(was_called);
  for (std::int64_t done = 0; done < taken / 2;) {
    const auto ids = test.pop(10);
    REQUIRE_FALSE(ids.empty());
    done += static_cast<std::int64_t>(ids.size());
    Batch::complete(test.held.back()->events());
  }
  queue.store().commit();
  CHECK(was_called);
  CHECK(test.push(taken, 1, 10'000));
}

TEST_CASE("queue.max_events counts what is not delivered", "[queue]") {
  TestQueue test;
  test.options.max_events = 4;
  PersistentQueue& queue = test.open();
  CHECK(test.push(0, 3));
  CHECK(test.push(3, 3));  // the last one may pass the limit
  CHECK_FALSE(test.push(6, 1));
  bool was_called = false;
  queue.call_when_room([&] { was_called = true; });
  CHECK(test.pop(4) == numbers(0, 4));
  Batch::complete(test.held[0]->events());
  CHECK(was_called);
  CHECK(test.push(6, 1));
}

TEST_CASE("while the disk refuses nothing is taken, nothing is lost, and it goes on when it clears", "[queue]") {
  const auto broken = GENERATE(MemoryFiles::Operation::Write, MemoryFiles::Operation::Sync, MemoryFiles::Operation::Create,
                               MemoryFiles::Operation::Allocate, MemoryFiles::Operation::SyncDirectory);
  const bool has_segment = GENERATE(false, true);
  CAPTURE(static_cast<int>(broken), has_segment);
  TestQueue test;
  PersistentQueue& queue = test.open();
  if (has_segment) {
    REQUIRE(test.push(100, 5));
    REQUIRE(queue.store().commit());
  }
  test.files.set_fault([broken](MemoryFiles::Operation operation, const std::string&) -> std::optional<Error> {
    if (operation == broken) return Error{ErrorCode::Full, "no space left on device"};
    return std::nullopt;
  });
  REQUIRE(test.push(0, 5, 70'000));  // more than a segment: needs a new one too
  REQUIRE(test.push(5, 5));
  const bool has_failed = !queue.store().commit();
  if (has_failed) {
    CHECK(test.sources.delivered().count(9) == 0);
    CHECK_FALSE(test.push(10, 5));
    CHECK(queue.store().facts().problem == "no space left on device");
  }
  bool was_called = false;
  queue.call_when_room([&] { was_called = true; });
  test.files.set_fault(nullptr);
  REQUIRE(queue.store().commit());
  CHECK(was_called);
  CHECK(test.sources.delivered().count(9) == 1);
  REQUIRE(test.push(10, 5));
  REQUIRE(queue.store().commit());
  std::mt19937_64 random(5);
  test.files.cut_power(random);
  test.files.power_on();
  test.queue.reset();
  test.open();
  const auto seen = drain_queue(*test.queue);
  for (std::int64_t id = 0; id < 15; ++id) CHECK(seen.count(id) == 1);
  CHECK(test.queue->store().facts().lost == 0);
}

TEST_CASE("what cannot be written at the end is refused, not lost in silence", "[queue]") {
  TestQueue test;
  PersistentQueue& queue = test.open();
  REQUIRE(test.push(0, 2));
  test.files.set_fault([](MemoryFiles::Operation operation, const std::string&) -> std::optional<Error> {
    if (operation == MemoryFiles::Operation::Sync) return Error{ErrorCode::Io, "Input/output error"};
    return std::nullopt;
  });
  queue.finish(0ms);
  CHECK(test.sources.refused() == std::set<std::int64_t>{0, 1});
}

TEST_CASE("events that somebody let go of come again", "[queue]") {
  TestQueue test;
  PersistentQueue& queue = test.open();
  REQUIRE(test.push(0, 6));
  REQUIRE(queue.store().commit());
  CHECK(test.pop(10) == numbers(0, 6));
  Batch::complete(std::span<Event* const>(test.held[0]->events()).subspan(0, 2));
  test.held.clear();
  CHECK(test.pop(10) == numbers(2, 6));
}

TEST_CASE("page size, compression and key may change on a queue that is not empty", "[queue]") {
  TestQueue test;
  test.open();
  REQUIRE(test.push(0, 20, 3000));
  test.options.store.keys = *StoreKeys::parse(std::string(64, '1'));
  test.options.store.segment_bytes = 128 * 1024;
  test.restart();
  REQUIRE(test.push(20, 20, 3000));
  test.options.store.compression = StoreCompression::Size;
  test.options.store.keys = *StoreKeys::parse(std::string(64, '2') + " " + std::string(64, '1'));
  test.restart();
  REQUIRE(test.push(40, 20, 3000));
  test.restart();
  std::vector<std::int64_t> all;
  while (all.size() < 60) {
    const auto some = test.pop(100);
    REQUIRE_FALSE(some.empty());
    all.insert(all.end(), some.begin(), some.end());
  }
  CHECK(all == numbers(0, 60));

  SECTION("without the old key the queue does not open, and says which one is wanted") {
    test.queue->finish(1s);
    test.queue.reset();
    test.options.store.keys = *StoreKeys::parse(std::string(64, '2'));
    const auto opened = PersistentQueue::open(test.options, test.metrics);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::InvalidArgument);
    CHECK_THAT(opened.error().message, Catch::Contains("encrypted with a key that was not given"));
  }
}

TEST_CASE("nothing of an event can be read in the files of an encrypted queue", "[queue]") {
  TestQueue test;
  const bool is_encrypted = GENERATE(true, false);
  if (is_encrypted) test.options.store.keys = *StoreKeys::parse(std::string(64, 'f'));
  PersistentQueue& queue = test.open();
  ChunkPtr chunk = numbered_chunk(queue, 0, 1, 10, test.sources);
  chunk->events()[0]->fields().set(chunk->arena(), intern_key("secret"), Value::string("correct horse battery staple"));
  REQUIRE(queue.try_push(chunk));
  REQUIRE(queue.store().commit());
  bool is_there = false;
  for (const std::string& path : test.files.paths())
    is_there |= test.files.content(path).find("correct horse") != std::string::npos;
  CHECK(is_there != is_encrypted);
}

TEST_CASE("a chunk of many megabytes is kept whole", "[queue]") {
  TestQueue test;
  PersistentQueue& queue = test.open();
  REQUIRE(test.push(0, 2, 20'000'000));
  REQUIRE(queue.store().commit());
  test.restart();
  CHECK(test.pop(1) == numbers(0, 1));
  CHECK(test.pop(1) == numbers(1, 2));
}

TEST_CASE("events that no segment holds, whatever became of their files, are counted as lost, and the queue goes on",
          "[queue]") {
  StoreState state;  // of a disk that forgot what it had synced
  state.generation = 7;
  state.next_sequence = 50;
  state.next_segment = 3;
  TestQueue test;
  test.options.store.has_thread = true;
  test.files.set_content("/queue/state.0", write_store_state(state));
  PersistentQueue& queue = test.open();
  REQUIRE(test.push(0, 10));
  CHECK(drain_queue(queue).size() == 10);
  CHECK(queue.is_drained());
  CHECK(queue.lost_events() == 50);
  CHECK(queue.fill().events == 0);
}

TEST_CASE("two queues never share a directory", "[queue]") {
  TestQueue test;
  test.open();
  const auto second = PersistentQueue::open(test.options, test.metrics);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::AlreadyExists);
}

/// A queue beside a simple model of it: random actions, orderly restarts, no crash. Everything comes exactly once, in order
/// within a life.
class ModelRound {
 public:
  explicit ModelRound(std::uint64_t seed) : random_(seed) {
    test_.options.store.has_thread = random_() % 2 == 0;
    test_.options.store.checkpoint_acks = 1 + random_() % 30;
    test_.options.store.checkpoint_interval = 1ms;
    test_.options.memory_bytes = random_() % 2 == 0 ? 15'000 : 32 * 1024 * 1024;
    const StoreSync syncs[] = {StoreSync::Always, StoreSync::Interval, StoreSync::Never};
    test_.options.store.sync = syncs[random_() % 3];
    if (random_() % 4 == 0) test_.options.store.compression = StoreCompression::Speed;
  }

  void run() {
    test_.open();
    const auto actions = 20 + random_() % 150;
    for (std::uint64_t i = 0; i < actions; ++i) act();
    test_.options.store.has_thread = true;
    restart();
    for (const auto& [id, times] : drain_queue(*test_.queue)) {
      CHECK(times == 1);
      CHECK(open_.erase(id) == 1);
    }
    CHECK(open_.empty());
    test_.queue->finish(1s);
    test_.queue.reset();
    // Nothing is left: an orderly start finds an empty queue.
    CHECK(test_.open().fill().events == 0);
  }

 private:
  void act() {
    PersistentQueue& queue = *test_.queue;
    const auto kind = random_() % 20;
    if (kind < 8) {
      const std::size_t count = 1 + random_() % 30;
      REQUIRE(test_.push(next_id_, count, random_() % 10 == 0 ? 5000 : random_() % 200));
      for (std::size_t i = 0; i < count; ++i) open_.insert(next_id_++);
    } else if (kind < 11) {
      if (!test_.options.store.has_thread) REQUIRE(queue.store().commit());
    } else if (kind < 15) {
      const BatchPtr batch = pop_batch(queue, 1 + random_() % 50);
      if (batch == nullptr) return;
      for (Event* event : batch->events()) {
        const std::int64_t id = id_of(*event);
        CHECK(open_.count(id) == 1);
        CHECK(id > last_);
        last_ = id;
        given_.emplace_back(batch, event);
      }
    } else if (kind < 19) {
      for (auto left = random_() % 40; left > 0 && !given_.empty(); --left) {
        const std::size_t which = random_() % given_.size();
        CHECK(open_.erase(id_of(*given_[which].second)) == 1);
        Batch::complete({&given_[which].second, 1});
        given_.erase(given_.begin() + static_cast<std::ptrdiff_t>(which));
      }
    } else {
      restart();
    }
  }
  void restart() {
    test_.queue->finish(1s);
    if (random_() % 2 == 0) given_.clear();
    test_.restart();
    given_.clear();
    last_ = -1;
  }

  std::mt19937_64 random_;
  TestQueue test_;
  std::set<std::int64_t> open_;  // taken and not done
  std::vector<std::pair<BatchPtr, Event*>> given_;
  std::int64_t next_id_ = 0;
  std::int64_t last_ = -1;
};

TEST_CASE("the queue does what a simple model of it does", "[queue][model]") {
  const std::uint64_t first = seed_or(1);
  for (std::uint64_t seed = first; seed < first + rounds_or(200); ++seed) {
    CAPTURE(seed);
    ModelRound(seed).run();
  }
}

TEST_CASE("events keep their names over a restart, those of a lasting source and all others", "[queue][event_identity]") {
  want_event_identities();
  TestQueue test;
  test.options.store.has_thread = true;
  test.open();
  const auto names_of = [](const BatchPtr& batch) {
    std::vector<std::string> names;
    for (const Event* event : batch->events()) {
      const auto identity = event_identity(*event);
      REQUIRE(identity);
      CHECK(identity->is_lasting);
      names.emplace_back(identity->text());
    }
    const auto of_copy = event_identity(*batch->clone(*batch->events()[0]));
    REQUIRE(of_copy);
    names.emplace_back(of_copy->text());
    return names;
  };
  ChunkPtr sourced = numbered_chunk(*test.queue, 3, 2, 20, test.sources);
  sourced->token().set_source(std::make_unique<EventSource>(EventSource{"s", {7, 7}, {}}));
  REQUIRE(test.push(0, 3));
  REQUIRE(test.queue->try_push(sourced));
  const BatchPtr before = pop_batch(*test.queue, 10, 5s);
  REQUIRE(before != nullptr);
  REQUIRE(before->size() == 5);
  const auto names = names_of(before);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == 6);
  test.restart();
  const auto after = std::make_shared<Batch>();
  while (after->size() < 5) REQUIRE(test.queue->pop(*after, 5 - after->size(), 0ms, std::chrono::steady_clock::now() + 5s));
  CHECK(names_of(after) == names);
}

TEST_CASE("an event that takes the number of one that never reached the disk has a name of its own",
          "[queue][event_identity]") {
  want_event_identities();
  TestQueue test;
  PersistentQueue& queue = test.open();
  REQUIRE(queue.store().commit());
  REQUIRE(test.push(0, 1));
  const BatchPtr first = pop_batch(queue, 10, 5s);
  REQUIRE(first != nullptr);
  const std::string name(event_identity(*first->events()[0])->text());
  std::mt19937_64 random(1);
  test.files.cut_power(random);  // nothing was written
  test.queue.reset();
  test.files.power_on();
  test.open();
  REQUIRE(test.push(1, 1));
  const BatchPtr second = pop_batch(*test.queue, 10, 5s);
  REQUIRE(second != nullptr);
  CHECK(test.queue->taken_events() == 1);  // the same number again
  CHECK(event_identity(*second->events()[0])->text() != name);
}

}  // namespace
}  // namespace logboom
