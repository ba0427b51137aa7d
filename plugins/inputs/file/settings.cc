#include "plugins/inputs/file/settings.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

namespace logboom {
namespace {

/// When the file was made, in seconds since 1970; nothing on file systems that do not know.
std::optional<double> birth_time(const std::string& path) {
  struct statx status {};
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &status) != 0 || (status.stx_mask & STATX_BTIME) == 0)
    return std::nullopt;
  return static_cast<double>(status.stx_btime.tv_sec) + status.stx_btime.tv_nsec * 1e-9;
}

}  // namespace

std::optional<std::uint64_t> known_position(const Sincedb& sincedb, const FoundFile& file) {
  constexpr double kClockSlackSeconds = 1;  // file systems stamp with a coarse clock
  const auto entry = sincedb.find(file.identity);
  if (!entry) return std::nullopt;
  if (const auto birth = birth_time(file.path)) {
    if (*birth > entry->changed + kClockSlackSeconds) return std::nullopt;
  } else if (!entry->path.empty() && entry->path != file.path) {
    return std::nullopt;
  }
  return entry->position;
}

std::vector<FoundFile> discover(const FileSettings& settings) {
  std::vector<FoundFile> found = find_files(settings.paths, settings.excluded);
  const auto comes_before = [&](const FoundFile& left, const FoundFile& right) {
    if (settings.sort_by == SortBy::LastModified && left.modified != right.modified) return left.modified < right.modified;
    return left.path < right.path;
  };
  std::stable_sort(found.begin(), found.end(), comes_before);
  if (settings.sorts_descending) std::reverse(found.begin(), found.end());
  return found;
}

double wall_seconds(const Clock& clock) { return static_cast<double>(clock.wall_nanoseconds()) * 1e-9; }

void SincedbWriter::write_if_due() {
  if (context_.clock.steady_now() - last_ >= context_.settings.sincedb_write_interval) write_now();
}

void SincedbWriter::write_now() {
  last_ = context_.clock.steady_now();
  const auto written = context_.sincedb->write();
  if (!written && context_.log_limit.allow())
    log_error("input.file", "{}: {}", context_.settings.id, written.error().message);
}

}  // namespace logboom
