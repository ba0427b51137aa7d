// dead_letter_queue: entries of a pipeline's dead-letter queue become events again.
// Tested by tests/plugins/inputs/dead_letter_queue_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/event/timestamp.h"
#include "pipeline/plugin/dead_letters.h"
#include "pipeline/plugin/registry.h"
#include "plugins/inputs/dead_letter_queue/position.h"

namespace logboom {
namespace {

constexpr std::size_t kEventsPerChunk = 125;
constexpr auto kPause = std::chrono::milliseconds(200);
constexpr auto kMissingPause = std::chrono::seconds(1);
constexpr auto kSaveInterval = std::chrono::seconds(1);

struct DeadLetterQueueOptions {
  std::string path;
  std::string pipeline_id = "main";
  bool commit_offsets = true;
  std::string sincedb_path;
  std::string start_timestamp;
  bool clean_consumed = false;
  std::uint64_t max_replays = 3;
};

OptionTable<DeadLetterQueueOptions> dead_letter_queue_options() {
  OptionTable<DeadLetterQueueOptions> table;
  table.required("path", &DeadLetterQueueOptions::path, "Directory of all dead-letter queues (path.dead_letter_queue).");
  table.optional("pipeline_id", &DeadLetterQueueOptions::pipeline_id, "The pipeline whose entries are read.");
  table.optional("commit_offsets", &DeadLetterQueueOptions::commit_offsets,
                 "Whether the position is kept, so that a restart goes on where the last entry was delivered.");
  table.optional("sincedb_path", &DeadLetterQueueOptions::sincedb_path,
                 "File of the position; one below path.data when not given.");
  table.optional("start_timestamp", &DeadLetterQueueOptions::start_timestamp,
                 "ISO 8601 time: entries before it are passed over, and the kept position does not count.");
  table.optional("clean_consumed", &DeadLetterQueueOptions::clean_consumed,
                 "Whether entries are removed once they were delivered. Needs commit_offsets.");
  table.optional("max_replays", &DeadLetterQueueOptions::max_replays,
                 "Entries whose event has failed again this many times are left where they are.");
  return table;
}

/// Removes entries once their chunk is delivered, then passes the word on.
class CleaningReceiver final : public AckReceiver {
 public:
  CleaningReceiver(std::shared_ptr<DeadLetterReader> reader, std::vector<std::uint64_t> sequences,
                   std::shared_ptr<AckReceiver> next)
      : reader_(std::move(reader)), sequences_(std::move(sequences)), next_(std::move(next)) {}
  void finished(AckResult result) override {
    if (result == AckResult::Delivered)
      for (const std::uint64_t sequence : sequences_) reader_->consumed(sequence);
    next_->finished(result);
  }

 private:
  const std::shared_ptr<DeadLetterReader> reader_;
  const std::vector<std::uint64_t> sequences_;
  const std::shared_ptr<AckReceiver> next_;
};

class DeadLetterQueueInput final : public Input {
 public:
  DeadLetterQueueInput(DeadLetterQueueOptions options, const PluginContext& context)
      : options_(std::move(options)),
        id_(context.id()),
        access_(context.surroundings().dead_letters),
        decorations_(context),
        left_(context.metrics().counter("left_for_too_many_replays")),
        damaged_(context.metrics().counter("damaged_entries")) {
    if (options_.clean_consumed && !options_.commit_offsets)
      context.error("clean_consumed", "clean_consumed needs commit_offsets");
    if (!options_.start_timestamp.empty()) {
      start_ = parse_iso8601(options_.start_timestamp);
      if (!start_)
        context.error("start_timestamp",
                      fmt::format("start_timestamp: \"{}\" is no ISO 8601 time", options_.start_timestamp),
                      "write 2024-05-01T12:00:00Z");
    }
    if (options_.pipeline_id.empty() || options_.pipeline_id.find('/') != std::string::npos)
      context.error("pipeline_id", fmt::format("pipeline_id: \"{}\" is no id of a pipeline", options_.pipeline_id));
    std::string file = options_.sincedb_path;
    if (file.empty() && !context.data_directory().empty())
      file = fmt::format("{}/plugins/inputs/dead_letter_queue/{}/.sincedb_{:016x}", context.data_directory(),
                         options_.pipeline_id, std::hash<std::string>()(options_.path));
    position_ = std::make_shared<DeadLetterPosition>(options_.commit_offsets ? file : std::string());
  }
  ~DeadLetterQueueInput() override { save_position(); }
  void hand_over() override { save_position(); }

