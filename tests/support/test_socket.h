// A blocking client socket with deadlines, for tests that talk to our listeners.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace logboom {

/// Connected to 127.0.0.1. Every wait ends after ten seconds at the latest.
class TestSocket {
 public:
  explicit TestSocket(std::uint16_t port, int receive_buffer_bytes = 0) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer_bytes > 0)
      setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  static TestSocket on_unix_path(const std::string& path) {
    const sockaddr_un address = unix_address(path);
    TestSocket made(Taken{socket(AF_UNIX, SOCK_STREAM, 0)});
    REQUIRE(connect(made.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return made;
  }
  /// A socket file that nobody listens on, as a killed process leaves it.
  static void leave_dead_unix_path(const std::string& path) {
    const sockaddr_un address = unix_address(path);
    const TestSocket made(Taken{socket(AF_UNIX, SOCK_STREAM, 0)});
    REQUIRE(bind(made.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  /// Takes over a connected descriptor.
  static TestSocket of_descriptor(int descriptor) { return TestSocket(Taken{descriptor}); }
  TestSocket(TestSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~TestSocket() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  /// False when the other side is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!is_ready(POLLOUT)) return false;
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() { shutdown(descriptor_, SHUT_WR); }
  int descriptor() const { return descriptor_; }
  /// Reads until `end` was read, or the other side closed.
  std::string read_until(std::string_view end) {
    while (received_.find(end) == std::string::npos && read_more()) {
    }
    const std::size_t at = received_.find(end);
    const std::size_t length = at == std::string::npos ? received_.size() : at + end.size();
    std::string taken = received_.substr(0, length);
    received_.erase(0, length);
    return taken;
  }
  /// So many bytes, or fewer when the other side closed.
  std::string read_bytes(std::size_t count) {
    while (received_.size() < count && read_more()) {
    }
    std::string taken = received_.substr(0, count);
    received_.erase(0, count);
    return taken;
  }
  /// Everything until the other side closes.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(received_, {});
  }
  /// True when the other side closes within the deadline; what it says before is dropped.
  bool is_closed_by_peer() {
    while (is_ready(POLLIN)) {
      if (!receive()) return true;
    }
    return false;
  }

 private:
  struct Taken {
    int descriptor;
  };
  static sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    return address;
  }
  explicit TestSocket(Taken taken) : descriptor_(taken.descriptor) {}
  bool is_ready(short what) const {
    pollfd waiting{descriptor_, what, 0};
    return poll(&waiting, 1, 10'000) == 1;
  }
  bool read_more() { return is_ready(POLLIN) && receive(); }
  bool receive() {
    char bytes[16 * 1024];
    const ssize_t received = recv(descriptor_, bytes, sizeof bytes, 0);
    if (received <= 0) return false;
    received_.append(bytes, static_cast<std::size_t>(received));
    return true;
  }

  int descriptor_;
  std::string received_;
};

}  // namespace logboom
