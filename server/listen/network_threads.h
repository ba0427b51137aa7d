// The threads that serve connections. Each has an io_context of its own: a connection stays on one thread from its first
// byte to its last, nothing of it needs a lock, and no thread is woken for another's work.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace logboom {

/// Any thread, but the destructor: it stops the threads, then throws away what they had not done, one thread's after the
/// other's: what waits on one must not own a socket or timer of another. Must not run on one of them.
class NetworkThreads {
 public:
  explicit NetworkThreads(std::size_t count);
  ~NetworkThreads();
  NetworkThreads(const NetworkThreads&) = delete;
  NetworkThreads& operator=(const NetworkThreads&) = delete;

  /// A place on one of the threads; given back with the seat. Everything run on its executor runs one after the other.
  class Seat {
   public:
    Seat(boost::asio::any_io_executor executor, std::shared_ptr<std::atomic<std::size_t>> taken)
        : executor_(std::move(executor)), taken_(std::move(taken)) {
      taken_->fetch_add(1);
    }
    ~Seat() {
      if (taken_) taken_->fetch_sub(1);
    }
    Seat(Seat&& other) noexcept = default;
    Seat& operator=(Seat&&) = delete;
    const boost::asio::any_io_executor& executor() const { return executor_; }

   private:
    boost::asio::any_io_executor executor_;
    std::shared_ptr<std::atomic<std::size_t>> taken_;  // seats of that thread
  };
  /// On the thread that has given the fewest.
  Seat take_seat();

 private:
  class Thread;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace logboom
