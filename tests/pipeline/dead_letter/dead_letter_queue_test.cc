// The dead-letter queue over a file system in memory: what goes in comes out, limits hold, a refusing disk loses nothing.
#include "pipeline/dead_letter/dead_letter_queue.h"

#include <catch2/catch.hpp>

#include "pipeline/dead_letter/entry_cursor.h"
#include "pipeline/dead_letter/entry_selection.h"
#include "tests/support/json_events.h"
#include "tests/support/memory_files.h"

using Catch::Contains;

namespace logboom {
namespace {

using Taken = DeadLetterSink::Taken;

class SetClock final : public Clock {
 public:
  std::int64_t wall_nanoseconds() const override { return seconds * 1'000'000'000; }
  std::chrono::steady_clock::time_point steady_now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t seconds = 1'700'000'000;
};

/// A queue whose disk and clock are the test's; nothing is written but in commit().
class Rig {
 public:
  explicit Rig(DeadLetterOptions options = {}) : options_(std::move(options)) {
    options_.directory = "/dlq/main";
    options_.files = &files;
    options_.clock = &clock;
    options_.has_thread = false;
    open();
  }
  void open() {
    auto opened = DeadLetterQueue::open(options_);
    INFO((opened ? "" : opened.error().message));
    REQUIRE(opened);
    queue = *opened;
  }
  void reopen() {
    queue->close(std::chrono::milliseconds(0));
    queue.reset();
    open();
  }
  Taken put(std::string_view json, DeadLetterCause cause = {"http", "out", "status 400", 400}) {
    const ChunkPtr chunk = chunk_of(json);
    return queue->put(*chunk->events().at(0), cause, [this](bool is_safe) { (is_safe ? safe : unsafe)++; });
  }
  void commit() { queue->store().commit(); }
  std::vector<DeadLetter> entries() {
    auto cursor = EntryCursor::open(options_.directory, 0);
    REQUIRE(cursor);
    std::vector<DeadLetter> all;
    DeadLetter entry;
    for (;;) {
      auto has_entry = cursor->next(entry);
      REQUIRE(has_entry);
      if (!*has_entry) return all;
      all.push_back(std::move(entry));
    }
  }
  std::vector<std::uint64_t> numbers() {
    std::vector<std::uint64_t> all;
    for (const DeadLetter& entry : entries()) all.push_back(entry.sequence);
    return all;
  }

  MemoryFiles files;
  SetClock clock;
  std::shared_ptr<DeadLetterQueue> queue;
  int safe = 0;
  int unsafe = 0;

