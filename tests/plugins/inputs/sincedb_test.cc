#include "plugins/inputs/file/sincedb.h"

#include <sys/sysmacros.h>

#include "plugins/inputs/file/ack_ledger.h"
#include "tests/plugins/recording_sink.h"

using namespace logboom;

namespace {
constexpr double kTwoWeeks = 14 * 86400.0;

class FixedClock final : public Clock {
 public:
  std::int64_t wall_nanoseconds() const override { return seconds * 1'000'000'000; }
  std::chrono::steady_clock::time_point steady_now() const override { return {}; }
  std::int64_t seconds = 1'700'000'000;
};
}  // namespace

TEST_CASE("a sincedb written by Logstash is understood", "[input][file][sincedb]") {
  TemporaryFolder folder;
  const FixedClock clock;
  folder.write(
      "db",
      "271020 0 64768 123 1699999999.5 /var/log/a b.log\n9 0 5 7\ngarbage\n8 0 5 x 1 /y\n77 253 0 42 1699999999.0 /z\n");
  Sincedb db(folder.at("db"), kTwoWeeks, clock);
  REQUIRE(db.load().has_value());
  const auto entry = db.find({64768, 271020});
  REQUIRE(entry.has_value());
  CHECK(entry->position == 123);
  CHECK(entry->path == "/var/log/a b.log");
  CHECK(db.find({5, 9})->position == 7);                  // the old form without time and path
  CHECK(db.find({makedev(253, 0), 77})->position == 42);  // the kernel's device numbers
  CHECK_FALSE(db.find({5, 8}).has_value());
}

TEST_CASE("a sincedb comes back as it was written, without what is too old", "[input][file][sincedb]") {
  TemporaryFolder folder;
  FixedClock clock;
  {
    Sincedb db(folder.at("below/db"), kTwoWeeks, clock);
    db.set({64768, 1}, 10, "/old");
    clock.seconds += 10 * 86400;
    db.set({64768, 2}, 20, "/new\nname");
    db.set({64768, 3}, 30, "/gone");
    db.forget({64768, 3});
    clock.seconds += 5 * 86400;
    REQUIRE(db.write().has_value());
  }
  CHECK(folder.read("below/db") == "2 0 64768 20 1700864000.000000\n");
  CHECK_FALSE(folder.has("below/db.new"));
  Sincedb again(folder.at("below/db"), kTwoWeeks, clock);
  REQUIRE(again.load().has_value());
  CHECK(again.find({64768, 2})->position == 20);
}

TEST_CASE("a sincedb that cannot be written says so and tries again", "[input][file][sincedb]") {
  TemporaryFolder folder;
  const FixedClock clock;
  folder.write("in_the_way", "");
  Sincedb db(folder.at("in_the_way/db"), kTwoWeeks, clock);
  db.set({1, 1}, 1, "/x");
  CHECK_FALSE(db.write().has_value());
  CHECK_FALSE(db.write().has_value());
}

TEST_CASE("a position moves only over chunks that are delivered, in their order", "[input][file][sincedb]") {
  const FixedClock clock;
  const FileIdentity identity{1, 2};
  auto db = std::make_shared<Sincedb>("", kTwoWeeks, clock);
  auto ledger = std::make_shared<AckLedger>(db, identity, "/x");
  const auto first = ledger->frontier().expect(10);
  const auto second = ledger->frontier().expect(20);
  ledger->frontier().note(25);
  const auto third = ledger->frontier().expect(30);
  second->finished(AckResult::Delivered);
  CHECK_FALSE(db->find(identity).has_value());
  first->finished(AckResult::Delivered);
  CHECK(db->find(identity)->position == 25);
  CHECK_FALSE(ledger->frontier().is_delivered());
  third->finished(AckResult::NotDelivered);
  CHECK(ledger->frontier().has_failed());
  ledger->frontier().note(40);
  ledger->frontier().expect(50)->finished(AckResult::Delivered);
  CHECK(db->find(identity)->position == 25);
}

TEST_CASE("acknowledgements of a file's former content no longer count", "[input][file][sincedb]") {
  const FixedClock clock;
  auto db = std::make_shared<Sincedb>("", kTwoWeeks, clock);
  auto ledger = std::make_shared<AckLedger>(db, FileIdentity{1, 2}, "/x");
  const auto late = ledger->frontier().expect(10);
  ledger->frontier().abandon();
  late->finished(AckResult::Delivered);
  CHECK_FALSE(db->find({1, 2}).has_value());
}
