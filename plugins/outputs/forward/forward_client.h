// Servers of the forward protocol: which of them gets a message, and what becomes of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/metrics.h"
#include "pipeline/net/tls.h"
#include "plugins/outputs/forward/forward_chunk.h"

namespace logboom {

struct ForwardServer {
  std::string host;
  std::uint16_t port = 24224;
  std::string tls_name;  // asked for and checked in the certificate; empty: host
  std::uint32_t weight = 60;
  bool is_standby = false;  // used in place of the weight of servers that are away
  std::string shared_key;   // empty: no handshake is expected
  std::string user;
  std::string password;
};

enum class ForwardHeartbeat { Transport, Udp, None };

struct ForwardClientOptions {
  std::vector<ForwardServer> servers;
  std::string self_hostname;
  bool asks_for_acks = true;
  double ack_seconds = 190;
  double connect_seconds = 10;
  double send_seconds = 60;
  bool keeps_alive = true;
  double keepalive_seconds = 0;     // an idle connection is closed after that; 0: never
  std::size_t connections = 2;      // to each server
  std::size_t unacknowledged = 32;  // messages under way on a connection
  ForwardHeartbeat heartbeat = ForwardHeartbeat::Transport;
  double heartbeat_seconds = 1;
  double udp_patience_seconds = 60;  // without an answer the server counts as away
  double recover_seconds = 10;       // a server that came back waits so long while others are there
  std::shared_ptr<const TlsContext> tls;
  std::string id;  // for the log
};

/// Sends to one server after the other, by weight. A message that one server does not take goes to the next at once; when
/// none is left its events are to be retried. Any thread.
class ForwardClient {
 public:
  ForwardClient(ForwardClientOptions options, MetricScope& metrics);
  ~ForwardClient();
  ForwardClient(const ForwardClient&) = delete;
  ForwardClient& operator=(const ForwardClient&) = delete;
  void start();
  void send(ForwardChunkPtr chunk);
  /// Lets what is under way finish for at most ten seconds, then gives it back as Retry.
  void stop();

 private:
  class State;
  std::shared_ptr<State> state_;
  bool is_running_ = false;
};

}  // namespace logboom
