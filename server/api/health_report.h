// Health: what is wrong, how one sees it, and what to do, in the shape of Logstash's /_health_report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/api_context.h"
#include "server/api/problem.h"

namespace logboom {

enum class Health { Green, Unknown, Yellow, Red };  // from good to bad
std::string_view health_name(Health health);
std::optional<Health> health_level_of(std::string_view name);

/// What the probes look at: one pipeline, in plain numbers. Rates and shares are of the last minutes; negative: not known
/// yet.
struct PipelineFacts {
  std::string id;
  ServedState state = ServedState::Running;
  std::string failure;
  std::string refusal;               // why the last reload was refused; empty: it was not
  std::int64_t stalled_seconds = 0;  // workers have stood still for so long
  double utilization_5m = -1;        // of the workers, in percent
  double utilization_1m = -1;
  bool is_persisted = false;
  std::uint64_t queue_bytes = 0;
  std::uint64_t max_queue_bytes = 0;
  std::uint64_t queue_events = 0;
  double queue_growth_events = 0;  // a second, over five minutes (one when younger)
  double queue_growth_bytes = 0;
  bool queue_is_failing = false;    // its disk refuses
  double oldest_event_seconds = 0;  // of a persisted queue
  std::uint64_t lost_events = 0;    // in damaged places of it, since the start

  struct Output {
    std::string id;
    std::string state;  // ok, retrying, blocked
    std::string last_error;
    std::uint64_t buffered_events = 0;
    std::uint64_t max_buffered_events = 0;
    double utilization = -1;  // of the workers: how long they wait for it, in percent
  };
  std::vector<Output> outputs;
  struct Filter {
    std::string id;
    double utilization = -1;
  };
  std::vector<Filter> filters;
  double push_waiting = 0;  // inputs that wait for the queue, on average over a minute

  bool has_dead_letters = false;
  std::uint64_t dead_letters = 0;
  double dead_letter_growth = 0;  // entries a second, over five minutes (one when younger)
  std::uint64_t dead_letter_bytes = 0;
  std::uint64_t max_dead_letter_bytes = 0;
  std::string dead_letter_error;

  struct Disk {
    std::string path;
    std::uint64_t free_bytes = 0;
    std::uint64_t total_bytes = 0;
  };
  std::vector<Disk> disks;
  struct Certificate {
    std::string path;
    std::string plugin;
    double days_left = 0;  // negative: it has ended
  };
  std::vector<Certificate> certificates;
};

PipelineFacts facts_of(const ApiContext& context, const PipelineView& view);

/// One pipeline's indicator: status, symptom, details, diagnosis and impacts.
struct PipelineHealth {
  Health status = Health::Green;
  OrderedJson document;
};
PipelineHealth judge(const PipelineFacts& facts);

/// Which stage holds the pipeline up, and how one sees it.
struct Bottleneck {
  std::string stage;  // "output", "filter", "queue", "input", "none", "unknown"
  std::string plugin;
  std::string evidence;
};
Bottleneck find_bottleneck(const PipelineFacts& facts);

/// The worst of all pipelines. A process without pipelines is Unknown.
Health overall_health(const ApiContext& context);

std::vector<Route> health_routes();

}  // namespace logboom
