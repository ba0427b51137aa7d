#include "plugins/outputs/forward/forward_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>

#include "pipeline/base/log.h"
#include "pipeline/net/io_thread.h"
#include "plugins/outputs/forward/server_node.h"

namespace logboom {
namespace net = boost::asio;
namespace {

constexpr std::size_t kMaxWaitingBytes = 64 * 1024 * 1024;
constexpr auto kStopPatience = std::chrono::seconds(10);

}  // namespace

/// All but add() and end() belongs to the I/O thread.
class ForwardClient::State final : public ChunkDesk, public std::enable_shared_from_this<ForwardClient::State> {
 public:
  State(ForwardClientOptions options, MetricScope& metrics)
      : options_(std::move(options)), counters_(metrics), thread_(IoThread::shared()), limit_(thread_->context()) {
    for (std::size_t number = 0; number < options_.servers.size(); ++number)
      nodes_.push_back(std::make_shared<ServerNode>(thread_->context(), options_, number, counters_));
  }

  void begin() {
    for (const auto& node : nodes_) node->begin(shared_from_this());
  }
  void add(ForwardChunkPtr chunk) {
    const std::size_t bytes = chunk->bytes.size();
    if (waiting_bytes_.fetch_add(bytes) + bytes > kMaxWaitingBytes && waiting_bytes_.load() != bytes) {
      waiting_bytes_.fetch_sub(bytes);
      chunk->report(Outcome::retry("the line of unsent messages is full"));
      return;
    }
    net::post(thread_->context(), [self = shared_from_this(), chunk = std::move(chunk)] {
      ++self->open_chunks_;
      chunk->tried.assign(self->nodes_.size(), false);
      self->place(chunk, "no server is reachable");
    });
  }
  void end() {
    const auto done = std::make_shared<std::promise<void>>();
    net::post(thread_->context(), [self = shared_from_this(), done] {
      self->is_stopping_ = true;
      self->done_ = done;
      if (self->open_chunks_ == 0) {
        self->finish_stop();
        return;
      }
      self->limit_.expires_after(kStopPatience);
      self->limit_.async_wait([self](boost::system::error_code cancelled) {
        if (!cancelled) self->finish_stop();
      });
    });
    done->get_future().wait_for(kStopPatience + std::chrono::seconds(5));
  }

  void delivered(const ForwardChunkPtr& chunk) override { close_chunk(*chunk, Outcome::delivered()); }
  void failed(const ForwardChunkPtr& chunk, const std::string& reason) override { place(chunk, reason); }

 private:
  /// Gives a chunk to the next server that has not failed it, or gives it up for now.
  void place(const ForwardChunkPtr& chunk, const std::string& reason) {
    ServerNode* const node = has_ended_ ? nullptr : choose(*chunk);
    if (node == nullptr) {
      close_chunk(*chunk, Outcome::retry(has_ended_ ? "the output is stopping" : reason));
      return;
    }
    chunk->tried[node->number()] = true;
    node->take(chunk);
  }

  /// Servers that are there, standby ones for the weight of those that are away; when there are none, those that may be
  /// asked again. Among them by weight, spread evenly.
  ServerNode* choose(const ForwardChunk& chunk) {
    std::vector<ServerNode*> candidates;
    std::uint64_t lost_weight = 0;
    for (const auto& node : nodes_) {
      if (node->server().is_standby) continue;
      if (node->is_available()) {
        candidates.push_back(node.get());
      } else {
        lost_weight += node->server().weight;
      }
    }
    for (const auto& node : nodes_) {
      if (!node->server().is_standby || lost_weight == 0 || !node->is_available()) continue;
      candidates.push_back(node.get());
      lost_weight -= std::min<std::uint64_t>(lost_weight, node->server().weight);
    }
    const auto is_tried = [&](const ServerNode* node) { return chunk.tried[node->number()]; };
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), is_tried), candidates.end());
    if (candidates.empty())
      for (const auto& node : nodes_)
        if (!is_tried(node.get()) && node->may_be_asked()) candidates.push_back(node.get());
    if (candidates.empty()) return nullptr;
    std::int64_t total = 0;
    ServerNode* best = nullptr;
    for (ServerNode* node : candidates) {
      node->turn += node->server().weight;
      total += node->server().weight;
      if (best == nullptr || node->turn > best->turn) best = node;
    }
    best->turn -= total;
    return best;
  }

  void close_chunk(const ForwardChunk& chunk, const Outcome& outcome) {
    waiting_bytes_.fetch_sub(chunk.bytes.size());
    if (outcome.kind == OutcomeKind::Retry) counters_.given_back.add();
    chunk.report(outcome);
    if (--open_chunks_ == 0 && is_stopping_) finish_stop();
  }

  void finish_stop() {
    if (!done_) return;
    has_ended_ = true;
    const auto done = std::exchange(done_, nullptr);
    limit_.cancel();
    // The nodes keep this object until their coroutines have ended; it must not keep them.
    const std::vector<std::shared_ptr<ServerNode>> nodes = std::move(nodes_);
    nodes_.clear();
    for (const auto& node : nodes) node->end();
    done->set_value();
  }

  const ForwardClientOptions options_;
  ForwardClientCounters counters_;
  std::shared_ptr<IoThread> thread_;
  std::atomic<std::size_t> waiting_bytes_{0};

  net::steady_timer limit_;
  std::vector<std::shared_ptr<ServerNode>> nodes_;
  std::size_t open_chunks_ = 0;
  bool is_stopping_ = false;
  bool has_ended_ = false;
  std::shared_ptr<std::promise<void>> done_;
};

ForwardClient::ForwardClient(ForwardClientOptions options, MetricScope& metrics)
    : state_(std::make_shared<State>(std::move(options), metrics)) {}

ForwardClient::~ForwardClient() { stop(); }

void ForwardClient::start() {
  is_running_ = true;
  state_->begin();
}

void ForwardClient::send(ForwardChunkPtr chunk) { state_->add(std::move(chunk)); }

void ForwardClient::stop() {
  if (std::exchange(is_running_, false)) state_->end();
}

}  // namespace logboom
