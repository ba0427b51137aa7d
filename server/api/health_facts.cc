// The numbers that the health probes look at, gathered from a pipeline.
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "pipeline/run/output_health.h"
#include "server/api/certificates.h"
#include "server/api/health_report.h"
#include "server/api/node_documents.h"
#include "server/dead_letters/settings.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

using Window = FlowHistory::Window;

/// The longest of the recent windows that is known.
std::optional<Window> recent(const std::function<std::optional<Window>(std::string_view)>& window) {
  for (const char* name : {"last_5_minutes", "last_1_minute", "current"})
    if (auto found = window(name)) return found;
  return std::nullopt;
}

double share_of_workers(const Window& window, std::size_t column, std::size_t workers) {
  return window.growth(column) / 10 / window.seconds() / static_cast<double>(std::max<std::size_t>(workers, 1));
}

std::string_view output_state(std::uint64_t state) {
  if (state == static_cast<std::uint64_t>(OutputState::Blocked)) return "blocked";
  return state == static_cast<std::uint64_t>(OutputState::Retrying) ? "retrying" : "ok";
}

void add_disk(const std::string& path, std::vector<PipelineFacts::Disk>& disks) {
  struct statvfs disk {};
  if (path.empty() || statvfs(path.c_str(), &disk) != 0) return;
  for (const auto& known : disks)
    if (known.path == path) return;
  disks.push_back({path, static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize,
                   static_cast<std::uint64_t>(disk.f_blocks) * disk.f_frsize});
}

void add_queue(const PipelineView& view, const std::optional<Window>& window, PipelineFacts& facts) {
  facts.is_persisted = is_persisted(view.settings);
  facts.max_queue_bytes = queue_max_bytes(view.settings);
  if (view.pipeline) {
    const auto fill = view.pipeline->queue().fill();
    facts.queue_events = fill.events;
    facts.queue_bytes = fill.bytes;
  }
  if (window) {
    facts.queue_growth_events = window->change(PipelineFlow::QueueEvents) / window->seconds();
    facts.queue_growth_bytes = window->change(PipelineFlow::QueueBytes) / window->seconds();
  }
  if (!facts.is_persisted) return;
  facts.oldest_event_seconds =
      static_cast<double>(view.metrics->child("queue").counter("oldest_age_milliseconds").value()) / 1000;
  if (view.pipeline) facts.lost_events = view.pipeline->queue().lost_events();
  facts.queue_is_failing = view.metrics->child("queue").counter("failing").value() != 0;
  add_disk(queue_directory(view.settings, view.id), facts.disks);
}

void add_plugins(const ApiContext& context, const PipelineView& view, std::size_t workers, PipelineFacts& facts) {
  const auto busy = [&](std::string_view kind, const std::string& plugin) {
    const auto window =
        recent([&](std::string_view name) { return context.flow.plugin_window(view.id, kind, plugin, name); });
    return window ? share_of_workers(*window, PluginFlow::BusyMilliseconds, workers) : -1.0;
  };
  for (const PluginSite& site : view.plan->filter_sites) facts.filters.push_back({site.id, busy("filters", site.id)});
  for (const PluginSite& site : view.plan->output_sites) {
    PipelineFacts::Output output;
    output.id = site.id;
    output.state = output_state(site.metrics->counter("state").value());
    output.last_error = site.metrics->note("last_error").content().text;
    output.buffered_events = site.metrics->counter("undelivered.events").value();
    output.max_buffered_events = static_cast<std::uint64_t>(view.settings.number("output.buffer.max_events"));
    output.utilization = busy("outputs", site.id);
    facts.outputs.push_back(std::move(output));
  }
}

void add_dead_letters(const ApiContext& context, const PipelineView& view, PipelineFacts& facts) {
  facts.has_dead_letters = true;
  const auto queue = view.dead_letters->facts();
  facts.dead_letters = queue.entries;
  facts.dead_letter_bytes = queue.bytes;
  facts.max_dead_letter_bytes = queue.max_bytes;
  if (view.dead_letters->store().is_failing()) facts.dead_letter_error = view.dead_letters->problem();
  const auto window =
      recent([&](std::string_view name) { return context.flow.plugin_window(view.id, "dead_letter_queue", "", name); });
  if (window) facts.dead_letter_growth = window->change(PluginFlow::DeadLetterEvents) / window->seconds();
  add_disk(view.dead_letters->options().directory, facts.disks);
}

}  // namespace

PipelineFacts facts_of(const ApiContext& context, const PipelineView& view) {
  PipelineFacts facts;
  facts.id = view.id;
  facts.state = view.state;
  facts.failure = view.failure;
  if (view.reloads.last_failure_seconds > view.reloads.last_success_seconds) facts.refusal = view.reloads.last_error;
  facts.stalled_seconds = view.stalled_milliseconds / 1000;
  const std::size_t workers = workers_of(view);
  const auto window = [&](std::string_view name) { return context.flow.pipeline_window(view.id, name); };
  if (const auto minute = window("last_1_minute")) {
    facts.utilization_1m = share_of_workers(*minute, PipelineFlow::BusyMilliseconds, workers);
    facts.push_waiting = minute->growth(PipelineFlow::PushMilliseconds) / 1000 / minute->seconds();
  } else if (const auto current = window("current")) {
    facts.push_waiting = current->growth(PipelineFlow::PushMilliseconds) / 1000 / current->seconds();
  }
  if (const auto minutes = window("last_5_minutes"))
    facts.utilization_5m = share_of_workers(*minutes, PipelineFlow::BusyMilliseconds, workers);
  auto growth = window("last_5_minutes");  // a queue that starts to fill says nothing yet
  add_queue(view, growth ? growth : window("last_1_minute"), facts);
  if (view.plan) add_plugins(context, view, workers, facts);
  if (view.dead_letters) add_dead_letters(context, view, facts);
  add_disk(view.settings.text("path.data"), facts.disks);
  add_disk(view.settings.text("path.logs"), facts.disks);
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  for (const KnownCertificate& known : certificates_of(view))
    facts.certificates.push_back({known.path, known.plugin, (static_cast<double>(known.not_after_seconds) - now) / 86400});
  return facts;
}

}  // namespace logboom
