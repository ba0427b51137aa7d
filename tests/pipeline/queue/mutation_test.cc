// A queue directory that somebody or something has damaged: it opens by itself, gives every intact record, and says exactly
// what is lost. ROUNDS=10000 SEED=… pipeline_queue_tests "[mutation]" runs it longer.
#include <time.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/support/memory_files.h"
#include "tests/support/stored_events.h"

namespace logboom {
namespace {

/// Where a record's bytes stand, found by a reader of the test's own, written after docs/formats/segment.md.
struct RecordPlace {
  std::string path;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::vector<std::pair<std::size_t, std::size_t>> bytes;  // [from, to)
};

template <class Number>
Number number_at(const std::string& bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

std::vector<RecordPlace> places_of(const std::string& path, const std::string& segment) {
  constexpr std::size_t kBlock = 32 * 1024;
  std::vector<RecordPlace> places;
  for (std::size_t at = 4096; at + 48 <= segment.size();) {
    if (kBlock - at % kBlock < 48) at = (at / kBlock + 1) * kBlock;
    if (at + 48 > segment.size()) break;
    const int kind = segment[at + 6];
    if (kind == 0) break;
    RecordPlace place;
    place.path = path;
    place.first = number_at<std::uint64_t>(segment, at + 8);
    place.count = number_at<std::uint32_t>(segment, at + 8 + 24);
    for (int part = kind;; part = segment[at + 6]) {
      const std::size_t end = at + 8 + number_at<std::uint16_t>(segment, at + 4);
      place.bytes.emplace_back(at, end);
      at = (end + 7) / 8 * 8;
      if (part == 1 || part == 4) break;
    }
    places.push_back(std::move(place));
  }
  return places;
}

class MutationRound {
 public:
  explicit MutationRound(std::uint64_t seed) : random_(seed) {
    options_.store.directory = "/queue";
    options_.store.name = "main";
    options_.store.files = &files_;
    options_.store.segment_bytes = 64 * 1024;
    options_.store.checkpoint_acks = 10;
    options_.memory_bytes = 64 * 1024;
    if (random_() % 4 == 0) options_.store.compression = StoreCompression::Speed;
  }

  void run() {
    fill();
    remember();
    const auto mutations = 1 + random_() % 3;
    for (std::uint64_t i = 0; i < mutations; ++i) mutate();
    check();
  }

 private:
  void fill() {
    auto queue = std::move(*PersistentQueue::open(options_, metrics_));
    const auto chunks = 20 + random_() % 100;
    for (std::uint64_t i = 0; i < chunks; ++i) {
      const std::size_t count = 1 + random_() % 20;
      const std::size_t bytes = random_() % 30 == 0 ? 40'000 + random_() % 60'000 : random_() % 400;
      ChunkPtr chunk = numbered_chunk(*queue, next_id_, bytes > 1000 ? 1 : count, bytes, acknowledged_);
      const auto taken = static_cast<std::int64_t>(chunk->events().size());
      REQUIRE(queue->try_push(chunk));
      next_id_ += taken;
    }
    REQUIRE(queue->store().wait_until_safe(std::chrono::seconds(30)));
    // Some are delivered: in order at first, a few out of order behind.
    const auto batches = random_() % 8;
    for (std::uint64_t i = 0; i < batches; ++i) {
      const BatchPtr batch = pop_batch(*queue, 1 + random_() % 60, std::chrono::milliseconds(200));
      if (batch == nullptr) break;
      std::vector<Event*> done;
      for (Event* event : batch->events())
        if (i < 4 || random_() % 2 == 0) done.push_back(event);
      for (const Event* event : done) delivered_.insert(id_of(*event));
      Batch::complete(done);
    }
    queue->finish(std::chrono::seconds(10));
  }

  /// Events have their sequence numbers as ids.
  void remember() {
    for (const std::string& path : files_.paths()) {
      before_[path] = files_.content(path);
      if (path.find(".segment") == std::string::npos) continue;
      for (RecordPlace& place : places_of(path, before_[path])) places_.push_back(std::move(place));
    }
    // All that is not delivered is there to be damaged.
    std::set<std::int64_t> stored;
    for (const RecordPlace& place : places_)
      for (std::uint64_t i = 0; i < place.count; ++i) stored.insert(static_cast<std::int64_t>(place.first + i));
    for (std::int64_t id = 0; id < next_id_; ++id) REQUIRE((stored.count(id) > 0 || delivered_.count(id) > 0));
    now_ = before_;
  }

  void mutate() {
    std::vector<std::string> paths;
    for (const auto& [path, bytes] : now_)
      if (path.find("lock") == std::string::npos) paths.push_back(path);
    if (paths.empty()) return;
    const std::string& path = paths[random_() % paths.size()];
    std::string& bytes = now_[path];
    switch (random_() % 6) {
      case 0:
        if (!bytes.empty()) bytes[random_() % bytes.size()] ^= static_cast<char>(1 << random_() % 8);
        break;
      case 1: {
        const std::size_t from = random_() % (bytes.size() + 1);
        const std::size_t size = std::min<std::size_t>(bytes.size() - from, random_() % 50'000);
        std::memset(bytes.data() + from, 0, size);
        break;
      }
      case 2: bytes.resize(random_() % (bytes.size() + 1)); break;
      case 3: now_.erase(path); break;
      case 4: {
        const std::string& other = paths[random_() % paths.size()];
        std::swap(now_[path], now_[other]);
        break;
      }
      case 5:
        for (auto left = random_() % 20'000; left > 0; --left) bytes += static_cast<char>(random_());
        break;
    }
  }

  /// A record is intact when its bytes are where they were, in a file of its segment: that has the segment's header or name.
  /// One that has neither may be recognised or not.
  bool is_intact(const RecordPlace& place) {
    const std::string& original = before_.at(place.path);
    bool is_somewhere = false;
    for (const auto& [path, bytes] : now_) {
      bool has_bytes = true;
      for (const auto& [from, to] : place.bytes)
        has_bytes = has_bytes && bytes.size() >= to && bytes.compare(from, to - from, original, from, to - from) == 0;
      if (!has_bytes) continue;
      is_somewhere = true;
      if (path == place.path || bytes.compare(0, 64, original, 0, 64) == 0) return true;
      if (bytes.size() > 2112 && bytes.compare(2048, 64, original, 2048, 64) == 0) return true;
    }
    has_foundlings_ |= is_somewhere;
    return false;
  }

  void check() {
    files_.kill_process();
    for (const auto& [path, bytes] : before_)
      if (now_.count(path) == 0) (void)files_.remove(path).has_value();
    for (const auto& [path, bytes] : now_)
      if (before_[path] != bytes) files_.set_content(path, bytes);

    std::set<std::int64_t> expected;
    std::uint64_t injected = 0;
    for (const RecordPlace& place : places_) {
      const bool is_there = is_intact(place);
      for (std::uint64_t i = 0; i < place.count; ++i) {
        const auto id = static_cast<std::int64_t>(place.first + i);
        if (delivered_.count(id) > 0) continue;
        if (is_there) expected.insert(id);
        if (!is_there) ++injected;
      }
    }

    const double start = cpu_seconds();
    auto opened = PersistentQueue::open(options_, metrics_);
    REQUIRE(opened);
    CHECK(cpu_seconds() - start < 2);
    const bool is_at_least = (*opened)->store().recovery().is_lost_at_least;
    const auto seen = drain_queue(**opened);
    const std::uint64_t reported = (*opened)->store().facts().lost;
    CAPTURE(is_at_least, injected, reported);
    for (const std::int64_t id : expected)
      if (seen.count(id) == 0) FAIL_CHECK("event " << id << " is intact and was not given");
    for (const auto& [id, times] : seen) {
      if (id < 0) FAIL_CHECK("an event that nobody made");
      if (times != 1) FAIL_CHECK("event " << id << " came " << times << " times");
      if (!is_at_least && delivered_.count(id) > 0) FAIL_CHECK("event " << id << " was delivered before");
    }
    bool has_bytes = false;
    for (const auto& [path, bytes] : now_) has_bytes |= bytes.find_first_not_of('\0') != std::string::npos;
    if (!has_bytes) {  // all files deleted or emptied: a new queue, for all that anybody can know
      CHECK(seen.empty());
      return;
    }
    const bool has_state = is_state_intact("/queue/state.0") || is_state_intact("/queue/state.1");
    CHECK(is_at_least == !has_state);
    // Without a state nobody knows what lies before the first and behind the last record that is left, and what was
    // delivered.
    if (!is_at_least && !has_foundlings_) CHECK(reported == injected);
    if (!is_at_least && has_foundlings_) CHECK(reported <= injected);
  }

  bool is_state_intact(const std::string& slot) const {
    const std::string& original = before_.at(slot);
    const std::size_t size = 16 + number_at<std::uint32_t>(original, 8);
    for (const auto& [path, bytes] : now_)
      if (bytes.size() >= size && bytes.compare(0, size, original, 0, size) == 0) return true;
    return false;
  }

  std::mt19937_64 random_;
  MemoryFiles files_;
  MetricScope metrics_;
  PersistentQueueOptions options_;
  Acknowledged acknowledged_;
  std::set<std::int64_t> delivered_;
  std::int64_t next_id_ = 0;
  std::map<std::string, std::string> before_, now_;
  std::vector<RecordPlace> places_;
  bool has_foundlings_ = false;  // records in files that have neither their header nor their name
};

TEST_CASE("a damaged queue gives every intact record and reports as lost exactly what is", "[queue][mutation]") {
  const std::uint64_t first = seed_or(1);
  for (std::uint64_t seed = first; seed < first + rounds_or(150); ++seed) {
    CAPTURE(seed);
    MutationRound(seed).run();
  }
}

}  // namespace
}  // namespace logboom
