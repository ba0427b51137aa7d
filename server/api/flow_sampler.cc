#include "server/api/flow_sampler.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "pipeline/run/ledger.h"

namespace logboom {
namespace {

using Json = nlohmann::ordered_json;
using Window = FlowHistory::Window;

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;
const std::string kProcess = "process";

std::string pipeline_key(const std::string& id) { return id.empty() ? kProcess : "pipeline/" + id; }
std::string plugin_key(const std::string& pipeline, std::string_view kind, const std::string& plugin) {
  return "plugin/" + std::string(kind) + "/" + pipeline + "/" + plugin;
}

/// Four significant digits, as far as JSON's numbers can be read by people.
double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10, 3 - std::floor(std::log10(std::fabs(value))));
  return std::fabs(value) >= 1000 ? std::round(value) : std::round(value * scale) / scale;
}

template <class Rate>
Json by_window(const std::vector<Window>& windows, Rate&& rate) {
  Json made = Json::object();
  for (const Window& window : windows) {
    const Json value = rate(window);
    if (!value.is_null()) made[std::string(window.name)] = value;
  }
  return made;
}

Json per_second(const std::vector<Window>& windows, std::size_t column) {
  return by_window(windows, [column](const Window& w) { return Json(rounded(w.growth(column) / w.seconds())); });
}
/// Milliseconds per millisecond: how many were at it, on average.
Json concurrency(const std::vector<Window>& windows, std::size_t column, double scale = 1) {
  return by_window(windows, [=](const Window& w) { return Json(rounded(w.growth(column) / 1000 / w.seconds() * scale)); });
}

FlowRow pipeline_row(const PipelineView& view, std::int64_t now) {
  const PipelineTotals totals = totals_of(view);
  FlowRow row;
  row.milliseconds = now;
  row.values[PipelineFlow::In] = totals.in;
  row.values[PipelineFlow::Filtered] = totals.filtered;
  row.values[PipelineFlow::Out] = totals.out;
  row.values[PipelineFlow::PushMilliseconds] = totals.push_milliseconds;
  row.values[PipelineFlow::BusyMilliseconds] = totals.busy_milliseconds;
  if (view.pipeline) {
    const auto fill = view.pipeline->queue().fill();
    row.values[PipelineFlow::QueueEvents] = fill.events;
    row.values[PipelineFlow::QueueBytes] = fill.bytes;
  }
  return row;
}

FlowRow site_row(const PluginSite& site, std::int64_t now) {
  FlowRow row;
  row.milliseconds = now;
  row.values[PluginFlow::In] = site.events_in->value();
  row.values[PluginFlow::Out] = site.events_out->value();
  row.values[PluginFlow::BusyMilliseconds] = site.duration_nanoseconds->value() / kNanosecondsPerMillisecond;
  return row;
}

}  // namespace

PipelineTotals totals_of(const PipelineView& view) {
  const PipelineLedger ledger(*view.metrics);
  PipelineTotals totals;
  totals.in = ledger.received.value() + ledger.replayed.value();
  totals.filtered = view.metrics->counter("events.filtered").value() + view.metrics->counter("events.dropped").value();
  const std::uint64_t copied = ledger.copied.value();
  const std::uint64_t completed = ledger.completed.value();
  totals.out = completed > copied ? completed - copied : 0;
  totals.busy_milliseconds = view.metrics->counter("events.duration_nanoseconds").value() / kNanosecondsPerMillisecond;
  if (view.plan)
    for (const PluginSite& site : view.plan->input_sites)
      totals.push_milliseconds += site.metrics->counter("blocked_microseconds").value() / 1000;
  return totals;
}

void FlowSampler::add(const std::string& key, const FlowRow& row, FlowHistory::Depth depth) {
  histories_.try_emplace(key, depth).first->second.add(row);
  touched_[key] = row.milliseconds;
}

