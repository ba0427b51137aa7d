// Events of one tag as one message of the forward protocol, on their way to a server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/plugin/output.h"

namespace logboom {

/// Made by a worker, then used by the I/O thread alone. Every event is reported once.
struct ForwardChunk {
  DeliveryPtr delivery;
  std::vector<std::uint32_t> events;  // numbers in the delivery
  std::string bytes;                  // the whole message
  std::string id;                     // what the acknowledgement must say; empty: none is asked for
  std::vector<bool> tried;            // by number of the server

  void report(const Outcome& outcome) const {
    for (const std::uint32_t event : events) delivery->report(event, outcome);
  }
};
using ForwardChunkPtr = std::shared_ptr<ForwardChunk>;

}  // namespace logboom
