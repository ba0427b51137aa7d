#include "pipeline/event/time_zone.h"

#include <date/tz.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pipeline/event/iso8601_text.h"

namespace logboom {
namespace {

constexpr std::int64_t kForever = std::int64_t{1} << 40;  // beyond the year 9999
constexpr std::int64_t kMarginSeconds = 2 * 86'400;       // no zone ever jumped further than a day
constexpr std::size_t kMaxNameBytes = 64;

class FixedZone final : public TimeZone {
 public:
  FixedZone(std::string name, std::int32_t offset_seconds) : TimeZone(std::move(name)), offset_seconds_(offset_seconds) {}
  std::int32_t offset_at(std::int64_t) const override { return offset_seconds_; }

 private:
  std::optional<std::int64_t> look_up(std::int64_t local_seconds, Stretch& stretch) const override {
    stretch = Stretch{this, -kForever, kForever, offset_seconds_};
    return local_seconds - offset_seconds_;
  }

  std::int32_t offset_seconds_;
};

// A zone of the tz database. The library's calls may throw when a zone file cannot be read: make() asks once, and what
// has been read stays in memory.
class DatabaseZone final : public TimeZone {
 public:
  static std::unique_ptr<DatabaseZone> make(const date::time_zone& zone) {
    try {
      (void)zone.get_info(std::chrono::sys_seconds{});
      return std::unique_ptr<DatabaseZone>(new DatabaseZone(zone));
    } catch (const std::exception&) {
      return nullptr;  // a file in the directory that describes no zone
    }
  }

  std::int32_t offset_at(std::int64_t unix_seconds) const override {
    const auto seconds = std::clamp(unix_seconds, -kForever, kForever);
    const auto info = zone_.get_info(std::chrono::sys_seconds{std::chrono::seconds{seconds}});
    return static_cast<std::int32_t>(info.offset.count());
  }

 private:
  explicit DatabaseZone(const date::time_zone& zone) : TimeZone(zone.name()), zone_(zone) {}

  std::optional<std::int64_t> look_up(std::int64_t local_seconds, Stretch& stretch) const override {
    local_seconds = std::clamp(local_seconds, -kForever, kForever);
    const auto info = zone_.get_info(date::local_seconds{std::chrono::seconds{local_seconds}});
    if (info.result == date::local_info::nonexistent) return std::nullopt;
    const auto offset = static_cast<std::int32_t>(info.first.offset.count());
    const std::int64_t begin = std::max(info.first.begin.time_since_epoch().count(), -kForever);
    const std::int64_t end = std::min(info.first.end.time_since_epoch().count(), kForever);
    stretch = Stretch{this, begin + offset + kMarginSeconds, end + offset - kMarginSeconds, offset};
    return local_seconds - offset;
  }

