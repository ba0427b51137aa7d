#include "server/api/node_documents.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "pipeline/net/http_text.h"
#include "pipeline/plugin/registry.h"
#include "server/api/health_report.h"
#include "server/api/pipeline_graph.h"
#include "server/api/process_facts.h"
#include "server/dead_letters/settings.h"
#include "server/version.h"

namespace logboom {
namespace {

constexpr auto kLongestStatusWait = std::chrono::minutes(5);
constexpr auto kStatusPoll = std::chrono::milliseconds(100);

OrderedJson os_info() {
  utsname machine{};
  uname(&machine);
  return {{"name", machine.sysname},
          {"arch", machine.machine},
          {"version", machine.release},
          {"available_processors", std::max(1u, std::thread::hardware_concurrency())}};
}

/// There is no JVM; its fields say what they can of this process, because clients look for them.
OrderedJson jvm_info(const ApiContext& context) {
  const ProcessFacts facts = read_process_facts();
  return {{"pid", getpid()},
          {"version", "none"},
          {"vm_version", std::string(kVersion)},
          {"vm_vendor", "Logboom"},
          {"vm_name", "Logboom (native code, no JVM)"},
          {"start_time_in_millis", context.node.start_milliseconds},
          {"mem",
           {{"heap_init_in_bytes", 0},
            {"heap_max_in_bytes", facts.memory_limit_bytes},
            {"non_heap_init_in_bytes", 0},
            {"non_heap_max_in_bytes", 0}}},
          {"gc_collectors", OrderedJson::array()}};
}

OrderedJson pipelines_info(const std::vector<PipelineView>& views, bool has_graph) {
  OrderedJson all = OrderedJson::object();
  for (const PipelineView& view : views) {
    all[view.id] = pipeline_info(view);
    if (has_graph && view.plan) all[view.id]["graph"] = pipeline_graph(view);
  }
  return all;
}

HttpResponse get_root(ApiContext& context, const ApiCall& call) {
  if (const std::string wanted = call.query("wait_for_status"); !wanted.empty()) {
    const auto level = health_level_of(wanted);
    if (!level) return error_answer("/", 400, fmt::format("wait_for_status: green, yellow or red, not \"{}\"", wanted));
    std::chrono::milliseconds patience{0};
    const std::string timeout = call.query("timeout");
    Settings reader;  // reads times as everywhere else
    if (timeout.empty() || !reader.set("config.reload.interval", timeout, "timeout"))
      return error_answer("/", 400, "wait_for_status wants a timeout such as 10s beside it");
    patience = std::min<std::chrono::milliseconds>(std::chrono::milliseconds(reader.number("config.reload.interval")),
                                                   kLongestStatusWait);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (overall_health(context) > *level) {
      if (context.pipelines.is_stopping() || std::chrono::steady_clock::now() >= end)
        return error_answer("/", 408, fmt::format("timed out waiting for status {}", wanted));
      std::this_thread::sleep_for(kStatusPoll);
    }
  }
  OrderedJson document = node_head(context);
  document["build_date"] = "";
  document["build_sha"] = "";
  document["build_snapshot"] = false;
  document["logboom"] = {{"version", std::string(kVersion)}};
  return json_answer(call, document);
}

/// {"os":…} and the like, chosen by a list of names.
HttpResponse node_sections(ApiContext& context, const ApiCall& call, std::string_view list) {
  OrderedJson document = node_head(context);
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
    if (name == "pipelines") {
      document["pipelines"] = pipelines_info(context.pipelines.pipelines(), call.flag("graph"));
    } else if (name == "os") {
      document["os"] = os_info();
    } else if (name == "jvm") {
      document["jvm"] = jvm_info(context);
    } else {
      return error_answer(path_of(call.request.target), 404, "Not Found");
    }
  }
  return json_answer(call, document);
}

HttpResponse get_node(ApiContext& context, const ApiCall& call) { return node_sections(context, call, "pipelines,os,jvm"); }

HttpResponse get_node_sections(ApiContext& context, const ApiCall& call) {
  return node_sections(context, call, call.parameter("sections"));
}

HttpResponse get_node_pipeline(ApiContext& context, const ApiCall& call) {
  auto views = context.pipelines.pipelines();
  std::erase_if(views, [&](const PipelineView& view) { return view.id != call.parameter("id"); });
  if (views.empty()) return error_answer(path_of(call.request.target), 404, "Not Found");
  OrderedJson document = node_head(context);
  document["pipelines"] = pipelines_info(views, call.flag("graph"));
  return json_answer(call, document);
}

template <class Interface>
void add_plugins(std::string_view kind, OrderedJson& out) {
  for (const auto& descriptor : Registry<Interface>::instance().all()) {
    OrderedJson options = OrderedJson::array();
    if (descriptor.make.options != nullptr)
      for (const OptionDeclaration& option : descriptor.make.options()) {
        OrderedJson one = {{"name", option.name}, {"type", option.type}, {"doc", option.doc}};
        if (option.is_required) one["required"] = true;
        if (!option.default_text.empty()) one["default"] = option.default_text;
        if (!option.choices.empty()) one["choices"] = option.choices;
        if (!option.deprecated.empty()) one["deprecated"] = option.deprecated;
        options.push_back(std::move(one));
      }
    out.push_back({{"name", fmt::format("logstash-{}-{}", kind, descriptor.name)},
                   {"version", std::string(kVersion)},
                   {"kind", std::string(kind)},
                   {"summary", std::string(descriptor.summary)},
                   {"options", std::move(options)}});
  }
}

HttpResponse get_plugins(ApiContext& context, const ApiCall& call) {
  OrderedJson plugins = OrderedJson::array();
  add_plugins<Codec>("codec", plugins);
  add_plugins<Filter>("filter", plugins);
  add_plugins<Input>("input", plugins);
  add_plugins<Output>("output", plugins);
  OrderedJson document = node_head(context);
  document["total"] = plugins.size();
  document["plugins"] = std::move(plugins);
  return json_answer(call, document);
}

}  // namespace

