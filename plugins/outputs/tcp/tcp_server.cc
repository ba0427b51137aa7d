#include "plugins/outputs/tcp/tcp_server.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <future>
#include <list>

#include "pipeline/base/log.h"
#include "pipeline/net/address.h"
#include "pipeline/net/awaitable.h"
#include "pipeline/net/io_thread.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

namespace {

constexpr std::size_t kMaxBehindBytes = 16 * 1024 * 1024;
constexpr std::size_t kMaxClients = 1024;
constexpr auto kWritePatience = std::chrono::seconds(30);

/// A delivery that several clients write; done when the last of them has written it or is gone.
class Broadcast {
 public:
  explicit Broadcast(EncodedDeliveryPtr encoded) : encoded_(std::move(encoded)) {}
  ~Broadcast() {
    encoded_->delivery->report_all(was_cancelled ? Outcome::retry("the output is stopping") : Outcome::delivered());
  }
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;
  const std::string& bytes() const { return encoded_->bytes; }
  bool was_cancelled = false;

 private:
  EncodedDeliveryPtr encoded_;
};

/// One receiver. All of it belongs to the I/O thread.
class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(tcp::socket socket, Counter& bytes_out)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), bytes_out_(bytes_out) {}

  void begin() {
    net::co_spawn(socket_.get_executor(), write_all(shared_from_this()), net::detached);
    net::co_spawn(socket_.get_executor(), watch_peer(shared_from_this()), net::detached);
  }
  bool is_open() const { return is_open_; }
  bool is_behind() const { return waiting_bytes_ > kMaxBehindBytes; }
  bool is_idle() const { return waiting_.empty(); }
  void add(std::shared_ptr<Broadcast> broadcast) {
    waiting_bytes_ += broadcast->bytes().size();
    waiting_.push_back(std::move(broadcast));
    if (!is_writing_) timer_.cancel();
  }
  void close() {
    error_code ignored;
    is_open_ = false;
    socket_.close(ignored);
    timer_.cancel();
    waiting_.clear();
  }
  void cancel_waiting() {
    for (const auto& broadcast : waiting_) broadcast->was_cancelled = true;
  }

 private:
  static Awaitable<void> write_all(std::shared_ptr<Client> self);
  static Awaitable<void> watch_peer(std::shared_ptr<Client> self);

  tcp::socket socket_;
  net::steady_timer timer_;
  Counter& bytes_out_;
  std::deque<std::shared_ptr<Broadcast>> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool is_writing_ = false;
  bool is_open_ = true;
};

Awaitable<void> Client::write_all(std::shared_ptr<Client> self) {
  while (self->is_open_) {
    error_code failure;
    if (self->waiting_.empty()) {
      self->timer_.expires_at(net::steady_timer::time_point::max());
      co_await self->timer_.async_wait(net::redirect_error(net::use_awaitable, failure));
      continue;
    }
    const std::shared_ptr<Broadcast> first = self->waiting_.front();
    self->is_writing_ = true;
    self->timer_.expires_after(kWritePatience);
    self->timer_.async_wait([weak = self->weak_from_this()](error_code cancelled) {
      const auto late = weak.lock();
      if (!cancelled && late) late->close();
    });
    const std::size_t sent = co_await net::async_write(self->socket_, net::buffer(first->bytes()),
                                                       net::redirect_error(net::use_awaitable, failure));
    self->is_writing_ = false;
    self->timer_.cancel();
    self->bytes_out_.add(sent);
    if (failure || !self->is_open_) break;
    self->waiting_bytes_ -= first->bytes().size();
    self->waiting_.pop_front();
  }
  self->close();
}

Awaitable<void> Client::watch_peer(std::shared_ptr<Client> self) {
  std::array<char, 1024> ignored;
  error_code failure;
  while (!failure)
    co_await self->socket_.async_read_some(net::buffer(ignored), net::redirect_error(net::use_awaitable, failure));
  self->close();
}

/// All but the options and counters belongs to the I/O thread.
class Broadcaster : public std::enable_shared_from_this<Broadcaster> {
 public:
  Broadcaster(TcpServerOptions options, MetricScope& metrics)
      : options_(std::move(options)),
        connections_(metrics.counter("connections")),
        slow_clients_(metrics.counter("slow_clients")),
        without_clients_(metrics.counter("without_clients")),
        bytes_out_(metrics.counter("bytes_out")),
        thread_(IoThread::shared()),
        acceptor_(thread_->context()) {}

