#include "plugins/outputs/forward/server_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pipeline/base/log.h"
#include "pipeline/net/address.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::udp;

namespace {

constexpr double kLongestPauseSeconds = 30;

std::chrono::nanoseconds to_duration(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e6) * 1e9));
}

/// The value of {"ack": …}, or an empty view.
std::string_view acknowledged_id(std::string_view message) {
  MsgpackReader reader(message);
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Map || item.size == 0) return {};
  if (reader.next(item) != MsgpackStatus::Read || item.bytes != "ack") return {};
  if (reader.next(item) != MsgpackStatus::Read) return {};
  return item.bytes;
}

}  // namespace

/// One connection of a server, again and again.
class ServerNode::Lane : public std::enable_shared_from_this<Lane> {
 public:
  explicit Lane(std::shared_ptr<ServerNode> node)
      : node_(std::move(node)), changed_(node_->context_), ack_limit_(node_->context_) {}

  void begin() { net::co_spawn(node_->context_, run(shared_from_this()), net::detached); }
  /// True when it waits for something to do.
  bool wake_if_idle() {
    if (!is_idle_) return false;
    is_idle_ = false;
    changed_.cancel();
    return true;
  }
  void end(std::string_view reason) {
    if (link_) link_->close(reason);
    changed_.cancel();
    ack_limit_.cancel();
  }

 private:
  struct Unacknowledged {
    ForwardChunkPtr chunk;
    SteadyTime deadline;
  };

  static Awaitable<void> run(std::shared_ptr<Lane> self);
  static Awaitable<void> send_one(std::shared_ptr<Lane> self);
  static Awaitable<void> read_answers(std::shared_ptr<Lane> self, std::shared_ptr<ServerLink> link);
  /// Until something changes, or this moment.
  static Awaitable<void> wait_for_change(std::shared_ptr<Lane> self, SteadyTime until) {
    error_code woken;
    self->changed_.expires_at(until);
    co_await self->changed_.async_wait(net::redirect_error(net::use_awaitable, woken));
  }
  SteadyTime idle_until() const {
    const double seconds = node_->options_.keepalive_seconds;
    return link_ && seconds > 0 ? std::chrono::steady_clock::now() + to_duration(seconds) : SteadyTime::max();
  }

  bool take_answer(std::string_view message);
  void watch_acknowledgements();
  void fail_link(const std::string& reason);

  std::shared_ptr<ServerNode> node_;
  net::steady_timer changed_;
  net::steady_timer ack_limit_;
  std::shared_ptr<ServerLink> link_;
  std::deque<Unacknowledged> unacknowledged_;
  bool is_idle_ = false;
};

Awaitable<void> ServerNode::Lane::run(std::shared_ptr<Lane> self) {
  const std::shared_ptr<ServerNode> node = self->node_;
  while (!node->has_ended_) {
    if (node->waiting_.empty()) {
      const SteadyTime until = self->idle_until();
      self->is_idle_ = true;
      co_await wait_for_change(self, until);
      self->is_idle_ = false;
      const bool is_silent_for_long = std::chrono::steady_clock::now() >= until;
      if (is_silent_for_long && node->waiting_.empty() && self->unacknowledged_.empty() && self->link_) {
        self->link_->close("idle");
        self->link_.reset();
      }
      continue;
    }
    co_await send_one(self);
    while (self->unacknowledged_.size() >= node->options_.unacknowledged && !node->has_ended_)
      co_await wait_for_change(self, SteadyTime::max());
  }
  self->fail_link("the output is stopping");
  self->node_.reset();
}

/// Sends the first waiting message, over a new connection when there is none.
Awaitable<void> ServerNode::Lane::send_one(std::shared_ptr<Lane> self) {
  const std::shared_ptr<ServerNode> node = self->node_;
  const ForwardChunkPtr chunk = node->waiting_.front();
  node->waiting_.pop_front();
  if (self->link_ && !self->link_->is_open()) self->link_.reset();
  std::shared_ptr<ServerLink> link = self->link_;
  if (!link) {
    link = std::make_shared<ServerLink>(node->context_, node->server_, node->options_);
    self->link_ = link;
    const Result<void> opened = co_await ServerLink::open(link);
    if (!opened) {
      self->link_.reset();
      node->counters_.connect_failures.add();
      node->note_failure(opened.error().message);
      node->give_back(chunk, opened.error().message);
      co_return;
    }
    node->counters_.connects.add();
    net::co_spawn(node->context_, read_answers(self, link), net::detached);
    if (self->link_ != link) {  // the reader begins at once, and has found that the server closed already
      const std::string reason = "the server closed the connection";
      node->note_failure(reason);
      node->give_back(chunk, reason);
      co_return;
    }
  }
  if (!chunk->id.empty()) {  // before it is written: the answer may come while write() has not returned
    self->unacknowledged_.push_back({chunk, std::chrono::steady_clock::now() + to_duration(node->options_.ack_seconds)});
    self->watch_acknowledgements();
  }
  const Result<void> written = co_await ServerLink::write(link, chunk->bytes);
  if (!written) {
    if (chunk->id.empty()) node->give_back(chunk, written.error().message);
    if (self->link_ == link) self->fail_link(written.error().message);
    node->note_failure(written.error().message);
    co_return;
  }
  node->counters_.messages.add();
  node->counters_.bytes_out.add(chunk->bytes.size());
  if (chunk->id.empty()) {
    node->note_success();
    node->desk_->delivered(chunk);
  }
  if (node->options_.keeps_alive && link->may_be_kept()) co_return;
  while (!self->unacknowledged_.empty() && self->link_ == link && !node->has_ended_)
    co_await wait_for_change(self, SteadyTime::max());
  link->close("one message for each connection");
  if (self->link_ == link) self->link_.reset();
}

