#include "plugins/outputs/file/target_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace logboom {
namespace {

bool is_about_the_name(int code) {
  return code == ENAMETOOLONG || code == EISDIR || code == ENOTDIR || code == ELOOP || code == EINVAL;
}

/// errno of the write that failed, or 0. `written` grows by what the file took.
int write_pieces(int descriptor, std::string_view bytes, std::size_t& written) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count > 0) {
      written += static_cast<std::size_t>(count);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (count == 0) {
      return ENOSPC;
    } else if (errno == EAGAIN) {
      pollfd waiting{descriptor, POLLOUT, 0};
      poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

std::string gzip_member(std::string_view bytes) {
  constexpr int kGzipWindowBits = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out;
  char piece[16 * 1024];
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    if (stream.avail_in == 0 && !bytes.empty()) {
      const std::string_view part = bytes.substr(0, 1U << 30);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream.avail_in = static_cast<uInt>(part.size());
      bytes.remove_prefix(part.size());
    }
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    state = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
    out.append(piece, sizeof piece - stream.avail_out);
    if (state == Z_STREAM_ERROR) {
      out.clear();
      break;
    }
  }
  deflateEnd(&stream);
  return out;
}

TargetFile::~TargetFile() { close(); }

void TargetFile::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

WriteProblem TargetFile::problem(const char* call, int code) const {
  return {code, is_about_the_name(code), fmt::format("{}: {}: {}", path_, call, std::strerror(code))};
}

bool TargetFile::take_activity() {
  const std::lock_guard lock(mutex_);
  const bool was_active = is_active_;
  is_active_ = false;
  return was_active;
}

bool TargetFile::is_what_path_names() const {
  struct stat named {};
  return stat(path_.c_str(), &named) == 0 && named.st_dev == device_ && named.st_ino == inode_;
}

WriteProblem TargetFile::make_folders() const {
  const mode_t mode = settings_.dir_mode >= 0 ? static_cast<mode_t>(settings_.dir_mode) : 0777;
  for (std::size_t slash = path_.find('/', 1); slash != std::string::npos; slash = path_.find('/', slash + 1)) {
    const std::string folder = path_.substr(0, slash);
    if (mkdir(folder.c_str(), mode) == 0) {
      if (settings_.dir_mode >= 0) chmod(folder.c_str(), mode);  // past the umask
    } else if (errno != EEXIST) {
      return problem("mkdir", errno);
    }
  }
  return {};
}

WriteProblem TargetFile::open_if_needed() {
  if (descriptor_ >= 0 && is_what_path_names()) return {};
  close();
  const mode_t mode = settings_.file_mode >= 0 ? static_cast<mode_t>(settings_.file_mode) : 0666;
  // A pipe without a reader shall not hold the worker: O_NONBLOCK makes open() say so.
  const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  descriptor_ = ::open(path_.c_str(), flags);
  if (descriptor_ < 0 && errno == ENOENT) {
    descriptor_ = ::open(path_.c_str(), flags | O_CREAT, mode);
    if (descriptor_ < 0 && errno == ENOENT) {
      if (WriteProblem folders = make_folders(); folders.code != 0) return folders;
      descriptor_ = ::open(path_.c_str(), flags | O_CREAT, mode);
    }
    if (descriptor_ >= 0 && settings_.file_mode >= 0) fchmod(descriptor_, mode);
  }
  if (descriptor_ < 0) return problem("open", errno);
  fcntl(descriptor_, F_SETFL, fcntl(descriptor_, F_GETFL) & ~O_NONBLOCK);
  struct stat opened {};
  if (fstat(descriptor_, &opened) != 0) {
    const int code = errno;
    close();
    return problem("fstat", code);
  }
  is_regular_ = S_ISREG(opened.st_mode);
  ends_in_torn_line_ = is_regular_ && !settings_.is_gzip && opened.st_size > 0 && !ends_with_newline(opened.st_size);
  device_ = opened.st_dev;
  inode_ = opened.st_ino;
  return {};
}

/// Whether the last of the file's bytes ends a line; when that cannot be read, nothing is said against it.
bool TargetFile::ends_with_newline(off_t size) const {
  const int reading = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (reading < 0) return true;
  char last = '\n';
  const bool is_known = pread(reading, &last, 1, size - 1) == 1;
  ::close(reading);
  return !is_known || last == '\n';
}

WriteProblem TargetFile::write(std::string_view bytes) {
  std::string packed;
  if (settings_.is_gzip) {
    packed = gzip_member(bytes);
    if (packed.empty()) return {ENOMEM, false, path_ + ": no memory to compress"};
    bytes = packed;
  }
  const std::lock_guard lock(mutex_);
  is_active_ = true;
  if (WriteProblem opening = open_if_needed(); opening.code != 0) return opening;
  // A process that was killed in the middle of a write has left half a line: ours must not be glued to it.
  if (std::exchange(ends_in_torn_line_, false) && settings_.behavior == WriteBehavior::Append && bytes.ends_with('\n'))
    return write_open("\n" + std::string(bytes));
  return write_open(bytes);
}

WriteProblem TargetFile::write_open(std::string_view bytes) {
  if (settings_.behavior == WriteBehavior::Overwrite && is_regular_ && ftruncate(descriptor_, 0) != 0)
    return problem("ftruncate", errno);
  std::size_t written = 0;
  if (const int code = write_pieces(descriptor_, bytes, written); code != 0) {
    struct stat now {};
    // Cut off the piece, unless another process has appended meanwhile. O_APPEND leaves the offset behind what was written.
    if (is_regular_ && written > 0 && fstat(descriptor_, &now) == 0 && lseek(descriptor_, 0, SEEK_CUR) == now.st_size) {
      if (ftruncate(descriptor_, now.st_size - static_cast<off_t>(written)) != 0) return problem("write, ftruncate", code);
    }
    return problem("write", code);
  }
  if (settings_.syncs && is_regular_ && fdatasync(descriptor_) != 0) {
    const int code = errno;
    close();  // the kernel may have dropped what it could not write: nothing may count on this descriptor again
    return problem("fdatasync", code);
  }
  return {};
}

}  // namespace logboom
