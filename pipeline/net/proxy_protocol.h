// PROXY protocol, versions 1 (text) and 2 (binary): how a load balancer says whom it speaks for.
// Source: HAProxy's proxy-protocol.txt.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/net/byte_stream.h"

namespace logboom {

/// Whom a proxy speaks for. Empty addresses: the proxy does not say (UNKNOWN, LOCAL, unix sockets).
struct ProxyHeader {
  PeerAddress source;
  PeerAddress destination;  // the address of the proxy that the source connected to
  std::size_t bytes = 0;    // length of the header on the wire
};

/// Reads a header at the start of `bytes`. Errors: Full - it is not complete yet, at most kMaxProxyHeaderBytes are needed.
/// Corrupt - there is no header, or a broken one: close the connection.
Result<ProxyHeader> parse_proxy_header(std::string_view bytes);
constexpr std::size_t kMaxProxyHeaderBytes = 4096;

/// Reads the header from a stream into `raw_header` and gives back what came behind it. Corrupt as above; Unavailable - the
/// stream ended, what was read has been given back.
Awaitable<Result<ProxyHeader>> read_proxy_header(ByteStream& stream, std::string& raw_header);

}  // namespace logboom
