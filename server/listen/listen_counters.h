// What a listener counts, looked up once.
#pragma once

#include <atomic>
#include <cstdint>

#include "pipeline/base/metrics.h"

namespace logboom {

/// Any thread. Must not outlive the scope.
struct ListenCounters {
  explicit ListenCounters(MetricScope& scope);

  Counter& connections;          // accepted or made
  Counter& current_connections;  // a level
  Counter& refused_limit;        // closed at once: max_connections were open
  Counter& accept_failures;      // accept(2) failed: out of descriptors or memory
  Counter& connect_failures;     // Endpoint::Mode::Connect could not reach its peer
  Counter& tls_failures;         // handshakes that failed, and broken records
  Counter& tls_timeouts;         // handshakes that took too long
  Counter& idle_closed;
  Counter& write_timeouts;   // the peer did not read
  Counter& cut;              // open when draining took too long
  Counter& failed_sessions;  // a service ended with an exception
  Counter& bytes_in;
  Counter& bytes_out;
  Counter& requests;            // HTTP: complete ones
  Counter& bad_requests;        // HTTP: 400, 411, 415, 431, 501, 505
  Counter& too_large_requests;  // HTTP: 413
  Counter& request_timeouts;    // HTTP: 408
  Counter& answers_2xx;         // HTTP: answers sent, by class
  Counter& answers_4xx;
  Counter& answers_5xx;
};

}  // namespace logboom
