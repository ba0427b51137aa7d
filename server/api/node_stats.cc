#include "server/api/node_stats.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <chrono>
#include <ctime>

#include "pipeline/net/http_text.h"
#include "server/api/node_documents.h"
#include "server/api/pipeline_graph.h"
#include "server/api/plugin_stats.h"
#include "server/api/process_facts.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

std::int64_t now_milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

OrderedJson timestamp_or_null(std::int64_t seconds) {
  if (seconds == 0) return nullptr;
  const std::time_t time = seconds;
  tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// There is no JVM: its heap is this process's private memory, and nothing is ever collected.
OrderedJson jvm_stats(const ApiContext& context) {
  const ProcessFacts facts = read_process_facts();
  const std::uint64_t percent = facts.memory_limit_bytes > 0 ? facts.anonymous_bytes * 100 / facts.memory_limit_bytes : 0;
  const auto pool = [](std::uint64_t used, std::uint64_t peak, std::uint64_t most) {
    return OrderedJson{{"used_in_bytes", used},
                       {"committed_in_bytes", used},
                       {"max_in_bytes", most},
                       {"peak_used_in_bytes", peak},
                       {"peak_max_in_bytes", most}};
  };
  const OrderedJson collector = {{"collection_count", 0}, {"collection_time_in_millis", 0}};
  return {{"threads", {{"count", facts.threads}, {"peak_count", process_peaks().threads}}},
          {"mem",
           {{"heap_used_percent", percent},
            {"heap_committed_in_bytes", facts.anonymous_bytes},
            {"heap_max_in_bytes", facts.memory_limit_bytes},
            {"heap_used_in_bytes", facts.anonymous_bytes},
            {"non_heap_used_in_bytes", facts.resident_bytes - std::min(facts.resident_bytes, facts.anonymous_bytes)},
            {"non_heap_committed_in_bytes", facts.resident_bytes - std::min(facts.resident_bytes, facts.anonymous_bytes)},
            {"pools",
             {{"young", pool(0, 0, 0)},
              {"survivor", pool(0, 0, 0)},
              {"old", pool(facts.anonymous_bytes, facts.peak_resident_bytes, facts.memory_limit_bytes)}}}}},
          {"gc", {{"collectors", {{"young", collector}, {"old", collector}}}}},
          {"uptime_in_millis", now_milliseconds() - context.node.start_milliseconds}};
}

OrderedJson process_stats() {
  const ProcessFacts facts = read_process_facts();
  return {{"open_file_descriptors", facts.open_descriptors},
          {"peak_open_file_descriptors", process_peaks().descriptors},
          {"max_file_descriptors", facts.max_descriptors},
          {"mem", {{"total_virtual_in_bytes", facts.virtual_bytes}, {"resident_in_bytes", facts.resident_bytes}}},
          {"cpu",
           {{"total_in_millis", facts.cpu_milliseconds},
            {"percent", cpu_percent()},
            {"load_average", {{"1m", facts.load_1m}, {"5m", facts.load_5m}, {"15m", facts.load_15m}}}}}};
}

OrderedJson os_stats() {
  const auto group = read_control_group();
  if (!group) return OrderedJson::object();
  return {{"cgroup",
           {{"cpuacct", {{"control_group", group->group}, {"usage_nanos", group->usage_nanoseconds}}},
            {"cpu",
             {{"control_group", group->group},
              {"cfs_period_micros", group->period_micros},
              {"cfs_quota_micros", group->quota_micros},
              {"stat",
               {{"number_of_elapsed_periods", group->elapsed_periods},
                {"number_of_times_throttled", group->throttled_periods},
                {"time_throttled_nanos", group->throttled_nanoseconds}}}}}}}};
}

OrderedJson events_json(const PipelineTotals& totals) {
  return {{"in", totals.in},
          {"filtered", totals.filtered},
          {"out", totals.out},
          {"duration_in_millis", totals.busy_milliseconds},
          {"queue_push_duration_in_millis", totals.push_milliseconds}};
}

OrderedJson events_of_all(const std::vector<PipelineView>& views) {
  PipelineTotals sum;
  for (const PipelineView& view : views) {
    const PipelineTotals one = totals_of(view);
    sum.in += one.in;
    sum.filtered += one.filtered;
    sum.out += one.out;
    sum.busy_milliseconds += one.busy_milliseconds;
    sum.push_milliseconds += one.push_milliseconds;
  }
  return events_json(sum);
}

OrderedJson queue_json(const PipelineView& view) {
  const bool is_on_disk = is_persisted(view.settings);
  const auto fill = view.pipeline ? view.pipeline->queue().fill() : PipelineQueue::Fill{};
  const std::uint64_t most = queue_max_bytes(view.settings);
  OrderedJson queue = {{"type", is_on_disk ? "persisted" : "memory"},
                       {"events_count", fill.events},
                       {"queue_size_in_bytes", fill.bytes},
                       {"max_queue_size_in_bytes", most}};
  if (!is_on_disk) return queue;
  const std::string directory = queue_directory(view.settings, view.id);
  queue["events"] = fill.events;
  queue["capacity"] = {{"page_capacity_in_bytes", view.settings.bytes("queue.page_capacity")},
                       {"max_queue_size_in_bytes", most},
                       {"max_unread_events", view.settings.number("queue.max_events")},
                       {"queue_size_in_bytes", fill.bytes}};
  struct statvfs disk {};
  const bool is_known = statvfs(directory.c_str(), &disk) == 0;
  queue["data"] = {{"path", directory},
                   {"free_space_in_bytes", is_known ? static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize : 0},
                   {"storage_type", "unknown"}};
  MetricScope& scope = view.metrics->child("queue");
  queue["oldest_event_age_in_millis"] = scope.counter("oldest_age_milliseconds").value();
  queue["is_failing"] = scope.counter("failing").value() != 0;
  return queue;
}

OrderedJson reloads_json(const PipelineReloads& reloads) {
  OrderedJson error;
  if (!reloads.last_error.empty()) error = {{"message", reloads.last_error}, {"backtrace", OrderedJson::array()}};
  return {{"successes", reloads.successes},
          {"failures", reloads.failures},
          {"last_error", error},
          {"last_success_timestamp", timestamp_or_null(reloads.last_success_seconds)},
          {"last_failure_timestamp", timestamp_or_null(reloads.last_failure_seconds)}};
}

OrderedJson dead_letters_json(DeadLetterQueue& queue) {
  const auto facts = queue.facts();
  return {{"queue_size_in_bytes", facts.bytes},
          {"max_queue_size_in_bytes", facts.max_bytes},
          {"storage_policy", queue.options().policy == DeadLetterPolicy::DropNewer ? "drop_newer" : "drop_older"},
          {"dropped_events", facts.dropped},
          {"expired_events", facts.expired},
          {"last_error", facts.last_error.empty() ? "no errors" : facts.last_error},
          {"entries", facts.entries}};
}

OrderedJson plugins_json(const ApiContext& context, const PipelineView& view) {
  OrderedJson inputs = OrderedJson::array();
  OrderedJson filters = OrderedJson::array();
  OrderedJson outputs = OrderedJson::array();
  OrderedJson codecs = OrderedJson::array();
  if (view.plan) {
    const std::size_t workers = workers_of(view);
    for (const PluginSite& site : view.plan->input_sites) {
      inputs.push_back(plugin_stats(site, StatsOf::Input));
      inputs.back()["flow"] = context.flow.input_flow(view.id, site.id);
    }
    for (const PluginSite& site : view.plan->filter_sites) {
      filters.push_back(plugin_stats(site, StatsOf::Filter));
      filters.back()["flow"] = context.flow.worker_flow(view.id, "filters", site.id, workers);
    }
    for (const PluginSite& site : view.plan->output_sites) {
      outputs.push_back(plugin_stats(site, StatsOf::Output));
      outputs.back()["flow"] = context.flow.worker_flow(view.id, "outputs", site.id, workers);
    }
    codecs = codec_stats(*view.plan);
  }
  return {{"inputs", inputs}, {"codecs", codecs}, {"filters", filters}, {"outputs", outputs}};
}

/// Logstash's monitoring wants the plugins once more, as parts of the graph.
OrderedJson vertices_json(const OrderedJson& plugins, const std::string& ephemeral_id) {
  OrderedJson vertices = OrderedJson::array();
  for (const char* kind : {"inputs", "filters", "outputs"})
    for (const OrderedJson& plugin : plugins[kind]) {
      OrderedJson vertex = {{"id", plugin["id"]}, {"pipeline_ephemeral_id", ephemeral_id}};
      if (plugin["events"].contains("in")) vertex["events_in"] = plugin["events"]["in"];
      vertex["events_out"] = plugin["events"]["out"];
      for (const char* name : {"duration_in_millis", "queue_push_duration_in_millis"})
        if (plugin["events"].contains(name)) vertex[name] = plugin["events"][name];
      vertices.push_back(std::move(vertex));
    }
  return vertices;
}

OrderedJson pipelines_json(const ApiContext& context, const std::vector<PipelineView>& views, bool has_vertices) {
  OrderedJson all = OrderedJson::object();
  for (const PipelineView& view : views) all[view.id] = pipeline_stats(context, view, has_vertices);
  return all;
}

OrderedJson reloads_of_all(const std::vector<PipelineView>& views) {
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  for (const PipelineView& view : views) {
    successes += view.reloads.successes;
    failures += view.reloads.failures;
  }
  return {{"successes", successes}, {"failures", failures}};
}

OrderedJson queue_of_all(const std::vector<PipelineView>& views) {
  std::uint64_t events = 0;
  for (const PipelineView& view : views)
    if (is_persisted(view.settings) && view.pipeline) events += view.pipeline->queue().fill().events;
  return {{"events_count", events}};
}

constexpr std::string_view kAllGroups = "jvm,process,events,flow,pipelines,reloads,os,queue";

HttpResponse stats_groups(ApiContext& context, const ApiCall& call, std::string_view list) {
  OrderedJson document = node_head(context);
  const auto views = context.pipelines.pipelines();
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
    const std::string key(name);
    if (name == "jvm") {
      document[key] = jvm_stats(context);
    } else if (name == "process") {
      document[key] = process_stats();
    } else if (name == "events") {
      document[key] = events_of_all(views);
    } else if (name == "flow") {
      document[key] = context.flow.pipeline_flow("", 0, false);
    } else if (name == "pipelines") {
      document[key] = pipelines_json(context, views, call.flag("vertices"));
    } else if (name == "reloads") {
      document[key] = reloads_of_all(views);
    } else if (name == "os") {
      document[key] = os_stats();
    } else if (name == "queue") {
      document[key] = queue_of_all(views);
    } else {
      return error_answer(path_of(call.request.target), 404, "Not Found");
    }
  }
  return json_answer(call, document);
}

