#include "server/listen/listen_counters.h"

namespace logboom {

ListenCounters::ListenCounters(MetricScope& scope)
    : connections(scope.counter("connections")),
      current_connections(scope.counter("current_connections")),
      refused_limit(scope.counter("refused_limit")),
      accept_failures(scope.counter("accept_failures")),
      connect_failures(scope.counter("connect_failures")),
      tls_failures(scope.counter("tls_failures")),
      tls_timeouts(scope.counter("tls_timeouts")),
      idle_closed(scope.counter("idle_closed")),
      write_timeouts(scope.counter("write_timeouts")),
      cut(scope.counter("cut")),
      failed_sessions(scope.counter("failed_sessions")),
      bytes_in(scope.counter("bytes_in")),
      bytes_out(scope.counter("bytes_out")),
      requests(scope.counter("requests")),
      bad_requests(scope.counter("bad_requests")),
      too_large_requests(scope.counter("too_large_requests")),
      request_timeouts(scope.counter("request_timeouts")),
      answers_2xx(scope.counter("answers_2xx")),
      answers_4xx(scope.counter("answers_4xx")),
      answers_5xx(scope.counter("answers_5xx")) {}

}  // namespace logboom
