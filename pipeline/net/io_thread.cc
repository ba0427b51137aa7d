#include "pipeline/net/io_thread.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <mutex>
#include <thread>

#include "pipeline/base/log.h"

namespace logboom {
namespace net = boost::asio;

/// Owned by the thread too, so that the last holder may be a handler on it.
struct IoThread::State {
  net::io_context context{1};
  net::executor_work_guard<net::io_context::executor_type> guard{context.get_executor()};
  std::thread thread;

  void run() {
    while (!context.stopped()) {
      try {
        context.run();
      } catch (const std::exception& failure) {
        log_error("net", "the outputs' I/O thread goes on after: {}", failure.what());
      }
    }
  }
};

IoThread::IoThread() : state_(std::make_shared<State>()) {
  state_->thread = std::thread([state = state_] { state->run(); });
}

IoThread::~IoThread() {
  state_->guard.reset();
  state_->context.stop();
  if (state_->thread.get_id() == std::this_thread::get_id()) {
    state_->thread.detach();
  } else {
    state_->thread.join();
  }
}

net::io_context& IoThread::context() { return state_->context; }

std::shared_ptr<IoThread> IoThread::shared() {
  static std::mutex mutex;
  static std::weak_ptr<IoThread> current;
  const std::lock_guard lock(mutex);
  auto running = current.lock();
  if (!running) {
    running = std::shared_ptr<IoThread>(new IoThread());
    current = running;
  }
  return running;
}

}  // namespace logboom
