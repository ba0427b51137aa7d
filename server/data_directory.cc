#include "server/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace logboom {

DataDirectoryLock::DataDirectoryLock(DataDirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DataDirectoryLock& DataDirectoryLock::operator=(DataDirectoryLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DataDirectoryLock::~DataDirectoryLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<DataDirectoryLock> DataDirectoryLock::take(const std::string& directory) {
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);
  const int descriptor = open((directory + "/.lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return Error{ErrorCode::Io, fmt::format("path.data \"{}\" cannot be written: {}; give another with --path.data",
                                            directory, std::strerror(errno))};
  DataDirectoryLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  return Error{ErrorCode::AlreadyExists,
               fmt::format("another logboom uses path.data \"{}\"; give this one its own with --path.data", directory)};
}

}  // namespace logboom