  Result<void> run(EventSink& sink, StopSignal& stop) override {
    if (access_ == nullptr) return Error{ErrorCode::Unavailable, "there are no dead-letter queues here"};
    auto loaded = position_->load();
    if (!loaded) return loaded.error();
    const std::uint64_t first = start_ ? 0 : *loaded;
    auto reader = open(first, stop);
    if (!reader) return reader.error();
    auto next_save = std::chrono::steady_clock::now() + kSaveInterval;
    while (*reader != nullptr && !stop.is_stopping()) {
      auto has_read = read_chunk(*reader, sink, stop);
      if (!has_read) return has_read.error();
      if (std::chrono::steady_clock::now() >= next_save) {
        save_position();
        next_save = std::chrono::steady_clock::now() + kSaveInterval;
      }
      if (!*has_read) stop.wait_for(kPause);
    }
    return {};
  }

 private:
  /// Waits for the queue to be there: its pipeline may not have started yet. nullptr: stopping.
  Result<std::shared_ptr<DeadLetterReader>> open(std::uint64_t first, StopSignal& stop) {
    const std::string directory = options_.path + "/" + options_.pipeline_id;
    bool has_told = false;
    while (!stop.is_stopping()) {
      auto reader = access_->open(directory, options_.pipeline_id, first, options_.clean_consumed);
      if (reader) return std::shared_ptr<DeadLetterReader>(std::move(*reader));
      if (reader.error().code != ErrorCode::NotFound) return reader.error();
      if (!has_told) log_info(id_, "{}; waiting for it", reader.error().message);
      has_told = true;
      stop.wait_for(kMissingPause);
    }
    return std::shared_ptr<DeadLetterReader>();
  }

  /// False when there was nothing to read.
  Result<bool> read_chunk(const std::shared_ptr<DeadLetterReader>& reader, EventSink& sink, StopSignal& stop) {
    ChunkPtr chunk = sink.new_chunk({});
    std::vector<std::uint64_t> taken;
    std::uint64_t next = 0;
    bool has_read = false;
    while (taken.size() < kEventsPerChunk) {
      auto read = reader->next(*chunk);
      if (!read) return read.error();
      if (!*read) break;
      const DeadLetterReader::Read& entry = **read;
      has_read = true;
      next = entry.sequence + 1;
      if (!entry.is_event) {
        damaged_.add();
      } else if (entry.replays >= options_.max_replays) {
        chunk->discard_last_event();
        left_.add();
        if (limit_.allow())
          log_warn(id_, "entry {} has failed {} times again and stays in the dead-letter queue (max_replays)",
                   entry.sequence, entry.replays);
      } else if (start_ && entry.entry_time < *start_) {
        chunk->discard_last_event();
      } else {
        taken.push_back(entry.sequence);
      }
    }
    if (!has_read) return false;
    if (taken.empty()) {
      position_->frontier().note(next);
      return true;
    }
    decorations_.apply(*chunk);
    std::shared_ptr<AckReceiver> receiver = position_->frontier().expect(next);
    if (options_.clean_consumed)
      receiver = std::make_shared<CleaningReceiver>(reader, std::move(taken), std::move(receiver));
    chunk->token().set_receiver(std::move(receiver), AckTracking::Whole);
    sink.push(std::move(chunk), stop);  // not taken: it is read again after the next start
    return true;
  }

  void save_position() {
    if (auto saved = position_->save(); !saved && limit_.allow())
      log_warn(id_, "the position is not kept: {}", saved.error().message);
  }

  const DeadLetterQueueOptions options_;
  const std::string id_;
  DeadLetterAccess* const access_;
  InputDecorations decorations_;
  Counter& left_;
  Counter& damaged_;
  std::optional<Timestamp> start_;
  std::shared_ptr<DeadLetterPosition> position_;
  LogRateLimit limit_;
};

const RegisterInput registered(
    {.name = "dead_letter_queue",
     .summary = "Entries of a dead-letter queue become events again.",
     .make = make_input<DeadLetterQueueInput, dead_letter_queue_options>,
     .details = R"(The event is as it was when it failed, `@metadata` included. `[@metadata][dead_letter_queue]` says
why it was there: `plugin_type`, `plugin_id`, `reason`, `entry_time`, and `code`, `pipeline_id`, `sequence` and `replays` besides.

The position is saved when the entries before it were delivered, never earlier. An event that fails again becomes an entry again, with
`replays` counted up; after `max_replays` rounds it is left alone and counted (`left_for_too_many_replays`), so that nothing turns for ever.

The queue of a pipeline of the same process may be read while it is written. With `clean_consumed` the process that runs the input must be the
one that writes the queue, or the only one. When the directory of a queue is removed by hand, remove the sincedb file too.
)"});

}  // namespace
}  // namespace logboom
