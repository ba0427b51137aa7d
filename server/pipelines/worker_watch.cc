#include "server/pipelines/worker_watch.h"

#include "pipeline/run/output_health.h"

namespace logboom {
namespace {

std::uint64_t events_taken(const Plan& plan) {
  std::uint64_t events = 0;
  for (const auto* sites : {&plan.filter_sites, &plan.output_sites})
    for (const PluginSite& site : *sites) events += site.events_in->value();
  return events;
}

/// Workers wait for a destination, or what it did not take is offered again: that is the output's trouble.
bool is_output_to_blame(const Plan& plan) {
  for (const PluginSite& site : plan.output_sites)
    if (site.metrics->counter("state").value() != static_cast<std::uint64_t>(OutputState::Ok)) return true;
  return false;
}

}  // namespace

std::chrono::milliseconds WorkerWatch::look(Pipeline& pipeline, Time now) {
  const auto plan = pipeline.plan();
  const std::uint64_t taken = events_taken(*plan);
  // A queue that keeps things counts those with outputs too.
  const bool has_waiting_events = pipeline.queue().fill().events > pipeline.undelivered_events();
  if (since_ == Time() || taken != taken_ || !has_waiting_events || is_output_to_blame(*plan)) {
    taken_ = taken;
    since_ = now;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - since_);
}

}  // namespace logboom