std::size_t workers_of(const PipelineView& view) {
  if (view.pipeline) return view.pipeline->settings().workers;
  const auto workers = view.settings.number("pipeline.workers");
  return workers > 0 ? static_cast<std::size_t>(workers) : std::max(1u, std::thread::hardware_concurrency());
}

OrderedJson node_head(const ApiContext& context) {
  const auto workers = context.settings.number("pipeline.workers");
  OrderedJson head = {{"host", context.node.host},
                      {"version", kLogstashVersion},
                      {"http_address", context.node.http_address},
                      {"id", context.node.id},
                      {"name", context.node.name},
                      {"ephemeral_id", context.node.ephemeral_id},
                      {"snapshot", false},
                      {"status", std::string(health_name(overall_health(context)))}};
  head["pipeline"] = {{"workers", workers > 0 ? workers : std::max(1u, std::thread::hardware_concurrency())},
                      {"batch_size", context.settings.number("pipeline.batch.size")},
                      {"batch_delay", context.settings.number("pipeline.batch.delay")}};
  if (const std::string environment = context.settings.text("api.environment"); environment != "production")
    head["environment"] = environment;
  return head;
}

OrderedJson pipeline_info(const PipelineView& view) {
  OrderedJson info = {{"ephemeral_id", view.ephemeral_id},
                      {"hash", view.hash},
                      {"workers", workers_of(view)},
                      {"batch_size", view.settings.number("pipeline.batch.size")},
                      {"batch_delay", view.settings.number("pipeline.batch.delay")},
                      {"batch_output_chunking_growth_threshold_factor",
                       view.settings.number("pipeline.batch.output_chunking.growth_threshold_factor")},
                      {"config_reload_automatic", view.settings.boolean("config.reload.automatic")},
                      {"config_reload_interval", view.settings.number("config.reload.interval") * 1'000'000},
                      {"dead_letter_queue_enabled", view.settings.boolean("dead_letter_queue.enable")}};
  if (view.settings.boolean("dead_letter_queue.enable"))
    info["dead_letter_queue_path"] = dead_letter_directory(view.settings, view.id);
  return info;
}

std::vector<Route> node_routes() {
  return {
      {"GET", "/", Role::Viewer, "Name, version and status; ?wait_for_status=green&timeout=10s waits.", get_root},
      {"GET", "/_node", Role::Viewer, "Pipelines' settings, machine and process.", get_node},
      {"GET", "/_node/{sections}", Role::Viewer, "The same, some of pipelines, os, jvm.", get_node_sections},
      {"GET", "/_node/pipelines/{id}", Role::Viewer, "One pipeline's settings; ?graph=true adds its plugins.",
       get_node_pipeline},
      {"GET", "/_node/plugins", Role::Viewer, "All plugins with their options.", get_plugins},
  };
}

}  // namespace logboom
