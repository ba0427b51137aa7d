// A delivery as bytes on their way to sockets.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/plugin/output.h"

namespace logboom {

/// Made by a worker, then used by the I/O thread alone.
struct EncodedDelivery {
  DeliveryPtr delivery;
  std::string bytes;
  std::vector<std::size_t> ends;  // offset behind each event

  EncodedDelivery(DeliveryPtr from, const Codec& codec) : delivery(std::move(from)) {
    ends.reserve(delivery->events().size());
    for (const Event* event : delivery->events()) {
      codec.encode(*event, bytes);
      ends.push_back(bytes.size());
    }
  }
  /// Events that lie wholly in the first `sent` bytes are delivered, the others wait for another attempt.
  void report_sent(std::size_t sent, const Outcome& for_the_rest) {
    for (std::size_t i = 0; i < ends.size(); ++i) delivery->report(i, ends[i] <= sent ? Outcome::delivered() : for_the_rest);
  }
};
using EncodedDeliveryPtr = std::shared_ptr<EncodedDelivery>;

/// Where encoded events go. deliver() and stop() on any thread.
class TcpSender {
 public:
  virtual ~TcpSender() = default;
  virtual Result<void> start() { return {}; }
  virtual void deliver(EncodedDeliveryPtr encoded) = 0;
  virtual void stop() = 0;
};

}  // namespace logboom