Awaitable<void> ServerNode::Lane::read_answers(std::shared_ptr<Lane> self, std::shared_ptr<ServerLink> link) {
  std::string reason;
  while (link->is_open()) {
    const Result<std::string> message = co_await ServerLink::read_message(link);
    if (!message) {
      reason = message.error().message;
      break;
    }
    if (self->take_answer(*message)) continue;
    reason = "the server's answer is no acknowledgement of a message that we sent";
    const bool is_handshake = message->find("HELO") != std::string::npos || message->find("PONG") != std::string::npos;
    if (is_handshake) reason = "the server wants a handshake: set shared_key";
    break;
  }
  if (self->link_ == link) {
    const bool was_waiting = !self->unacknowledged_.empty();
    const std::shared_ptr<ServerNode> node = self->node_;
    self->fail_link(reason);
    if (was_waiting && node) node->note_failure(reason);
  } else {
    link->close(reason);
  }
}

bool ServerNode::Lane::take_answer(std::string_view message) {
  const std::string_view id = acknowledged_id(message);
  const auto found = std::find_if(unacknowledged_.begin(), unacknowledged_.end(),
                                  [&](const Unacknowledged& one) { return one.chunk->id == id; });
  if (id.empty() || found == unacknowledged_.end()) return false;
  const ForwardChunkPtr chunk = found->chunk;
  unacknowledged_.erase(found);
  watch_acknowledgements();
  changed_.cancel();
  node_->counters_.acks.add();
  node_->note_success();
  node_->desk_->delivered(chunk);
  return true;
}

/// Closes the connection when the oldest message is not acknowledged in time.
void ServerNode::Lane::watch_acknowledgements() {
  if (unacknowledged_.empty()) {
    ack_limit_.cancel();
    return;
  }
  ack_limit_.expires_at(unacknowledged_.front().deadline);
  ack_limit_.async_wait([weak = weak_from_this()](error_code cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self || !self->link_) return;
    self->link_->close(fmt::format("no acknowledgement within {} s", self->node_->options_.ack_seconds));
  });
}

/// The connection is over: what it has not acknowledged goes elsewhere.
void ServerNode::Lane::fail_link(const std::string& reason) {
  if (link_) link_->close(reason);
  link_.reset();
  ack_limit_.cancel();
  std::deque<Unacknowledged> lost;
  lost.swap(unacknowledged_);
  for (const Unacknowledged& one : lost) node_->give_back(one.chunk, reason);
  changed_.cancel();
}

ServerNode::ServerNode(net::io_context& context, const ForwardClientOptions& options, std::size_t number,
                       ForwardClientCounters& counters)
    : context_(context),
      options_(options),
      server_(options.servers[number]),
      number_(number),
      counters_(counters),
      beat_timer_(context),
      udp_(context) {}

void ServerNode::begin(std::shared_ptr<ChunkDesk> desk) {
  net::post(context_, [self = shared_from_this(), desk = std::move(desk)] {
    self->desk_ = desk;
    for (std::size_t i = 0; i < self->options_.connections; ++i) {
      self->lanes_.push_back(std::make_shared<Lane>(self));
      self->lanes_.back()->begin();
    }
    if (self->options_.heartbeat != ForwardHeartbeat::None) net::co_spawn(self->context_, beat(self), net::detached);
  });
}

void ServerNode::take(ForwardChunkPtr chunk) {
  waiting_.push_back(std::move(chunk));
  for (const auto& lane : lanes_)
    if (lane->wake_if_idle()) return;
}

