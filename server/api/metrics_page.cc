#include "server/api/metrics_page.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "server/api/certificates.h"
#include "server/api/health_report.h"
#include "server/api/node_documents.h"
#include "server/api/process_facts.h"
#include "server/api/prometheus_text.h"
#include "server/pipeline_queue.h"
#include "server/version.h"

namespace logboom {
namespace {

using Labels = PrometheusText::Labels;

double seconds_of_milliseconds(std::uint64_t milliseconds) { return static_cast<double>(milliseconds) / 1000; }
double real(std::uint64_t value) { return static_cast<double>(value); }

/// A plugin's numbers that go up and down; all others only grow.
bool is_level(std::string_view path) {
  static constexpr std::array kLevels = {std::string_view("current_connections"),  std::string_view("held_requests"),
                                         std::string_view("pending_requests"),     std::string_view("files_open"),
                                         std::string_view("partitions_assigned"),  std::string_view("servers_well"),
                                         std::string_view("receive_buffer_bytes"), std::string_view("bytes_total")};
  return std::find(kLevels.begin(), kLevels.end(), path) != kLevels.end();
}

class Page {
 public:
  explicit Page(const ApiContext& context) : context_(context) {}

  std::string write() {
    write_process();
    write_api();
    for (const PipelineView& view : context_.pipelines.pipelines()) write_pipeline(view);
    write_certificates();
    return out_.text();
  }

 private:
  void write_process() {
    const ProcessFacts facts = read_process_facts();
    out_.gauge("logboom_build_info", "Always 1; the version is the label.", {{"version", kVersion}}, 1);
    out_.counter("process_cpu_seconds_total", "User and system CPU time spent.", {},
                 seconds_of_milliseconds(facts.cpu_milliseconds));
    out_.gauge("process_resident_memory_bytes", "Resident memory.", {}, real(facts.resident_bytes));
    out_.gauge("process_virtual_memory_bytes", "Virtual memory.", {}, real(facts.virtual_bytes));
    out_.gauge("process_open_fds", "Open file descriptors.", {}, real(facts.open_descriptors));
    out_.gauge("process_max_fds", "Most file descriptors that may be open.", {}, real(facts.max_descriptors));
    out_.gauge("process_threads", "Threads.", {}, real(facts.threads));
    out_.gauge("process_start_time_seconds", "Start of the process, since 1970.", {},
               static_cast<double>(context_.node.start_milliseconds) / 1000);
    out_.gauge("logboom_memory_limit_bytes", "Memory that the control group or the machine allows.", {},
               real(facts.memory_limit_bytes));
  }

  /// What the API's own addresses count: connections, requests, refusals.
  void write_api() {
    for (const char* listener : {"api", "probes"})
      for (const auto& sample : context_.metrics.child("api").child(listener).samples()) {
        const std::string name = "logboom_api_" + metric_name(sample.path);
        if (is_level(sample.path)) {
          out_.gauge(name, "A level of the admin API's addresses.", {{"listener", listener}}, real(sample.value));
        } else {
          out_.counter(name + "_total", "Counted at the admin API's addresses.", {{"listener", listener}},
                       real(sample.value));
        }
      }
  }

  void write_disks(const PipelineFacts& facts) {
    for (const auto& disk : facts.disks) {
      if (!disks_.insert(disk.path).second) continue;
      out_.gauge("logboom_disk_free_bytes", "Room that is left where queues, dead letters, positions and logs are.",
                 {{"path", disk.path}}, real(disk.free_bytes));
      out_.gauge("logboom_disk_size_bytes", "Size of that file system.", {{"path", disk.path}}, real(disk.total_bytes));
    }
  }

