// A pipeline changes over from one plan to the next while it runs.
#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "pipeline/run/pipeline.h"

namespace logboom {
namespace {

constexpr auto kWorkersChangeLimit = std::chrono::seconds(10);

}  // namespace

bool changes_disk_buffers(const Plan& now, const Plan& next) {
  const auto has_own = [](const Plan& plan, const Plan& other) {
    for (std::size_t i = 0; i < plan.outputs.size(); ++i)
      if (plan.output_sites[i].delivery.buffer.is_on_disk() &&
          std::find(other.outputs.begin(), other.outputs.end(), plan.outputs[i]) == other.outputs.end())
        return true;
    return false;
  };
  return has_own(now, next) || has_own(next, now);
}

Result<std::unique_ptr<PlanChange>> Pipeline::prepare(std::shared_ptr<Plan> next, PipelineSettings settings) {
  const auto old = at_work();
  auto change = std::make_unique<PlanChange>();
  auto work = std::make_shared<PlanAtWork>();
  work->number = old->number + 1;
  work->plan = std::move(next);
  work->settings = std::move(settings);
  const Plan& plan = *work->plan;
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    const auto& others = old->plan->outputs;
    const auto kept = std::find(others.begin(), others.end(), plan.outputs[i]);
    if (kept != others.end()) {
      work->buffers.push_back(old->buffers[static_cast<std::size_t>(kept - others.begin())]);
      continue;
    }
    if (auto started = plan.outputs[i]->start(); !started)
      return Error{started.error().code, fmt::format("output {}: {}", plan.output_sites[i].id, started.error().message)};
    change->started_outputs.push_back(plan.outputs[i]);
    work->buffers.push_back(make_buffer(plan, i, work->settings));
  }
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    const auto is_it = [&](const auto& run) { return run->input() == plan.inputs[i]; };
    const auto kept = std::find_if(inputs_.begin(), inputs_.end(), is_it);
    change->is_new_input.push_back(kept == inputs_.end());
    if (kept != inputs_.end()) {
      change->inputs.push_back(*kept);
      continue;
    }
    change->inputs.push_back(std::make_shared<InputRun>(plan.inputs[i], plan.input_sites[i], stop_));
    for (WantedEndpoint& endpoint : wanted_endpoints(*change->inputs.back(), plan))
      change->endpoints.push_back(std::move(endpoint));
  }
  change->work = std::move(work);
  return change;
}

void Pipeline::apply(std::unique_ptr<PlanChange> change) {
  change->started_outputs.clear();  // they are the pipeline's now
  std::shared_ptr<const PlanAtWork> old;
  const std::shared_ptr<const PlanAtWork> next = change->work;
  std::vector<std::shared_ptr<InputRun>> gone;
  {
    const std::lock_guard lock(mutex_);
    old = std::exchange(at_work_, next);
    plan_number_ = next->number;
    for (const auto& input : inputs_)
      if (std::find(change->inputs.begin(), change->inputs.end(), input) == change->inputs.end()) gone.push_back(input);
    inputs_ = change->inputs;
    for (const auto& input : gone) retired_inputs_.push_back(input);
    for (std::size_t i = 0; i < next->settings.workers; ++i) add_worker(i);
    if (next->plan->error_label) add_worker(kErrorWorker);
  }
  has_told_end_ = false;
  for (const auto& input : gone) input->retire();
  for (const auto& buffer : next->buffers) buffer->set_limits(next->settings.output_limits);
  retire_outputs(*old, *next);
  queue_->wake();
  errors_.queue().wake();
  for (std::size_t i = 0; i < change->inputs.size(); ++i) {
    InputRun& input = *change->inputs[i];
    if (!change->is_new_input[i] || input.is_listening()) continue;
    std::vector<std::shared_ptr<InputRun>> predecessors;
    for (const auto& earlier : retired_inputs_)
      if (!earlier->is_listening() && earlier->site().name == input.site().name) predecessors.push_back(earlier);
    start_input(input, std::move(predecessors));
  }
  const std::lock_guard lock(mutex_);
  retired_plans_.push_back(std::move(old));
}

void Pipeline::retire_outputs(const PlanAtWork& old, const PlanAtWork& next) {
  for (std::size_t i = 0; i < old.buffers.size(); ++i) {
    if (std::find(next.buffers.begin(), next.buffers.end(), old.buffers[i]) != next.buffers.end()) continue;
    auto retiring = std::make_unique<RetiringOutput>();
    retiring->output = old.plan->outputs[i];
    retiring->buffer = old.buffers[i];
    retiring->id = old.plan->output_sites[i].id;
    std::shared_ptr<OutputBuffer> successor;
    for (std::size_t other = 0; other < next.buffers.size(); ++other)
      if (next.plan->output_sites[other].id == retiring->id) successor = next.buffers[other];
    const bool has_successor = successor != nullptr;
    retiring->buffer->retire(std::move(successor));
    RetiringOutput& started = *retiring;
    const std::lock_guard lock(mutex_);
    retiring_outputs_.push_back(std::move(retiring));
    started.thread = std::thread(
        [this, &started, number = next.number, has_successor] { end_retiring_output(started, number, has_successor); });
  }
}

void Pipeline::end_retiring_output(RetiringOutput& retiring, std::uint64_t gone_since, bool has_successor) {
  pthread_setname_np(pthread_self(), "retiring");
  if (!has_successor) {
    // What workers bring in the plan that has the output still is delivered there.
    std::unique_lock lock(mutex_);
    workers_changed_.wait_for(lock, kWorkersChangeLimit,
                              [&] { return stop_->is_stopping() || have_all_changed_over(gone_since); });
  }
  retiring.buffer->end(at_work()->settings.hand_over_patience);
  retiring.output->stop();
  retiring.output.reset();
  retiring.is_over = true;
}

/// Under the lock.
bool Pipeline::have_all_changed_over(std::uint64_t plan_number) const {
  return std::all_of(workers_.begin(), workers_.end(), [&](const auto& worker) {
    return worker->is_over || worker->predecessor || worker->plan_number >= plan_number ||
           (worker->number == kErrorWorker && !at_work_->plan->error_label);
  });
}

void Pipeline::sweep() {
  bool is_behind = false;
  std::vector<std::shared_ptr<const void>> released;  // outside the lock: destructors may take their time
  {
    const std::lock_guard lock(mutex_);
    is_behind = !have_all_changed_over(at_work_->number);
    std::erase_if(workers_, [&](const auto& worker) {
      if (!worker->is_over) return false;
      if (worker->thread.joinable()) worker->thread.join();
      return true;
    });
    std::erase_if(retiring_outputs_, [&](auto& retiring) {
      if (!retiring->is_over) return false;
      if (retiring->thread.joinable()) retiring->thread.join();
      return retiring->buffer->undelivered_events() == 0;
    });
    std::erase_if(retired_inputs_, [&](auto& input) {
      // Whoever lets go of it last waits for its end: that must be nobody on the way of events.
      if (!input->has_ended() || input.use_count() > 1 || input->is_in_use()) return false;
      released.push_back(std::move(input));
      return true;
    });
    std::erase_if(retired_plans_, [&](auto& work) {
      if (work.use_count() > 1 || work->plan.use_count() > 1) return false;
      released.push_back(std::move(work));
      return true;
    });
  }
  if (!is_behind) return;
  queue_->wake();
  errors_.queue().wake();
}

void Pipeline::join_retiring() {
  for (const auto& retiring : retiring_outputs_)
    if (retiring->thread.joinable()) retiring->thread.join();
}

}  // namespace logboom
