// ServedEndpoint: an address that a pipeline listens on, and what a reload makes of it.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/run/pipeline_settings.h"
#include "server/listen/open_endpoint.h"

namespace logboom {

struct ServedEndpoint {
  std::string address;  // transport and address: an endpoint of the same one takes the socket over
  WantedEndpoint wanted;
  std::shared_ptr<OpenEndpoint> listener;
};

/// Transport and address of an endpoint, as two endpoints of one socket have it in common.
std::string address_of(const Endpoint& endpoint);

/// The listeners of one pipeline. One controlling thread.
class ServedEndpoints {
 public:
  ~ServedEndpoints();
  /// Opens one more. Errors: Listener::open()'s.
  Result<void> open(NetworkThreads& network, WantedEndpoint wanted);

  /// What apply() will do. Dropped unused, the sockets that were opened for it are closed.
  struct Change {
    std::vector<ServedEndpoint> opened;
    std::vector<std::pair<std::size_t, WantedEndpoint>> taken_over;  // number of the listener, and who goes on
  };
  /// Opens the addresses that are new. `goes_on` are the inputs that the next plan keeps. An error leaves everything as it
  /// was.
  Result<Change> prepare(NetworkThreads& network, const std::vector<const Input*>& goes_on,
                         std::vector<WantedEndpoint> wanted);
  /// Hands sockets over, and ends in the background what nobody wants any more.
  void apply(Change change, const std::vector<const Input*>& goes_on);
  /// Joins what has ended in the background.
  void sweep();
  /// Asks all sessions to end, and waits for that until `deadline`; then cuts them. May run on another thread, the last
  /// call.
  void drain(std::chrono::steady_clock::time_point deadline);
  void clear() { served_.clear(); }

 private:
  struct Closing {
    std::vector<ServedEndpoint> endpoints;
    std::atomic<bool> is_over{false};
    std::thread thread;
  };
  void close_in_background(std::vector<ServedEndpoint> endpoints);
  std::vector<ServedEndpoint> served_;
  std::list<Closing> closing_;
};

}  // namespace logboom
