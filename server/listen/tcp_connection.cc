// Reads without a waiting buffer: while a peer is silent its connection holds no memory for bytes to come. Deadlines cost
// nothing per read: one timer looks after itself and is only armed while something waits.
#include "server/listen/tcp_connection.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pipeline/net/address.h"

namespace logboom {
namespace net = boost::asio;
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using boost::system::error_code;

constexpr std::size_t kSmallestRead = 4 * 1024;
constexpr std::size_t kLargestRead = 128 * 1024;
constexpr int kReadsBeforeYield = 16;       // a sender that is always ready must not keep its thread
constexpr double kStreamWriteSeconds = 30;  // HTTP has the endpoint's request_seconds

std::chrono::nanoseconds seconds_to_duration(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(seconds, 1e9) * 1e9));
}

class SocketConnection final : public TcpConnection, public std::enable_shared_from_this<SocketConnection> {
 public:
  SocketConnection(TcpSocket socket, std::shared_ptr<EndpointBinding> binding, std::shared_ptr<ListenCounters> counters)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        binding_(std::move(binding)),
        counters_(std::move(counters)) {
    error_code gone;
    socket_.non_blocking(true, gone);
    peer_ = to_peer_address(socket_.remote_endpoint(gone));
    local_ = to_peer_address(socket_.local_endpoint(gone));
  }
  TcpSocket& socket() { return socket_; }

  Awaitable<Buffer> read_some() override;
  Awaitable<Result<void>> write(std::string_view bytes) override;
  void unread(std::string_view bytes) override { given_back_.insert(0, bytes); }
  bool is_rebinding() const override { return end_ == ReadEnd::Rebinding; }
  const PeerAddress& peer() const override { return peer_; }
  const PeerAddress& local() const override { return local_; }

  void adopt(const BoundService& bound) override {
    generation_ = bound.generation;
    idle_seconds_ = bound.endpoint.idle_seconds;
    write_seconds_ = bound.endpoint.http ? bound.endpoint.request_seconds : kStreamWriteSeconds;
    end_ = ReadEnd::Open;
  }
  void set_read_deadline(std::optional<SteadyTime> deadline) override { read_deadline_ = deadline; }
  void set_interruptions(Interruptions interruptions) override { interruptions_ = interruptions; }
  ReadEnd read_end() const override { return end_; }
  bool is_draining() const override { return is_draining_.load(std::memory_order_acquire); }
  void finish_sending() override {
    error_code gone;
    socket_.shutdown(net::socket_base::shutdown_send, gone);
  }

  void ask_to_end() override {
    is_draining_.store(true, std::memory_order_release);
    notice_rebinding();
  }
  void notice_rebinding() override {
    net::post(socket_.get_executor(), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && self->is_waiting_to_read_) self->cancel_wait();
    });
  }
  void cut() override {
    net::post(socket_.get_executor(), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      error_code ignored;
      self->is_cut_ = true;
      self->socket_.close(ignored);
      self->timer_.cancel();
    });
  }

 private:
  enum class Wait { Ready, Interrupted, TimedOut };

  /// What draining or a rebinding makes of a read now.
  ReadEnd interruption() const {
    if (interruptions_ == Interruptions::Held) return ReadEnd::Open;
    if (is_draining()) return ReadEnd::Draining;
    return binding_->generation() != generation_ ? ReadEnd::Rebinding : ReadEnd::Open;
  }
  /// Reads what is there. nullopt: nothing yet. An empty Buffer: the peer is gone.
  std::optional<Buffer> read_now();
  Awaitable<Wait> wait_until(net::socket_base::wait_type what, std::optional<SteadyTime> deadline);
  std::optional<SteadyTime> reading_deadline() const;
  void arm_timer();
  void cancel_wait() {
    error_code ignored;
    socket_.cancel(ignored);
  }

  TcpSocket socket_;
  net::steady_timer timer_;
  std::shared_ptr<EndpointBinding> binding_;
  std::shared_ptr<ListenCounters> counters_;
  PeerAddress peer_;
  PeerAddress local_;

  std::string given_back_;
  ReadEnd end_ = ReadEnd::Open;
  Interruptions interruptions_ = Interruptions::Allowed;
  std::uint64_t generation_ = 0;
  double idle_seconds_ = 0;
  double write_seconds_ = kStreamWriteSeconds;
  std::optional<SteadyTime> read_deadline_;
  std::size_t next_read_bytes_ = kSmallestRead;
  bool has_drained_socket_ = true;  // the last read found less than it had room for: more is not likely there yet
  int reads_in_a_row_ = 0;
  bool is_waiting_to_read_ = false;
  bool is_cut_ = false;
  std::atomic<bool> is_draining_{false};

  std::optional<SteadyTime> deadline_;     // of the wait under way
  std::optional<SteadyTime> timer_fires_;  // nullopt: not armed
  bool has_timed_out_ = false;
};

