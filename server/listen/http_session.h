// HTTP/1.1 on a connection: requests one after the other, each answered by the service that is bound at that moment.
#pragma once

#include "pipeline/net/awaitable.h"
#include "server/listen/connection.h"
#include "server/listen/listen_counters.h"

namespace logboom {

/// Serves requests until the peer closes, asks for it, breaks the protocol, or the listener drains (an answer that is under
/// way is still sent). Keep-alive and pipelining; chunked bodies; Expect: 100-continue; bodies in gzip, zlib, deflate or
/// zstd. Refused, and counted: 400 bad HTTP or compression, 408 not complete within request_seconds, 413 body (as received
/// or as inflated) beyond max_request_bytes, 415 unknown Content-Encoding, 431 header fields beyond 32 KiB, 501 unknown
/// Transfer-Encoding, 503 more than max_receiving_bytes of bodies are on their way in over all listeners; and
/// what the service refuses before the body is read (a small rest of it is thrown away to keep the connection). A peer that
/// does not read its answer within request_seconds is cut. On the connection's strand.
Awaitable<void> serve_http(Connection& connection, EndpointBinding& binding, ListenCounters& counters);

}  // namespace logboom
