// PostponedStarts: pipelines whose files the disk refused when they were to start, and when each is tried again.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "server/pipelines/running_pipeline.h"

namespace logboom {

/// One thread.
class PostponedStarts {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr auto kShortestPause = std::chrono::milliseconds(1000);
  static constexpr auto kLongestPause = std::chrono::milliseconds(60'000);

  struct Start {
    std::shared_ptr<RunningPipeline> pipeline;
    std::shared_ptr<const ReadPipeline> source;
  };
  /// The first pause begins `now`. A pipeline that is here already stays as it is: its next pause has begun.
  void add(std::shared_ptr<RunningPipeline> pipeline, std::shared_ptr<const ReadPipeline> source,
           Time now = std::chrono::steady_clock::now());
  /// Those whose time has come. They stay until remove(); a pause of twice the length begins.
  std::vector<Start> take_due(Time now);
  void remove(const RunningPipeline& pipeline);
  void clear() { waiting_.clear(); }
  std::size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    Start start;
    std::chrono::milliseconds pause;
    Time due;
  };
  std::vector<Waiting> waiting_;
};

}  // namespace logboom
