#include "pipeline/dead_letter/dead_letter_access.h"

#include <fmt/format.h>

#include <filesystem>

#include "pipeline/dead_letter/entry_cursor.h"

namespace logboom {
namespace {

class Reader final : public DeadLetterReader {
 public:
  Reader(EntryCursor cursor, std::string pipeline_id, std::shared_ptr<DeadLetterQueue> cleaned)
      : cursor_(std::move(cursor)), pipeline_id_(std::move(pipeline_id)), cleaned_(std::move(cleaned)) {}

  Result<std::optional<Read>> next(Chunk& chunk) override {
    DeadLetter entry;
    auto has_entry = cursor_.next(entry);
    if (has_entry && !*has_entry) {
      if (auto seen = cursor_.refresh(); !seen) return seen.error();
      has_entry = cursor_.next(entry);
    }
    if (!has_entry) return has_entry.error();
    if (!*has_entry) return std::optional<Read>();
    Read read;
    read.sequence = entry.sequence;
    read.entry_time = entry.entry_time;
    read.replays = entry.replays;
    read.is_event = add_dead_letter(entry, pipeline_id_, chunk) != nullptr;
    return std::optional(read);
  }

  void consumed(std::uint64_t sequence) override {
    if (cleaned_) cleaned_->remove(sequence);
  }

 private:
  EntryCursor cursor_;
  const std::string pipeline_id_;
  const std::shared_ptr<DeadLetterQueue> cleaned_;
};

}  // namespace

Result<std::unique_ptr<DeadLetterReader>> DeadLetterFiles::open(const std::string& directory, const std::string& pipeline_id,
                                                                std::uint64_t first, bool cleans) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored))
    return Error{ErrorCode::NotFound, fmt::format("there is no dead-letter queue {} so far", directory)};
  std::shared_ptr<DeadLetterQueue> cleaned;
  if (cleans) {
    DeadLetterOptions options;
    options.directory = directory;
    options.pipeline_id = pipeline_id;
    options.keys = keys_;
    auto opened = DeadLetterQueue::open(std::move(options));
    if (!opened) return opened.error();
    cleaned = std::move(*opened);
  }
  auto cursor = EntryCursor::open(directory, first, keys_);
  if (!cursor) return cursor.error();
  return std::unique_ptr<DeadLetterReader>(std::make_unique<Reader>(std::move(*cursor), pipeline_id, std::move(cleaned)));
}

}  // namespace logboom