void FlowSampler::sample(const std::vector<PipelineView>& views, std::int64_t milliseconds) {
  const std::lock_guard lock(mutex_);
  FlowRow sum;
  sum.milliseconds = milliseconds;
  for (const PipelineView& view : views) {
    const FlowRow row = pipeline_row(view, milliseconds);
    for (std::size_t i = 0; i < FlowRow::kColumns; ++i) sum.values[i] += row.values[i];
    add(pipeline_key(view.id), row, FlowHistory::Depth::Day);
    if (!view.plan) continue;
    constexpr auto kDepth = FlowHistory::Depth::QuarterHour;
    for (const PluginSite& site : view.plan->input_sites)
      add(plugin_key(view.id, "inputs", site.id), site_row(site, milliseconds), kDepth);
    for (const PluginSite& site : view.plan->filter_sites)
      add(plugin_key(view.id, "filters", site.id), site_row(site, milliseconds), kDepth);
    for (const PluginSite& site : view.plan->output_sites)
      add(plugin_key(view.id, "outputs", site.id), site_row(site, milliseconds), kDepth);
    if (!view.dead_letters) continue;
    FlowRow dead_letters;
    dead_letters.milliseconds = milliseconds;
    dead_letters.values[PluginFlow::In] = view.metrics->child("dead_letter_queue").counter("entries").value();
    dead_letters.values[PluginFlow::DeadLetterEvents] = view.dead_letters->facts().entries;
    add(plugin_key(view.id, "dead_letter_queue", ""), dead_letters, kDepth);
  }
  add(kProcess, sum, FlowHistory::Depth::Day);
  for (auto it = touched_.begin(); it != touched_.end();) {
    if (it->second == milliseconds) {
      ++it;
      continue;
    }
    histories_.erase(it->first);
    it = touched_.erase(it);
  }
  last_sample_ = milliseconds;
}

std::vector<Window> FlowSampler::windows_of(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = histories_.find(key);
  return found != histories_.end() ? found->second.windows() : std::vector<Window>();
}

Json FlowSampler::pipeline_flow(const std::string& id, std::size_t workers, bool is_persisted) const {
  const auto windows = windows_of(pipeline_key(id));
  Json flow = {{"input_throughput", per_second(windows, PipelineFlow::In)},
               {"filter_throughput", per_second(windows, PipelineFlow::Filtered)},
               {"output_throughput", per_second(windows, PipelineFlow::Out)},
               {"queue_backpressure", concurrency(windows, PipelineFlow::PushMilliseconds)},
               {"worker_concurrency", concurrency(windows, PipelineFlow::BusyMilliseconds)}};
  if (!id.empty() && workers > 0)
    flow["worker_utilization"] = concurrency(windows, PipelineFlow::BusyMilliseconds, 100 / static_cast<double>(workers));
  if (is_persisted) {
    const auto change = [&](std::size_t column) {
      return by_window(windows, [column](const Window& w) { return Json(rounded(w.change(column) / w.seconds())); });
    };
    flow["queue_persisted_growth_bytes"] = change(PipelineFlow::QueueBytes);
    flow["queue_persisted_growth_events"] = change(PipelineFlow::QueueEvents);
  }
  return flow;
}

Json FlowSampler::input_flow(const std::string& pipeline, const std::string& plugin) const {
  return {{"throughput", per_second(windows_of(plugin_key(pipeline, "inputs", plugin)), PluginFlow::Out)}};
}

Json FlowSampler::worker_flow(const std::string& pipeline, std::string_view kind, const std::string& plugin,
                              std::size_t workers) const {
  const auto windows = windows_of(plugin_key(pipeline, kind, plugin));
  Json flow = {{"worker_utilization", concurrency(windows, PluginFlow::BusyMilliseconds,
                                                  100 / static_cast<double>(std::max<std::size_t>(workers, 1)))}};
  flow["worker_millis_per_event"] = by_window(windows, [](const Window& w) {
    const double events = w.growth(PluginFlow::In);
    const double busy = w.growth(PluginFlow::BusyMilliseconds);
    if (events == 0) return busy > 0 ? Json("Infinity") : Json();
    return Json(rounded(busy / events));
  });
  return flow;
}

std::optional<Window> FlowSampler::pipeline_window(const std::string& id, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = histories_.find(pipeline_key(id));
  return found != histories_.end() ? found->second.window(name) : std::nullopt;
}

std::optional<Window> FlowSampler::plugin_window(const std::string& pipeline, std::string_view kind,
                                                 const std::string& plugin, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = histories_.find(plugin_key(pipeline, kind, plugin));
  return found != histories_.end() ? found->second.window(name) : std::nullopt;
}

std::int64_t FlowSampler::last_sample_milliseconds() const {
  const std::lock_guard lock(mutex_);
  return last_sample_;
}

}  // namespace logboom