  const date::time_zone& zone_;
};

// The library's list of ids, or nullptr on a machine without a tz database. Read once.
const date::tzdb* database() {
  static const date::tzdb* const loaded = []() -> const date::tzdb* {
    try {
      const date::tzdb& found = date::get_tzdb();
      return found.zones.empty() ? nullptr : &found;
    } catch (const std::exception&) {
      return nullptr;
    }
  }();
  return loaded;
}

std::string offset_name(std::int32_t offset_seconds) {
  if (offset_seconds == 0) return "UTC";
  const std::int32_t size = std::abs(offset_seconds);
  std::string name = fmt::format("{}{:02}:{:02}", offset_seconds < 0 ? '-' : '+', size / 3'600, size / 60 % 60);
  if (size % 60 != 0) name += fmt::format(":{:02}", size % 60);
  return name;
}

// Every zone that was asked for. Entries are never removed: callers hold addresses.
struct ZoneCache {
  std::shared_mutex mutex;
  std::map<std::string, std::unique_ptr<const TimeZone>, std::less<>> by_name;
  std::unordered_map<std::int32_t, std::unique_ptr<const TimeZone>> by_offset;
};

ZoneCache& zone_cache() {
  static ZoneCache* const cache = new ZoneCache;  // outlives every thread that may still hold a zone
  return *cache;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substitution = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

// Up to three ids that may have been meant: close in spelling, or the same city under another name.
std::vector<std::string> similar_ids(const date::tzdb& zones, std::string_view name) {
  std::vector<std::pair<std::size_t, std::string>> found;
  const auto city = [](std::string_view id) { return id.substr(id.find_last_of('/') + 1); };
  for (const date::time_zone& zone : zones.zones) {
    const std::size_t whole = edit_distance(name, zone.name());
    const std::size_t last = edit_distance(city(name), city(zone.name())) + 1;
    const std::size_t distance = std::min(whole, last);
    if (distance <= std::max<std::size_t>(2, name.size() / 4)) found.emplace_back(distance, zone.name());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, found.size()); ++i) ids.push_back(found[i].second);
  return ids;
}

}  // namespace

const TimeZone& utc_zone() {
  static const FixedZone* const zone = new FixedZone("UTC", 0);
  return *zone;
}

const TimeZone* fixed_zone(std::int32_t offset_seconds) {
  if (offset_seconds == 0) return &utc_zone();
  if (offset_seconds <= -86'400 || offset_seconds >= 86'400) return nullptr;
  ZoneCache& cache = zone_cache();
  {
    const std::shared_lock lock(cache.mutex);
    const auto found = cache.by_offset.find(offset_seconds);
    if (found != cache.by_offset.end()) return found->second.get();
  }
  const std::unique_lock lock(cache.mutex);
  auto& slot = cache.by_offset[offset_seconds];
  if (slot == nullptr) slot = std::make_unique<FixedZone>(offset_name(offset_seconds), offset_seconds);
  return slot.get();
}

const TimeZone* find_zone(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return nullptr;
  if (name == "UTC" || name == "Z") return &utc_zone();
  if (name.front() == '+' || name.front() == '-') {
    const char* p = name.data();
    const char* const end = p + name.size();
    const auto offset = read_utc_offset(p, end);
    return offset && p == end ? fixed_zone(*offset) : nullptr;
  }
  ZoneCache& cache = zone_cache();
  {
    const std::shared_lock lock(cache.mutex);
    const auto found = cache.by_name.find(name);
    if (found != cache.by_name.end()) return found->second.get();
  }
  const date::tzdb* const zones = database();
  if (zones == nullptr) return nullptr;
  const auto is_before = [](const date::time_zone& zone, std::string_view wanted) { return zone.name() < wanted; };
  const auto listed = std::lower_bound(zones->zones.begin(), zones->zones.end(), name, is_before);
  if (listed == zones->zones.end() || listed->name() != name) return nullptr;
  std::unique_ptr<const TimeZone> made = DatabaseZone::make(*listed);  // nullptr is kept too: the file is not read again
  const std::unique_lock lock(cache.mutex);
  return cache.by_name.emplace(std::string(name), std::move(made)).first->second.get();
}

const TimeZone& machine_zone() {
  std::string name;
  if (const char* variable = std::getenv("TZ"); variable != nullptr) {
    name = *variable == ':' ? variable + 1 : variable;
  } else {
    std::error_code problem;
    name = std::filesystem::read_symlink("/etc/localtime", problem).string();
  }
  constexpr std::string_view kTables = "zoneinfo/";
  if (const std::size_t at = name.rfind(kTables); at != std::string::npos) name.erase(0, at + kTables.size());
  const TimeZone* zone = name.empty() ? nullptr : find_zone(name);
  return zone != nullptr ? *zone : utc_zone();
}

Result<const TimeZone*> resolve_zone(std::string_view name) {
  if (const TimeZone* const zone = find_zone(name)) return zone;
  const date::tzdb* const zones = database();
  const std::string shown(name.substr(0, kMaxNameBytes));
  if (zones == nullptr) {
    return Error{ErrorCode::Unavailable,
                 fmt::format("time zone \"{}\": this machine has no time zone database; install the tzdata package", shown)};
  }
  std::string message = fmt::format("there is no time zone \"{}\"", shown);
  std::string ids;
  for (const std::string& id : similar_ids(*zones, shown)) ids += fmt::format("{}\"{}\"", ids.empty() ? "" : ", ", id);
  message += ids.empty() ? "; use an id such as \"Europe/Berlin\", \"UTC\" or an offset such as \"+05:30\""
                         : fmt::format("; did you mean {}?", ids);
  return Error{ErrorCode::NotFound, message};
}

}  // namespace logboom
