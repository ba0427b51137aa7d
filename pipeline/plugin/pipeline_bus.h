// PipelineBus: how events cross from one pipeline of the process to another. Inputs named `pipeline` open its addresses,
// outputs of that name send to them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/plugin/input.h"

namespace logboom {

/// One address. Whoever sends to it may know it before anybody has opened it, and keeps it while receivers come and go. Any
/// thread.
class PipelineAddress {
 public:
  explicit PipelineAddress(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  /// The input that has the address now.
  struct Receiver {
    std::shared_ptr<EventSink> sink;
    std::function<void(Chunk&)> decorate;  // what the input adds to a chunk's events before it is pushed
  };
  /// nullptr: nobody has opened it.
  std::shared_ptr<const Receiver> receiver() const;
  /// Calls back once when receiver() is another than `known`: at once when it is so already.
  void call_when_changed(const Receiver* known, std::function<void()> callback);

  /// AlreadyExists: somebody else has the address.
  Result<void> open(std::shared_ptr<const Receiver> receiver);
  void close();

  /// An output that may send. It counts until it lets go of what it is given.
  std::shared_ptr<const void> register_sender();
  /// Waits until there is no sender, if the process is ending: those that end at the same time may send until then.
  void wait_for_last_senders();

 private:
  friend class PipelineBus;
  void replace_receiver(std::shared_ptr<const Receiver> receiver, std::unique_lock<std::mutex> lock);
  void begin_shutdown();
  void sender_left();

  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const Receiver> receiver_;
  std::vector<std::function<void()>> waiting_;
  std::size_t senders_ = 0;
  bool is_ending_ = false;
};

/// The addresses of a process. Outlives all pipelines. Any thread.
class PipelineBus {
 public:
  /// The address of this name; made at the first call.
  std::shared_ptr<PipelineAddress> address(const std::string& name);
  /// From now on an input that is asked to end stays open until nobody sends to it any more. Before pipelines are asked to
  /// stop because the process ends.
  void begin_shutdown();

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<PipelineAddress>> addresses_;
  bool is_ending_ = false;
};

}  // namespace logboom
