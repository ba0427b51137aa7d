#include "server/control/local_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace logboom {
namespace {

constexpr std::size_t kLongestLine = 256 * 1024 * 1024;
constexpr int kWaiting = 16;

/// A path of any length: sun_path has 108 bytes, so the directory is named by a descriptor.
class Address {
 public:
  explicit Address(const std::string& directory) : directory_(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address_.sun_family = AF_UNIX;
    path_ = fmt::format("/proc/self/fd/{}/.control", directory_);
    std::memcpy(address_.sun_path, path_.c_str(), path_.size() + 1);
  }
  Address(const Address&) = delete;
  Address& operator=(const Address&) = delete;
  ~Address() {
    if (directory_ >= 0) close(directory_);
  }
  bool is_there() const { return directory_ >= 0; }
  const std::string& path() const { return path_; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }

 private:
  int directory_;
  std::string path_;
  sockaddr_un address_{};
};

Error failed(const std::string& directory) {
  return {ErrorCode::Io, fmt::format("{}/.control: {}", directory, strerror(errno))};
}

}  // namespace

LocalSocket::LocalSocket(LocalSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), received_(std::move(other.received_)) {}

LocalSocket& LocalSocket::operator=(LocalSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(received_, other.received_);
  return *this;
}

LocalSocket::~LocalSocket() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<LocalSocket> LocalSocket::listen(const std::string& directory) {
  const Address address(directory);
  LocalSocket made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!address.is_there() || made.descriptor_ < 0) return failed(directory);
  unlink(address.path().c_str());
  // The file gets the socket's mode: it is never there with another one.
  if (fchmod(made.descriptor_, 0600) != 0 || bind(made.descriptor_, address.get(), sizeof(sockaddr_un)) != 0 ||
      chmod(address.path().c_str(), 0600) != 0 || ::listen(made.descriptor_, kWaiting) != 0)
    return failed(directory);
  return made;
}

Result<LocalSocket> LocalSocket::connect(const std::string& directory) {
  const Address address(directory);
  if (!address.is_there()) return Error{ErrorCode::NotFound, fmt::format("there is no {}", directory)};
  LocalSocket made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.descriptor_ < 0) return failed(directory);
  if (::connect(made.descriptor_, address.get(), sizeof(sockaddr_un)) == 0) return made;
  if (errno == ENOENT || errno == ECONNREFUSED)
    return Error{ErrorCode::NotFound, fmt::format("no server runs on {}", directory)};
  return failed(directory);
}

Result<void> LocalSocket::send_line(std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t sent = send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Error{ErrorCode::Io, fmt::format("the other side cannot be told: {}", strerror(errno))};
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> LocalSocket::receive_line(std::chrono::milliseconds patience) {
  std::size_t looked_at = 0;
  for (;;) {
    const std::size_t end = received_.find('\n', looked_at);
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    looked_at = received_.size();
    if (received_.size() > kLongestLine) return Error{ErrorCode::TooLarge, "the line is too long"};
    pollfd watched{descriptor_, POLLIN, 0};
    const int ready = poll(&watched, 1, static_cast<int>(patience.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return Error{ErrorCode::Unavailable, "the other side says nothing"};
    char piece[65536];
    const ssize_t got = recv(descriptor_, piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{ErrorCode::Io, fmt::format("the other side cannot be heard: {}", strerror(errno))};
    if (got == 0) return Error{ErrorCode::NotFound, "the other side has closed"};
    received_.append(piece, static_cast<std::size_t>(got));
  }
}

}  // namespace logboom
