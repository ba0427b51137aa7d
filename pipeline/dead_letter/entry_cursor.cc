#include "pipeline/dead_letter/entry_cursor.h"

#include "pipeline/store/file_system.h"

namespace logboom {

Result<EntryCursor> EntryCursor::open(const std::string& directory, std::uint64_t first, StoreKeys keys) {
  EntryCursor made;
  made.directory_ = directory;
  made.keys_ = std::make_shared<const StoreKeys>(std::move(keys));
  made.live_ = DeadLetterQueue::find_open(directory);
  if (made.live_) {
    made.reader_ = made.live_->store().reader(first);
    return made;
  }
  auto segments = DirectorySegments::read(local_files(), directory);
  if (!segments) return segments.error();
  made.segments_ = std::make_unique<DirectorySegments>(std::move(*segments));
  made.reader_ = std::make_unique<StoreReader>(*made.segments_, local_files(), *made.keys_, first);
  return made;
}

Result<void> EntryCursor::refresh() {
  if (live_) return {};
  const std::uint64_t position = reader_->position();
  auto segments = DirectorySegments::read(local_files(), directory_);
  if (!segments) return segments.error();
  auto fresh = std::make_unique<DirectorySegments>(std::move(*segments));
  reader_ = std::make_unique<StoreReader>(*fresh, local_files(), *keys_, position);
  segments_ = std::move(fresh);
  return {};
}

bool EntryCursor::is_done_already(std::uint64_t sequence) const {
  return live_ ? live_->store().is_done(sequence) : is_done(segments_->state(), sequence);
}

Result<bool> EntryCursor::next(DeadLetter& out) {
  StoredRecord record;
  for (;;) {
    auto found = reader_->next(record);
    if (!found) return found.error();
    if (*found == StoreReader::Found::End) return false;
    if (*found == StoreReader::Found::Gap) continue;
    if (!shows_done_ && is_done_already(record.head.first_sequence)) continue;
    auto entry = read_dead_letter(record.head.first_sequence, std::move(record.payload));
    if (!entry) {
      ++damaged_;
      continue;
    }
    out = std::move(*entry);
    return true;
  }
}

}  // namespace logboom
