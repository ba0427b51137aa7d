#include "server/api/managed_pipelines.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "pipeline/base/replace_file.h"
#include "pipeline/dead_letter/dead_letter_access.h"
#include "server/api/node_id.h"
#include "server/pipeline_queue.h"
#include "server/pipelines/compiled_pipeline.h"
#include "server/pipelines/process_settings.h"

namespace logboom {
namespace {

ServedState served(PipelineState state) {
  switch (state) {
    case PipelineState::Starting: return ServedState::Starting;
    case PipelineState::Running: return ServedState::Running;
    case PipelineState::Stopping: return ServedState::Stopping;
    case PipelineState::Failed: return ServedState::Failed;
    case PipelineState::Finished: return ServedState::Finished;
  }
  return ServedState::Failed;
}

std::int64_t seconds_of(const std::optional<std::chrono::system_clock::time_point>& time) {
  if (!time) return 0;
  return std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
}

/// The settings of one pipeline.
Result<Settings> settings_of(const ProposedPipeline& proposed) {
  Settings own;
  for (const auto& [name, value] : proposed.settings) {
    const SettingDeclaration* declaration = find_setting(name);
    const bool is_text = name == "config.string" || name == "path.config" || name == "pipeline.id";
    if (is_text || (declaration != nullptr && !declaration->is_per_pipeline))
      return Error{ErrorCode::InvalidArgument, fmt::format("{} cannot be set for one pipeline here", name)};
    if (auto set = own.set(name, value, "request"); !set) return set.error();
  }
  if (auto set = own.set("pipeline.id", proposed.id, "request"); !set) return set.error();
  return own;
}

/// What would be wrong between this pipeline and those that are configured beside it.
LinkFinding links_of(const WantedPipeline& wanted, const ProcessSettings& process) {
  std::vector<WantedPipeline> all;
  if (const auto entries = configured_pipelines(process))
    for (const PipelineEntry& entry : *entries)
      all.push_back(entry.id == wanted.id ? wanted : WantedPipeline{entry.id, process.settings.with(entry.own)});
  const bool is_known = std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.id == wanted.id; });
  if (!is_known) all.push_back(wanted);  // behind the others, as stored pipelines are; the later of two is to blame
  const auto findings = check_links(all, process.variables);
  const auto found = findings.find(wanted.id);
  return found != findings.end() ? found->second : LinkFinding();
}

}  // namespace

std::string ManagedPipelines::ephemeral_id_of(const std::shared_ptr<const RunningPipeline>& pipeline) const {
  const std::lock_guard lock(mutex_);
  Named& named = names_[pipeline->id()];
  if (named.pipeline.lock() != pipeline) named = {pipeline, random_uuid()};
  return named.ephemeral_id;
}

std::vector<PipelineView> ManagedPipelines::pipelines() const {
  std::vector<PipelineView> views;
  for (const auto& running : manager_.pipelines()) {
    PipelineView view;
    view.id = running->id();
    view.state = served(running->state());
    view.failure = running->problem();
    view.hash = running->config_hash();
    view.ephemeral_id = ephemeral_id_of(running);
    view.settings = running->settings();
    view.pipeline = running->pipeline();
    view.dead_letters = running->dead_letters();
    view.metrics = &running->metrics();
    view.stalled_milliseconds = running->stalled_for().count();
    const ReloadCounts reloads = running->reloads();
    view.reloads = {reloads.successes, reloads.failures, reloads.last_error, seconds_of(reloads.last_success),
                    seconds_of(reloads.last_failure)};
    const GatedQueue* gate = view.pipeline ? gate_of(*view.pipeline) : nullptr;
    if (view.state == ServedState::Running && gate != nullptr && gate->is_shut()) view.state = ServedState::Paused;
    if (view.pipeline) view.plan = view.pipeline->plan();
    views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(),
            [](const PipelineView& left, const PipelineView& right) { return left.id < right.id; });
  return views;
}

Result<std::vector<ReloadOutcome>> ManagedPipelines::reload(const std::vector<std::string>& ids) {
  if (is_stopping_) return Error{ErrorCode::Cancelled, "the process is stopping"};
  const ReloadReport report = manager_.reload(ids);
  if (!report.problem.empty()) return Error{ErrorCode::InvalidArgument, report.problem};
  std::vector<ReloadOutcome> outcomes;
  for (const ReloadReport::Line& line : report.pipelines)
    outcomes.push_back({line.id, std::string(reload_change_name(line.change)), line.diagnostics});
  for (const std::string& remark : report.remarks) outcomes.push_back({"", "remark", remark});
  return outcomes;
}

Result<CheckedPipeline> ManagedPipelines::check(const ProposedPipeline& proposed) {
  auto process = load_process_settings(command_line_);
  if (!process) return process.error();
  auto own = settings_of(proposed);
  if (!own) return own.error();
  // Read from a file, as it will be when it runs: without default input and output.
  const std::string path = fmt::format("{}/.proposed-{}.conf", process->settings.text("path.data"), random_uuid());
  if (auto written = replace_file(path, proposed.text, 0600); !written) return written.error();
  WantedPipeline wanted{proposed.id, process->settings.with(*own)};
  wanted.settings.unset("config.string");
  CheckedPipeline checked;
  if (auto set = wanted.settings.set("path.config", path, "request"); set) {
    DeadLetterFiles dead_letters;
    MetricScope unused;
    PipelineBus bus;
    const CompiledPipeline compiled =
        compile_pipeline(read_pipeline(wanted, process->variables), &dead_letters, &bus, unused);
    const LinkFinding links = links_of(wanted, *process);
    checked = {compiled.plan != nullptr && !links.refuses, compiled.diagnostics + links.diagnostics, compiled.config_hash};
  }
  unlink(path.c_str());
  for (std::size_t at = 0; (at = checked.diagnostics.find(path, at)) != std::string::npos;)
    checked.diagnostics.replace(at, path.size(), proposed.id + ".conf");
  return checked;
}

}  // namespace logboom
