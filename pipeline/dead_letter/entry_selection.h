// Which entries of a dead-letter queue are meant.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "pipeline/dead_letter/entry.h"

namespace logboom {

/// All that is given must hold.
struct EntrySelection {
  std::uint64_t first = 0;
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  std::optional<Timestamp> since;  // entry time, inclusive
  std::optional<Timestamp> until;  // exclusive
  std::string plugin;              // a plugin's id or type
  std::string group;               // as failure_group() names it

  bool matches(const DeadLetter& entry) const;
  /// True when nothing is given: everything is meant.
  bool is_everything() const;
};

}  // namespace logboom
