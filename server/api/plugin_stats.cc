#include "server/api/plugin_stats.h"

#include <string>

#include "pipeline/run/output_health.h"

namespace logboom {
namespace {

/// "patterns.message.0.matched" goes into nested objects. A number that stands where an object is gets another name.
void put(OrderedJson& out, std::string_view path, const OrderedJson& value) {
  const std::size_t dot = path.find('.');
  std::string name(path.substr(0, dot));
  if (dot == std::string_view::npos) {
    if (out.contains(name) && out[name].is_object()) name += "_count";
    out[name] = value;
    return;
  }
  OrderedJson& inner = out[name];
  if (!inner.is_null() && !inner.is_object()) {
    const OrderedJson number = inner;
    inner = OrderedJson::object();
    out[name + "_count"] = number;
  }
  put(out[name], path.substr(dot + 1), value);
}

std::string_view state_name(std::uint64_t state) {
  switch (static_cast<OutputState>(state)) {
    case OutputState::Ok: return "ok";
    case OutputState::Retrying: return "retrying";
    case OutputState::Blocked: return "blocked";
  }
  return "unknown";
}

/// What Logstash calls otherwise, or groups otherwise.
std::string_view logstash_path(std::string_view name, std::string_view path) {
  struct Renamed {
    std::string_view plugin, ours, theirs;
  };
  static constexpr Renamed kRenamed[] = {
      {"elasticsearch", "documents.taken", "documents.successes"},
      {"elasticsearch", "documents.retried", "documents.retryable_failures"},
      {"elasticsearch", "documents.rejected", "documents.non_retryable_failures"},
      {"elasticsearch", "requests", "bulk_requests.responses.200"},
      {"elasticsearch", "failed_requests", "bulk_requests.failures"},
  };
  for (const Renamed& renamed : kRenamed)
    if (renamed.plugin == name && renamed.ours == path) return renamed.theirs;
  return path;
}

bool is_shown_elsewhere(std::string_view path) {
  return path == "events.in" || path == "events.out" || path == "events.duration_nanoseconds" || path == "events" ||
         path == "blocked_microseconds" || path == "state" || path.substr(0, 8) == "latency.";
}

}  // namespace

OrderedJson plugin_stats(const PluginSite& site, StatsOf kind) {
  OrderedJson stats = {{"id", site.id}, {"name", site.name}};
  OrderedJson events = OrderedJson::object();
  if (kind != StatsOf::Input) events["in"] = site.events_in->value();
  events["out"] = site.events_out->value();
  if (kind == StatsOf::Input) {
    events["queue_push_duration_in_millis"] = site.metrics->counter("blocked_microseconds").value() / 1000;
  } else {
    events["duration_in_millis"] = site.duration_nanoseconds->value() / 1'000'000;
  }
  stats["events"] = std::move(events);
  for (const auto& sample : site.metrics->samples()) {
    if (kind == StatsOf::Output && sample.path == "state") stats["state"] = std::string(state_name(sample.value));
    if (kind == StatsOf::Output && sample.path == "blocked_microseconds") stats["blocked_in_millis"] = sample.value / 1000;
    if (!is_shown_elsewhere(sample.path)) put(stats, logstash_path(site.name, sample.path), sample.value);
  }
  for (const auto& note : site.metrics->notes())
    put(stats, note.path, {{"message", note.content.text}, {"epoch_seconds", note.content.epoch_seconds}});
  return stats;
}

OrderedJson codec_stats(const Plan& plan) {
  OrderedJson all = OrderedJson::array();
  const auto add = [&](const PluginNode& node, const PluginSite& site, bool is_input) {
    const Attribute* codec = node.find("codec");
    if (codec == nullptr) return;
    const std::string name = codec->value.plugin ? codec->value.plugin->name : codec->value.text;
    OrderedJson one = {{"id", site.id + ".codec"}, {"name", name}};
    if (is_input) {
      one["decode"] = {{"out", site.events_out->value()}};
    } else {
      one["encode"] = {{"writes_in", site.events_in->value()}};
    }
    all.push_back(std::move(one));
  };
  for (std::size_t i = 0; i < plan.graph.inputs.size() && i < plan.input_sites.size(); ++i)
    add(plan.graph.inputs[i], plan.input_sites[i], true);
  return all;
}

}  // namespace logboom
