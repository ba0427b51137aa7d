// The dead_letter_queue input over entries that the test holds; the real files are tests/end_to_end/dead_letter_test.py's.
#include <catch2/catch.hpp>
#include <mutex>
#include <set>

#include "pipeline/plugin/dead_letters.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_sink.h"
#include "tests/support/json_events.h"

using Catch::Contains;

namespace logboom {
namespace {

/// One queue, "/dlq/main", of entries {"n":sequence}.
class FakeQueue final : public DeadLetterAccess {
 public:
  struct Entry {
    std::uint64_t sequence;
    std::int64_t seconds;
    std::uint32_t replays = 0;
  };
  class Reader final : public DeadLetterReader {
   public:
    Reader(FakeQueue& queue, std::uint64_t next) : queue_(queue), next_(next) {}
    Result<std::optional<Read>> next(Chunk& chunk) override {
      const std::lock_guard lock(queue_.mutex);
      for (const Entry& entry : queue_.entries) {
        if (entry.sequence < next_ || queue_.removed.count(entry.sequence) > 0) continue;
        next_ = entry.sequence + 1;
        chunk.new_event().set(*FieldRef::parse("message"),
                              Value::string(chunk.arena().copy(std::to_string(entry.sequence))));
        return std::optional(Read{entry.sequence, {entry.seconds, 0}, entry.replays, true});
      }
      return std::optional<Read>();
    }
    void consumed(std::uint64_t sequence) override {
      const std::lock_guard lock(queue_.mutex);
      queue_.removed.insert(sequence);
    }

   private:
    FakeQueue& queue_;
    std::uint64_t next_;
  };

  Result<std::unique_ptr<DeadLetterReader>> open(const std::string& directory, const std::string& pipeline_id,
                                                 std::uint64_t first, bool) override {
    if (directory != "/dlq/main" || pipeline_id != "main") return Error{ErrorCode::NotFound, "no such queue"};
    return std::unique_ptr<DeadLetterReader>(std::make_unique<Reader>(*this, first));
  }

  std::mutex mutex;
  std::vector<Entry> entries;
  std::set<std::uint64_t> removed;
};

class Harness : public PluginHarness<Input> {
 public:
  Harness(FakeQueue& queue, const std::string& options, const std::string& data)
      : PluginHarness("input", "dead_letter_queue { path => '/dlq' " + options + " }", EcsMode::V1, nullptr, data, &queue) {}
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("entries become events once, over restarts, as far as they were acknowledged", "[input][dead_letter_queue]") {
  FakeQueue queue;
  for (std::uint64_t i = 0; i < 300; ++i) queue.entries.push_back({i, 1'000});
  const TemporaryFolder data;
  {
    Harness input(queue, "", data.path());
    REQUIRE(input.plugin);
    RecordingSink sink;
    sink.acknowledges_at_once = false;
    RunningInput running(*input.plugin, sink);
    sink.wait_for_events(300);
    sink.acknowledge(1);                            // 125 entries
    sink.acknowledge_only(sink.held_chunks() - 1);  // the last chunk: one before it is open
  }
  {
    Harness input(queue, "", data.path());
    RecordingSink sink;
    RunningInput running(*input.plugin, sink);
    sink.wait_for_events(175);
    CHECK(sink.messages().front() == "125");
  }
  queue.entries.push_back({300, 1'000});
  Harness input(queue, "", data.path());
  RecordingSink sink;
  RunningInput running(*input.plugin, sink);
  sink.wait_for_events(1);
  CHECK(sink.messages() == Texts{"300"});
}

TEST_CASE("without commit_offsets, and with start_timestamp, the kept position does not count",
          "[input][dead_letter_queue]") {
  FakeQueue queue;
  for (std::uint64_t i = 0; i < 4; ++i) queue.entries.push_back({i, 1'000 + static_cast<std::int64_t>(i)});
  const TemporaryFolder data;
  const std::string options = GENERATE("commit_offsets => false", "start_timestamp => '1970-01-01T00:16:42Z'");
  const Texts expected = options[0] == 'c' ? Texts{"0", "1", "2", "3"} : Texts{"2", "3"};
  for (int round = 0; round < 2; ++round) {
    Harness input(queue, options, data.path());
    RecordingSink sink;
    RunningInput running(*input.plugin, sink);
    sink.wait_for_events(expected.size());
    CHECK(sink.messages() == expected);
  }
}

TEST_CASE("clean_consumed removes what was acknowledged and nothing else", "[input][dead_letter_queue]") {
  FakeQueue queue;
  queue.entries = std::vector<FakeQueue::Entry>{{0, 1'000}, {1, 1'000, 7}, {2, 1'000}};
  const TemporaryFolder data;
  Harness input(queue, "clean_consumed => true", data.path());
  RecordingSink sink;
  sink.acknowledges_at_once = false;
  {
    RunningInput running(*input.plugin, sink);
    sink.wait_for_events(2);
    CHECK(queue.removed.empty());
    sink.acknowledge(sink.held_chunks());
  }
  CHECK(queue.removed == std::set<std::uint64_t>{0, 2});  // 1 has failed too often: it is left
}

TEST_CASE("events that failed max_replays times are passed over and counted", "[input][dead_letter_queue]") {
  FakeQueue queue;
  queue.entries = std::vector<FakeQueue::Entry>{{0, 1'000, 2}, {1, 1'000, 3}, {2, 1'000, 0}};
  const TemporaryFolder data;
  Harness input(queue, "", data.path());
  RecordingSink sink;
  {
    RunningInput running(*input.plugin, sink);
    sink.wait_for_events(2);
  }
  CHECK(sink.messages() == Texts{"0", "2"});
  CHECK(input.metrics.counter("left_for_too_many_replays").value() == 1);
}

TEST_CASE("the dead_letter_queue input refuses options that cannot be meant", "[input][dead_letter_queue]") {
  FakeQueue queue;
  const auto [options, told] = GENERATE(table<std::string, std::string>({
      {"start_timestamp => 'noon'", "is no ISO 8601 time"},
      {"pipeline_id => '../x'", "is no id of a pipeline"},
      {"pipeline_id => ''", "is no id of a pipeline"},
      {"clean_consumed => true commit_offsets => false", "clean_consumed needs commit_offsets"},
  }));
  Harness input(queue, options, "");
  CHECK(input.plugin == nullptr);
  CHECK_THAT(input.diagnostics.render(), Contains(told));
}

TEST_CASE("a position that is no position is told with a remedy", "[input][dead_letter_queue]") {
  FakeQueue queue;
  queue.entries = std::vector<FakeQueue::Entry>{{0, 1'000}};
  const TemporaryFolder data;
  data.write("position", "logboom dead letters, next: many\n");
  Harness input(queue, "sincedb_path => '" + data.at("position") + "'", data.path());
  RecordingSink sink;
  StopSignal stop;
  const auto ended = input.plugin->run(sink, stop);
  CHECK_THAT(ended.error().message, Contains("holds no position; remove it"));
}

}  // namespace logboom
