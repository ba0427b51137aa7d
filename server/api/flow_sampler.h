// FlowSampler: looks at the counters of all pipelines once a second and turns them into rates.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "server/api/flow_history.h"
#include "server/api/pipeline_directory.h"

namespace logboom {

/// Columns of a row, by what the row is about.
struct PipelineFlow {
  enum Column : std::size_t { In, Filtered, Out, PushMilliseconds, BusyMilliseconds, QueueEvents, QueueBytes };
};
struct PluginFlow {
  enum Column : std::size_t { In, Out, BusyMilliseconds, DeadLetterEvents };
};

/// What a pipeline's counters say now, as Logstash groups them.
struct PipelineTotals {
  std::uint64_t in = 0;
  std::uint64_t filtered = 0;
  std::uint64_t out = 0;
  std::uint64_t busy_milliseconds = 0;
  std::uint64_t push_milliseconds = 0;
};
PipelineTotals totals_of(const PipelineView& view);

/// Any thread.
class FlowSampler {
 public:
  /// Takes one sample of everything. Call once a second. Entities that are gone are forgotten.
  void sample(const std::vector<PipelineView>& views, std::int64_t milliseconds);

  /// {"input_throughput":{"current":…,"last_1_minute":…,"lifetime":…},…} of a pipeline, or of the process with id "".
  nlohmann::ordered_json pipeline_flow(const std::string& id, std::size_t workers, bool is_persisted) const;
  nlohmann::ordered_json input_flow(const std::string& pipeline, const std::string& plugin) const;
  /// Of a filter or output. `workers` of its pipeline.
  nlohmann::ordered_json worker_flow(const std::string& pipeline, std::string_view kind, const std::string& plugin,
                                     std::size_t workers) const;

  /// One window of a pipeline or plugin; nullopt when it is not full yet.
  std::optional<FlowHistory::Window> pipeline_window(const std::string& id, std::string_view window) const;
  std::optional<FlowHistory::Window> plugin_window(const std::string& pipeline, std::string_view kind,
                                                   const std::string& plugin, std::string_view window) const;
  /// When sample() was called last, in its own time; 0: never.
  std::int64_t last_sample_milliseconds() const;

 private:
  std::vector<FlowHistory::Window> windows_of(const std::string& key) const;
  void add(const std::string& key, const FlowRow& row, FlowHistory::Depth depth);

  mutable std::mutex mutex_;
  std::map<std::string, FlowHistory> histories_;
  std::map<std::string, std::int64_t> touched_;
  std::int64_t last_sample_ = 0;
};

}  // namespace logboom
