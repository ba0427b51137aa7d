// A Delivery that a test makes from JSON and waits for.
#pragma once

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/event/json.h"
#include "pipeline/plugin/output.h"

namespace logboom {

/// Any thread. Each event must be reported exactly once.
class RecordedDelivery final : public Delivery {
 public:
  /// One event for each JSON object.
  explicit RecordedDelivery(const std::vector<std::string>& json)
      : chunk_(Buffer(), Timestamp{1'700'000'000, 0}), outcomes_(json.size()), reported_(json.size()) {
    JsonReader reader;
    for (const std::string& text : json) {
      auto value = reader.parse_unpadded(chunk_.arena().copy(text), chunk_.arena());
      REQUIRE(value.has_value());
      Event& event = chunk_.new_event();
      event.adopt_fields(&value->as_object(), chunk_.now());
      event.fields().erase(well_known().timestamp);
      event.fields().erase(well_known().version);
    }
    events_ = chunk_.events();
  }
  void report(std::size_t index, Outcome outcome) override {
    {
      const std::lock_guard lock(mutex_);
      ++reported_.at(index);
      outcomes_.at(index) = std::move(outcome);
    }
    changed_.notify_all();
  }
  void report_all(const Outcome& outcome) override {
    for (std::size_t i = 0; i < events_.size(); ++i)
      if (!is_reported(i)) report(i, outcome);
  }
  /// Waits at most ten seconds until all events are reported, and returns the outcomes.
  std::vector<Outcome> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [this] {
      for (const int times : reported_)
        if (times == 0) return false;
      return true;
    });
    for (const int times : reported_) CHECK(times == 1);
    return outcomes_;
  }

 private:
  bool is_reported(std::size_t index) {
    const std::lock_guard lock(mutex_);
    return reported_[index] > 0;
  }
  Chunk chunk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Outcome> outcomes_;
  std::vector<int> reported_;
};

}  // namespace logboom