  Result<void> begin();
  void add(EncodedDeliveryPtr encoded) {
    net::post(thread_->context(), [self = shared_from_this(), encoded = std::move(encoded)] { self->send(encoded); });
  }
  void end() {
    std::promise<void> done;
    net::post(thread_->context(), [self = shared_from_this(), &done] {
      error_code ignored;
      self->acceptor_.close(ignored);
      for (const auto& client : self->clients_) {
        client->cancel_waiting();
        client->close();
      }
      self->clients_.clear();
      self->has_ended_ = true;
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  static Awaitable<void> accept_loop(std::shared_ptr<Broadcaster> self);
  void send(const EncodedDeliveryPtr& encoded) {
    if (has_ended_) {
      encoded->delivery->report_all(Outcome::retry("the output is stopping"));
      return;
    }
    const auto broadcast = std::make_shared<Broadcast>(encoded);
    clients_.remove_if([](const auto& client) { return !client->is_open(); });
    if (clients_.empty()) without_clients_.add(encoded->ends.size());
    for (const auto& client : clients_) {
      if (client->is_behind()) {
        slow_clients_.add();
        client->close();
      } else {
        client->add(broadcast);
      }
    }
  }

  const TcpServerOptions options_;
  Counter& connections_;
  Counter& slow_clients_;
  Counter& without_clients_;
  Counter& bytes_out_;
  std::shared_ptr<IoThread> thread_;
  tcp::acceptor acceptor_;
  std::list<std::shared_ptr<Client>> clients_;
  bool has_ended_ = false;
};

Result<void> Broadcaster::begin() {
  const std::string place = host_and_port(options_.host, options_.port);
  error_code failure;
  tcp::resolver resolver(thread_->context());
  const auto found = resolver.resolve(options_.host, std::to_string(options_.port), tcp::resolver::passive, failure);
  if (failure || found.empty())
    return Error{ErrorCode::InvalidArgument, fmt::format("{} cannot listen on {}: no such host", options_.id, place)};
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor_.open(address.protocol(), failure);
  error_code ignored;
  acceptor_.set_option(tcp::acceptor::reuse_address(true), ignored);
  if (!failure) acceptor_.bind(address, failure);
  if (!failure) acceptor_.listen(net::socket_base::max_listen_connections, failure);
  if (failure) {
    return Error{
        failure == net::error::address_in_use ? ErrorCode::AlreadyExists : ErrorCode::Io,
        fmt::format("{} cannot listen on {}: {}; free the port or choose another", options_.id, place, failure.message())};
  }
  log_info("output.tcp", "{} listens on {}", options_.id,
           host_and_port(options_.host, acceptor_.local_endpoint(ignored).port()));
  net::co_spawn(thread_->context(), accept_loop(shared_from_this()), net::detached);
  return {};
}

Awaitable<void> Broadcaster::accept_loop(std::shared_ptr<Broadcaster> self) {
  net::steady_timer pause(self->thread_->context());
  while (!self->has_ended_) {
    error_code failure;
    tcp::socket socket(self->thread_->context());
    co_await self->acceptor_.async_accept(socket, net::redirect_error(net::use_awaitable, failure));
    if (self->has_ended_ || !self->acceptor_.is_open()) co_return;
    if (failure) {
      pause.expires_after(std::chrono::milliseconds(200));  // out of descriptors: trying again at once would spin
      co_await pause.async_wait(net::redirect_error(net::use_awaitable, failure));
      continue;
    }
    self->clients_.remove_if([](const auto& client) { return !client->is_open(); });
    if (self->clients_.size() >= kMaxClients) continue;
    self->connections_.add();
    const auto client = std::make_shared<Client>(std::move(socket), self->bytes_out_);
    self->clients_.push_back(client);
    client->begin();
  }
}

class TcpServer final : public TcpSender {
 public:
  TcpServer(TcpServerOptions options, MetricScope& metrics)
      : broadcaster_(std::make_shared<Broadcaster>(std::move(options), metrics)) {}
  ~TcpServer() override { stop(); }
  Result<void> start() override {
    auto begun = broadcaster_->begin();
    is_running_ = begun.has_value();
    return begun;
  }
  void deliver(EncodedDeliveryPtr encoded) override { broadcaster_->add(std::move(encoded)); }
  void stop() override {
    if (is_running_.exchange(false)) broadcaster_->end();
  }

 private:
  std::shared_ptr<Broadcaster> broadcaster_;
  std::atomic<bool> is_running_{false};
};

}  // namespace

std::unique_ptr<TcpSender> make_tcp_server(TcpServerOptions options, MetricScope& metrics) {
  return std::make_unique<TcpServer>(std::move(options), metrics);
}

}  // namespace logboom
