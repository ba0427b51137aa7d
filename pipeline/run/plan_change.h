// PlanChange: what a reload will change in a pipeline. Everything that can fail has been done; nothing is at work yet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/run/input_run.h"
#include "pipeline/run/output_buffer.h"
#include "pipeline/run/pipeline_settings.h"

namespace logboom {

/// What workers work by. Immutable.
struct PlanAtWork {
  std::uint64_t number = 0;  // grows from plan to plan
  std::shared_ptr<Plan> plan;
  std::vector<std::shared_ptr<OutputBuffer>> buffers;  // by output
  PipelineSettings settings;
};

/// Made by Pipeline::prepare(), used up by Pipeline::apply(); dropped unused it stops what it has started.
class PlanChange {
 public:
  PlanChange() = default;
  ~PlanChange() {
    for (const auto& output : started_outputs) output->stop();
  }
  PlanChange(const PlanChange&) = delete;
  PlanChange& operator=(const PlanChange&) = delete;

  std::shared_ptr<PlanAtWork> work;
  std::vector<std::shared_ptr<InputRun>> inputs;  // by input: those that go on, and new ones
  std::vector<bool> is_new_input;                 // by input
  std::vector<WantedEndpoint> endpoints;          // of new listening inputs; the server opens them, or hands sockets over
  std::vector<std::shared_ptr<Output>> started_outputs;  // those that the plan before did not have
};

/// True when an output with a disk buffer is new, gone or another one in `next`, whose donor was `now`: its files can only
/// be opened when those of the one before are closed, which takes a restart of the pipeline. prepare() is not for that.
bool changes_disk_buffers(const Plan& now, const Plan& next);

}  // namespace logboom
