#include "plugins/outputs/tcp/tcp_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <future>

#include "pipeline/base/log.h"
#include "pipeline/net/address.h"
#include "pipeline/net/awaitable.h"
#include "pipeline/net/io_thread.h"
#include "pipeline/net/tls_channel.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

namespace {

constexpr std::size_t kMaxWaitingBytes = 64 * 1024 * 1024;
constexpr auto kConnectPatience = std::chrono::seconds(10);
constexpr auto kWritePatience = std::chrono::seconds(60);

/// Everything but the counters in front belongs to the I/O thread.
class Sender : public std::enable_shared_from_this<Sender> {
 public:
  Sender(TcpClientOptions options, MetricScope& metrics)
      : options_(std::move(options)),
        connects_(metrics.counter("connects")),
        connect_failures_(metrics.counter("connect_failures")),
        bytes_out_(metrics.counter("bytes_out")),
        thread_(IoThread::shared()),
        socket_(thread_->context()),
        something_to_do_(thread_->context()),
        limit_(thread_->context()) {}

  void begin() { net::co_spawn(thread_->context(), run(shared_from_this()), net::detached); }

  void add(EncodedDeliveryPtr encoded) {
    const std::size_t bytes = encoded->bytes.size();
    if (waiting_bytes_.fetch_add(bytes) + bytes > kMaxWaitingBytes && waiting_bytes_.load() != bytes) {
      waiting_bytes_.fetch_sub(bytes);
      encoded->delivery->report_all(Outcome::retry("the line of unsent events is full"));
      return;
    }
    net::post(thread_->context(), [self = shared_from_this(), encoded = std::move(encoded)] {
      if (self->is_stopping_) {
        encoded->delivery->report_all(Outcome::retry("the output is stopping"));
        return;
      }
      self->waiting_.push_back(encoded);
      self->wake();
    });
  }
  /// Lets what is in line be sent for at most five seconds, then gives it back. Waits a little longer only when the system
  /// is asked for a name just then, which cannot be interrupted.
  void end() {
    const auto done = std::make_shared<std::promise<void>>();
    net::post(thread_->context(), [self = shared_from_this(), done] {
      self->is_stopping_ = true;
      self->done_ = done;
      self->limit_.expires_after(std::chrono::seconds(5));
      self->limit_.async_wait([self](error_code cancelled) {
        if (!cancelled) self->close();
      });
      self->wake();
      if (self->has_ended_) self->report_end();
    });
    done->get_future().wait_for(std::chrono::seconds(10));
  }

 private:
  static Awaitable<void> run(std::shared_ptr<Sender> self);
  static Awaitable<bool> connect(std::shared_ptr<Sender> self);
  static Awaitable<Result<void>> begin_tls(std::shared_ptr<Sender> self);
  static Awaitable<void> send_first(std::shared_ptr<Sender> self);
  static Awaitable<void> watch_peer(std::shared_ptr<Sender> self, std::uint64_t connection);

  void wake() { something_to_do_.cancel(); }
  /// One attempt to write, or to read what the destination says (which is thrown away).
  ChannelStep write_now(std::string_view bytes);
  ChannelStep read_now();
  /// Waits for what a step wants; false when the socket was closed meanwhile.
  static Awaitable<bool> wait_for(std::shared_ptr<Sender> self, const ChannelStep& step);
  void close() {
    error_code ignored;
    if (tls_ && is_connected_) tls_->say_goodbye();
    socket_.close(ignored);
    is_connected_ = false;
    wake();
  }
  void pop_first() {
    waiting_bytes_.fetch_sub(waiting_.front()->bytes.size());
    waiting_.pop_front();
  }
  void give_all_back(const std::string& reason) {
    while (!waiting_.empty()) {
      const EncodedDeliveryPtr encoded = waiting_.front();
      pop_first();
      encoded->delivery->report_all(Outcome::retry(reason));
    }
  }
  void report_end() {
    if (!done_) return;
    limit_.cancel();
    std::exchange(done_, nullptr)->set_value();
  }
  /// Closes the socket when what is under way takes longer. Cancelled by the next use of the timer.
  void limit_to(std::chrono::nanoseconds time) {
    if (is_stopping_) return;  // the end has a limit of its own
    limit_.expires_after(time);
    limit_.async_wait([weak = weak_from_this()](error_code cancelled) {
      const auto self = weak.lock();
      if (!cancelled && self && !self->is_stopping_) self->close();
    });
  }
  void end_limit() {
    if (!is_stopping_) limit_.cancel();
  }

