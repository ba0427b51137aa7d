#include "pipeline/store/segment_store.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/memory_files.h"

namespace logboom {
namespace {

StoreOptions options_in(MemoryFiles& files) {
  StoreOptions options;
  options.directory = "/queue";
  options.files = &files;
  options.segment_bytes = 64 * 1024;
  options.has_thread = false;
  return options;
}

std::unique_ptr<SegmentStore> open_store(StoreOptions options) {
  auto store = SegmentStore::open(std::move(options));
  if (!store) FAIL(store.error().message);
  return std::move(*store);
}

/// One payload per event: records as "first: payload", gaps as "gap first-end".
std::vector<std::string> read_all(SegmentStore& store, std::uint64_t from) {
  std::vector<std::string> all;
  const auto reader = store.reader(from);
  StoredRecord record;
  for (;;) {
    const auto found = reader->next(record);
    REQUIRE(found);
    if (*found == StoreReader::Found::End) return all;
    if (*found == StoreReader::Found::Gap) {
      all.push_back("gap " + std::to_string(reader->gap_first()) + "-" + std::to_string(reader->position()));
    } else {
      all.push_back(std::to_string(record.head.first_sequence) + ": " + std::string(record.payload.view()));
    }
  }
}

TEST_CASE("records come back in order, after a restart too", "[store]") {
  MemoryFiles files;
  {
    const auto store = open_store(options_in(files));
    CHECK(store->append("one", 1, 0, nullptr) == 0);
    CHECK(store->append("two and three", 2, 0, nullptr) == 1);
    CHECK(store->append(std::string(), 1, 0, nullptr) == 3);
    REQUIRE(store->commit());
    CHECK(read_all(*store, 0) == std::vector<std::string>{"0: one", "1: two and three", "3: "});
    store->close(std::chrono::milliseconds(0));
  }
  const auto store = open_store(options_in(files));
  CHECK(store->recovery().findings.empty());
  CHECK(store->append("four", 1, 0, nullptr) == 4);
  REQUIRE(store->commit());
  CHECK(read_all(*store, 1) == std::vector<std::string>{"1: two and three", "3: ", "4: four"});
}

TEST_CASE("an append is called safe by the commit that syncs it, in order", "[store]") {
  MemoryFiles files;
  const auto store = open_store(options_in(files));
  std::vector<int> safe;
  for (int i = 0; i < 3; ++i) store->append("x", 1, 0, [&safe, i](bool is_safe) { safe.push_back(is_safe ? i : -1); });
  CHECK(safe.empty());
  REQUIRE(store->commit());
  CHECK(safe == std::vector<int>{0, 1, 2});
}

TEST_CASE("a segment is deleted when all of it is done, in whatever order", "[store]") {
  MemoryFiles files;
  const auto store = open_store(options_in(files));
  for (int i = 0; i < 40; ++i) store->append(std::string(10'000, 'a'), 1, 0, nullptr);
  REQUIRE(store->commit());
  const auto before = store->segments();
  REQUIRE(before.size() > 3);
  store->mark_done(before[1].first_sequence, before[1].end_sequence);
  REQUIRE(store->commit());
  CHECK(store->segments().size() == before.size() - 1);
  store->mark_done(before[0].first_sequence, before[0].end_sequence);
  REQUIRE(store->commit());
  CHECK(store->segments().size() == before.size() - 2);
  CHECK(store->facts().frontier == before[1].end_sequence);
  CHECK(store->facts().waiting == 40 - before[1].end_sequence);
}

TEST_CASE("after a failed sync everything since the last good one is written again, to another segment", "[store]") {
  MemoryFiles files;
  std::vector<std::string> expected;
  {
    const auto store = open_store(options_in(files));
    int safe = 0;
    const auto count = [&safe](bool is_safe) { safe += is_safe ? 1 : 0; };
    store->append("a", 1, 0, count);
    REQUIRE(store->commit());
    files.set_fault([](MemoryFiles::Operation operation, const std::string&) -> std::optional<Error> {
      if (operation == MemoryFiles::Operation::Sync) return Error{ErrorCode::Io, "syncing: Input/output error"};
      return std::nullopt;
    });
    store->append("b", 1, 0, count);
    CHECK_FALSE(store->commit());
    CHECK(store->is_failing());
    CHECK(safe == 1);
    store->append("c", 1, 0, count);
    CHECK_FALSE(store->commit());
    files.set_fault(nullptr);
    REQUIRE(store->commit());
    CHECK_FALSE(store->is_failing());
    CHECK(safe == 3);
    expected = {"0: a", "1: b", "2: c"};
    CHECK(read_all(*store, 0) == expected);
    std::mt19937_64 random(1);
    files.cut_power(random);
  }
  files.power_on();
  const auto store = open_store(options_in(files));
  CHECK(read_all(*store, 0) == expected);
}

TEST_CASE("a record larger than a segment is kept whole", "[store]") {
  MemoryFiles files;
  std::string large(3'000'000, '\0');
  std::mt19937_64 random(3);
  for (char& byte : large) byte = static_cast<char>(random());
  {
    const auto store = open_store(options_in(files));
    store->append(large, 1, 0, nullptr);
    store->append("small", 1, 0, nullptr);
    REQUIRE(store->commit());
  }
  const auto store = open_store(options_in(files));
  const auto all = read_all(*store, 0);
  REQUIRE(all.size() == 2);
  CHECK(all[0] == "0: " + large);
  CHECK(all[1] == "1: small");
}

}  // namespace
}  // namespace logboom