  void write_pipeline(const PipelineView& view) {
    const Labels pipeline = {{"pipeline", view.id}};
    for (const ServedState state : {ServedState::Starting, ServedState::Running, ServedState::Paused, ServedState::Stopping,
                                    ServedState::Finished, ServedState::Failed})
      out_.gauge("logboom_pipeline_state", "1 for the state that the pipeline is in.",
                 {{"pipeline", view.id}, {"state", served_state_name(state)}}, state == view.state ? 1 : 0);
    const PipelineFacts facts = facts_of(context_, view);
    write_disks(facts);
    const Health health = judge(facts).status;
    out_.gauge("logboom_pipeline_health", "0 green, 1 yellow, 2 red.", pipeline,
               health == Health::Red ? 2 : (health == Health::Yellow ? 1 : 0));
    const PipelineTotals totals = totals_of(view);
    out_.counter("logboom_pipeline_events_in_total", "Events that entered the queue.", pipeline, real(totals.in));
    out_.counter("logboom_pipeline_events_filtered_total", "Events that left the filters or were dropped there.", pipeline,
                 real(totals.filtered));
    out_.counter("logboom_pipeline_events_out_total", "Events that every output is done with.", pipeline, real(totals.out));
    out_.counter("logboom_pipeline_events_dropped_total", "Events that filters dropped.", pipeline,
                 real(view.metrics->counter("events.dropped").value()));
    out_.counter("logboom_pipeline_condition_failures_total", "Conditions that could not be evaluated for an event.",
                 pipeline, real(view.metrics->counter("condition_failures").value()));
    out_.counter("logboom_pipeline_worker_busy_seconds_total", "Time that workers spent on batches.", pipeline,
                 seconds_of_milliseconds(totals.busy_milliseconds));
    out_.counter("logboom_pipeline_queue_push_seconds_total", "Time that inputs waited for the queue.", pipeline,
                 seconds_of_milliseconds(totals.push_milliseconds));
    out_.gauge("logboom_pipeline_stalled_seconds",
               "How long workers have taken nothing although events wait and no output is full.", pipeline,
               seconds_of_milliseconds(static_cast<std::uint64_t>(view.stalled_milliseconds)));
    out_.gauge("logboom_pipeline_workers", "Worker threads.", pipeline, real(workers_of(view)));
    if (const auto minute = context_.flow.pipeline_window(view.id, "last_1_minute"))
      out_.gauge("logboom_pipeline_worker_utilization_ratio", "How busy the workers were in the last minute, 0 to 1.",
                 pipeline,
                 minute->growth(PipelineFlow::BusyMilliseconds) / 1000 / minute->seconds() / real(workers_of(view)));
    write_reloads(view, pipeline);
    write_queue(view, pipeline);
    if (view.dead_letters) write_dead_letters(*view.dead_letters, pipeline);
    if (!view.plan) return;
    for (const PluginSite& site : view.plan->input_sites) write_plugin(view, site, "input");
    for (const PluginSite& site : view.plan->filter_sites) write_plugin(view, site, "filter");
    for (const PluginSite& site : view.plan->output_sites) write_plugin(view, site, "output");
  }

  void write_reloads(const PipelineView& view, const Labels& pipeline) {
    out_.counter("logboom_pipeline_reloads_total", "Reloads, by their result.",
                 {{"pipeline", view.id}, {"result", "success"}}, real(view.reloads.successes));
    out_.counter("logboom_pipeline_reloads_total", "Reloads, by their result.",
                 {{"pipeline", view.id}, {"result", "failure"}}, real(view.reloads.failures));
    for (const auto& [result, seconds] :
         {std::pair("success", view.reloads.last_success_seconds), std::pair("failure", view.reloads.last_failure_seconds)})
      if (seconds > 0)
        out_.gauge("logboom_pipeline_last_reload_timestamp_seconds",
                   "When the last reload with this result was, since 1970.", {{"pipeline", view.id}, {"result", result}},
                   static_cast<double>(seconds));
    out_.gauge("logboom_pipeline_last_reload_failed", "1 when the last reload was refused.", pipeline,
               view.reloads.last_failure_seconds > view.reloads.last_success_seconds ? 1 : 0);
  }

  void write_queue(const PipelineView& view, const Labels& pipeline) {
    const auto fill = view.pipeline ? view.pipeline->queue().fill() : PipelineQueue::Fill{};
    const Labels labels = {{"pipeline", view.id}, {"type", is_persisted(view.settings) ? "persisted" : "memory"}};
    out_.gauge("logboom_queue_events", "Events in the queue.", labels, real(fill.events));
    out_.gauge("logboom_queue_bytes", "Memory or disk space that the queue takes.", labels, real(fill.bytes));
    out_.gauge("logboom_queue_max_bytes", "Most of it that the queue may take.", labels,
               real(queue_max_bytes(view.settings)));
    if (!is_persisted(view.settings)) return;
    MetricScope& scope = view.metrics->child("queue");
    out_.gauge("logboom_queue_oldest_event_age_seconds", "Age of the oldest event that is not done.", pipeline,
               seconds_of_milliseconds(scope.counter("oldest_age_milliseconds").value()));
    out_.gauge("logboom_queue_failing", "1 while the disk refuses.", pipeline, real(scope.counter("failing").value()));
    out_.counter("logboom_queue_lost_events_total", "Events whose places on disk were damaged.", pipeline,
                 view.pipeline ? real(view.pipeline->queue().lost_events()) : 0);
    for (const auto& sample : scope.histograms())
      out_.histogram("logboom_queue_" + metric_name(sample.path) + "_seconds", "How long it took.", pipeline,
                     *sample.histogram);
  }

  void write_dead_letters(DeadLetterQueue& queue, const Labels& pipeline) {
    const auto facts = queue.facts();
    out_.gauge("logboom_dead_letter_queue_entries", "Entries in the dead-letter queue.", pipeline, real(facts.entries));
    out_.gauge("logboom_dead_letter_queue_bytes", "Disk space of the dead-letter queue.", pipeline, real(facts.bytes));
    out_.gauge("logboom_dead_letter_queue_max_bytes", "Most disk space that it may take.", pipeline, real(facts.max_bytes));
    out_.counter("logboom_dead_letter_queue_dropped_events_total", "Entries that were dropped for want of room.", pipeline,
                 real(facts.dropped));
    out_.counter("logboom_dead_letter_queue_expired_events_total", "Entries that became too old.", pipeline,
                 real(facts.expired));
    out_.gauge("logboom_dead_letter_queue_failing", "1 while it cannot be written.", pipeline,
               queue.store().is_failing() ? 1 : 0);
  }

