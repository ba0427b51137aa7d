#include "server/api/health_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "server/api/node_documents.h"

namespace logboom {
namespace {

constexpr double kBusyPercent = 95;
constexpr double kBusiestPercent = 99.999;
constexpr double kFullSoonSeconds = 3600;
constexpr std::int64_t kStandStillSeconds = 60;
constexpr std::int64_t kLongStandStillSeconds = 300;
constexpr double kCertificateDays = 14;
constexpr std::uint64_t kMegabyte = 1024 * 1024;
constexpr const char* kHelp = "docs/api.md#health";

/// One thing that a probe has found.
struct Finding {
  Health level = Health::Yellow;
  std::string probe;   // "queue_growth"
  std::string what;    // "full_soon"
  std::string cause;   // what is seen
  std::string action;  // what to do
  std::string impact;  // what comes of it
  std::string area = "pipeline_execution";
};
using Findings = std::vector<Finding>;

std::string_view logstash_state(ServedState state) {
  switch (state) {
    case ServedState::Starting: return "LOADING";
    case ServedState::Running:
    case ServedState::Paused:
    case ServedState::Stopping: return "RUNNING";
    case ServedState::Finished: return "FINISHED";
    case ServedState::Failed: return "TERMINATED";
  }
  return "UNKNOWN";
}

std::string percent_text(double percent) { return fmt::format("{:.0f} %", percent); }

void look_at_state(const PipelineFacts& facts, Findings& found) {
  switch (facts.state) {
    case ServedState::Starting:
      if (!facts.failure.empty()) {
        found.push_back({Health::Red, "status", "disk_refuses", "the pipeline cannot open its files: " + facts.failure,
                         "make room, or repair the disk or its permissions; it is tried again within a minute, and at once "
                         "with a reload (POST /_reload or SIGHUP)",
                         "the pipeline takes no events; what is on disk stays"});
        break;
      }
      found.push_back({Health::Yellow, "status", "loading", "the pipeline is being started",
                       "if it stays so, look at the log for what it waits for", "the pipeline takes no events yet"});
      break;
    case ServedState::Paused:
      found.push_back({Health::Yellow, "status", "paused", "somebody has paused the pipeline",
                       fmt::format("POST /v1/pipelines/{}/resume lets it go on; the audit log says who paused it", facts.id),
                       "the pipeline takes no events; senders wait"});
      break;
    case ServedState::Stopping:
      found.push_back({Health::Yellow, "status", "stopping", "the pipeline is stopping; what it has is being delivered",
                       "nothing, unless it was not meant to stop", "the pipeline takes no new events"});
      break;
    case ServedState::Finished:
      found.push_back({Health::Yellow, "status", "finished", "all inputs have ended, and everything is delivered",
                       "remove the pipeline, or restart the process to run it again", "the pipeline takes no events"});
      break;
    case ServedState::Failed:
      found.push_back({Health::Red, "status", "failed",
                       facts.failure.empty() ? "the pipeline could not be started"
                                             : "the pipeline could not be started: " + facts.failure,
                       "correct what is named there, then reload (POST /_reload or SIGHUP)",
                       "the pipeline does not run, and its senders are not served"});
      break;
    case ServedState::Running: break;
  }
  if (!facts.refusal.empty())
    found.push_back({Health::Yellow, "status", "reload_refused", "the last reload was refused: " + facts.refusal,
                     "correct what is named there, then reload (POST /_reload or SIGHUP)",
                     "the pipeline goes on with its earlier configuration; a restart would not start the new one"});
}

void look_at_workers(const PipelineFacts& facts, Findings& found) {
  if (facts.stalled_seconds >= kStandStillSeconds)
    found.push_back({facts.stalled_seconds >= kLongStandStillSeconds ? Health::Red : Health::Yellow, "worker_utilization",
                     "stalled",
                     fmt::format("{} events wait, but for {} seconds no filter or output has taken one: a plugin does not "
                                 "come back",
                                 facts.queue_events, facts.stalled_seconds),
                     "GET /_node/hot_threads shows whether workers compute or wait; look for a filter that asks another "
                     "server or runs Ruby, or a disk that hangs",
                     "the pipeline delivers nothing; senders wait when the queue is full"});
  const bool is_saturated = facts.utilization_5m > kBusiestPercent;
  const bool is_busy = facts.utilization_5m >= kBusyPercent || facts.utilization_1m >= kBusyPercent;
  if (!is_busy) return;
  const Bottleneck bottleneck = find_bottleneck(facts);
  const double shown = facts.utilization_5m >= kBusyPercent ? facts.utilization_5m : facts.utilization_1m;
  found.push_back({is_saturated ? Health::Red : Health::Yellow, "worker_utilization", is_saturated ? "blocked" : "busy",
                   fmt::format("the workers were busy {} of the last {}; {}", percent_text(shown),
                               facts.utilization_5m >= kBusyPercent ? "five minutes" : "minute", bottleneck.evidence),
                   bottleneck.stage == "output" ? "make the destination of that output faster, or give it more connections"
                                                : "make that filter cheaper, or raise pipeline.workers when cores are idle",
                   "events come in slower than they are sent: the queue grows, or senders wait"});
}

void look_at_outputs(const PipelineFacts& facts, Findings& found) {
  for (const auto& output : facts.outputs) {
    if (output.state == "ok") continue;
    const bool is_blocked = output.state == "blocked";
    const std::string error = output.last_error.empty() ? "" : fmt::format("; its last error: {}", output.last_error);
    found.push_back(
        {is_blocked ? Health::Red : Health::Yellow, "outputs", is_blocked ? "blocked" : "retrying",
         is_blocked ? fmt::format("the output {} takes nothing: {} events wait in its buffer, and workers wait "
                                  "for it{}",
                                  output.id, output.buffered_events, error)
                    : fmt::format("the output {} offers events again that its destination did not take{}", output.id, error),
         "see to the destination: is it up, can it be reached, do address and credentials fit?",
         is_blocked ? "the whole pipeline waits, other outputs too" : "events of this output are late",
         "pipeline_execution"});
  }
}

void look_at_queue(const PipelineFacts& facts, Findings& found) {
  if (facts.queue_is_failing)
    found.push_back({Health::Red, "queue_growth", "disk_refuses", "the disk of the queue takes nothing at the moment",
                     "see the log for the system's reason: free space, or repair the disk", "senders wait", "queue"});
  if (facts.lost_events > 0)
    found.push_back({Health::Yellow, "queue_damage", "lost_events",
                     fmt::format("{} events in damaged places of the queue's files are lost", facts.lost_events),
                     "the log names them; what was left of them is in the queue's directory, in quarantine/. Check the disk",
                     "these events do not reach their destination", "queue"});
  if (!facts.is_persisted || facts.max_queue_bytes == 0) return;
  const double full = 100.0 * static_cast<double>(facts.queue_bytes) / static_cast<double>(facts.max_queue_bytes);
  const double left = static_cast<double>(facts.max_queue_bytes) - static_cast<double>(facts.queue_bytes);
  if (full >= 99) {
    found.push_back({Health::Red, "queue_growth", "full",
                     fmt::format("the queue is full: {} events, {:.0f} MB", facts.queue_events,
                                 static_cast<double>(facts.queue_bytes) / kMegabyte),
                     "make the slowest stage faster (see the bottleneck), or raise queue.max_bytes", "senders wait",
                     "queue"});
  } else if (full >= 90) {
    found.push_back({Health::Yellow, "queue_growth", "nearly_full", fmt::format("the queue is {} full", percent_text(full)),
                     "make the slowest stage faster (see the bottleneck), or raise queue.max_bytes",
                     "senders will have to wait when it is full", "queue"});
  } else if (full >= 10 && facts.queue_growth_bytes > 0 && left / facts.queue_growth_bytes < kFullSoonSeconds) {
    found.push_back({Health::Yellow, "queue_growth", "full_soon",
                     fmt::format("the queue grows by {:.0f} events a second, and will be full in {:.0f} minutes",
                                 facts.queue_growth_events, left / facts.queue_growth_bytes / 60),
                     "make the slowest stage faster (see the bottleneck), or raise queue.max_bytes",
                     "senders will have to wait when it is full", "queue"});
  }
}

void look_at_dead_letters(const PipelineFacts& facts, Findings& found) {
  if (!facts.has_dead_letters) return;
  const std::string remedy = fmt::format(
      "logboom dlq show --pipeline {}, or GET /v1/pipelines/{}/dlq: see why they were "
      "refused, repair that, then replay or purge them",
      facts.id, facts.id);
  if (!facts.dead_letter_error.empty())
    found.push_back({Health::Red, "dead_letter_queue", "disk_refuses",
                     "the dead-letter queue cannot be written: " + facts.dead_letter_error,
                     "free space, or repair the disk that holds path.dead_letter_queue", "events that are refused wait",
                     "dead_letter_queue"});
  if (facts.max_dead_letter_bytes > 0 &&
      static_cast<double>(facts.dead_letter_bytes) >= 0.95 * static_cast<double>(facts.max_dead_letter_bytes))
    found.push_back({Health::Yellow, "dead_letter_queue", "full",
                     fmt::format("the dead-letter queue is full: {} entries", facts.dead_letters), remedy,
                     "further entries are dropped, or the oldest ones go, as dead_letter_queue.storage_policy says",
                     "dead_letter_queue"});
  if (facts.dead_letter_growth > 0)
    found.push_back({Health::Yellow, "dead_letter_queue", "growing",
                     fmt::format("the dead-letter queue grows by {:.2f} entries a second; it holds {}",
                                 facts.dead_letter_growth, facts.dead_letters),
                     remedy, "these events do not reach their destination", "dead_letter_queue"});
}

void look_at_disks(const PipelineFacts& facts, Findings& found) {
  for (const auto& disk : facts.disks) {
    if (disk.total_bytes == 0) continue;
    const double free = 100.0 * static_cast<double>(disk.free_bytes) / static_cast<double>(disk.total_bytes);
    const bool is_critical = disk.free_bytes < 100 * kMegabyte || (free < 1 && disk.free_bytes < 2048 * kMegabyte);
    const bool is_low = disk.free_bytes < 500 * kMegabyte || (free < 5 && disk.free_bytes < 10240 * kMegabyte);
    if (!is_low && !is_critical) continue;
    found.push_back({is_critical ? Health::Red : Health::Yellow, "disk_space", is_critical ? "critical" : "low",
                     fmt::format("{} has {} MB left ({:.1f} %)", disk.path, disk.free_bytes / kMegabyte, free),
                     "free space, or move path.data to a larger disk",
                     "queues and positions cannot be written when nothing is left", "storage"});
  }
}

void look_at_certificates(const PipelineFacts& facts, Findings& found) {
  for (const auto& certificate : facts.certificates) {
    if (certificate.days_left >= kCertificateDays) continue;
    const bool has_ended = certificate.days_left < 0;
    found.push_back({has_ended ? Health::Red : Health::Yellow, "certificates", has_ended ? "ended" : "ends_soon",
                     has_ended ? fmt::format("the certificate {} of {} ended {:.0f} days ago", certificate.path,
                                             certificate.plugin, -certificate.days_left)
                               : fmt::format("the certificate {} of {} ends in {:.0f} days", certificate.path,
                                             certificate.plugin, certificate.days_left),
                     "put a new one in its place, then reload (POST /_reload or SIGHUP)",
                     has_ended ? "peers refuse the connection" : "peers will refuse the connection then", "security"});
  }
}

OrderedJson details_of(const PipelineFacts& facts) {
  OrderedJson utilization = OrderedJson::object();
  if (facts.utilization_1m >= 0) utilization["last_1_minute"] = facts.utilization_1m;
  if (facts.utilization_5m >= 0) utilization["last_5_minutes"] = facts.utilization_5m;
  const Bottleneck bottleneck = find_bottleneck(facts);
  OrderedJson details = {{"status", {{"state", std::string(logstash_state(facts.state))}}},
                         {"flow", {{"worker_utilization", utilization}}},
                         {"bottleneck", {{"stage", bottleneck.stage}, {"evidence", bottleneck.evidence}}}};
  if (!bottleneck.plugin.empty()) details["bottleneck"]["plugin"] = bottleneck.plugin;
  details["queue"] = {{"events", facts.queue_events}, {"bytes", facts.queue_bytes}};
  if (facts.is_persisted) details["queue"]["oldest_event_age_in_seconds"] = facts.oldest_event_seconds;
  return details;
}

std::string_view adjective(Health health) {
  switch (health) {
    case Health::Green: return "healthy";
    case Health::Yellow: return "concerning";
    case Health::Red: return "unhealthy";
    case Health::Unknown: break;
  }
  return "unknown";
}

std::string symptom_of(Health health, const Findings& found) {
  if (found.empty()) return fmt::format("The pipeline is {}", adjective(health));
  const auto count = [](std::size_t number, const char* one, const char* many) {
    return fmt::format("{} {}", number, number == 1 ? one : many);
  };
  return fmt::format("The pipeline is {}; {} impacted and {} available: {}", adjective(health),
                     count(found.size(), "area is", "areas are"), count(found.size(), "diagnosis is", "diagnoses are"),
                     found.front().cause);
}

std::string symptom_of_group(const std::vector<std::pair<std::string, Health>>& members) {
  std::string names;
  std::size_t bad = 0;
  for (const auto& [name, health] : members) {
    if (health == Health::Green) continue;
    names += fmt::format("{}`{}`", bad++ == 0 ? "" : ", ", name);
  }
  if (members.empty()) return "no indicators";
  if (bad == 0) return fmt::format("{} healthy", members.size() == 1 ? "1 indicator is" : "all indicators are");
  return fmt::format("{} unhealthy ({})", bad == 1 ? "1 indicator is" : fmt::format("{} indicators are", bad), names);
}

HttpResponse get_health(ApiContext& context, const ApiCall& call) {
  OrderedJson pipelines = OrderedJson::object();
  std::vector<std::pair<std::string, Health>> members;
  Health worst = Health::Green;
  for (const PipelineView& view : context.pipelines.pipelines()) {
    PipelineHealth health = judge(facts_of(context, view));
    worst = std::max(worst, health.status);
    members.emplace_back(view.id, health.status);
    pipelines[view.id] = std::move(health.document);
  }
  if (members.empty()) worst = Health::Unknown;
  const std::string status(health_name(worst));
  const OrderedJson group = {{"status", status}, {"symptom", symptom_of_group(members)}, {"indicators", pipelines}};
  OrderedJson document = {{"status", status},
                          {"host", context.node.host},
                          {"version", kLogstashVersion},
                          {"http_address", context.node.http_address},
                          {"id", context.node.id},
                          {"name", context.node.name},
                          {"ephemeral_id", context.node.ephemeral_id},
                          {"snapshot", false},
                          {"symptom", symptom_of_group({{"pipelines", worst}})},
                          {"indicators", {{"pipelines", group}}}};
  return json_answer(call, document);
}

}  // namespace

std::string_view health_name(Health health) {
  switch (health) {
    case Health::Green: return "green";
    case Health::Yellow: return "yellow";
    case Health::Red: return "red";
    case Health::Unknown: break;
  }
  return "unknown";
}

std::optional<Health> health_level_of(std::string_view name) {
  for (const Health health : {Health::Green, Health::Yellow, Health::Red})
    if (health_name(health) == name) return health;
  return std::nullopt;
}

Bottleneck find_bottleneck(const PipelineFacts& facts) {
  if (facts.queue_is_failing) return {"queue", "", "the disk of the queue takes nothing"};
  if (facts.stalled_seconds >= kStandStillSeconds)
    return {"filter", "",
            fmt::format("for {} seconds no filter or output has taken an event, though {} wait and no output is full",
                        facts.stalled_seconds, facts.queue_events)};
  for (const auto& output : facts.outputs)
    if (output.state == "blocked")
      return {"output", output.id,
              fmt::format("the output {} holds {} undelivered events, and workers wait until it takes more{}", output.id,
                          output.buffered_events, output.last_error.empty() ? "" : " (" + output.last_error + ")")};
  const double busy = std::max(facts.utilization_1m, facts.utilization_5m);
  std::string kind;
  std::string plugin;
  double most = -1;
  for (const auto& filter : facts.filters)
    if (filter.utilization > most) std::tie(kind, plugin, most) = std::tuple("filter", filter.id, filter.utilization);
  for (const auto& output : facts.outputs)
    if (output.utilization > most) std::tie(kind, plugin, most) = std::tuple("output", output.id, output.utilization);
  if (busy < 0 && facts.push_waiting <= 0) return {"unknown", "", "the pipeline has not run for a minute yet"};
  constexpr double kHeldUp = 80;
  if (busy >= kHeldUp && !plugin.empty())
    return {kind, plugin,
            fmt::format("the {} {} takes {} of the workers' time, more than any other", kind, plugin, percent_text(most))};
  if (facts.push_waiting >= 0.5)
    return {"queue", "",
            fmt::format("inputs wait for the queue ({:.1f} of them on average) while workers are busy only {} of the time: "
                        "the queue's limits are small for the way events come",
                        facts.push_waiting, percent_text(std::max(busy, 0.0)))};
  if (busy < kHeldUp)
    return {"none", "",
            fmt::format("workers are idle {} of the time, and inputs do not wait", percent_text(100 - std::max(busy, 0.0)))};
  return {"unknown", "", fmt::format("workers are busy {} of the time", percent_text(busy))};
}

PipelineHealth judge(const PipelineFacts& facts) {
  Findings found;
  look_at_state(facts, found);
  look_at_outputs(facts, found);
  look_at_queue(facts, found);
  look_at_workers(facts, found);
  look_at_dead_letters(facts, found);
  look_at_disks(facts, found);
  look_at_certificates(facts, found);
  PipelineHealth health;
  for (const Finding& finding : found) health.status = std::max(health.status, finding.level);
  std::stable_sort(found.begin(), found.end(),
                   [](const Finding& left, const Finding& right) { return left.level > right.level; });
  health.document = {{"status", std::string(health_name(health.status))}, {"symptom", symptom_of(health.status, found)}};
  if (!found.empty()) {
    OrderedJson diagnosis = OrderedJson::array();
    OrderedJson impacts = OrderedJson::array();
    for (const Finding& finding : found) {
      const std::string name = fmt::format("logboom:health:pipeline:{}", finding.probe);
      diagnosis.push_back({{"id", fmt::format("{}:diagnosis:{}", name, finding.what)},
                           {"cause", finding.cause},
                           {"action", finding.action},
                           {"help_url", kHelp}});
      impacts.push_back({{"id", fmt::format("{}:impact:{}", name, finding.what)},
                         {"severity", finding.level == Health::Red ? 1 : 2},
                         {"description", finding.impact},
                         {"impact_areas", {finding.area}}});
    }
    health.document["diagnosis"] = std::move(diagnosis);
    health.document["impacts"] = std::move(impacts);
  }
  health.document["details"] = details_of(facts);
  return health;
}

Health overall_health(const ApiContext& context) {
  const auto views = context.pipelines.pipelines();
  Health worst = views.empty() ? Health::Unknown : Health::Green;
  for (const PipelineView& view : views) worst = std::max(worst, judge(facts_of(context, view)).status);
  return worst;
}

std::vector<Route> health_routes() {
  return {{"GET", "/_health_report", Role::Viewer, "Status of every pipeline, with diagnosis, remedy and bottleneck.",
           get_health}};
}

}  // namespace logboom
