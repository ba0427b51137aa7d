#include "pipeline/base/file_stamp.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace logboom {

std::string file_stamp(const struct stat& status) {
  return fmt::format("{} {} {} {}.{:09}", status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

std::string file_stamp(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? file_stamp(status) : std::string();
}

}  // namespace logboom
