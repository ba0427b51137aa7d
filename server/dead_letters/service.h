// DeadLetterService: what the control channel offers about pipelines and their dead-letter queues.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "server/control/control_server.h"
#include "server/dead_letters/replay.h"
#include "server/pipelines/pipeline_manager.h"

namespace logboom {

/// Any thread.
///   pipelines                                     every pipeline's ledger, queue and dead-letter queue
///   dlq.purge  {pipeline, selection}              removed
///   dlq.replay {pipeline, to, selection, max_replays, most, wait_seconds}   the counts of the round so far
class DeadLetterService {
 public:
  /// `pipelines` gives the process's pipelines at this moment, on any thread.
  explicit DeadLetterService(std::function<PipelineManager::Snapshot()> pipelines) : pipelines_(std::move(pipelines)) {}
  ControlHandlers handlers();
  /// Rounds of replay send nothing more.
  void request_stop();

 private:
  Result<std::string> list_pipelines(const std::string& request);
  Result<std::string> purge(const std::string& request);
  Result<std::string> replay(const std::string& request);
  std::shared_ptr<const RunningPipeline> find(const std::string& id) const;

  const std::function<PipelineManager::Snapshot()> pipelines_;
  std::mutex mutex_;
  bool is_stopping_ = false;
  std::list<std::shared_ptr<Replay>> rounds_;  // those that are not over, and some that are
};

}  // namespace logboom
