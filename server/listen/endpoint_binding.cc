#include "server/listen/endpoint_binding.h"

namespace logboom {
namespace {

std::shared_ptr<const BoundService> make_bound(Endpoint endpoint, std::shared_ptr<EventSink> sink,
                                               std::uint64_t generation) {
  auto made = std::make_shared<BoundService>();
  made->endpoint = std::move(endpoint);
  made->sink = std::move(sink);
  made->generation = generation;
  return made;
}

}  // namespace

EndpointBinding::EndpointBinding(Endpoint endpoint, std::shared_ptr<EventSink> sink)
    : current_(make_bound(std::move(endpoint), std::move(sink), 1)) {}

std::shared_ptr<const BoundService> EndpointBinding::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void EndpointBinding::rebind(Endpoint endpoint, std::shared_ptr<EventSink> sink) {
  std::shared_ptr<const BoundService> replaced;  // let go of outside the lock
  const std::lock_guard lock(mutex_);
  auto next = make_bound(std::move(endpoint), std::move(sink), current_->generation + 1);
  replaced = std::exchange(current_, std::move(next));
  generation_.store(current_->generation, std::memory_order_release);
}

}  // namespace logboom
