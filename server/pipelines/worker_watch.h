// WorkerWatch: whether a pipeline's workers get on with what waits for them.
#pragma once

#include <chrono>
#include <cstdint>

#include "pipeline/run/pipeline.h"

namespace logboom {

/// Workers stand still when events wait for them, no plugin has taken an event since, and no output is to blame: a plugin
/// does not come back. One thread.
class WorkerWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Looks once; call about every second. Returns how long they have stood still; zero: they get on, or have nothing to do.
  std::chrono::milliseconds look(Pipeline& pipeline, Time now);

 private:
  std::uint64_t taken_ = 0;  // by filters and outputs, as it was at `since_`
  Time since_;
};

}  // namespace logboom
