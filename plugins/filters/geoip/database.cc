#include "plugins/filters/geoip/database.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "pipeline/base/log.h"

namespace logboom {
namespace {

constexpr std::size_t kMappedPrefix = 12;  // ::ffff:0:0/96

/// A file descriptor that is closed in the end.
struct Descriptor {
  int number = -1;
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

Error io_error(const std::string& path, std::string_view what) {
  const int problem = errno;
  return Error{problem == ENOENT ? ErrorCode::NotFound : ErrorCode::Io,
               fmt::format("{}: {}: {}", path, what, std::strerror(problem))};
}

Result<void> copy_bytes(int from, int to, const std::string& path) {
  std::vector<char> block(256 * 1024);
  for (;;) {
    const ssize_t got = read(from, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(path, "cannot be read");
    if (got == 0) return {};
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = write(to, block.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return io_error(path, "no memory for a copy");
      done += put;
    }
  }
}

}  // namespace

std::optional<GeoAddress> GeoAddress::parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  GeoAddress made;
  made.bytes[10] = made.bytes[11] = 0xff;
  if (inet_pton(AF_INET, terminated, made.bytes.data() + kMappedPrefix) == 1) {
    made.is_v4 = true;
    return made;
  }
  if (inet_pton(AF_INET6, terminated, made.bytes.data()) != 1) return std::nullopt;
  made.is_v4 = made.bytes[10] == 0xff && made.bytes[11] == 0xff &&
               std::all_of(made.bytes.begin(), made.bytes.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
  return made;
}

std::string GeoAddress::text() const {
  if (is_v4) return fmt::format("{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    out += fmt::format("{}{:x}", i == 0 ? "" : ":", bytes[i] << 8 | bytes[i + 1]);
  return out;
}

std::string GeoAddress::network_text(unsigned prefix_bits) const {
  GeoAddress network = *this;
  const std::size_t first = is_v4 ? kMappedPrefix : 0;
  for (std::size_t bit = prefix_bits; first + bit / 8 < bytes.size(); ++bit)
    network.bytes[first + bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
  return fmt::format("{}/{}", network.text(), prefix_bits);
}

Result<std::shared_ptr<const GeoDatabase>> GeoDatabase::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number < 0) return io_error(path, "cannot be opened");
  const Descriptor copy(memfd_create("geoip", MFD_CLOEXEC));
  if (copy.number < 0) return io_error(path, "no memory for a copy");
  if (auto copied = copy_bytes(file.number, copy.number, path); !copied) return copied.error();

  // The library maps files by name only; the mapping keeps the copy when its descriptor is gone.
  std::shared_ptr<GeoDatabase> made(new GeoDatabase);
  const int status = MMDB_open(fmt::format("/proc/self/fd/{}", copy.number).c_str(), MMDB_MODE_MMAP, &made->database_);
  if (status != MMDB_SUCCESS) {
    made->database_ = {};
    return Error{ErrorCode::Corrupt, fmt::format("{}: is no GeoIP database: {}", path, MMDB_strerror(status))};
  }
  if (made->database_.metadata.database_type == nullptr)
    return Error{ErrorCode::Corrupt, fmt::format("{}: does not say what it holds", path)};
  return std::shared_ptr<const GeoDatabase>(std::move(made));
}

GeoDatabase::~GeoDatabase() {
  if (database_.file_content != nullptr) MMDB_close(&database_);
}

std::optional<GeoDatabase::Record> GeoDatabase::find(const GeoAddress& address) const {
  int status = MMDB_SUCCESS;
  MMDB_lookup_result_s found{};
  if (address.is_v4) {
    sockaddr_in socket_address{};
    socket_address.sin_family = AF_INET;
    std::memcpy(&socket_address.sin_addr, address.bytes.data() + kMappedPrefix, 4);
    found = MMDB_lookup_sockaddr(&database_, reinterpret_cast<const sockaddr*>(&socket_address), &status);
  } else {
    if (database_.metadata.ip_version == 4) return std::nullopt;
    sockaddr_in6 socket_address{};
    socket_address.sin6_family = AF_INET6;
    std::memcpy(&socket_address.sin6_addr, address.bytes.data(), address.bytes.size());
    found = MMDB_lookup_sockaddr(&database_, reinterpret_cast<const sockaddr*>(&socket_address), &status);
  }
  if (status != MMDB_SUCCESS || !found.found_entry) return std::nullopt;
  // In a database of IPv6 networks those of IPv4 lie below ::/96.
  const unsigned offset = address.is_v4 && database_.metadata.ip_version == 6 ? 96 : 0;
  return Record{found.entry, found.netmask >= offset ? found.netmask - offset : 0};
}

Result<std::shared_ptr<GeoDatabaseFile>> GeoDatabaseFile::open(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<GeoDatabaseFile>> known;
  const std::lock_guard lock(mutex);
  for (auto entry = known.begin(); entry != known.end();)
    entry = entry->second.expired() ? known.erase(entry) : std::next(entry);
  auto file = known[path].lock();
  if (file == nullptr) {
    file = std::shared_ptr<GeoDatabaseFile>(new GeoDatabaseFile(path));
  } else {
    file->forget_failure();
  }
  if (auto refreshed = file->refresh(); !refreshed) {
    if (file->current() == nullptr) return refreshed.error();
    // A new configuration may well take a database of another type; the running one keeps what it has.
    std::shared_ptr<GeoDatabaseFile> apart(new GeoDatabaseFile(path));
    if (auto opened = apart->refresh(); !opened) {
      log_warn("geoip", "the old version stays in use: {}", opened.error().message);
    } else {
      file = std::move(apart);
    }
  }
  known[path] = file;
  return file;
}

void GeoDatabaseFile::forget_failure() {
  const std::lock_guard lock(refresh_mutex_);
  if (has_failed_) seen_ = {};
}

std::shared_ptr<const GeoDatabase> GeoDatabaseFile::current() const {
  const std::lock_guard lock(current_mutex_);
  return current_;
}

std::optional<GeoDatabaseFile::Stamp> GeoDatabaseFile::stamp_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return Stamp{status.st_dev, status.st_ino, status.st_size, status.st_mtim};
}

void GeoDatabaseFile::check_now(std::int64_t now_seconds) {
  std::int64_t due = next_check_seconds_.load(std::memory_order_relaxed);
  if (now_seconds < due || !next_check_seconds_.compare_exchange_strong(due, now_seconds + kSecondsBetweenChecks)) return;
  if (auto refreshed = refresh(); !refreshed)
    log_warn("geoip", "the old version stays in use: {}", refreshed.error().message);
}

/// Success also when nothing changed, or the file is away for a moment and there is an old version.
Result<void> GeoDatabaseFile::refresh() {
  const std::lock_guard lock(refresh_mutex_);
  const auto stamp = stamp_of(path_);
  const bool is_first = current() == nullptr;
  if (!is_first && (!stamp || *stamp == seen_)) return {};
  auto opened = GeoDatabase::open(path_);
  // A file that is still being written is looked at again when it has changed once more.
  if (stamp) seen_ = *stamp;
  has_failed_ = true;
  if (!opened) return opened.error();
  if (!is_first && (*opened)->type() != current()->type())
    return Error{ErrorCode::Corrupt, fmt::format("{}: is now a {} database and was {}: that takes a reload", path_,
                                                 (*opened)->type(), current()->type())};
  {
    const std::lock_guard current_lock(current_mutex_);
    current_ = std::move(*opened);
  }
  has_failed_ = false;
  generation_.fetch_add(1, std::memory_order_release);
  if (!is_first) log_info("geoip", "{} was replaced and is used from now on", path_);
  return {};
}

}  // namespace logboom
