// One connection to a server of the forward protocol: TCP, TLS, handshake, then messages out and acknowledgements in.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/event/msgpack.h"
#include "pipeline/net/awaitable.h"
#include "pipeline/net/tls_channel.h"
#include "plugins/outputs/forward/forward_client.h"

namespace logboom {

/// Belongs to the I/O thread. read_message() may overlap write(); each once at a time.
class ServerLink : public std::enable_shared_from_this<ServerLink> {
 public:
  ServerLink(boost::asio::io_context& context, const ForwardServer& server, const ForwardClientOptions& options);

  /// Connects, with TLS and the handshake where they are wanted, within `connect_seconds`.
  static Awaitable<Result<void>> open(std::shared_ptr<ServerLink> self);
  /// All of it, within `send_seconds`.
  static Awaitable<Result<void>> write(std::shared_ptr<ServerLink> self, std::string_view bytes);
  /// The next message of the server; waits without limit.
  static Awaitable<Result<std::string>> read_message(std::shared_ptr<ServerLink> self);

  bool is_open() const { return is_open_; }
  /// False when the server said that it takes one message for each connection.
  bool may_be_kept() const { return may_be_kept_; }
  /// Whatever is under way fails with this reason (the first one counts).
  void close(std::string_view reason);

 private:
  static Awaitable<Result<void>> connect(std::shared_ptr<ServerLink> self);
  static Awaitable<Result<void>> begin_tls(std::shared_ptr<ServerLink> self);
  static Awaitable<Result<void>> shake_hands(std::shared_ptr<ServerLink> self);
  static Awaitable<Result<void>> write_all(std::shared_ptr<ServerLink> self, std::string_view bytes);
  /// More bytes into received_.
  static Awaitable<Result<void>> read_more(std::shared_ptr<ServerLink> self);
  static Awaitable<void> wait(std::shared_ptr<ServerLink> self, boost::asio::socket_base::wait_type what);
  Result<std::string> ping_for(std::string_view helo, std::string& nonce);
  Result<void> check_pong(std::string_view pong, std::string_view nonce) const;
  Error failure(std::string_view what) const;
  void limit_to(double seconds, std::string_view reason);
  void end_limit() { limit_.cancel(); }

  const ForwardServer& server_;
  const ForwardClientOptions& options_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer limit_;
  std::unique_ptr<TlsChannel> tls_;
  std::string received_;
  std::string salt_;
  std::string reason_;  // why it was closed
  bool is_open_ = false;
  bool is_closed_ = false;
  bool may_be_kept_ = true;
};

}  // namespace logboom