void ServerNode::end() {
  has_ended_ = true;
  error_code ignored;
  beat_timer_.cancel();
  udp_.close(ignored);
  std::deque<ForwardChunkPtr> given_back;
  given_back.swap(waiting_);
  for (const auto& chunk : given_back) give_back(chunk, "the output is stopping");
  for (const auto& lane : lanes_) lane->end("the output is stopping");
  lanes_.clear();
}

void ServerNode::give_back(const ForwardChunkPtr& chunk, const std::string& reason) {
  if (!has_ended_) counters_.resent.add();
  desk_->failed(chunk, fmt::format("{}: {}", host_and_port(server_.host, server_.port), reason));
}

void ServerNode::note_success() {
  failures_in_a_row_ = 0;
  if (is_up_) return;
  is_up_ = true;
  steady_from_ = std::chrono::steady_clock::now() + to_duration(options_.recover_seconds);
  log_info("output.forward", "{}: {} is there again", options_.id, host_and_port(server_.host, server_.port));
}

void ServerNode::note_failure(const std::string& reason) {
  if (has_ended_) return;
  const double pause = std::min(kLongestPauseSeconds, 0.25 * static_cast<double>(1 << std::min(failures_in_a_row_, 10)));
  ++failures_in_a_row_;
  next_attempt_ = std::chrono::steady_clock::now() + to_duration(pause);
  if (is_up_)
    log_warn("output.forward", "{}: {} is away: {}", options_.id, host_and_port(server_.host, server_.port), reason);
  is_up_ = false;
  // What waits goes to others, rather than through one failed connection each.
  std::deque<ForwardChunkPtr> given_back;
  given_back.swap(waiting_);
  for (const auto& chunk : given_back) give_back(chunk, reason);
}

Awaitable<void> ServerNode::beat(std::shared_ptr<ServerNode> self) {
  const auto pause = to_duration(std::max(self->options_.heartbeat_seconds, 0.01));
  self->last_answer_ = std::chrono::steady_clock::now();
  if (self->options_.heartbeat == ForwardHeartbeat::Udp) co_await open_udp(self);
  if (self->udp_.is_open()) net::co_spawn(self->context_, listen_for_answers(self), net::detached);
  while (!self->has_ended_) {
    error_code woken;
    self->beat_timer_.expires_after(pause);
    co_await self->beat_timer_.async_wait(net::redirect_error(net::use_awaitable, woken));
    if (self->has_ended_) break;
    if (self->options_.servers.size() == 1 && self->is_up_) continue;  // nothing would be chosen otherwise
    const Result<void> alive = co_await beat_once(self);
    if (self->has_ended_) break;
    if (alive) {
      self->note_success();
    } else if (alive.error().code != ErrorCode::Full) {
      self->note_failure(alive.error().message);
    }
  }
}

/// Full: not known yet.
Awaitable<Result<void>> ServerNode::beat_once(std::shared_ptr<ServerNode> self) {
  if (self->options_.heartbeat == ForwardHeartbeat::Udp) {
    error_code ignored;
    self->udp_.non_blocking(true, ignored);
    self->udp_.send(net::buffer("\0", 1), 0, ignored);
    const auto silence = std::chrono::steady_clock::now() - self->last_answer_;
    if (silence > to_duration(self->options_.udp_patience_seconds))
      co_return Error{ErrorCode::Unavailable, "no answer to UDP heartbeats"};
    if (silence > 2 * to_duration(self->options_.heartbeat_seconds)) co_return Error{ErrorCode::Full, "no answer yet"};
    co_return Result<void>();
  }
  const auto link = std::make_shared<ServerLink>(self->context_, self->server_, self->options_);
  const Result<void> opened = co_await ServerLink::open(link);
  link->close("heartbeat");
  co_return opened;
}

Awaitable<void> ServerNode::open_udp(std::shared_ptr<ServerNode> self) {
  error_code failure;
  udp::resolver resolver(self->context_);
  const udp::resolver::results_type found = co_await resolver.async_resolve(
      self->server_.host, std::to_string(self->server_.port), net::redirect_error(net::use_awaitable, failure));
  if (self->has_ended_) co_return;
  if (!failure && !found.empty()) self->udp_.connect(found.begin()->endpoint(), failure);
  if (failure)
    log_warn("output.forward", "{}: no UDP heartbeats to {}: {}", self->options_.id, self->server_.host, failure.message());
}

Awaitable<void> ServerNode::listen_for_answers(std::shared_ptr<ServerNode> self) {
  while (!self->has_ended_) {
    char byte = 0;
    error_code failure;
    co_await self->udp_.async_receive(net::buffer(&byte, 1), net::redirect_error(net::use_awaitable, failure));
    if (!failure) self->last_answer_ = std::chrono::steady_clock::now();
    if (failure == net::error::operation_aborted || failure == net::error::bad_descriptor) break;
  }
}

}  // namespace logboom
