// One connection to a destination, made when there is something to send and made again when it breaks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/base/metrics.h"
#include "pipeline/net/tls.h"
#include "plugins/outputs/tcp/encoded_delivery.h"

namespace logboom {

struct TcpClientOptions {
  std::string host;
  std::uint16_t port = 0;
  double reconnect_seconds = 10;          // between two attempts; what comes meanwhile waits for the next
  std::string id;                         // for the log
  std::shared_ptr<const TlsContext> tls;  // nullptr: plain
};

/// Delivered means written to the socket. A broken or refused connection makes everything that waits Retry, and so does more
/// than 64 MiB in line.
std::unique_ptr<TcpSender> make_tcp_client(TcpClientOptions options, MetricScope& metrics);

}  // namespace logboom
