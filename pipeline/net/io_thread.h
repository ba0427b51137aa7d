// The one I/O thread that outputs share for sockets of their own.
#pragma once

#include <memory>

namespace boost::asio {
class io_context;
}

namespace logboom {

/// A running io_context on a thread. Lives as long as somebody holds it. What is posted to it must not block.
class IoThread {
 public:
  /// The process's I/O thread; started when nobody held one. Any thread.
  static std::shared_ptr<IoThread> shared();
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  boost::asio::io_context& context();

 private:
  struct State;
  IoThread();
  std::shared_ptr<State> state_;
};

}  // namespace logboom
