#include "server/api/probes.h"

#include <fmt/format.h>

#include "server/api/api_context.h"
#include "server/api/problem.h"

namespace logboom {
namespace {

/// The sampler runs every second; when it has not for so long, something holds the whole process up.
constexpr std::int64_t kLongestSilenceMilliseconds = 60'000;

std::int64_t steady_milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

HttpResponse get_ready(ApiContext& context, const ApiCall& call) {
  std::size_t running = 0;
  std::size_t starting = 0;
  OrderedJson states = OrderedJson::object();
  for (const PipelineView& view : context.pipelines.pipelines()) {
    states[view.id] = std::string(served_state_name(view.state));
    running += view.state == ServedState::Running ? 1 : 0;
    starting += view.state == ServedState::Starting && view.failure.empty() ? 1 : 0;
  }
  const OrderedJson more = {{"pipelines", states}};
  if (context.pipelines.is_stopping()) return error_answer("/ready", 503, "the process is stopping", more);
  if (starting > 0) return error_answer("/ready", 503, fmt::format("{} pipelines are starting", starting), more);
  if (running == 0) return error_answer("/ready", 503, "no pipeline runs", more);
  return json_answer(call, {{"status", "ready"}, {"pipelines", states}});
}

HttpResponse get_live(ApiContext& context, const ApiCall& call) {
  const std::int64_t last = context.flow.last_sample_milliseconds();
  const std::int64_t silence = last == 0 ? 0 : steady_milliseconds() - last;
  if (silence > kLongestSilenceMilliseconds)
    return error_answer("/live", 503, fmt::format("the process has not looked at its counters for {} s", silence / 1000));
  return json_answer(call, {{"status", "live"}});
}

}  // namespace

std::vector<Route> probe_routes() {
  return {
      {"GET", "/ready", Role::Anybody, "200 when events are taken, 503 while starting or stopping.", get_ready, true},
      {"GET", "/live", Role::Anybody, "200 as long as the process does its work.", get_live, true},
  };
}

}  // namespace logboom
