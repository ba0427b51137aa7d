// input { test_source {} }: an input whose reading is a function of the test.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipeline/plugin/registry.h"

namespace logboom {

struct FakeSourceOptions {
  std::string version;  // makes it another input to a reload
};

/// Reads with `read`, or, when it listens, leaves its sink to the test (Pipeline::take_endpoints()).
class FakeSource final : public Input {
 public:
  FakeSource(FakeSourceOptions, const PluginContext&) {}

  /// Both are set before the pipeline is made.
  std::function<Result<void>(EventSink&, StopSignal&)> read;
  bool is_listening = false;
  std::function<void()> on_hand_over;

  std::vector<Endpoint> endpoints() override { return std::vector<Endpoint>(is_listening ? 1 : 0); }
  Result<void> run(EventSink& sink, StopSignal& stop) override {
    if (read) return read(sink, stop);
    return {};
  }
  void hand_over() override {
    if (on_hand_over) on_hand_over();
  }
};

inline OptionTable<FakeSourceOptions> fake_source_options() {
  OptionTable<FakeSourceOptions> table;
  table.optional("version", &FakeSourceOptions::version, "Anything.");
  return table;
}
inline const RegisterInput fake_source_registered({.name = "test_source",
                                                   .summary = "Reads what the test says.",
                                                   .make = make_input<FakeSource, fake_source_options>});

}  // namespace logboom
