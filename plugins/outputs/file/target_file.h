// One file that events are written to: opened late, reopened when it vanished, never left with half a line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace logboom {

enum class WriteBehavior { Append, Overwrite };

struct TargetFileSettings {
  WriteBehavior behavior = WriteBehavior::Append;
  bool is_gzip = false;
  bool syncs = false;          // fdatasync before a write counts
  std::int64_t dir_mode = -1;  // -1: what the umask leaves
  std::int64_t file_mode = -1;
};

/// What became of a write.
struct WriteProblem {
  int code = 0;              // errno; 0: all is written
  bool is_the_name = false;  // the path itself can never be opened (too long, a folder, not below a folder …)
  std::string reason;
};

/// Any thread: writes take turns.
class TargetFile {
 public:
  /// `settings` outlives it.
  TargetFile(std::string path, const TargetFileSettings& settings) : path_(std::move(path)), settings_(settings) {}
  ~TargetFile();
  TargetFile(const TargetFile&) = delete;
  TargetFile& operator=(const TargetFile&) = delete;

  const std::string& path() const { return path_; }

  /// Writes all of `bytes` or, as far as the file system lets it, nothing: what was written of a piece that failed is cut
  /// off again. Opens the file, and folders above it, when it is not open or no longer what its path names. With gzip every
  /// call writes a whole member, so that the file is a valid archive at any time.
  WriteProblem write(std::string_view bytes);

  /// True when write() was called since the last time it was asked.
  bool take_activity();

 private:
  WriteProblem open_if_needed();
  WriteProblem make_folders() const;
  WriteProblem write_open(std::string_view bytes);
  WriteProblem problem(const char* call, int code) const;
  bool is_what_path_names() const;
  bool ends_with_newline(off_t size) const;
  void close();

  const std::string path_;
  const TargetFileSettings& settings_;
  std::mutex mutex_;
  int descriptor_ = -1;
  bool is_regular_ = false;
  bool ends_in_torn_line_ = false;  // as it was when it was opened
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool is_active_ = true;
};

/// One whole gzip member. Empty when memory ran out.
std::string gzip_member(std::string_view bytes);

}  // namespace logboom
