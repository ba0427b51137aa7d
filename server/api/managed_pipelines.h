// ManagedPipelines: the PipelineManager's pipelines as the admin API sees them.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/api/pipeline_directory.h"
#include "server/pipelines/pipeline_manager.h"

namespace logboom {

/// Any thread. The manager outlives it.
class ManagedPipelines final : public PipelineDirectory {
 public:
  /// `command_line` is what the settings directory is read with again.
  ManagedPipelines(PipelineManager& manager, Settings command_line)
      : manager_(manager), command_line_(std::move(command_line)) {}

  std::vector<PipelineView> pipelines() const override;
  bool is_stopping() const override { return is_stopping_; }
  Result<std::vector<ReloadOutcome>> reload(const std::vector<std::string>& ids) override;
  Result<CheckedPipeline> check(const ProposedPipeline& proposed) override;
  /// The process begins to end.
  void note_stopping() { is_stopping_ = true; }

 private:
  std::string ephemeral_id_of(const std::shared_ptr<const RunningPipeline>& pipeline) const;

  PipelineManager& manager_;
  const Settings command_line_;
  std::atomic<bool> is_stopping_{false};
  struct Named {
    std::weak_ptr<const RunningPipeline> pipeline;
    std::string ephemeral_id;
  };
  mutable std::mutex mutex_;
  mutable std::map<std::string, Named> names_;  // by pipeline id
};

}  // namespace logboom
