// InputRun: one input of a pipeline at work, from the plan that brought it to the one that has it no more.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "pipeline/compile/plan.h"
#include "pipeline/plugin/input.h"

namespace logboom {

/// Chunks of a reading input whose receivers have not been told yet. Any thread; lives as long as its receivers.
class OpenAcks : public std::enable_shared_from_this<OpenAcks> {
 public:
  /// Puts itself between a chunk's token and its receiver, when it has one. Before the token is armed.
  void watch(AckToken& token);
  /// Waits until all have been told; false when stopping.
  bool wait_until_none(StopSignal& stop);

 private:
  class Watcher;
  void told();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

/// A listening input only has endpoints; its sessions run elsewhere. Methods: any thread.
class InputRun {
 public:
  /// `pipeline_stop` ends it with the pipeline.
  InputRun(std::shared_ptr<Input> input, const PluginSite& site, std::shared_ptr<StopSignal> pipeline_stop);
  ~InputRun();

  const std::shared_ptr<Input>& input() const { return input_; }
  const PluginSite& site() const { return site_; }
  bool is_listening() const { return is_listening_; }
  /// The endpoints; once.
  std::vector<Endpoint> take_endpoints() { return std::move(endpoints_); }
  /// For the sinks of a reading input.
  const std::shared_ptr<OpenAcks>& open_acks() const { return open_acks_; }
  /// Its instance, and the endpoints' services: what events of the input may point at.
  std::shared_ptr<const void> memory() const { return memory_; }
  /// True while sessions or events use that.
  bool is_in_use() const { return memory_.use_count() > 1; }

  /// Starts a reading input's thread. It waits for `predecessors` to have handed over first. `ended` is called on it when
  /// the input has ended, whatever the reason.
  void start(std::shared_ptr<EventSink> sink, std::vector<std::shared_ptr<InputRun>> predecessors,
             std::function<void()> ended);
  /// The input is in no plan any more: it stops, its acknowledgements are waited for, and it hands over. Does not wait.
  void retire();
  /// Lets run() return, when the whole pipeline stops.
  void request_stop() { stop_.request_stop(); }
  /// A reading input that has ended, and handed over when it was retired. A listening one: false until it is retired.
  bool has_ended() const { return has_ended_.load(); }
  /// For the one that reads on: returns when this one has ended and handed over, or the pipeline stops.
  void wait_until_handed_over();
  void join();

 private:
  void run(EventSink& sink);
  void hand_over();
  const std::shared_ptr<Input> input_;
  const PluginSite site_;
  std::vector<Endpoint> endpoints_;
  const bool is_listening_;
  std::shared_ptr<const void> memory_;
  const std::shared_ptr<OpenAcks> open_acks_ = std::make_shared<OpenAcks>();
  const std::shared_ptr<StopSignal> pipeline_stop_;
  StopSignal stop_;
  std::atomic<bool> is_retired_{false};
  std::atomic<bool> has_ended_{false};
  std::once_flag handed_over_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::thread thread_;
};

}  // namespace logboom