  const TcpClientOptions options_;
  Counter& connects_;
  Counter& connect_failures_;
  Counter& bytes_out_;
  std::shared_ptr<IoThread> thread_;
  std::atomic<std::size_t> waiting_bytes_{0};

  tcp::socket socket_;
  std::unique_ptr<TlsChannel> tls_;  // of the connection; nullptr: plain
  net::steady_timer something_to_do_;
  net::steady_timer limit_;
  std::deque<EncodedDeliveryPtr> waiting_;
  std::chrono::steady_clock::time_point next_attempt_{};
  std::uint64_t connection_ = 0;
  bool is_connected_ = false;
  bool is_stopping_ = false;
  bool has_ended_ = false;
  std::shared_ptr<std::promise<void>> done_;
};

Awaitable<void> Sender::run(std::shared_ptr<Sender> self) {
  for (;;) {
    if (self->waiting_.empty()) {
      if (self->is_stopping_) break;
      error_code woken;
      self->something_to_do_.expires_at(net::steady_timer::time_point::max());
      co_await self->something_to_do_.async_wait(net::redirect_error(net::use_awaitable, woken));
      continue;
    }
    if (self->is_connected_) {
      co_await send_first(self);
      continue;
    }
    if (!self->is_stopping_ && std::chrono::steady_clock::now() < self->next_attempt_) {
      error_code woken;
      self->something_to_do_.expires_at(self->next_attempt_);
      co_await self->something_to_do_.async_wait(net::redirect_error(net::use_awaitable, woken));
      continue;
    }
    const bool is_connected = co_await connect(self);
    if (!is_connected && self->is_stopping_) self->give_all_back("the output is stopping");
  }
  self->close();
  self->give_all_back("the output is stopping");
  self->has_ended_ = true;
  self->report_end();
}

Awaitable<bool> Sender::connect(std::shared_ptr<Sender> self) {
  error_code failure;
  self->limit_to(kConnectPatience);
  tcp::resolver resolver(self->thread_->context());
  const tcp::resolver::results_type found = co_await resolver.async_resolve(
      self->options_.host, std::to_string(self->options_.port), net::redirect_error(net::use_awaitable, failure));
  if (!failure) co_await net::async_connect(self->socket_, found, net::redirect_error(net::use_awaitable, failure));
  std::string why = failure ? failure.message() : "it took too long";
  bool is_ready = !failure && self->socket_.is_open();
  if (is_ready) {
    const Result<void> begun = co_await begin_tls(self);
    is_ready = begun.has_value() && self->socket_.is_open();
    if (!begun) why = begun.error().message;
  }
  self->end_limit();
  if (is_ready) {
    self->connects_.add();
    self->is_connected_ = true;
    const std::uint64_t connection = ++self->connection_;
    error_code ignored;
    self->socket_.set_option(tcp::no_delay(true), ignored);
    self->socket_.set_option(net::socket_base::keep_alive(true), ignored);
    net::co_spawn(self->thread_->context(), watch_peer(self, connection), net::detached);
    co_return true;
  }
  self->close();
  self->connect_failures_.add();
  self->next_attempt_ =
      std::chrono::steady_clock::now() +
      std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(self->options_.reconnect_seconds, 1e6) * 1e9));
  const std::string place = host_and_port(self->options_.host, self->options_.port);
  log_warn("output.tcp", "{} cannot connect to {}: {}; next attempt in {} s", self->options_.id, place, why,
           self->options_.reconnect_seconds);
  self->give_all_back(fmt::format("cannot connect to {}: {}", place, why));
  co_return false;
}

Awaitable<void> Sender::send_first(std::shared_ptr<Sender> self) {
  const EncodedDeliveryPtr encoded = self->waiting_.front();
  self->limit_to(kWritePatience);
  std::string_view rest = encoded->bytes;
  std::string failure;
  while (!rest.empty() && failure.empty()) {
    const ChannelStep step = self->write_now(rest);
    rest.remove_prefix(step.bytes);
    self->bytes_out_.add(step.bytes);
    if (step.state == ChannelStep::State::Done) continue;
    if (step.state == ChannelStep::State::Closed || step.state == ChannelStep::State::Failed) {
      failure = step.reason.empty() ? "the destination closed it" : step.reason;
      break;
    }
    const bool is_open = co_await wait_for(self, step);
    if (!is_open) failure = "it was closed";
  }
  self->end_limit();
  self->pop_first();
  if (failure.empty()) {
    encoded->delivery->report_all(Outcome::delivered());
    co_return;
  }
  encoded->report_sent(encoded->bytes.size() - rest.size(),
                       Outcome::retry(fmt::format("the connection to {} broke: {}",
                                                  host_and_port(self->options_.host, self->options_.port), failure)));
  self->close();
}

