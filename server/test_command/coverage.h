// Coverage: which branches of a pipeline's conditions and which grok patterns a run of tests has used.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/compile/plan.h"

namespace logboom {

/// Adds up over the plans of many tests. One thread.
class Coverage {
 public:
  /// Puts counters into the branches of a plan that has not run yet; they count here.
  void watch(Plan& plan);
  /// Adds what the grok filters of a plan that has run have matched.
  void collect(const Plan& plan);

  struct Place {
    std::string name;     // "web.conf:12"
    std::string written;  // "if [status] >= 500", "else", a grok pattern
    std::uint64_t events = 0;
  };
  std::vector<Place> branches() const { return places_of(branches_); }
  std::vector<Place> patterns() const { return places_of(patterns_); }

 private:
  /// Places by source, offset and number at that offset.
  using Spot = std::pair<std::pair<std::string, std::uint32_t>, std::size_t>;
  using Places = std::map<Spot, Place>;
  static std::vector<Place> places_of(const Places& places);

  void watch_block(Plan& plan, const std::vector<Statement>& statements, Block& block, bool has_outputs);
  void watch_branch(Plan& plan, Block& block, Place& place, bool has_outputs);
  void collect_patterns(const PluginNode& node, MetricScope& metrics);

  MetricScope metrics_;  // of the counters in the plans
  Places branches_;
  Places patterns_;
};

}  // namespace logboom
