// StorePrefetch: the disk finds what opening stores will look at, while the process still has other things to do.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "pipeline/store/file_system.h"

namespace logboom {

/// Reads the beginning of every file in some directories on a thread of its own: opening a store looks at the header of each
/// segment, and a cold disk takes its time for each (151 segments, 10 GB: 29 ms). Changes nothing. What cannot be read is
/// left to open(), which says so.
class StorePrefetch {
 public:
  /// `files` outlives it.
  StorePrefetch(std::vector<std::string> directories, FileSystem& files = local_files());
  /// Waits for it.
  ~StorePrefetch();
  StorePrefetch(const StorePrefetch&) = delete;
  StorePrefetch& operator=(const StorePrefetch&) = delete;

 private:
  std::thread thread_;
};

}  // namespace logboom
