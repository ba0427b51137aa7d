// One stream socket (TCP or unix, plain or TLS) as a Connection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "pipeline/net/tls.h"
#include "server/listen/connection.h"
#include "server/listen/listen_counters.h"

namespace boost::asio {
template <class Protocol, class Executor>
class basic_stream_socket;
namespace generic {
class stream_protocol;
}
}  // namespace boost::asio

namespace logboom {

using StreamSocket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, boost::asio::any_io_executor>;

/// The ByteStream part belongs to the session's coroutines, on the socket's strand.
class SocketConnection : public Connection {
 public:
  /// Performs the handshake as the server, or, with the host that was connected to, as the client. Before anything else.
  /// Errors: Cancelled - the peer left without a word. Unavailable - `seconds` passed. Corrupt - it failed; the message says
  /// why. Then the connection is of no use.
  virtual Awaitable<Result<void>> begin_tls(std::shared_ptr<const TlsContext> context, std::string client_of,
                                            double seconds) = 0;

  // Any thread:
  /// Ends the read that waits, and every later one, at the next frame border.
  virtual void ask_to_end() = 0;
  /// Lets a read that waits notice a rebinding.
  virtual void notice_rebinding() = 0;
  /// Closes the socket; whatever waits for it comes back.
  virtual void cut() = 0;
};

/// Takes over an open socket whose executor is a strand. `is_kept_alive`: TCP keep-alive probes. `counters` and `binding`
/// stay with the connection.
std::shared_ptr<SocketConnection> make_connection(StreamSocket socket, bool is_kept_alive,
                                                  std::shared_ptr<EndpointBinding> binding,
                                                  std::shared_ptr<ListenCounters> counters);

}  // namespace logboom
