// What a reload did, pipeline by pipeline.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace logboom {

enum class ReloadChange {
  Unchanged,
  Reloaded,   // the new configuration is at work; the queue and what did not change go on
  Restarted,  // stopped and started: its queue's settings changed
  Added,
  Removed,  // what it has is delivered in the background
  Refused,  // nothing was changed; the diagnostics say why
};

/// "unchanged", "reloaded" and so on, as the API writes them.
constexpr std::string_view reload_change_name(ReloadChange change) {
  switch (change) {
    case ReloadChange::Unchanged: return "unchanged";
    case ReloadChange::Reloaded: return "reloaded";
    case ReloadChange::Restarted: return "restarted";
    case ReloadChange::Added: return "added";
    case ReloadChange::Removed: return "removed";
    case ReloadChange::Refused: return "refused";
  }
  return "unknown";
}

struct ReloadReport {
  struct Line {
    std::string id;
    ReloadChange change = ReloadChange::Unchanged;
    std::string diagnostics;  // rendered; of what is refused the reasons, else warnings
  };
  std::vector<Line> pipelines;
  std::string problem;  // not empty: settings or pipelines.yml cannot be read, or the process ends; nothing was changed
  std::vector<std::string> remarks;  // settings that changed and need a restart of the process

  /// True when nothing was refused.
  bool is_accepted() const {
    for (const Line& line : pipelines)
      if (line.change == ReloadChange::Refused) return false;
    return problem.empty();
  }
};

/// For the log and standard error.
void log_report(const ReloadReport& report);

}  // namespace logboom
