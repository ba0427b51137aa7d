// TlsChannel: the TLS of one connection over a non-blocking socket, as steps that say what they wait for. No event loop.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/net/tls.h"

struct ssl_st;

namespace logboom {

/// What became of one attempt to move bytes.
struct ChannelStep {
  enum class State {
    Done,        // `bytes` were moved
    WantsRead,   // call again when the socket is readable
    WantsWrite,  // call again when the socket is writable
    Closed,      // the peer ended the connection
    Failed,      // `reason` says why
  };
  State state = State::Done;
  std::size_t bytes = 0;
  bool has_drained = true;  // receive(): the socket had no more than this
  std::string reason;
};

/// Used by one thread at a time; reads and writes may take turns in any order.
class TlsChannel {
 public:
  /// Server side on an accepted socket, which outlives the channel.
  static std::unique_ptr<TlsChannel> accepting(std::shared_ptr<const TlsContext> context, int socket);
  /// Client side; `host` is asked for (SNI) and, when the context verifies names, must be in the certificate.
  static std::unique_ptr<TlsChannel> connecting(std::shared_ptr<const TlsContext> context, int socket,
                                                const std::string& host);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  /// One step of the handshake; Done when it is complete. A peer that says nothing and leaves is Closed.
  ChannelStep handshake();
  /// Fills as much of the room as is there.
  ChannelStep receive(char* to, std::size_t room);
  ChannelStep send(std::string_view bytes);
  /// Tells the peer that nothing more comes, when the socket has room for that.
  void say_goodbye();
  /// After the handshake.
  const TlsSession& session() const { return session_; }

 private:
  TlsChannel(std::shared_ptr<const TlsContext> context, int socket);
  ChannelStep failed_step(int result);
  void describe_session();

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_;
  TlsSession session_;
};

}  // namespace logboom
