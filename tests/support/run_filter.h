// Runs filters as users write them: through the real parser, registry, compiler and plan.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/plugin/context.h"

namespace logboom {

struct RunFilterOptions {
  EcsMode ecs = EcsMode::V1;
  bool is_ordered = true;
};

/// Sends JSON events (one per line) through `filter { text }` and returns what comes out, one JSON line each, without the
/// @timestamp and @version that the codec adds (a @timestamp that the input brings or a filter sets to a fixed time is kept
/// when `text` or the event mentions it). Fails the test when the configuration is refused.
std::string run_filter(std::string_view text, std::string_view json_events, RunFilterOptions options = {});

/// All diagnostics of a whole configuration (`filter { … }`, `input { … }` …), rendered; empty when it is fine.
std::string check_config(std::string_view text, RunFilterOptions options = {});

}  // namespace logboom