void SocketConnection::arm_timer() {
  if (!deadline_ || (timer_fires_ && *timer_fires_ <= *deadline_)) return;
  timer_fires_ = deadline_;
  timer_.expires_at(*deadline_);
  timer_.async_wait([weak = weak_from_this()](error_code failure) {
    const auto self = weak.lock();
    if (failure || !self) return;
    self->timer_fires_.reset();
    if (self->deadline_ && *self->deadline_ <= std::chrono::steady_clock::now()) {
      self->has_timed_out_ = true;
      self->cancel_wait();
    } else {
      self->arm_timer();  // the wait that armed it is over; a later one may be under way
    }
  });
}

Awaitable<SocketConnection::Wait> SocketConnection::wait_until(net::socket_base::wait_type what,
                                                               std::optional<SteadyTime> deadline) {
  deadline_ = deadline;
  has_timed_out_ = false;
  arm_timer();
  error_code failure;
  co_await socket_.async_wait(what, net::redirect_error(net::use_awaitable, failure));
  deadline_.reset();
  if (has_timed_out_) co_return Wait::TimedOut;
  co_return failure ? Wait::Interrupted : Wait::Ready;
}

std::optional<SteadyTime> SocketConnection::reading_deadline() const {
  std::optional<SteadyTime> deadline = read_deadline_;
  if (idle_seconds_ > 0) {
    const SteadyTime idle = std::chrono::steady_clock::now() + seconds_to_duration(idle_seconds_);
    if (!deadline || idle < *deadline) deadline = idle;
  }
  return deadline;
}

std::optional<Buffer> SocketConnection::read_now() {
  Buffer buffer = Buffer::allocate(next_read_bytes_);
  error_code failure;
  const std::size_t received = socket_.read_some(net::buffer(buffer.writable_data(), buffer.size()), failure);
  if (failure == net::error::would_block || failure == net::error::try_again || failure == net::error::interrupted) {
    return std::nullopt;
  }
  if (failure || received == 0) return Buffer();
  counters_->bytes_in.add(received);
  has_drained_socket_ = received < buffer.size();
  if (!has_drained_socket_) {
    next_read_bytes_ = std::min(next_read_bytes_ * 2, kLargestRead);
  } else if (received < next_read_bytes_ / 4) {
    next_read_bytes_ = std::max(next_read_bytes_ / 2, kSmallestRead);
  }
  return buffer.slice(0, received);
}

Awaitable<Buffer> SocketConnection::read_some() {
  end_ = ReadEnd::Open;
  if (!given_back_.empty()) {
    Buffer back = Buffer::copy_of(given_back_);
    given_back_.clear();
    given_back_.shrink_to_fit();
    co_return back;
  }
  if (++reads_in_a_row_ >= kReadsBeforeYield) {
    reads_in_a_row_ = 0;
    co_await net::post(socket_.get_executor(), net::use_awaitable);
  }
  const std::optional<SteadyTime> deadline = reading_deadline();
  bool is_worth_trying = !has_drained_socket_;
  for (;;) {
    end_ = interruption();
    if (end_ != ReadEnd::Open) co_return Buffer();
    if (is_cut_) break;
    if (is_worth_trying) {
      std::optional<Buffer> received = read_now();
      if (received && received->empty()) break;
      if (received) co_return std::move(*received);
    }
    reads_in_a_row_ = 0;
    is_waiting_to_read_ = true;
    const Wait woken = co_await wait_until(net::socket_base::wait_read, deadline);
    is_waiting_to_read_ = false;
    is_worth_trying = woken == Wait::Ready;
    if (woken == Wait::TimedOut) {
      if (!read_deadline_ || deadline != read_deadline_) counters_->idle_closed.add();
      end_ = ReadEnd::TimedOut;
      co_return Buffer();
    }
  }
  end_ = ReadEnd::PeerClosed;
  co_return Buffer();
}

Awaitable<Result<void>> SocketConnection::write(std::string_view bytes) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + seconds_to_duration(write_seconds_);
  while (!bytes.empty()) {
    if (is_cut_) co_return Error{ErrorCode::Cancelled, "the connection was closed by the server"};
    error_code failure;
    const std::size_t sent = socket_.write_some(net::buffer(bytes.data(), bytes.size()), failure);
    bytes.remove_prefix(sent);
    counters_->bytes_out.add(sent);
    if (!failure || failure == net::error::interrupted) continue;
    if (failure != net::error::would_block && failure != net::error::try_again) {
      co_return Error{ErrorCode::Unavailable, "the peer is gone: " + failure.message()};
    }
    const Wait woken = co_await wait_until(net::socket_base::wait_write, deadline);
    if (woken == Wait::TimedOut) {
      counters_->write_timeouts.add();
      error_code ignored;
      is_cut_ = true;
      socket_.close(ignored);
      co_return Error{ErrorCode::Unavailable, "the peer does not read"};
    }
  }
  co_return Result<void>();
}

}  // namespace

std::shared_ptr<TcpConnection> make_tcp_connection(TcpSocket socket, bool is_kept_alive,
                                                   std::shared_ptr<EndpointBinding> binding,
                                                   std::shared_ptr<ListenCounters> counters) {
  error_code ignored;
  socket.set_option(net::ip::tcp::no_delay(true), ignored);
  if (is_kept_alive) socket.set_option(net::socket_base::keep_alive(true), ignored);
  return std::make_shared<SocketConnection>(std::move(socket), std::move(binding), std::move(counters));
}

}  // namespace logboom
