// output { test_output {} }: a destination that a test holds in its hands.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plugin/registry.h"
#include "tests/support/json_events.h"

namespace logboom {

struct FakeOutputOptions {
  std::string version;  // makes it another output to a reload
};

/// Delivers everything at once, unless told otherwise before the pipeline starts. Any thread.
class FakeOutput final : public Output {
 public:
  FakeOutput() = default;
  FakeOutput(FakeOutputOptions, const PluginContext&) {}

  /// Looks at every delivery before anything else is done with it; runs in deliver().
  std::function<void(const Delivery&)> on_deliver;
  /// Keeps deliveries until take_held() or release().
  void hold() {
    const std::lock_guard lock(mutex_);
    is_holding_ = true;
  }
  /// Refuses to start.
  bool fails_to_start = false;

  Result<void> start() override {
    if (fails_to_start) return Error{ErrorCode::Unavailable, "the destination is not there"};
    const std::lock_guard lock(mutex_);
    ++starts_;
    return {};
  }

  void deliver(DeliveryPtr delivery) override {
    if (on_deliver) on_deliver(*delivery);
    bool is_kept = false;
    {
      const std::lock_guard lock(mutex_);
      for (const Event* event : delivery->events()) {
        lines_.push_back(json_of(*event));
        numbers_.push_back(number_of(*event));
      }
      if (is_holding_) held_.push_back(delivery);
      is_kept = is_holding_;
    }
    if (!is_kept) delivery->report_all(Outcome::delivered());
    changed_.notify_all();
  }

  void stop() override {
    std::vector<DeliveryPtr> open = take_held();
    for (const DeliveryPtr& delivery : open) delivery->report_all(Outcome::retry("the output stops"));
    const std::lock_guard lock(mutex_);
    ++stops_;
  }

  /// The deliveries kept so far; they are the caller's now.
  std::vector<DeliveryPtr> take_held() {
    const std::lock_guard lock(mutex_);
    return std::exchange(held_, {});
  }
  /// The only kept delivery.
  DeliveryPtr take_one() {
    auto held = take_held();
    REQUIRE(held.size() == 1);
    return held.front();
  }
  /// Delivers what is kept, and from now on everything at once.
  void release() {
    std::vector<DeliveryPtr> kept;
    {
      const std::lock_guard lock(mutex_);
      is_holding_ = false;
      kept.swap(held_);
    }
    for (const DeliveryPtr& delivery : kept) delivery->report_all(Outcome::delivered());
  }

  /// Waits until this many events were offered; false when they do not come within half a minute.
  bool wait_for_events(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return lines_.size() >= count; });
  }
  /// Every event that was offered, in order.
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::vector<std::int64_t> numbers() const {
    const std::lock_guard lock(mutex_);
    return numbers_;
  }
  int starts() const {
    const std::lock_guard lock(mutex_);
    return starts_;
  }
  int stops() const {
    const std::lock_guard lock(mutex_);
    return stops_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_holding_ = false;
  std::vector<DeliveryPtr> held_;
  std::vector<std::string> lines_;
  std::vector<std::int64_t> numbers_;
  int starts_ = 0;
  int stops_ = 0;
};

inline OptionTable<FakeOutputOptions> fake_output_options() {
  OptionTable<FakeOutputOptions> table;
  table.optional("version", &FakeOutputOptions::version, "Anything.");
  return table;
}
inline const RegisterOutput fake_output_registered({.name = "test_output",
                                                    .summary = "Keeps what it is given.",
                                                    .make = make_output<FakeOutput, fake_output_options>});

}  // namespace logboom
