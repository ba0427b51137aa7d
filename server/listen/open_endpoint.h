// OpenEndpoint: an address of an input that is being served, whatever it speaks.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/base/metrics.h"
#include "pipeline/base/result.h"
#include "pipeline/plugin/input.h"
#include "server/listen/network_threads.h"

namespace logboom {

/// All functions: any thread.
class OpenEndpoint {
 public:
  virtual ~OpenEndpoint() = default;
  /// Replaces the service, its limits and the sink; the socket stays. Address and port of `service` are not looked at.
  virtual void rebind(Endpoint service, std::shared_ptr<EventSink> sink) = 0;
  /// Takes nothing new and asks what is under way to end; does not wait. For draining several at once.
  virtual void ask_sessions_to_end() = 0;
  /// ask_sessions_to_end(), then waits at most `timeout`. Blocks: not on the network threads.
  virtual void drain(std::chrono::milliseconds timeout = std::chrono::seconds(10)) = 0;
  /// The port that is listened on, also when 0 was asked for.
  virtual std::uint16_t port() const = 0;
};

/// Opens an endpoint with what its service needs: a UdpListener for datagrams, a Listener for streams and HTTP. Arguments
/// and errors as Listener::open().
Result<std::shared_ptr<OpenEndpoint>> open_endpoint(NetworkThreads& threads, const Endpoint& endpoint,
                                                    std::shared_ptr<EventSink> sink, std::string name, MetricScope& metrics);

}  // namespace logboom
