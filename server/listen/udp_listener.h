// UdpListener: one UDP address of an input. Owns the socket, reads it in batches, and says what the kernel dropped.
#pragma once

#include "server/listen/open_endpoint.h"

namespace logboom {

/// Batches are taken one after the other on one thread. While the service waits nothing is read: the kernel's buffer fills,
/// then the kernel drops and counts. All functions: any thread.
class UdpListener final : public OpenEndpoint {
 public:
  /// Opens the address; datagrams are read at once. Without a wish for the receive buffer it asks
  /// quietly for four megabytes. `metrics` gets datagrams, bytes_in, dropped_by_kernel, truncated, failed_batches,
  /// receive_errors and the level receive_buffer_bytes, and must outlive the threads.
  /// Errors: AlreadyExists - the port is in use. InvalidArgument - no such host or not an address of this machine.
  /// Io - the system refused. The message names address, port and remedy.
  static Result<std::shared_ptr<UdpListener>> open(NetworkThreads& threads, const Endpoint& endpoint,
                                                   std::shared_ptr<EventSink> sink, std::string name, MetricScope& metrics);
  /// Closes the socket; does not wait.
  ~UdpListener() override;
  UdpListener(const UdpListener&) = delete;
  UdpListener& operator=(const UdpListener&) = delete;

  /// The next batch goes to the new service; a batch under way is finished by the old one.
  void rebind(Endpoint service, std::shared_ptr<EventSink> sink) override;
  /// What the kernel holds now is still taken, nothing that comes later.
  void ask_sessions_to_end() override;
  void drain(std::chrono::milliseconds timeout = std::chrono::seconds(10)) override;
  std::uint16_t port() const override;

 private:
  struct State;
  explicit UdpListener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace logboom
