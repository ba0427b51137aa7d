// A process's own path.data: one at a time.
#pragma once

#include <string>

#include "pipeline/base/result.h"

namespace logboom {

/// Held as long as the object lives; the end of the process lets go of it whatever ends it.
class DataDirectoryLock {
 public:
  DataDirectoryLock() = default;
  DataDirectoryLock(DataDirectoryLock&& other) noexcept;
  DataDirectoryLock& operator=(DataDirectoryLock&& other) noexcept;
  ~DataDirectoryLock();

  /// Makes the directory when it is not there. Errors: AlreadyExists - another process has it; Io - it cannot be written.
  static Result<DataDirectoryLock> take(const std::string& directory);

 private:
  explicit DataDirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace logboom
