// Datagrams as a service sees them: several that came together, and a way to answer each.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/net/byte_stream.h"

namespace logboom {

struct Datagram {
  std::string_view bytes;             // inside the batch's received()
  const PeerAddress* peer = nullptr;  // as long as the batch
};

/// What one recvmmsg(2) delivered. Used by one coroutine.
class DatagramBatch {
 public:
  virtual ~DatagramBatch() = default;
  virtual std::span<const Datagram> datagrams() const = 0;
  /// The memory that all of them lie in.
  virtual const Buffer& received() const = 0;
  virtual const PeerAddress& local() const = 0;
  /// Sends a datagram back to whom this one came from; dropped when the kernel has no room.
  virtual void reply(const Datagram& to, std::string_view bytes) = 0;
};

}  // namespace logboom
