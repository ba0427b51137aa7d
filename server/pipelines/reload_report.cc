#include "server/pipelines/reload_report.h"

#include <cstdio>

#include "pipeline/base/log.h"

namespace logboom {

void log_report(const ReloadReport& report) {
  if (!report.problem.empty()) {
    log_error("logboom", "nothing is reloaded: {}", report.problem);
    return;
  }
  for (const std::string& remark : report.remarks) log_warn("logboom", "{}", remark);
  std::size_t unchanged = 0;
  for (const ReloadReport::Line& line : report.pipelines) {
    std::fputs(line.diagnostics.c_str(), stderr);
    if (line.change == ReloadChange::Refused) {
      log_error(line.id, "the new configuration is refused, see the messages above; nothing of the pipeline was changed");
    } else if (line.change == ReloadChange::Unchanged) {
      ++unchanged;
    } else {
      log_info(line.id, "pipeline {}", reload_change_name(line.change));
    }
  }
  log_info("logboom", "the configuration was reloaded: {} of {} pipelines unchanged", unchanged, report.pipelines.size());
}

}  // namespace logboom
