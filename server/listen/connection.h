// Connection: the ByteStream that services see, with what the sessions around them need besides. TLS will be another one.
#pragma once

#include <chrono>
#include <optional>

#include "pipeline/net/byte_stream.h"
#include "server/listen/endpoint_binding.h"

namespace logboom {

/// Why the last read_some() came back empty.
enum class ReadEnd {
  Open,        // it did not
  PeerClosed,  // orderly or not
  TimedOut,    // idle limit or read deadline
  Draining,    // the listener asks sessions to end
  Rebinding,   // the input was replaced
};

/// Whether draining and rebinding end a read (at a frame border) or wait (inside a frame).
enum class Interruptions { Allowed, Held };

/// Used by one coroutine at a time.
class Connection : public ByteStream {
 public:
  /// Serves on behalf of this binding from now on: its limits hold, and only a newer one is a rebinding.
  virtual void adopt(const BoundService& bound) = 0;
  virtual void set_interruptions(Interruptions interruptions) = 0;
  virtual ReadEnd read_end() const = 0;
  /// True when the listener asked its sessions to end.
  virtual bool is_draining() const = 0;
  /// Tells the peer that nothing more comes, and still reads.
  virtual void finish_sending() = 0;
};

}  // namespace logboom
