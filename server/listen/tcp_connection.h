// One TCP socket as a Connection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "server/listen/connection.h"
#include "server/listen/listen_counters.h"

namespace boost::asio {
template <class Protocol, class Executor>
class basic_stream_socket;
namespace ip {
class tcp;
}
}  // namespace boost::asio

namespace logboom {

using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::any_io_executor>;

/// The ByteStream part belongs to the session's coroutine, on the socket's strand.
class TcpConnection : public Connection {
 public:
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
std::shared_ptr<TcpConnection> make_tcp_connection(TcpSocket socket, bool is_kept_alive,
                                                   std::shared_ptr<EndpointBinding> binding,
                                                   std::shared_ptr<ListenCounters> counters);

}  // namespace logboom
