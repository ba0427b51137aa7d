// One accepted (or made) connection as bytes: TLS, limits and idle time are already dealt with below it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"
#include "pipeline/net/awaitable.h"
#include "pipeline/net/tls.h"

namespace logboom {

struct PeerAddress {
  std::string ip;
  std::uint16_t port = 0;
};

/// Reading belongs to one coroutine at a time, writing to one at a time; the two may overlap, on the stream's strand.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// The next bytes, at most a few tens of kilobytes. Empty when the peer closed, the idle limit passed, the server is
  /// stopping, or the input was replaced: then return, after giving back with unread() what was not used.
  virtual Awaitable<Buffer> read_some() = 0;
  /// Sends all of `bytes`, which must stay valid until then. Unavailable when the peer is gone.
  virtual Awaitable<Result<void>> write(std::string_view bytes) = 0;
  /// Gives bytes back; whoever serves the connection next reads them first.
  virtual void unread(std::string_view bytes) = 0;
  /// A read that waits past this moment comes back empty (a handshake's limit); nullopt: only the idle limit counts. Streams
  /// that never wait ignore it.
  virtual void set_read_deadline(std::optional<std::chrono::steady_clock::time_point> deadline) { (void)deadline; }
  /// True when read_some() came back empty because the input was replaced by a reload: the connection lives on.
  virtual bool is_rebinding() const = 0;
  /// Ends the session from another coroutine of its strand: the read that waits and every later one come back empty, and
  /// is_rebinding() is false. Writing goes on.
  virtual void end_reading() = 0;
  virtual const PeerAddress& peer() const = 0;
  virtual const PeerAddress& local() const = 0;
  /// The handshake's outcome, or nullptr on a plain connection.
  virtual const TlsSession* tls() const { return nullptr; }
};

}  // namespace logboom
