#include "pipeline/base/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace logboom {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

Error failed(std::string_view step, const std::string& path) {
  const bool has_no_room = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return {has_no_room ? ErrorCode::Full : ErrorCode::Io, fmt::format("{} cannot be {}: {}", path, step, strerror(errno))};
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string beside = fmt::format("{}.new.{}", path, getpid());
  unlink(beside.c_str());  // of a process that had this number and was killed: in a container each one has the same
  {
    const Descriptor file(open(beside.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
    if (file.number() < 0) return failed("written", beside);
    const char* step = fchmod(file.number(), mode) != 0   ? "given its permissions"
                       : !write_all(file.number(), bytes) ? "written"
                       : fsync(file.number()) != 0        ? "synced"
                                                          : nullptr;
    if (step != nullptr) {
      const Error problem = failed(step, beside);
      unlink(beside.c_str());
      return problem;
    }
  }
  if (rename(beside.c_str(), path.c_str()) != 0) {
    const Error problem = failed("put in place", path);
    unlink(beside.c_str());
    return problem;
  }
  const std::string directory = directory_of(path);
  const Descriptor opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0 || fsync(opened.number()) != 0) return failed("synced", directory);
  return {};
}

Result<std::string> read_whole_file(const std::string& path, std::size_t most_bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0)
    return Error{errno == ENOENT ? ErrorCode::NotFound : ErrorCode::Io,
                 fmt::format("{} cannot be read: {}", path, strerror(errno))};
  std::string bytes;
  char piece[16384];
  for (;;) {
    const ssize_t got = read(file.number(), piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) return bytes;
    bytes.append(piece, static_cast<std::size_t>(got));
    if (bytes.size() > most_bytes)
      return Error{ErrorCode::TooLarge, fmt::format("{} is larger than {} bytes", path, most_bytes)};
  }
}

}  // namespace logboom
