// Listener: one address of an input. Owns the socket, accepts, limits, and ends sessions; services only see streams and
// requests. TCP stream services and HTTP services share it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "server/listen/open_endpoint.h"

namespace logboom {

/// One acceptor (or, in Endpoint::Mode::Connect, one connection that is made again whenever it ends). Each connection has a
/// seat of its own on the network threads. All functions: any thread.
class Listener final : public OpenEndpoint {
 public:
  /// Opens the address; sessions start at once. `name` is for the log. `metrics` gets the counters of listen_counters.h and
  /// must outlive the sessions, as the threads must.
  /// Errors: AlreadyExists - the port is in use. InvalidArgument - no such host or not an address of this machine.
  /// Io - the system refused (privileges, descriptors). The message names address, port and remedy.
  static Result<std::shared_ptr<Listener>> open(NetworkThreads& threads, const Endpoint& endpoint,
                                                std::shared_ptr<EventSink> sink, std::string name, MetricScope& metrics);
  /// Stops accepting and cuts what is open; does not wait.
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Replaces the service, its limits and the sink; socket and connections stay. A stream session's read comes back empty
  /// with is_rebinding(), and the new service serves the same stream from the bytes that were given back; an HTTP session
  /// switches between two requests. The old service and sink are let go when their last session has switched.
  /// A session of the other kind (stream for HTTP) is closed. Address and port of `service` are not looked at.
  void rebind(Endpoint service, std::shared_ptr<EventSink> sink) override;
  /// Closes the acceptor (within moments, on its thread) and makes no connection any more.
  void stop_accepting();
  /// Stops accepting and asks sessions to end at their next frame border; does not wait. For draining several at once.
  void ask_sessions_to_end() override;
  /// ask_sessions_to_end(), waits at most `timeout` for them, then cuts the rest and waits a second for those to notice (a
  /// session that waits for a full queue or an acknowledgement ends when that does). Blocks: not on the network threads.
  void drain(std::chrono::milliseconds timeout = std::chrono::seconds(10)) override;
  /// The port that is listened on, also when 0 was asked for.
  std::uint16_t port() const override;
  std::size_t open_sessions() const;

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace logboom
