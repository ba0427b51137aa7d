// One server: its connections, the messages that wait for it, and whether it is there.
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/metrics.h"
#include "plugins/outputs/forward/server_link.h"

namespace logboom {

struct ForwardClientCounters {
  explicit ForwardClientCounters(MetricScope& metrics)
      : connects(metrics.counter("connects")),
        connect_failures(metrics.counter("connect_failures")),
        bytes_out(metrics.counter("bytes_out")),
        messages(metrics.counter("messages")),
        acks(metrics.counter("acks")),
        resent(metrics.counter("resent")),
        given_back(metrics.counter("given_back")) {}
  Counter& connects;
  Counter& connect_failures;
  Counter& bytes_out;
  Counter& messages;    // written
  Counter& acks;        // received
  Counter& resent;      // messages that a server failed and another one was asked for
  Counter& given_back;  // messages that no server took: their events are retried
};

/// Where a server gives messages back.
class ChunkDesk {
 public:
  virtual ~ChunkDesk() = default;
  virtual void delivered(const ForwardChunkPtr& chunk) = 0;
  virtual void failed(const ForwardChunkPtr& chunk, const std::string& reason) = 0;
};

/// Belongs to the I/O thread, but for its making.
class ServerNode : public std::enable_shared_from_this<ServerNode> {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  ServerNode(boost::asio::io_context& context, const ForwardClientOptions& options, std::size_t number,
             ForwardClientCounters& counters);

  /// Any thread: lanes and heartbeats begin on the I/O thread. `desk` holds the node's options and counters: it is kept.
  void begin(std::shared_ptr<ChunkDesk> desk);
  void take(ForwardChunkPtr chunk);
  /// Closes everything and gives back what waits.
  void end();

  const ForwardServer& server() const { return server_; }
  std::size_t number() const { return number_; }
  /// It answered lately, and is back for long enough.
  bool is_available() const { return is_up_ && std::chrono::steady_clock::now() >= steady_from_; }
  /// There is reason to hope: it is up, or its pause is over.
  bool may_be_asked() const { return is_up_ || std::chrono::steady_clock::now() >= next_attempt_; }

  std::int64_t turn = 0;  // of the balancer

 private:
  class Lane;
  static Awaitable<void> beat(std::shared_ptr<ServerNode> self);
  static Awaitable<Result<void>> beat_once(std::shared_ptr<ServerNode> self);
  static Awaitable<void> listen_for_answers(std::shared_ptr<ServerNode> self);
  static Awaitable<void> open_udp(std::shared_ptr<ServerNode> self);
  void note_success();
  void note_failure(const std::string& reason);
  void give_back(const ForwardChunkPtr& chunk, const std::string& reason);

  boost::asio::io_context& context_;
  const ForwardClientOptions& options_;
  const ForwardServer& server_;
  const std::size_t number_;
  ForwardClientCounters& counters_;
  std::shared_ptr<ChunkDesk> desk_;
  std::vector<std::shared_ptr<Lane>> lanes_;
  std::deque<ForwardChunkPtr> waiting_;
  boost::asio::steady_timer beat_timer_;
  boost::asio::ip::udp::socket udp_;
  SteadyTime last_answer_{};

  bool is_up_ = true;
  bool has_ended_ = false;
  int failures_in_a_row_ = 0;
  SteadyTime next_attempt_{};
  SteadyTime steady_from_{};
};

}  // namespace logboom
