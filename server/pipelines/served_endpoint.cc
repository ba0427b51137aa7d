#include "server/pipelines/served_endpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/log.h"

namespace logboom {
namespace {

constexpr auto kSessionEndLimit = std::chrono::seconds(10);
constexpr auto kSocketPause = std::chrono::milliseconds(20);
constexpr int kSocketAttempts = 50;

bool goes_on(const ServedEndpoint& served, const std::vector<const Input*>& inputs) {
  return std::find(inputs.begin(), inputs.end(), served.wanted.input) != inputs.end();
}

/// Two addresses of which the kernel may give only one at a time.
bool may_collide(const Endpoint& a, const Endpoint& b) {
  const bool are_datagrams = a.datagram != nullptr;
  return a.mode == Endpoint::Mode::Listen && b.mode == Endpoint::Mode::Listen && a.unix_path.empty() &&
         b.unix_path.empty() && a.port == b.port && are_datagrams == (b.datagram != nullptr);
}

Result<std::shared_ptr<OpenEndpoint>> open_one(NetworkThreads& network, const WantedEndpoint& wanted) {
  return open_endpoint(network, wanted.endpoint, wanted.sink, wanted.input_id, *wanted.metrics);
}

/// A socket that was closed a moment ago may not be free yet.
Result<std::shared_ptr<OpenEndpoint>> open_patiently(NetworkThreads& network, const WantedEndpoint& wanted) {
  auto opened = open_one(network, wanted);
  for (int i = 0; i < kSocketAttempts && !opened && opened.error().code == ErrorCode::AlreadyExists; ++i) {
    std::this_thread::sleep_for(kSocketPause);
    opened = open_one(network, wanted);
  }
  return opened;
}

}  // namespace

std::string address_of(const Endpoint& endpoint) {
  const std::string place =
      endpoint.unix_path.empty() ? fmt::format("{}:{}", endpoint.host, endpoint.port) : "unix:" + endpoint.unix_path;
  return fmt::format("{} {} {}", endpoint.mode == Endpoint::Mode::Listen ? "listen" : "connect",
                     endpoint.datagram ? "datagrams" : "stream", place);
}

ServedEndpoints::~ServedEndpoints() {
  for (Closing& closing : closing_)
    if (closing.thread.joinable()) closing.thread.join();
}

Result<void> ServedEndpoints::open(NetworkThreads& network, WantedEndpoint wanted) {
  auto listener = open_one(network, wanted);
  if (!listener) return listener.error();
  std::string address = address_of(wanted.endpoint);
  served_.push_back({std::move(address), std::move(wanted), std::move(*listener)});
  return {};
}

Result<ServedEndpoints::Change> ServedEndpoints::prepare(NetworkThreads& network, const std::vector<const Input*>& inputs,
                                                         std::vector<WantedEndpoint> wanted) {
  Change change;
  std::vector<bool> is_claimed(served_.size());
  std::vector<WantedEndpoint> new_ones;
  for (WantedEndpoint& endpoint : wanted) {
    const std::string address = address_of(endpoint.endpoint);
    std::size_t place = 0;
    while (place < served_.size() &&
           (is_claimed[place] || goes_on(served_[place], inputs) || served_[place].address != address))
      ++place;
    if (place < served_.size()) {
      is_claimed[place] = true;
      change.taken_over.emplace_back(place, std::move(endpoint));
    } else {
      new_ones.push_back(std::move(endpoint));
    }
  }
  for (WantedEndpoint& endpoint : new_ones) {
    auto listener = open_one(network, endpoint);
    std::vector<std::size_t> closed;
    if (!listener && listener.error().code == ErrorCode::AlreadyExists) {
      // A socket of this pipeline's may be in the way that nobody wants any more: another host, the same port.
      for (std::size_t i = 0; i < served_.size(); ++i)
        if (!is_claimed[i] && !goes_on(served_[i], inputs) && may_collide(served_[i].wanted.endpoint, endpoint.endpoint)) {
          served_[i].listener->ask_sessions_to_end();
          closed.push_back(i);
        }
      if (!closed.empty()) listener = open_patiently(network, endpoint);
    }
    if (!listener) {
      for (const std::size_t i : closed) {
        auto again = open_patiently(network, served_[i].wanted);
        if (again) {
          served_[i].listener = std::move(*again);
        } else {
          log_error(served_[i].wanted.input_id, "the address cannot be opened again: {}", again.error().message);
        }
      }
      return listener.error();
    }
    std::string address = address_of(endpoint.endpoint);
    change.opened.push_back({std::move(address), std::move(endpoint), std::move(*listener)});
  }
  return change;
}

void ServedEndpoints::apply(Change change, const std::vector<const Input*>& inputs) {
  std::vector<ServedEndpoint> next;
  std::vector<bool> is_kept(served_.size());
  for (auto& [place, endpoint] : change.taken_over) {
    is_kept[place] = true;
    ServedEndpoint& served = served_[place];
    served.listener->rebind(endpoint.endpoint, endpoint.sink);
    served.wanted = std::move(endpoint);
    next.push_back(std::move(served));
  }
  std::vector<ServedEndpoint> dropped;
  for (std::size_t i = 0; i < served_.size(); ++i)
    if (!is_kept[i]) (goes_on(served_[i], inputs) ? next : dropped).push_back(std::move(served_[i]));
  for (ServedEndpoint& opened : change.opened) next.push_back(std::move(opened));
  served_ = std::move(next);
  if (!dropped.empty()) close_in_background(std::move(dropped));
}

void ServedEndpoints::close_in_background(std::vector<ServedEndpoint> endpoints) {
  Closing& closing = closing_.emplace_back();
  closing.endpoints = std::move(endpoints);
  for (const ServedEndpoint& served : closing.endpoints) served.listener->ask_sessions_to_end();
  closing.thread = std::thread([&closing] {
    for (const ServedEndpoint& served : closing.endpoints) served.listener->drain(kSessionEndLimit);
    closing.endpoints.clear();
    closing.is_over = true;
  });
}

void ServedEndpoints::sweep() {
  closing_.remove_if([](Closing& closing) {
    if (!closing.is_over) return false;
    closing.thread.join();
    return true;
  });
}

void ServedEndpoints::drain(std::chrono::steady_clock::time_point deadline) {
  for (const ServedEndpoint& served : served_) served.listener->ask_sessions_to_end();
  for (const ServedEndpoint& served : served_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    served.listener->drain(std::max(std::chrono::milliseconds(0), left));
  }
  for (Closing& closing : closing_)
    if (closing.thread.joinable()) closing.thread.join();
}

}  // namespace logboom