HttpResponse get_stats(ApiContext& context, const ApiCall& call) { return stats_groups(context, call, kAllGroups); }

HttpResponse get_stats_groups(ApiContext& context, const ApiCall& call) {
  return stats_groups(context, call, call.parameter("groups"));
}

HttpResponse get_pipeline_stats(ApiContext& context, const ApiCall& call) {
  auto views = context.pipelines.pipelines();
  std::erase_if(views, [&](const PipelineView& view) { return view.id != call.parameter("id"); });
  if (views.empty()) return error_answer(path_of(call.request.target), 404, "Not Found");
  OrderedJson document = node_head(context);
  document["pipelines"] = pipelines_json(context, views, call.flag("vertices"));
  return json_answer(call, document);
}

}  // namespace

OrderedJson pipeline_stats(const ApiContext& context, const PipelineView& view, bool has_vertices) {
  OrderedJson stats = {{"events", events_json(totals_of(view))},
                       {"flow", context.flow.pipeline_flow(view.id, workers_of(view), is_persisted(view.settings))},
                       {"plugins", plugins_json(context, view)},
                       {"reloads", reloads_json(view.reloads)},
                       {"queue", queue_json(view)},
                       {"pipeline",
                        {{"workers", workers_of(view)},
                         {"batch_size", view.settings.number("pipeline.batch.size")},
                         {"batch_delay", view.settings.number("pipeline.batch.delay")}}},
                       {"hash", view.hash},
                       {"ephemeral_id", view.ephemeral_id},
                       {"state", std::string(served_state_name(view.state))}};
  if (!view.failure.empty()) stats["failure"] = view.failure;
  if (view.dead_letters) stats["dead_letter_queue"] = dead_letters_json(*view.dead_letters);
  if (has_vertices) stats["vertices"] = vertices_json(stats["plugins"], view.ephemeral_id);
  return stats;
}

std::vector<Route> stats_routes() {
  return {
      {"GET", "/_node/stats", Role::Viewer, "All numbers of the process and its pipelines.", get_stats},
      {"GET", "/_stats", Role::Viewer, "The same under its old name.", get_stats},
      {"GET", "/_node/stats/{groups}", Role::Viewer,
       "The same, some of jvm, process, events, flow, pipelines, reloads, os, queue.", get_stats_groups},
      {"GET", "/_node/stats/pipelines/{id}", Role::Viewer, "One pipeline's numbers.", get_pipeline_stats},
  };
}

}  // namespace logboom
