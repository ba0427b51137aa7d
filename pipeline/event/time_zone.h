// TimeZone: what a named zone or a fixed offset says about local time; one immortal object per zone, found by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/base/result.h"

namespace logboom {

/// A zone of the system's tz database (/usr/share/zoneinfo) or a fixed offset. Objects live until the process ends;
/// compare and cache them by address. Any thread. Zones with daylight saving follow the rules up to the year 2037,
/// which is how far the database's tables reach, and standard time after it.
class TimeZone {
 public:
  /// One stretch of a zone's history, as last looked up. A caller on a hot path keeps one (not shared between threads):
  /// times well inside the same stretch are then answered by two comparisons.
  struct Stretch {
    const TimeZone* zone = nullptr;
    std::int64_t local_begin = 0;  // local seconds in [local_begin, local_end) exist exactly once and have this offset
    std::int64_t local_end = 0;
    std::int32_t offset_seconds = 0;
  };

  virtual ~TimeZone() = default;

  /// The id it was found by: `America/New_York`, `UTC`, or `+05:30` for a fixed offset.
  const std::string& name() const { return name_; }

  /// Seconds east of UTC at an instant given in Unix seconds.
  virtual std::int32_t offset_at(std::int64_t unix_seconds) const = 0;

  /// Unix seconds of a local time (its civil time counted as if it were UTC). A time that occurs twice when clocks go
  /// back is the earlier one; a time skipped when clocks go forward is nullopt. `stretch` is read and refreshed.
  std::optional<std::int64_t> to_unix(std::int64_t local_seconds, Stretch& stretch) const {
    if (stretch.zone == this && local_seconds >= stretch.local_begin && local_seconds < stretch.local_end) {
      return local_seconds - stretch.offset_seconds;
    }
    return look_up(local_seconds, stretch);
  }

 protected:
  explicit TimeZone(std::string name) : name_(std::move(name)) {}
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;

 private:
  virtual std::optional<std::int64_t> look_up(std::int64_t local_seconds, Stretch& stretch) const = 0;

  std::string name_;
};

/// UTC; there even when the machine has no tz database.
const TimeZone& utc_zone();

/// The zone that the process runs in: TZ, else where /etc/localtime points; UTC when neither says. For start-up.
const TimeZone& machine_zone();

/// The zone of that fixed offset; |seconds| below 24 hours, nullptr otherwise.
const TimeZone* fixed_zone(std::int32_t offset_seconds);

/// The zone called `name`: a tz id (case matters), `UTC`, `Z`, or an offset `+05`, `+0530`, `+05:30`, `-08:00:00`.
/// nullptr when there is none. Made for zones named by events: takes a shared lock, allocates only the first time a
/// zone is seen, and what it keeps is bounded by the number of zones and offsets, whatever names are asked for. Any
/// thread.
const TimeZone* find_zone(std::string_view name);

/// find_zone() for zones named by configuration. Errors: NotFound, naming similar ids; Unavailable when the machine has
/// no tz database (install the tzdata package).
Result<const TimeZone*> resolve_zone(std::string_view name);

}  // namespace logboom
