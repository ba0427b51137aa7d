// What a persistent queue counts besides what its store does.
#pragma once

#include "pipeline/base/metrics.h"

namespace logboom {

struct QueueMetrics {
  explicit QueueMetrics(MetricScope& scope)
      : events(scope.counter("events")),
        bytes(scope.counter("bytes")),
        oldest_age(scope.counter("oldest_age_milliseconds")),
        failing(scope.counter("failing")),
        read_back(scope.counter("read_back_events")),
        recovered(scope.counter("recovered_events")),
        torn(scope.counter("torn_events")) {}

  // Levels.
  Counter& events;      // not done
  Counter& bytes;       // of files that are not deleted, and on the way to them
  Counter& oldest_age;  // of an event that is not done, in milliseconds
  Counter& failing;     // 1 while the disk refuses
  // Sums.
  Counter& read_back;
  Counter& recovered;  // waited when the queue was opened
  Counter& torn;       // were being written when the machine or the process stopped, and had not been acknowledged
};

}  // namespace logboom
