#include "server/pipelines/postponed_starts.h"

#include <algorithm>
#include <utility>

namespace logboom {

void PostponedStarts::add(std::shared_ptr<RunningPipeline> pipeline, std::shared_ptr<const ReadPipeline> source, Time now) {
  for (const Waiting& waiting : waiting_)
    if (waiting.start.pipeline == pipeline) return;
  waiting_.push_back({{std::move(pipeline), std::move(source)}, kShortestPause, now + kShortestPause});
}

std::vector<PostponedStarts::Start> PostponedStarts::take_due(Time now) {
  std::vector<Start> due;
  for (Waiting& waiting : waiting_) {
    if (waiting.due > now) continue;
    due.push_back(waiting.start);
    waiting.pause = std::min(waiting.pause * 2, std::chrono::milliseconds(kLongestPause));
    waiting.due = now + waiting.pause;
  }
  return due;
}

void PostponedStarts::remove(const RunningPipeline& pipeline) {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.start.pipeline.get() == &pipeline; });
}

}  // namespace logboom
