#include "server/listen/network_threads.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace logboom {
namespace net = boost::asio;

class NetworkThreads::Thread {
 public:
  Thread() : work_(net::make_work_guard(context_)) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "network");
      context_.run();
    });
  }
  void stop() {
    work_.reset();
    context_.stop();
    thread_.join();
  }
  Seat take_seat() { return {context_.get_executor(), seats_}; }
  std::size_t seats() const { return seats_->load(); }

 private:
  std::shared_ptr<std::atomic<std::size_t>> seats_ = std::make_shared<std::atomic<std::size_t>>(0);
  net::io_context context_{1};  // run by one thread
  net::executor_work_guard<net::io_context::executor_type> work_;
  std::thread thread_;
};

NetworkThreads::NetworkThreads(std::size_t count) {
  for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) threads_.push_back(std::make_unique<Thread>());
}

NetworkThreads::~NetworkThreads() {
  for (const auto& thread : threads_) thread->stop();  // all, before what one of them left is thrown away
}

NetworkThreads::Seat NetworkThreads::take_seat() {
  const auto emptiest = std::min_element(threads_.begin(), threads_.end(),
                                         [](const auto& left, const auto& right) { return left->seats() < right->seats(); });
  return (*emptiest)->take_seat();
}

}  // namespace logboom
