#include "plugins/inputs/file/sincedb.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace logboom {
namespace {

std::string_view next_word(std::string_view& line) {
  const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(start);
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

bool read_number(std::string_view& line, std::uint64_t& out) {
  const std::string_view word = next_word(line);
  const auto read = std::from_chars(word.data(), word.data() + word.size(), out);
  return !word.empty() && read.ec == std::errc() && read.ptr == word.data() + word.size();
}

Error failure(const std::string& path, const char* call) {
  return Error{ErrorCode::Io, fmt::format("sincedb {}: {}: {}", path, call, std::strerror(errno))};
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

Sincedb::Sincedb(std::string path, double clean_after_seconds, const Clock& clock)
    : path_(std::move(path)), clean_after_seconds_(clean_after_seconds), clock_(clock) {}

Sincedb::~Sincedb() { (void)write(); }

Sincedb::DiskKey Sincedb::key_of(const FileIdentity& identity) {
  return {identity.inode, identity.device >> 24 & 0xFF, identity.device & 0xFFFFFF};
}

Sincedb::DiskKey Sincedb::other_key_of(const FileIdentity& identity) {
  return {identity.inode, major(identity.device), minor(identity.device)};
}

Result<void> Sincedb::load() {
  struct stat status {};
  if (path_.empty() || stat(path_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::ifstream file(path_);
  if (!file) return failure(path_, "open");
  const std::lock_guard lock(mutex_);
  const double now = static_cast<double>(clock_.wall_nanoseconds()) * 1e-9;
  std::string text;
  while (std::getline(file, text)) {
    std::string_view line = text;
    DiskKey key;
    SincedbEntry entry;
    if (!read_number(line, key.inode) || !read_number(line, key.major) || !read_number(line, key.minor) ||
        !read_number(line, entry.position))
      continue;
    const std::string changed(next_word(line));
    entry.changed = changed.empty() ? now : std::strtod(changed.c_str(), nullptr);
    if (!line.empty()) line.remove_prefix(1);
    entry.path = line;
    if (now - entry.changed < clean_after_seconds_) entries_[key] = entry;
  }
  return {};
}

std::optional<SincedbEntry> Sincedb::find(const FileIdentity& identity) const {
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(key_of(identity));
  if (found == entries_.end()) found = entries_.find(other_key_of(identity));
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

void Sincedb::set(const FileIdentity& identity, std::uint64_t position, const std::string& path) {
  const std::lock_guard lock(mutex_);
  const DiskKey key = key_of(identity);
  if (const DiskKey other = other_key_of(identity); other != key) entries_.erase(other);
  SincedbEntry& entry = entries_[key];
  entry.position = position;
  entry.path = path;
  entry.changed = static_cast<double>(clock_.wall_nanoseconds()) * 1e-9;
  is_changed_ = true;
}

void Sincedb::forget(const FileIdentity& identity) {
  const std::lock_guard lock(mutex_);
  if (entries_.erase(key_of(identity)) + entries_.erase(other_key_of(identity)) > 0) is_changed_ = true;
}

std::string Sincedb::text_without_expired() {
  const double now = static_cast<double>(clock_.wall_nanoseconds()) * 1e-9;
  std::string text;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto& [key, entry] = *at;
    if (now - entry.changed >= clean_after_seconds_) {
      at = entries_.erase(at);
      continue;
    }
    text += fmt::format("{} {} {} {} {:.6f}", key.inode, key.major, key.minor, entry.position, entry.changed);
    // A line break in a name would become a line of its own; such a file is found again by its inode.
    if (!entry.path.empty() && entry.path.find('\n') == std::string::npos) text += " " + entry.path;
    text += '\n';
    ++at;
  }
  return text;
}

Result<void> Sincedb::write() {
  const std::lock_guard turn(write_turn_);
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    if (!is_changed_) return {};
    is_changed_ = false;
    if (path_.empty()) return {};
    text = text_without_expired();
  }
  const auto fail = [this](const char* call) {
    const Error error = failure(path_, call);
    const std::lock_guard lock(mutex_);
    is_changed_ = true;
    return error;
  };
  struct stat status {};
  const bool is_in_place = stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  const std::string written_to = is_in_place ? path_ : path_ + ".new";
  const int descriptor = ::open(written_to.c_str(), O_WRONLY | O_CLOEXEC | (is_in_place ? 0 : O_CREAT | O_TRUNC), 0644);
  if (descriptor < 0) return fail("open");
  const bool is_written = write_all(descriptor, text) && (is_in_place || fsync(descriptor) == 0);
  const int code = errno;
  ::close(descriptor);
  errno = code;
  if (!is_written) return fail("write");
  if (is_in_place) return {};
  if (rename(written_to.c_str(), path_.c_str()) != 0) return fail("rename");
  const int folder_descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_descriptor >= 0) {
    fsync(folder_descriptor);
    ::close(folder_descriptor);
  }
  return {};
}

}  // namespace logboom
