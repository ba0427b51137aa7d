#include "server/dead_letters/offline_replay.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "pipeline/base/file_name.h"
#include "pipeline/base/redaction.h"
#include "pipeline/config/plugin_walk.h"
#include "pipeline/dead_letter/dead_letter_access.h"
#include "server/data_directory.h"
#include "server/dead_letters/settings.h"
#include "server/pipelines/process_settings.h"
#include "server/pipelines/running_pipeline.h"

namespace logboom {
namespace {

constexpr auto kLookInterval = std::chrono::milliseconds(20);
constexpr auto kCloseLimit = std::chrono::seconds(5);
constexpr const char* kOrigin = "logboom dlq replay";

/// The names of pipelines are told apart as their directories are.
std::optional<WantedPipeline> find(const ProcessSettings& process, const std::vector<PipelineEntry>& entries,
                                   const std::string& name) {
  for (const PipelineEntry& entry : entries)
    if (entry.id == name || file_name_of(entry.id) == name)
      return WantedPipeline{entry.id, process.settings.with(entry.own)};
  return std::nullopt;
}

Result<void> set(Settings& settings, std::string_view name, std::string_view value) {
  return settings.set(name, value, kOrigin);
}

/// What sends to other pipelines cannot run alone: nobody would take its events.
const PluginNode* sender_to_others(const Graph& graph) {
  const PluginNode* found = nullptr;
  const auto look = [&](const PluginNode& node) {
    if (node.name == "pipeline") found = &node;
  };
  for_each_plugin(graph.outputs, look);
  for (const LabelNode& label : graph.labels) for_each_plugin(label.outputs, look);
  return found;
}

/// Filters and outputs of one pipeline, for as long as the object lives.
class ShortRun {
 public:
  explicit ShortRun(ProcessSettings process) : process_(std::move(process)), files_(dead_letter_keys(process_.settings)) {}

  Result<void> start(WantedPipeline wanted, bool has_source) {
    for (const auto& [name, value] : {std::pair("queue.type", "memory"), std::pair("pipeline.shutdown.timeout", "2s")})
      if (auto changed = set(wanted.settings, name, value); !changed) return changed;
    if (has_source)
      if (auto enabled = set(wanted.settings, "dead_letter_queue.enable", "true"); !enabled) return enabled;
    ReadPipeline read = read_pipeline(wanted, process_.variables);
    if (read.graph) {
      if (sender_to_others(*read.graph) != nullptr)
        return Error{
            ErrorCode::InvalidArgument,
            fmt::format("pipeline \"{}\" sends to other pipelines, which takes the whole server: start it, and replay "
                        "then, or choose another pipeline with --to",
                        wanted.id)};
      read.graph->inputs.clear();
    }
    MetricScope& scope = metrics_.child("pipelines").child(wanted.id);
    CompiledPipeline compiled = compile_pipeline(std::move(read), &files_, &bus_, scope);
    if (!compiled.plan)
      return Error{ErrorCode::InvalidArgument, "the pipeline is refused:\n" + redacted(compiled.diagnostics)};
    running_ = std::make_shared<RunningPipeline>(std::move(wanted), scope);
    if (auto opened = running_->open_dead_letters(); !opened) return opened;
    return running_->start(
        std::move(compiled), [this]() -> NetworkThreads& { return network_.emplace(1); }, [] {});
  }
  /// Delivers what it has, for a moment.
  void stop() {
    running_->request_stop();
    while (!running_->has_ended()) {
      running_->look_after();
      std::this_thread::sleep_for(kLookInterval);
    }
  }
  RunningPipeline& pipeline() { return *running_; }

 private:
  const ProcessSettings process_;
  MetricScope metrics_;
  DeadLetterFiles files_;
  PipelineBus bus_;
  std::optional<NetworkThreads> network_;
  std::shared_ptr<RunningPipeline> running_;
};

/// Dead letters of a pipeline that does not run.
Result<std::shared_ptr<DeadLetterQueue>> open_source(const Settings& settings, const std::string& id) {
  auto options = dead_letter_options(settings, id);
  if (!options) return options.error();
  auto opened = DeadLetterQueue::open(std::move(*options));
  if (!opened) return opened.error();
  return std::shared_ptr<DeadLetterQueue>(std::move(*opened));
}

}  // namespace

Result<Replay::Counts> replay_offline(const Settings& command_line, const OfflineReplay& wanted) {
  auto process = load_process_settings(command_line);
  if (!process) return process.error();
  auto entries = configured_pipelines(*process);
  if (!entries) return Error{ErrorCode::NotFound, entries.error().message};
  const std::string& to = wanted.to.empty() ? wanted.from : wanted.to;
  auto target = find(*process, *entries, to);
  if (!target)
    return Error{ErrorCode::NotFound,
                 fmt::format("there is no pipeline \"{}\" in the configuration; --to names another", to)};
  auto lock = DataDirectoryLock::take(process->settings.text("path.data"));
  if (!lock) return lock.error();
  signal(SIGPIPE, SIG_IGN);
  const auto source = find(*process, *entries, wanted.from);
  const bool is_its_own = source && source->id == target->id;
  std::shared_ptr<DeadLetterQueue> dead_letters;
  if (!is_its_own) {
    auto opened = open_source(source ? source->settings : process->settings, source ? source->id : wanted.from);
    if (!opened) return opened.error();
    dead_letters = std::move(*opened);
  }
  ShortRun run(std::move(*process));
  if (auto started = run.start(std::move(*target), is_its_own); !started) return started.error();
  if (is_its_own) dead_letters = run.pipeline().dead_letters();
  Replay::Counts counts;
  {
    Replay round(dead_letters, run.pipeline().pipeline()->replay_sink(), wanted.order);
    round.wait(wanted.patience);
    round.request_stop();
    run.stop();
    counts = round.wait(kCloseLimit);
  }
  dead_letters->close(kCloseLimit);
  counts.not_delivered = counts.sent - counts.delivered;  // nothing is under way any more
  counts.is_over = true;
  return counts;
}

}  // namespace logboom
