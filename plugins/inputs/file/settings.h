// What the loops of the file input go by.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/clock.h"
#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "plugins/inputs/file/line_reader.h"
#include "plugins/inputs/file/sincedb.h"

namespace logboom {

enum class SortBy { LastModified, Path };

/// Outlives the loops.
struct FileSettings {
  std::string id;
  std::vector<std::string> paths;
  std::vector<std::string> excluded;
  bool starts_at_beginning = false;
  std::chrono::nanoseconds stat_interval{};
  std::uint64_t discover_interval = 15;  // in stat intervals
  std::chrono::duration<double> sincedb_write_interval{};
  std::chrono::duration<double> close_older{};
  std::optional<double> ignore_older_seconds;
  std::size_t max_open_files = 4095;
  std::uint64_t chunk_count = 0;
  SortBy sort_by = SortBy::LastModified;
  bool sorts_descending = false;
  // Read mode alone.
  bool deletes_completed = false;
  bool logs_completed = false;
  std::string completed_log_path;
  bool exits_after_read = false;
  bool checks_archives = false;
};

/// What the loops share.
struct FileContext {
  const FileSettings& settings;
  const FileReading& reading;
  std::shared_ptr<Sincedb> sincedb;
  const Clock& clock;
  Counter& bytes_total;
  Counter& files_open;
  Counter& files_completed;
  Counter& failures;
  LogRateLimit& log_limit;
};

/// Where a file that was not watched before begins by its sincedb entry; nothing when it has none, or when the entry is
/// about an older file that had the same inode (the file was made after the entry was written).
std::optional<std::uint64_t> known_position(const Sincedb& sincedb, const FoundFile& file);

/// Files that fit the settings' patterns, in the order of file_sort_by.
std::vector<FoundFile> discover(const FileSettings& settings);

/// Seconds since 1970 by the wall clock.
double wall_seconds(const Clock& clock);

/// Writes the sincedb when its interval is over.
class SincedbWriter {
 public:
  explicit SincedbWriter(const FileContext& context) : context_(context), last_(context.clock.steady_now()) {}
  void write_if_due();
  void write_now();

 private:
  const FileContext& context_;
  std::chrono::steady_clock::time_point last_;
};

/// Follows files until told to stop.
void run_tail(const FileContext& context, EventSink& sink, StopSignal& stop);
/// Reads files once. Returns when told to stop, or when all are read and delivered with exits_after_read.
void run_read(const FileContext& context, EventSink& sink, StopSignal& stop);

}  // namespace logboom