Awaitable<Result<void>> Sender::begin_tls(std::shared_ptr<Sender> self) {
  error_code failure;
  self->socket_.non_blocking(true, failure);
  self->tls_.reset();
  if (!self->options_.tls) co_return Result<void>();
  self->tls_ = TlsChannel::connecting(self->options_.tls, self->socket_.native_handle(), self->options_.host);
  for (;;) {
    const ChannelStep step = self->tls_->handshake();
    if (step.state == ChannelStep::State::Done) co_return Result<void>();
    if (step.state == ChannelStep::State::Closed)
      co_return Error{ErrorCode::Unavailable, "it closed during the TLS handshake"};
    if (step.state == ChannelStep::State::Failed) co_return Error{ErrorCode::Unavailable, "TLS failed: " + step.reason};
    const bool is_open = co_await wait_for(self, step);
    if (!is_open) co_return Error{ErrorCode::Unavailable, "the TLS handshake took too long"};
  }
}

ChannelStep Sender::write_now(std::string_view bytes) {
  if (tls_) return tls_->send(bytes);
  error_code failure;
  ChannelStep step;
  step.bytes = socket_.write_some(net::buffer(bytes.data(), bytes.size()), failure);
  if (failure == net::error::would_block || failure == net::error::interrupted) {
    step.state = ChannelStep::State::WantsWrite;
  } else if (failure) {
    step.state = ChannelStep::State::Failed;
    step.reason = failure.message();
  }
  return step;
}

ChannelStep Sender::read_now() {
  std::array<char, 1024> thrown_away;
  if (tls_) return tls_->receive(thrown_away.data(), thrown_away.size());
  error_code failure;
  ChannelStep step;
  step.bytes = socket_.read_some(net::buffer(thrown_away), failure);
  if (failure == net::error::would_block || failure == net::error::interrupted) {
    step.state = ChannelStep::State::WantsRead;
  } else if (failure || step.bytes == 0) {
    step.state = ChannelStep::State::Closed;
  }
  return step;
}

Awaitable<bool> Sender::wait_for(std::shared_ptr<Sender> self, const ChannelStep& step) {
  const auto what = step.state == ChannelStep::State::WantsWrite ? tcp::socket::wait_write : tcp::socket::wait_read;
  error_code failure;
  co_await self->socket_.async_wait(what, net::redirect_error(net::use_awaitable, failure));
  co_return !failure && self->socket_.is_open();
}

/// Reads and throws away what the destination says, to learn at once when it closes.
Awaitable<void> Sender::watch_peer(std::shared_ptr<Sender> self, std::uint64_t connection) {
  while (self->connection_ == connection && self->is_connected_) {
    const ChannelStep step = self->read_now();
    if (step.state == ChannelStep::State::Done) continue;
    bool is_open = step.state == ChannelStep::State::WantsRead || step.state == ChannelStep::State::WantsWrite;
    if (is_open) is_open = co_await wait_for(self, step);
    if (!is_open) break;
  }
  if (self->connection_ == connection && self->is_connected_) self->close();
}

class TcpClient final : public TcpSender {
 public:
  TcpClient(TcpClientOptions options, MetricScope& metrics)
      : sender_(std::make_shared<Sender>(std::move(options), metrics)) {}
  ~TcpClient() override { stop(); }
  Result<void> start() override {
    sender_->begin();
    is_running_ = true;
    return {};
  }
  void deliver(EncodedDeliveryPtr encoded) override { sender_->add(std::move(encoded)); }
  void stop() override {
    if (is_running_.exchange(false)) sender_->end();
  }

 private:
  std::shared_ptr<Sender> sender_;
  std::atomic<bool> is_running_{false};
};

}  // namespace

std::unique_ptr<TcpSender> make_tcp_client(TcpClientOptions options, MetricScope& metrics) {
  return std::make_unique<TcpClient>(std::move(options), metrics);
}

}  // namespace logboom