  void write_plugin(const PipelineView& view, const PluginSite& site, std::string_view type) {
    const Labels labels = {{"pipeline", view.id}, {"plugin_type", type}, {"plugin", site.name}, {"id", site.id}};
    for (const auto& sample : site.metrics->samples()) write_sample(view, site, sample, labels, type);
    for (const auto& sample : site.metrics->histograms())
      out_.histogram("logboom_plugin_" + metric_name(sample.path) + "_seconds",
                     sample.path == "ack_latency" ? "From the hand-over of received events to their acknowledgement."
                     : sample.path == "latency"   ? "Of a filter: a batch. Of an output: from the offer to the last outcome."
                                                  : "How long it took.",
                     labels, *sample.histogram);
  }

  void write_sample(const PipelineView& view, const PluginSite& site, const MetricScope::Sample& sample,
                    const Labels& labels, std::string_view type) {
    const std::string_view path = sample.path;
    const double value = real(sample.value);
    if (path.ends_with(".count") || path.ends_with(".sum_microseconds")) return;  // the histogram says it
    if (path == "events.in") {
      out_.counter("logboom_plugin_events_in_total", "Events that the plugin was given.", labels, value);
    } else if (path == "events.out") {
      out_.counter("logboom_plugin_events_out_total", "Events that left the plugin; of an output: delivered ones.", labels,
                   value);
    } else if (path == "events.duration_nanoseconds") {
      if (type != "input")
        out_.counter("logboom_plugin_busy_seconds_total", "Time that workers spent in the plugin.", labels, value / 1e9);
    } else if (path == "blocked_microseconds") {
      out_.counter("logboom_plugin_blocked_seconds_total", "Time that was waited for room behind it.", labels, value / 1e6);
    } else if (path == "state") {
      out_.gauge("logboom_output_state", "0 well, 1 offering again, 2 blocked.", labels, value);
    } else if (path == "undelivered.events") {
      out_.gauge("logboom_output_buffer_events", "Events that the output has and has not delivered.", labels, value);
    } else if (path == "undelivered.bytes") {
      out_.gauge("logboom_output_buffer_bytes", "Memory that they keep.", labels, value);
    } else if (path.substr(0, 9) == "patterns.") {
      write_pattern(view, site, path.substr(9), value);
    } else if (is_level(path)) {
      out_.gauge("logboom_plugin_" + metric_name(path), "A level that the plugin keeps.", labels, value);
    } else if (path.ends_with("nanoseconds") || path.ends_with("microseconds")) {
      return;
    } else {
      out_.counter("logboom_plugin_" + metric_name(path) + "_total", "Counted by the plugin; see its reference page.",
                   labels, value);
    }
  }

  /// "message.0.matched": field, number, counter.
  void write_pattern(const PipelineView& view, const PluginSite& site, std::string_view path, double value) {
    const std::size_t last = path.rfind('.');
    const std::size_t middle = last == std::string_view::npos ? last : path.rfind('.', last - 1);
    if (middle == std::string_view::npos) return;
    const Labels labels = {{"pipeline", view.id},
                           {"id", site.id},
                           {"field", path.substr(0, middle)},
                           {"pattern", path.substr(middle + 1, last - middle - 1)}};
    const std::string_view what = path.substr(last + 1);
    if (what == "nanoseconds") {
      out_.counter("logboom_grok_pattern_seconds_total", "Time spent on a grok pattern.", labels, value / 1e9);
    } else {
      out_.counter("logboom_grok_pattern_" + metric_name(what) + "_total", "Lines by what a grok pattern did with them.",
                   labels, value);
    }
  }

  void write_certificates() {
    for (const KnownCertificate& known : certificates_in_use(context_))
      out_.gauge("logboom_certificate_not_after_timestamp_seconds", "When the certificate stops to be valid, since 1970.",
                 {{"pipeline", known.pipeline}, {"id", known.plugin}, {"path", known.path}},
                 static_cast<double>(known.not_after_seconds));
  }

  const ApiContext& context_;
  PrometheusText out_;
  std::set<std::string> disks_;
};

HttpResponse get_metrics(ApiContext& context, const ApiCall&) {
  HttpResponse response(200, metrics_page(context));
  response.headers.emplace_back("content-type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace

std::string metrics_page(const ApiContext& context) { return Page(context).write(); }

std::vector<Route> metrics_routes() {
  return {{"GET", "/metrics", Role::Viewer, "All numbers as Prometheus reads them.", get_metrics, true}};
}

}  // namespace logboom
