#include "pipeline/dead_letter/entry_selection.h"

#include "pipeline/dead_letter/failure_shape.h"

namespace logboom {

bool EntrySelection::matches(const DeadLetter& entry) const {
  if (entry.sequence < first || entry.sequence > last) return false;
  if (since && entry.entry_time < *since) return false;
  if (until && entry.entry_time >= *until) return false;
  if (!plugin.empty() && entry.plugin_id != plugin && entry.plugin_type != plugin) return false;
  return group.empty() || failure_group(entry) == group;
}

bool EntrySelection::is_everything() const {
  return first == 0 && last == std::numeric_limits<std::uint64_t>::max() && !since && !until && plugin.empty() &&
         group.empty();
}

}  // namespace logboom
