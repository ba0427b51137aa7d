// FileSystem: the one seam between the store and the disk, so that tests can cut the power and break things.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"

namespace logboom {

/// An open file. Errors everywhere: Full - no space or quota; Io - anything else, with the system's words. Reading may be
/// done by several threads, everything else by one at a time.
class File {
 public:
  virtual ~File() = default;
  /// Reads up to `size` bytes; fewer only where the file ends.
  virtual Result<std::size_t> read_at(std::uint64_t offset, char* to, std::size_t size) = 0;
  /// Writes all of it. After an error any part may have been written.
  virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  /// Contents and size are on the medium afterwards (fdatasync). After an error nothing that was written since the last
  /// good sync() may be relied upon, ever: the kernel forgets such pages.
  virtual Result<void> sync() = 0;
  /// Reserves room so that the file has at least this size; what was not written reads as zeros.
  virtual Result<void> allocate(std::uint64_t size) = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  /// When it was last written, in milliseconds of wall time.
  virtual Result<std::int64_t> modified_at() = 0;
};

enum class OpenMode {
  Read,
  ReadWrite,  // must be there
  Create,     // must not be there; readable for its owner and group alone (0640)
};

/// Kept for as long as a directory is somebody's own.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

/// Any thread. Paths are the caller's; errors as File's, NotFound and AlreadyExists besides.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Names of the plain files in a directory, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  /// With its parents; all of them are on the medium afterwards. Fine when it is there already.
  virtual Result<void> make_directory(const std::string& path) = 0;
  /// Replaces what bears the new name.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  /// Names that were made, changed or removed in it are so on the medium afterwards.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// AlreadyExists: another process (or another owner in this one) has it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock(const std::string& directory) = 0;
};

/// The machine's.
FileSystem& local_files();

}  // namespace logboom
