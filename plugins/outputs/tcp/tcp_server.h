// Listens, and writes events to everyone who is connected.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/base/metrics.h"
#include "plugins/outputs/tcp/encoded_delivery.h"

namespace logboom {

struct TcpServerOptions {
  std::string host;
  std::uint16_t port = 0;
  std::string id;  // for the log
};

/// Delivered means written to the socket of every client that was connected then; without clients, dropped and counted. A
/// client that falls 16 MiB behind, or takes nothing for 30 s, is disconnected and counted. start() refuses a port in use.
std::unique_ptr<TcpSender> make_tcp_server(TcpServerOptions options, MetricScope& metrics);

}  // namespace logboom
