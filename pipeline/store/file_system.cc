#include "pipeline/store/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace logboom {
namespace {

Error error_of(int number, std::string_view doing, const std::string& path) {
  ErrorCode code = ErrorCode::Io;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::Full;
  if (number == ENOENT) code = ErrorCode::NotFound;
  if (number == EEXIST || number == EWOULDBLOCK) code = ErrorCode::AlreadyExists;
  return {code, fmt::format("{} {}: {}", doing, path, std::strerror(number))};
}

class LocalFile final : public File {
 public:
  LocalFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~LocalFile() override { close(descriptor_); }

  Result<std::size_t> read_at(std::uint64_t offset, char* to, std::size_t size) override {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = pread(descriptor_, to + done, size - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return error_of(errno, "reading", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return error_of(errno, "writing", path_);
      done += static_cast<std::size_t>(put);
    }
    return {};
  }

  Result<void> sync() override {
    if (fdatasync(descriptor_) == 0) return {};
    return error_of(errno, "syncing", path_);
  }

  Result<void> allocate(std::uint64_t size) override {
    for (;;) {
      if (fallocate(descriptor_, 0, 0, static_cast<off_t>(size)) == 0) return {};
      if (errno == EINTR) continue;
      if (errno == EOPNOTSUPP || errno == ENOSYS) return {};  // it will grow as it is written
      return error_of(errno, "reserving room for", path_);
    }
  }

  Result<void> truncate(std::uint64_t size) override {
    if (ftruncate(descriptor_, static_cast<off_t>(size)) == 0) return {};
    return error_of(errno, "cutting", path_);
  }

  Result<std::uint64_t> size() override {
    struct stat facts {};
    if (fstat(descriptor_, &facts) != 0) return error_of(errno, "looking at", path_);
    return static_cast<std::uint64_t>(facts.st_size);
  }

  Result<std::int64_t> modified_at() override {
    struct stat facts {};
    if (fstat(descriptor_, &facts) != 0) return error_of(errno, "looking at", path_);
    return static_cast<std::int64_t>(facts.st_mtim.tv_sec) * 1000 + facts.st_mtim.tv_nsec / 1'000'000;
  }

 private:
  const int descriptor_;
  const std::string path_;
};

class LocalLock final : public DirectoryLock {
 public:
  explicit LocalLock(int descriptor) : descriptor_(descriptor) {}
  ~LocalLock() override { close(descriptor_); }

 private:
  const int descriptor_;
};

class LocalFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    if (mode == OpenMode::Read) flags |= O_RDONLY;
    if (mode == OpenMode::ReadWrite) flags |= O_RDWR;
    if (mode == OpenMode::Create) flags |= O_RDWR | O_CREAT | O_EXCL;
    const int descriptor = ::open(path.c_str(), flags, 0640);
    if (descriptor < 0) return error_of(errno, "opening", path);
    return std::unique_ptr<File>(std::make_unique<LocalFile>(descriptor, path));
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    DIR* const open_directory = opendir(directory.c_str());
    if (open_directory == nullptr) return error_of(errno, "listing", directory);
    std::vector<std::string> names;
    while (const dirent* entry = readdir(open_directory)) {
      struct stat facts {};
      const std::string name = entry->d_name;
      const bool is_file =
          entry->d_type == DT_REG ||
          (entry->d_type == DT_UNKNOWN && stat((directory + "/" + name).c_str(), &facts) == 0 && S_ISREG(facts.st_mode));
      if (is_file) names.push_back(name);
    }
    closedir(open_directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> make_directory(const std::string& path) override {
    struct stat facts {};
    if (stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return {};
    const std::size_t slash = path.find_last_of('/');
    const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    if (auto made = make_directory(parent); !made) return made;
    if (mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return error_of(errno, "making", path);
    return sync_directory(parent);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return error_of(errno, "renaming", from);
  }

  Result<void> remove(const std::string& path) override {
    if (unlink(path.c_str()) == 0) return {};
    return error_of(errno, "removing", path);
  }

  Result<void> sync_directory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return error_of(errno, "opening", path);
    const bool is_synced = fsync(descriptor) == 0;
    const int problem = errno;
    close(descriptor);
    if (is_synced || problem == EINVAL) return {};  // some file systems know no such thing
    return error_of(problem, "syncing", path);
  }

  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& directory) override {
    const std::string path = directory + "/lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0) return error_of(errno, "opening", path);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      const int problem = errno;
      close(descriptor);
      return error_of(problem, "locking", path);
    }
    return std::unique_ptr<DirectoryLock>(std::make_unique<LocalLock>(descriptor));
  }
};

}  // namespace

FileSystem& local_files() {
  static LocalFileSystem files;
  return files;
}

}  // namespace logboom
