// What the manager does when the configuration is read again.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/base/redaction.h"
#include "server/pipelines/pipeline_manager.h"

namespace logboom {
namespace {

std::string not_yet(const RunningPipeline& pipeline) {
  return redacted(pipeline.problem()) + "; the pipeline is started when the disk does better\n";
}

}  // namespace

ReloadReport PipelineManager::reload_now(const std::vector<std::string>& ids) {
  ReloadReport report;
  auto process = load_process_settings(command_line_);
  if (!process) {
    report.problem = redacted(process.error().message);
    return report;
  }
  auto entries = configured_pipelines(*process);
  if (!entries) {
    report.problem = redacted(entries.error().message);
    return report;
  }
  for (const std::string& name : process_.settings.process_differences(process->settings))
    report.remarks.push_back(fmt::format("{} has changed; that takes a restart of the process", name));
  process_.settings = process_.settings.with_pipelines_defaults_of(process->settings);
  process_.variables = std::move(process->variables);
  watch_.remember(process_, *entries);
  const auto is_meant = [&](const std::string& id) {
    return ids.empty() || std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  const auto is_wanted = [&](const std::string& id) {
    return std::any_of(entries->begin(), entries->end(), [&](const auto& entry) { return entry.id == id; });
  };
  for (const std::string& id : ids)
    if (!is_wanted(id) && !find_running(id))
      report.pipelines.push_back({id, ReloadChange::Refused, fmt::format("there is no pipeline \"{}\"\n", id)});
  for (const auto& pipeline : std::vector(pipelines_)) {
    if (is_wanted(pipeline->id()) || !is_meant(pipeline->id())) continue;
    remove_pipeline(pipeline);
    report.pipelines.push_back({pipeline->id(), ReloadChange::Removed, ""});
  }
  std::vector<WantedPipeline> wanted;
  for (const PipelineEntry& entry : *entries) wanted.push_back({entry.id, process_.settings.with(entry.own)});
  const auto links = check_links(wanted, process_.variables);
  for (const WantedPipeline& each : wanted) {
    if (!is_meant(each.id)) continue;
    const auto found = links.find(each.id);
    if (found == links.end() || !found->second.refuses) {
      report.pipelines.push_back(reload_pipeline(each));
      continue;
    }
    if (const auto pipeline = find_running(each.id))
      pipeline->note_reload(Error{ErrorCode::InvalidArgument, found->second.diagnostics});
    report.pipelines.push_back({each.id, ReloadChange::Refused, found->second.diagnostics});
  }
  put_in_order(*entries);
  return report;
}

ReloadReport::Line PipelineManager::reload_pipeline(const WantedPipeline& wanted) {
  const auto pipeline = find_running(wanted.id);
  ReadPipeline read = read_pipeline(wanted, process_.variables);
  if (!pipeline) return add_pipeline(wanted, std::move(read));
  const bool is_postponed = pipeline->waits_for_disk();
  if (pipeline->state() == PipelineState::Starting && !is_postponed)
    return change_successor(pipeline, wanted, std::move(read));
  const bool has_failed = is_postponed || pipeline->state() == PipelineState::Failed;
  if (!has_failed && read.graph && read.fingerprint == pipeline->fingerprint())
    return {wanted.id, ReloadChange::Unchanged, ""};
  const auto refuse = [&](std::string diagnostics) {
    pipeline->note_reload(Error{ErrorCode::InvalidArgument, diagnostics});
    return ReloadReport::Line{wanted.id, ReloadChange::Refused, std::move(diagnostics)};
  };
  if (!has_failed &&
      (!wanted.settings.boolean("pipeline.reloadable") || !pipeline->settings().boolean("pipeline.reloadable")))
    return refuse("pipeline.reloadable is false: its changes take a restart of the process\n");
  const bool goes_on = pipeline->state() == PipelineState::Running && !wants_restart(pipeline->settings(), wanted.settings);
  // What takes the place of a pipeline must not share instances with it: its threads run on meanwhile.
  CompiledPipeline compiled = compile_pipeline(std::move(read), dead_letter_files_.get(), &bus_, pipeline->metrics(),
                                               goes_on ? pipeline->donor() : PlanDonor());
  if (!compiled.plan) return refuse(std::move(compiled.diagnostics));
  if (is_postponed) {
    postponed_.remove(*pipeline);
    pipeline->fail(pipeline->problem());
  }
  if (!goes_on) return replace_pipeline(pipeline, wanted, std::move(compiled));
  if (changes_disk_buffers(*pipeline->pipeline()->plan(), *compiled.plan)) {
    compiled =
        compile_pipeline(read_pipeline(wanted, process_.variables), dead_letter_files_.get(), &bus_, pipeline->metrics());
    if (!compiled.plan) return refuse(std::move(compiled.diagnostics));
    return replace_pipeline(pipeline, wanted, std::move(compiled));
  }
  std::string warnings = compiled.diagnostics;
  auto reloaded = pipeline->reload(wanted, std::move(compiled), [this]() -> NetworkThreads& { return network(); });
  if (!reloaded) return refuse(redacted(reloaded.error().message) + "\n");
  pipeline->note_reload({});
  return {wanted.id, ReloadChange::Reloaded, std::move(warnings)};
}

ReloadReport::Line PipelineManager::add_pipeline(const WantedPipeline& wanted, ReadPipeline read) {
  MetricScope& scope = metrics_.child("pipelines").child(wanted.id);
  CompiledPipeline compiled = compile_pipeline(std::move(read), dead_letter_files_.get(), &bus_, scope);
  if (!compiled.plan) return {wanted.id, ReloadChange::Refused, std::move(compiled.diagnostics)};
  ReloadReport::Line line{wanted.id, ReloadChange::Added, compiled.diagnostics};
  auto pipeline = std::make_shared<RunningPipeline>(wanted, scope);
  const auto ends = std::find_if(ending_.begin(), ending_.end(), [&](const auto& old) { return old->id() == wanted.id; });
  if (ends != ending_.end()) {
    successors_.push_back({pipeline, std::move(compiled), *ends});
  } else if (!start_one(pipeline, std::move(compiled))) {
    if (!pipeline->waits_for_disk()) return {wanted.id, ReloadChange::Refused, redacted(pipeline->problem()) + "\n"};
    line.diagnostics += not_yet(*pipeline);
  }
  const std::lock_guard lock(mutex_);
  pipelines_.push_back(std::move(pipeline));
  return line;
}

ReloadReport::Line PipelineManager::replace_pipeline(const std::shared_ptr<RunningPipeline>& old,
                                                     const WantedPipeline& wanted, CompiledPipeline compiled) {
  const bool has_failed = old->state() == PipelineState::Failed;
  ReloadReport::Line line{wanted.id, has_failed ? ReloadChange::Added : ReloadChange::Restarted, compiled.diagnostics};
  auto pipeline = std::make_shared<RunningPipeline>(wanted, old->metrics());
  pipeline->carry_on(old->reloads());
  if (!old->has_ended()) {
    old->request_stop();
    ending_.push_back(old);
    successors_.push_back({pipeline, std::move(compiled), old});
  } else if (!start_one(pipeline, std::move(compiled)) && pipeline->waits_for_disk()) {
    line.diagnostics += not_yet(*pipeline);
  } else if (pipeline->state() == PipelineState::Failed) {
    pipeline->note_reload(Error{ErrorCode::Io, pipeline->problem()});
    line = {wanted.id, ReloadChange::Refused, redacted(pipeline->problem()) + "\n"};
  }
  if (line.change != ReloadChange::Refused) pipeline->note_reload({});
  const std::lock_guard lock(mutex_);
  std::replace(pipelines_.begin(), pipelines_.end(), old, pipeline);
  return line;
}

/// Of a pipeline that waits for its predecessor's end nothing is at work yet.
ReloadReport::Line PipelineManager::change_successor(const std::shared_ptr<RunningPipeline>& waiting,
                                                     const WantedPipeline& wanted, ReadPipeline read) {
  const auto place = std::find_if(successors_.begin(), successors_.end(),
                                  [&](const Successor& successor) { return successor.pipeline == waiting; });
  if (read.graph && read.fingerprint == place->compiled.fingerprint) return {wanted.id, ReloadChange::Unchanged, ""};
  CompiledPipeline compiled = compile_pipeline(std::move(read), dead_letter_files_.get(), &bus_, waiting->metrics());
  if (!compiled.plan) return {wanted.id, ReloadChange::Refused, std::move(compiled.diagnostics)};
  ReloadReport::Line line{wanted.id, ReloadChange::Restarted, compiled.diagnostics};
  auto pipeline = std::make_shared<RunningPipeline>(wanted, waiting->metrics());
  pipeline->carry_on(waiting->reloads());
  place->pipeline = pipeline;
  place->compiled = std::move(compiled);
  const std::lock_guard lock(mutex_);
  std::replace(pipelines_.begin(), pipelines_.end(), waiting, pipeline);
  return line;
}

void PipelineManager::remove_pipeline(const std::shared_ptr<RunningPipeline>& pipeline) {
  {
    const std::lock_guard lock(mutex_);
    std::erase(pipelines_, pipeline);
  }
  const auto waits = std::find_if(successors_.begin(), successors_.end(),
                                  [&](const Successor& successor) { return successor.pipeline == pipeline; });
  if (waits != successors_.end()) {
    successors_.erase(waits);
    return;
  }
  if (pipeline->waits_for_disk()) {
    postponed_.remove(*pipeline);
    pipeline->fail(pipeline->problem());
  }
  if (pipeline->has_ended()) return;
  pipeline->request_stop();
  ending_.push_back(pipeline);
}

void PipelineManager::put_in_order(const std::vector<PipelineEntry>& entries) {
  const auto place = [&](const std::shared_ptr<RunningPipeline>& pipeline) {
    return std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.id == pipeline->id(); }) -
           entries.begin();
  };
  const std::lock_guard lock(mutex_);
  std::stable_sort(pipelines_.begin(), pipelines_.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

}  // namespace logboom
