#include "pipeline/run/input_run.h"

#include <pthread.h>

#include <chrono>

#include "pipeline/base/log.h"

namespace logboom {
namespace {

constexpr auto kRestartPause = std::chrono::seconds(1);
constexpr auto kStopCheckInterval = std::chrono::milliseconds(50);

struct InputMemory {
  std::shared_ptr<const Graph> graph;
  std::shared_ptr<Input> input;
  std::vector<Endpoint> endpoints;
};

}  // namespace

class OpenAcks::Watcher final : public AckReceiver {
 public:
  Watcher(std::shared_ptr<OpenAcks> open, std::shared_ptr<AckReceiver> next)
      : open_(std::move(open)), next_(std::move(next)) {}
  ~Watcher() override {
    if (!is_told_) open_->told();
  }
  void prefix_finished(std::size_t finished_events) override { next_->prefix_finished(finished_events); }
  void finished(AckResult result) override {
    next_->finished(result);
    is_told_ = true;
    open_->told();
  }

 private:
  const std::shared_ptr<OpenAcks> open_;
  const std::shared_ptr<AckReceiver> next_;
  bool is_told_ = false;
};

void OpenAcks::watch(AckToken& token) {
  if (!token.has_receiver()) return;
  const AckTracking tracking = token.tracks_prefix()   ? AckTracking::Prefix
                               : token.tracks_events() ? AckTracking::Each
                                                       : AckTracking::Whole;
  {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  token.set_receiver(std::make_shared<Watcher>(shared_from_this(), token.release_receiver()), tracking);
}

void OpenAcks::told() {
  {
    const std::lock_guard lock(mutex_);
    if (--count_ > 0) return;
  }
  changed_.notify_all();
}

bool OpenAcks::wait_until_none(StopSignal& stop) {
  std::unique_lock lock(mutex_);
  while (count_ > 0 && !stop.is_stopping()) changed_.wait_for(lock, kStopCheckInterval);
  return count_ == 0;
}

InputRun::InputRun(std::shared_ptr<Input> input, const PluginSite& site, std::shared_ptr<StopSignal> pipeline_stop)
    : input_(std::move(input)),
      site_(site),
      endpoints_(input_->endpoints()),
      is_listening_(!endpoints_.empty()),
      memory_(std::make_shared<InputMemory>(InputMemory{site_.origin, input_, endpoints_})),
      pipeline_stop_(std::move(pipeline_stop)) {}

InputRun::~InputRun() {
  stop_.request_stop();
  join();
}

void InputRun::start(std::shared_ptr<EventSink> sink, std::vector<std::shared_ptr<InputRun>> predecessors,
                     std::function<void()> ended) {
  thread_ = std::thread(
      [this, sink = std::move(sink), predecessors = std::move(predecessors), ended = std::move(ended)]() mutable {
        pthread_setname_np(pthread_self(), ("<" + site_.name).substr(0, 15).c_str());
        for (const auto& predecessor : predecessors) predecessor->wait_until_handed_over();
        predecessors.clear();
        run(*sink);
        sink.reset();
        {
          const std::lock_guard lock(mutex_);
          has_ended_ = true;
        }
        ended_.notify_all();
        ended();
      });
}

void InputRun::run(EventSink& sink) {
  while (!stop_.is_stopping()) {
    const auto ended = input_->run(sink, stop_);
    if (ended) break;
    log_error(site_.id, "{}; trying again in a second", ended.error().message);
    stop_.wait_for(kRestartPause);
  }
  if (is_retired_) hand_over();
}

void InputRun::hand_over() {
  std::call_once(handed_over_, [this] {
    if (open_acks_->wait_until_none(*pipeline_stop_)) input_->hand_over();
  });
}

void InputRun::retire() {
  is_retired_ = true;
  stop_.request_stop();
  if (is_listening_) has_ended_ = true;
}

void InputRun::wait_until_handed_over() {
  {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return has_ended_.load(); });
  }
  hand_over();  // it may have ended by itself before it was retired
}

void InputRun::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace logboom
