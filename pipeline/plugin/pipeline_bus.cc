#include "pipeline/plugin/pipeline_bus.h"

#include <fmt/core.h>

namespace logboom {

std::shared_ptr<const PipelineAddress::Receiver> PipelineAddress::receiver() const {
  const std::lock_guard lock(mutex_);
  return receiver_;
}

void PipelineAddress::call_when_changed(const Receiver* known, std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (receiver_.get() == known) {
      waiting_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

Result<void> PipelineAddress::open(std::shared_ptr<const Receiver> receiver) {
  std::unique_lock lock(mutex_);
  if (receiver_)
    return Error{ErrorCode::AlreadyExists, fmt::format("another pipeline has the address \"{}\" already", name_)};
  replace_receiver(std::move(receiver), std::move(lock));
  return {};
}

void PipelineAddress::close() { replace_receiver(nullptr, std::unique_lock(mutex_)); }

void PipelineAddress::replace_receiver(std::shared_ptr<const Receiver> receiver, std::unique_lock<std::mutex> lock) {
  std::vector<std::function<void()>> woken;
  receiver_.swap(receiver);  // the former one goes without the lock
  woken.swap(waiting_);
  lock.unlock();
  for (const auto& callback : woken) callback();
}

std::shared_ptr<const void> PipelineAddress::register_sender() {
  const std::lock_guard lock(mutex_);
  ++senders_;
  return {this, [](const void* self) { static_cast<PipelineAddress*>(const_cast<void*>(self))->sender_left(); }};
}

void PipelineAddress::sender_left() {
  const std::lock_guard lock(mutex_);
  --senders_;
  changed_.notify_all();
}

void PipelineAddress::wait_for_last_senders() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !is_ending_ || senders_ == 0; });
}

void PipelineAddress::begin_shutdown() {
  const std::lock_guard lock(mutex_);
  is_ending_ = true;
}

std::shared_ptr<PipelineAddress> PipelineBus::address(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& address = addresses_[name];
  if (!address) {
    address = std::make_shared<PipelineAddress>(name);
    if (is_ending_) address->begin_shutdown();
  }
  return address;
}

void PipelineBus::begin_shutdown() {
  const std::lock_guard lock(mutex_);
  is_ending_ = true;
  for (const auto& [name, address] : addresses_) address->begin_shutdown();
}

}  // namespace logboom
