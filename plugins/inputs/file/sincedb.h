// How far each file has been read and delivered, kept in a file of Logstash's format: one line per file with inode, device
// major and minor number, position, time of the last change and path.
// Tested by tests/plugins/inputs/sincedb_test.cc.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "pipeline/base/clock.h"
#include "pipeline/base/result.h"
#include "plugins/inputs/file/glob.h"

namespace logboom {

struct SincedbEntry {
  std::uint64_t position = 0;
  double changed = 0;  // seconds since 1970
  std::string path;    // empty in files of old versions
};

/// Any thread.
class Sincedb {
 public:
  /// `path` empty: kept in memory only. Entries unchanged for `clean_after_seconds` are dropped when written. `clock`
  /// outlives it.
  Sincedb(std::string path, double clean_after_seconds, const Clock& clock);
  /// Writes what changed since the last time.
  ~Sincedb();
  Sincedb(const Sincedb&) = delete;
  Sincedb& operator=(const Sincedb&) = delete;

  /// Reads the file; lines that cannot be read are passed over. A file that is not there is empty. Errors: Io.
  Result<void> load();
  std::optional<SincedbEntry> find(const FileIdentity& identity) const;
  void set(const FileIdentity& identity, std::uint64_t position, const std::string& path);
  void forget(const FileIdentity& identity);
  /// Writes all entries to a new file, syncs it and puts it in the old one's place; a device such as /dev/null is written
  /// directly. Nothing when nothing changed. Errors: Io.
  Result<void> write();
  const std::string& path() const { return path_; }

 private:
  /// Device numbers as the JVM splits them, so that files written by Logstash on Linux are understood.
  struct DiskKey {
    std::uint64_t inode = 0;
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    friend auto operator<=>(const DiskKey&, const DiskKey&) = default;
  };
  static DiskKey key_of(const FileIdentity& identity);
  static DiskKey other_key_of(const FileIdentity& identity);
  std::string text_without_expired();

  const std::string path_;
  const double clean_after_seconds_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<DiskKey, SincedbEntry> entries_;
  bool is_changed_ = false;
  std::mutex write_turn_;
};

}  // namespace logboom
