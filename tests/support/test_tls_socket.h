// A TLS client with deadlines on top of TestSocket's connection, for tests that talk to our listeners.
#pragma once

#include <fcntl.h>

#include <memory>
#include <string>

#include "pipeline/net/tls_channel.h"
#include "tests/support/test_socket.h"

namespace logboom {

class TestTlsSocket {
 public:
  /// Connects and shakes hands; `host` is what the certificate must name. problem() says why that failed.
  TestTlsSocket(std::uint16_t port, const TlsClientSettings& settings, const std::string& host = "localhost")
      : socket_(port) {
    fcntl(socket_.descriptor(), F_SETFL, O_NONBLOCK);
    auto context = TlsContext::for_client(settings);
    REQUIRE(context.has_value());
    channel_ = TlsChannel::connecting(*context, socket_.descriptor(), host);
    const ChannelStep step = patiently([this] { return channel_->handshake(); });
    if (step.state != ChannelStep::State::Done) problem_ = step.reason.empty() ? "closed" : step.reason;
  }
  const std::string& problem() const { return problem_; }
  const TlsSession& session() const { return channel_->session(); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ChannelStep step = patiently([&] { return channel_->send(bytes); });
      if (step.state != ChannelStep::State::Done) return false;
      bytes.remove_prefix(step.bytes);
    }
    return true;
  }
  /// Reads until `end` was read, or the other side closed.
  std::string read_until(std::string_view end) {
    while (received_.find(end) == std::string::npos && receive()) {
    }
    const std::size_t at = received_.find(end);
    const std::size_t length = at == std::string::npos ? received_.size() : at + end.size();
    std::string taken = received_.substr(0, length);
    received_.erase(0, length);
    return taken;
  }
  bool is_closed_by_peer() {
    while (receive()) {
    }
    return has_ended_;
  }
  void say_goodbye() { channel_->say_goodbye(); }

 private:
  /// Repeats a step until it is done or has failed; each wait ends after ten seconds.
  template <class Step>
  ChannelStep patiently(const Step& attempt) {
    for (;;) {
      ChannelStep step = attempt();
      const bool wants_write = step.state == ChannelStep::State::WantsWrite;
      if (step.state != ChannelStep::State::WantsRead && !wants_write) return step;
      pollfd waiting{socket_.descriptor(), static_cast<short>(wants_write ? POLLOUT : POLLIN), 0};
      if (poll(&waiting, 1, 10'000) != 1) return step;
    }
  }
  bool receive() {
    char bytes[16 * 1024];
    const ChannelStep step = patiently([&] { return channel_->receive(bytes, sizeof bytes); });
    has_ended_ = step.state == ChannelStep::State::Closed || step.state == ChannelStep::State::Failed;
    if (step.state == ChannelStep::State::Done) received_.append(bytes, step.bytes);
    return step.state == ChannelStep::State::Done;
  }

  TestSocket socket_;
  std::unique_ptr<TlsChannel> channel_;
  std::string problem_;
  std::string received_;
  bool has_ended_ = false;
};

}  // namespace logboom
