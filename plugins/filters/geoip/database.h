// GeoIP databases in MaxMind's format: opened once per path for the whole process, and again when the file changes.
// Source: https://maxmind.github.io/MaxMind-DB/ (format 2.0), read by libmaxminddb.
#pragma once

#include <maxminddb.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace logboom {

/// An IPv4 or IPv6 address; IPv4 inside IPv6 (::ffff:10.0.0.1) is IPv4.
struct GeoAddress {
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the last four, behind the mapped prefix
  bool is_v4 = false;

  /// Nothing unless the whole text is an address.
  static std::optional<GeoAddress> parse(std::string_view text);
  /// "8.8.8.8", "2001:db8:0:0:0:0:0:1": groups are never left out, as Java prints it.
  std::string text() const;
  /// The network of that many leading bits: "8.8.8.0/24".
  std::string network_text(unsigned prefix_bits) const;
};

/// An opened database. Immutable; any thread. It reads a copy of its own in memory, so that a file that is overwritten or
/// cut while it is used does no harm.
class GeoDatabase {
 public:
  struct Record {
    MMDB_entry_s entry;
    unsigned prefix_bits = 0;  // of the network that the address is in
  };

  /// Errors: NotFound, Io - the file cannot be read; Corrupt - it is no database.
  static Result<std::shared_ptr<const GeoDatabase>> open(const std::string& path);
  ~GeoDatabase();
  GeoDatabase(const GeoDatabase&) = delete;
  GeoDatabase& operator=(const GeoDatabase&) = delete;

  /// "GeoLite2-City", "GeoIP2-ISP" …
  std::string_view type() const { return database_.metadata.database_type; }
  /// What is known of the network that the address lies in. Nothing also when that part of the database is damaged.
  std::optional<Record> find(const GeoAddress& address) const;

 private:
  GeoDatabase() = default;
  MMDB_s database_{};
};

/// A path and the database that was read from it last. Any thread.
class GeoDatabaseFile {
 public:
  static constexpr std::int64_t kSecondsBetweenChecks = 5;

  /// The file of this path, shared with all who have it open; looks for a newer version when it was open already.
  /// Errors: those of GeoDatabase::open() when there is no version to fall back on.
  static Result<std::shared_ptr<GeoDatabaseFile>> open(const std::string& path);

  /// Grows when current() would give another database.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::shared_ptr<const GeoDatabase> current() const;

  /// Looks at the file when that was not done for kSecondsBetweenChecks, and reads it when it changed. `now_seconds` is any
  /// clock that does not go back. One caller does the work, others go on with what there is. A file that cannot be used
  /// is logged and leaves the old version in place.
  void check(std::int64_t now_seconds) {
    if (now_seconds >= next_check_seconds_.load(std::memory_order_relaxed)) check_now(now_seconds);
  }

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{};
    bool operator==(const Stamp& other) const {
      return device == other.device && inode == other.inode && size == other.size &&
             modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec;
    }
  };
  explicit GeoDatabaseFile(std::string path) : path_(std::move(path)) {}
  static std::optional<Stamp> stamp_of(const std::string& path);
  void check_now(std::int64_t now_seconds);
  Result<void> refresh();
  /// Lets the next refresh() try a file again that could not be used.
  void forget_failure();

  std::string path_;
  std::atomic<std::int64_t> next_check_seconds_{0};
  std::atomic<std::uint64_t> generation_{0};
  std::mutex refresh_mutex_;
  Stamp seen_;  // of the file that was tried last, used or not; guarded by refresh_mutex_, like the next
  bool has_failed_ = false;
  mutable std::mutex current_mutex_;
  std::shared_ptr<const GeoDatabase> current_;
};

}  // namespace logboom
