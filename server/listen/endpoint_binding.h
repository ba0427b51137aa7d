// EndpointBinding: the stable handle between sessions and the input that serves them; a reload swaps what is behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "pipeline/plugin/input.h"

namespace logboom {

/// What a session works with: the address's limits, its service, and the pipeline. Kept alive by the sessions that use it.
struct BoundService {
  Endpoint endpoint;
  std::shared_ptr<EventSink> sink;
  std::uint64_t generation = 0;  // grows with each rebinding
};

/// Any thread.
class EndpointBinding {
 public:
  EndpointBinding(Endpoint endpoint, std::shared_ptr<EventSink> sink);

  std::shared_ptr<const BoundService> current() const;
  /// Sessions notice at their next frame border; whoever rebinds wakes those that wait.
  void rebind(Endpoint endpoint, std::shared_ptr<EventSink> sink);
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const BoundService> current_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace logboom
