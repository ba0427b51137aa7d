#include "pipeline/plugin/async_push.h"

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace logboom {
namespace net = boost::asio;

namespace {

/// Suspends the coroutine until `start` has called back; goes on at the coroutine's own executor. `start` must have a name:
/// GCC 12 destroys a temporary closure inside the co_await expression twice.
template <class Start>
auto wait_for_callback(const Start& start) {
  return net::async_initiate<const net::use_awaitable_t<>, void()>(
      [](auto handler, auto run) {
        auto executor = net::get_associated_executor(handler);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        run([executor, shared]() mutable { net::post(executor, [shared]() mutable { std::move (*shared)(); }); });
      },
      net::use_awaitable, start);
}

/// Wakes one coroutine when the chunk is finished.
class AckWaiter final : public AckReceiver {
 public:
  void finished(AckResult result) override {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      is_finished_ = true;
      result_ = result;
      wake = std::move(wake_);
      wake_ = nullptr;
    }
    if (wake) wake();
  }
  void call_when_finished(std::function<void()> wake) {
    {
      const std::lock_guard lock(mutex_);
      if (!is_finished_) {
        wake_ = std::move(wake);
        return;
      }
    }
    wake();
  }
  AckResult result() {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  std::mutex mutex_;
  bool is_finished_ = false;
  AckResult result_ = AckResult::NotDelivered;
  std::function<void()> wake_;
};

}  // namespace

Awaitable<bool> push_chunk(EventSink& sink, ChunkPtr chunk) {
  const auto when_room = [&sink](std::function<void()> wake) { sink.call_when_room(std::move(wake)); };
  while (!sink.try_push(chunk)) {
    if (sink.is_stopping()) co_return false;
    co_await wait_for_callback(when_room);
  }
  co_return true;
}

Awaitable<AckResult> push_and_await_ack(EventSink& sink, ChunkPtr chunk) {
  const auto waiter = std::make_shared<AckWaiter>();
  chunk->token().set_receiver(waiter, AckTracking::Whole);
  const bool is_taken = co_await push_chunk(sink, std::move(chunk));
  if (!is_taken) co_return AckResult::NotDelivered;
  const auto when_finished = [waiter](std::function<void()> wake) { waiter->call_when_finished(std::move(wake)); };
  co_await wait_for_callback(when_finished);
  co_return waiter->result();
}

}  // namespace logboom
