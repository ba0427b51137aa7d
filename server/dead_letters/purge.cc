#include "server/dead_letters/purge.h"

#include "pipeline/dead_letter/entry_cursor.h"

namespace logboom {

Result<std::uint64_t> purge_entries(DeadLetterQueue& queue, const EntrySelection& selection) {
  auto cursor = EntryCursor::open(queue.options().directory, selection.first);
  if (!cursor) return cursor.error();
  const std::uint64_t end = queue.store().facts().next_sequence;  // what comes meanwhile is not meant
  std::uint64_t removed = 0;
  DeadLetter entry;
  for (;;) {
    auto has_entry = cursor->next(entry);
    if (!has_entry) return has_entry.error();
    if (!*has_entry || entry.sequence >= end || entry.sequence > selection.last) return removed;
    if (selection.matches(entry) && queue.remove(entry.sequence)) ++removed;
  }
}

}  // namespace logboom