 private:
  DeadLetterOptions options_;
};

std::string json_of_entry(const DeadLetter& entry, std::string& about) {
  Chunk chunk({}, {});
  Event* event = add_dead_letter(entry, "main", chunk);
  REQUIRE(event != nullptr);
  write_json(event->metadata(), about);
  return json_of(*event);
}

}  // namespace

TEST_CASE("an event comes out as it went in, with its cause", "[dead_letter]") {
  Rig rig;
  const ChunkPtr chunk = chunk_of(R"({"message":"hä","n":12345678901234567890123,"list":[1,{"a":null}]})");
  Event& event = *chunk->events()[0];
  event.set_timestamp({1'600'000'000, 123'456'789});
  REQUIRE(event.set(*FieldRef::parse("[@metadata][index]"), Value::string("logs")));
  CHECK(rig.queue->put(event, {"elasticsearch", "es1", "mapper_parsing_exception", 400}, nullptr) == Taken::Taken);
  rig.commit();
  const auto entries = rig.entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].plugin_type == "elasticsearch");
  CHECK(entries[0].plugin_id == "es1");
  CHECK(entries[0].reason == "mapper_parsing_exception");
  CHECK(entries[0].code == 400);
  CHECK(entries[0].replays == 0);
  CHECK(entries[0].entry_time == Timestamp{1'700'000'000, 0});
  std::string about;
  CHECK(
      json_of_entry(entries[0], about) ==
      R"({"message":"hä","n":12345678901234567890123,"list":[1,{"a":null}],"@timestamp":"2020-09-13T12:26:40.123456789Z"})");
  CHECK_THAT(about, Contains(R"("index":"logs")") && Contains(R"("plugin_type":"elasticsearch","plugin_id":"es1")") &&
                        Contains(R"("reason":"mapper_parsing_exception","entry_time":"2023-11-14T22:13:20.000Z")") &&
                        Contains(R"("code":400,"pipeline_id":"main","sequence":0,"replays":1)"));
}

TEST_CASE("an event that fails again counts its rounds", "[dead_letter]") {
  Rig rig;
  rig.put(R"({"n":1})");
  rig.commit();
  for (std::uint32_t round = 1; round <= 3; ++round) {
    Chunk chunk({}, {});
    Event* event = add_dead_letter(rig.entries().back(), "main", chunk);
    REQUIRE(event != nullptr);
    rig.queue->put(*event, {"http", "out", "again"}, nullptr);
    rig.commit();
    CHECK(rig.entries().back().replays == round);
  }
}

TEST_CASE("whatever a sender puts into the metadata, its entry can be read", "[dead_letter]") {
  const std::string replays = GENERATE("-1", "9223372036854775807", "4294967296", "\"many\"", "[1]", "null");
  Rig rig;
  const ChunkPtr chunk = chunk_of("{}");
  JsonReader reader;
  auto about = reader.parse_unpadded("{\"replays\":" + replays + "}", chunk->arena());
  REQUIRE(chunk->events()[0]->set(*FieldRef::parse("[@metadata][dead_letter_queue]"), *about));
  rig.queue->put(*chunk->events()[0], {"http", "out", "never"}, nullptr);
  rig.commit();
  CHECK(rig.entries().size() == 1);
}

TEST_CASE("nobody is told safe before the entry is on the disk", "[dead_letter]") {
  Rig rig;
  CHECK(rig.put(R"({"n":1})") == Taken::Taken);
  CHECK(rig.safe == 0);
  rig.commit();
  CHECK(rig.safe == 1);
}

TEST_CASE("entries outlive the process, and removed ones stay removed", "[dead_letter]") {
  Rig rig;
  for (int i = 0; i < 5; ++i) rig.put(R"({"n":1})");
  rig.commit();
  CHECK(rig.queue->remove(1));
  CHECK_FALSE(rig.queue->remove(1));
  CHECK(rig.queue->borrow(2));
  CHECK_FALSE(rig.queue->borrow(2));
  CHECK_FALSE(rig.queue->remove(2));
  rig.queue->give_back(2, false);
  CHECK(rig.queue->borrow(2));
  rig.queue->give_back(2, true);
  CHECK_FALSE(rig.queue->borrow(2));
  CHECK(rig.numbers() == std::vector<std::uint64_t>{0, 3, 4});
  rig.reopen();
  CHECK(rig.numbers() == std::vector<std::uint64_t>{0, 3, 4});
  CHECK(rig.queue->facts().entries == 3);
}

TEST_CASE("a full queue drops what comes, or its oldest segment, and counts it", "[dead_letter]") {
  DeadLetterOptions options;
  options.max_bytes = 300'000;
  const std::string event = R"({"text":")" + std::string(10'000, 'x') + R"("})";
  SECTION("drop_newer") {
    Rig rig(options);
    int dropped = 0;
    for (int i = 0; i < 50; ++i) {
      dropped += rig.put(event) == Taken::Dropped ? 1 : 0;
      rig.commit();
    }
    CHECK(dropped > 10);
    CHECK(rig.numbers().size() == static_cast<std::size_t>(50 - dropped));
    CHECK(rig.numbers().front() == 0);
    const auto facts = rig.queue->facts();
    CHECK(facts.dropped == static_cast<std::uint64_t>(dropped));
    CHECK(facts.bytes <= options.max_bytes);
    CHECK_THAT(facts.last_error, Contains("is full"));
    for (const std::uint64_t number : rig.numbers()) rig.queue->remove(number);
    rig.commit();
    CHECK(rig.put(event) == Taken::Taken);  // there is room again, without a restart
  }
  SECTION("drop_older") {
    options.policy = DeadLetterPolicy::DropOlder;
    Rig rig(options);
    for (int i = 0; i < 50; ++i) {
      CHECK(rig.put(event) == Taken::Taken);
      rig.commit();
    }
    const auto left = rig.numbers();
    CHECK(left.back() == 49);
    CHECK(left.front() > 10);
    CHECK(rig.queue->facts().dropped == left.front());
    CHECK(rig.queue->facts().bytes <= options.max_bytes);
    rig.reopen();
    CHECK(rig.queue->facts().dropped == left.front());
  }
}

TEST_CASE("entries that are too old go", "[dead_letter]") {
  DeadLetterOptions options;
  options.retain_age = std::chrono::hours(24);
  Rig rig(options);
  rig.put(R"({"n":1})");
  rig.commit();
  rig.clock.seconds += 86'000;
  rig.queue->expire();
  CHECK(rig.numbers().size() == 1);
  rig.clock.seconds += 1'000;
  rig.queue->expire();
  CHECK(rig.numbers().empty());
  CHECK(rig.queue->facts().expired == 1);
  rig.put(R"({"n":2})");
  rig.commit();
  CHECK(rig.numbers().size() == 1);
}

TEST_CASE("a disk that refuses makes the output wait, and nothing that was taken is lost", "[dead_letter]") {
  Rig rig;
  rig.put(R"({"n":1})");
  rig.commit();
  rig.files.set_fault([](MemoryFiles::Operation operation, const std::string&) -> std::optional<Error> {
    if (operation != MemoryFiles::Operation::Write && operation != MemoryFiles::Operation::Sync) return std::nullopt;
    return Error{ErrorCode::Full, "no space"};
  });
  CHECK(rig.put(R"({"n":2})") == Taken::Taken);  // nobody knows yet
  rig.commit();
  CHECK(rig.safe == 1);
  CHECK(rig.put(R"({"n":3})") == Taken::Refused);
  CHECK_THAT(rig.queue->problem(), Contains("cannot be written") && Contains("no space"));
  rig.files.set_fault(nullptr);
  rig.commit();
  CHECK(rig.safe == 2);
  CHECK(rig.put(R"({"n":3})") == Taken::Taken);
  rig.commit();
  CHECK(rig.numbers() == std::vector<std::uint64_t>{0, 1, 2});
}

TEST_CASE("a selection is everything that it says", "[dead_letter]") {
  DeadLetter entry;
  entry.sequence = 7;
  entry.entry_time = {1'000, 0};
  entry.plugin_id = "es1";
  entry.plugin_type = "elasticsearch";
  EntrySelection selection;
  CHECK(selection.is_everything());
  CHECK(selection.matches(entry));
  const auto matches = [&](auto change) {
    EntrySelection changed;
    change(changed);
    CHECK_FALSE(changed.is_everything());
    return changed.matches(entry);
  };
  CHECK(matches([](EntrySelection& s) { s.first = 7; }));
  CHECK_FALSE(matches([](EntrySelection& s) { s.first = 8; }));
  CHECK(matches([](EntrySelection& s) { s.last = 7; }));
  CHECK_FALSE(matches([](EntrySelection& s) { s.last = 6; }));
  CHECK(matches([](EntrySelection& s) { s.since = Timestamp{1'000, 0}; }));
  CHECK_FALSE(matches([](EntrySelection& s) { s.since = Timestamp{1'000, 1}; }));
  CHECK_FALSE(matches([](EntrySelection& s) { s.until = Timestamp{1'000, 0}; }));
  CHECK(matches([](EntrySelection& s) { s.plugin = "es1"; }));
  CHECK(matches([](EntrySelection& s) { s.plugin = "elasticsearch"; }));
  CHECK_FALSE(matches([](EntrySelection& s) { s.plugin = "es"; }));
  CHECK_FALSE(matches([](EntrySelection& s) { s.group = "00000000"; }));
}

TEST_CASE("bytes that are no entry are refused, wherever they go wrong", "[dead_letter]") {
  const ChunkPtr chunk = chunk_of(R"({"a":[1,2,{"b":"c"}]})");
  std::string good;
  write_dead_letter(*chunk->events()[0], {"http", "out", "reason", 400}, {1'700'000'000, 0}, good);
  REQUIRE(read_dead_letter(0, Buffer::copy_of(good)));
  for (std::size_t length = 0; length < good.size(); ++length) {
    auto entry = read_dead_letter(0, Buffer::copy_of(good.substr(0, length)));
    if (!entry) {
      CHECK(entry.error().code == ErrorCode::Corrupt);
      continue;
    }
    Chunk made({}, {});
    CAPTURE(length);
    CHECK(add_dead_letter(*entry, "main", made) == nullptr);  // the head was whole, the event is not
    CHECK(made.events().empty());
  }
  for (const char* bytes : {"\x97\x02", "\x90", "\xc0", "text", "\x97\x01\xc0", "\xff\xff\xff\xff"})
    CHECK_FALSE(read_dead_letter(0, Buffer::copy_of(bytes)));
}

}  // namespace logboom
