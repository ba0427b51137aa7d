// A listening socket on 127.0.0.1 with a port of its own, for tests of what connects.
#pragma once

#include "tests/support/test_socket.h"

namespace logboom {

class TestAcceptor {
 public:
  TestAcceptor() : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(listen(descriptor_, 16) == 0);
    getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~TestAcceptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  TestAcceptor(const TestAcceptor&) = delete;
  TestAcceptor& operator=(const TestAcceptor&) = delete;

  std::uint16_t port() const { return port_; }
  /// Waits at most ten seconds.
  TestSocket accept() {
    pollfd waiting{descriptor_, POLLIN, 0};
    REQUIRE(poll(&waiting, 1, 10'000) == 1);
    return TestSocket::of_descriptor(::accept(descriptor_, nullptr, nullptr));
  }
  /// From now on the port refuses connections.
  void stop() { close(std::exchange(descriptor_, -1)); }

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
};

}  // namespace logboom
