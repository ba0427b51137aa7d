// Events for an output, and what it says became of them.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "pipeline/event/json.h"
#include "pipeline/plugin/output.h"

namespace logboom {

class RecordingDelivery final : public Delivery {
 public:
  explicit RecordingDelivery(const std::vector<std::string>& json_events) : chunk_(Buffer(), Timestamp{1'700'000'000, 0}) {
    JsonReader reader;
    for (const std::string& text : json_events) {
      auto value = reader.parse_unpadded(text, chunk_.arena());
      REQUIRE(value.has_value());
      chunk_.new_event().adopt_fields(&value->as_object(), chunk_.now());
    }
    events_ = chunk_.events();
  }
  void report(std::size_t index, Outcome outcome) override {
    CHECK(outcomes.find(index) == outcomes.end());  // exactly once
    outcomes[index] = std::move(outcome);
  }
  void report_all(const Outcome& outcome) override {
    for (std::size_t i = 0; i < events_.size(); ++i)
      if (outcomes.find(i) == outcomes.end()) outcomes[i] = outcome;
  }
  /// True when every event was reported, and as this.
  bool is_all(OutcomeKind kind) const {
    if (outcomes.size() != events_.size()) return false;
    for (const auto& [index, outcome] : outcomes)
      if (outcome.kind != kind) return false;
    return true;
  }

  std::map<std::size_t, Outcome> outcomes;

 private:
  Chunk chunk_;
};

}  // namespace logboom
