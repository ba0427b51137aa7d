// Reads without a waiting buffer: while a peer is silent its connection holds no memory for bytes to come. Deadlines cost
// nothing per read: each direction has a timer that looks after itself and is only armed while something waits.
#include "server/listen/socket_connection.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pipeline/net/address.h"
#include "pipeline/net/tls_channel.h"

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

enum class Wait { Ready, Interrupted, TimedOut };

/// Waits of one direction, one at a time, each with a deadline of its own.
struct Direction {
  explicit Direction(const net::any_io_executor& executor) : timer(executor) {}
  net::steady_timer timer;
  std::optional<SteadyTime> deadline;     // of the wait under way
  std::optional<SteadyTime> timer_fires;  // nullopt: not armed
  bool has_timed_out = false;
};

class ConnectedSocket final : public SocketConnection, public std::enable_shared_from_this<ConnectedSocket> {
 public:
  ConnectedSocket(StreamSocket socket, std::shared_ptr<EndpointBinding> binding, std::shared_ptr<ListenCounters> counters)
      : socket_(std::move(socket)),
        reading_(socket_.get_executor()),
        writing_(socket_.get_executor()),
        binding_(std::move(binding)),
        counters_(std::move(counters)) {
    error_code gone;
    socket_.non_blocking(true, gone);
    const auto remote = socket_.remote_endpoint(gone);
    if (!gone) peer_ = to_peer_address(*remote.data());
    const auto local = socket_.local_endpoint(gone);
    if (!gone) local_ = to_peer_address(*local.data());
  }

  Awaitable<Result<void>> begin_tls(std::shared_ptr<const TlsContext> context, std::string client_of,
                                    double seconds) override;
  Awaitable<Buffer> read_some() override;
  Awaitable<Result<void>> write(std::string_view bytes) override;
  void unread(std::string_view bytes) override { given_back_.insert(0, bytes); }
  bool is_rebinding() const override { return end_ == ReadEnd::Rebinding; }
  void end_reading() override {
    has_reading_ended_ = true;
    end_ = ReadEnd::PeerClosed;
    if (is_waiting_to_read_) cancel_wait();
  }
  const PeerAddress& peer() const override { return peer_; }
  const PeerAddress& local() const override { return local_; }
  const TlsSession* tls() const override { return tls_ ? &tls_->session() : nullptr; }

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
    if (tls_) tls_->say_goodbye();
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
      self->close();
    });
  }

 private:
  /// What draining or a rebinding makes of a read now.
  ReadEnd interruption() const {
    if (interruptions_ == Interruptions::Held) return ReadEnd::Open;
    if (is_draining()) return ReadEnd::Draining;
    return binding_->generation() != generation_ ? ReadEnd::Rebinding : ReadEnd::Open;
  }
  /// Reads what is there. nullopt: nothing yet. An empty Buffer: the peer is gone.
  std::optional<Buffer> read_now();
  ChannelStep receive(char* to, std::size_t room);
  ChannelStep send(std::string_view bytes);
  Awaitable<Wait> wait_until(Direction& direction, net::socket_base::wait_type what, std::optional<SteadyTime> deadline);
  std::optional<SteadyTime> reading_deadline() const;
  void arm_timer(Direction& direction);
  void close() {
    error_code ignored;
    if (tls_ && !is_cut_) tls_->say_goodbye();
    is_cut_ = true;
    socket_.close(ignored);
    reading_.timer.cancel();
    writing_.timer.cancel();
  }
  /// Whatever waits, in either direction, looks again.
  void cancel_wait() {
    error_code ignored;
    socket_.cancel(ignored);
  }

  StreamSocket socket_;
  Direction reading_;
  Direction writing_;
  std::unique_ptr<TlsChannel> tls_;  // nullptr: plain
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
  bool has_reading_ended_ = false;
  net::socket_base::wait_type next_read_wait_ = net::socket_base::wait_read;  // TLS may have to write before it can read
  std::atomic<bool> is_draining_{false};
};

void ConnectedSocket::arm_timer(Direction& direction) {
  if (!direction.deadline || (direction.timer_fires && *direction.timer_fires <= *direction.deadline)) return;
  direction.timer_fires = direction.deadline;
  direction.timer.expires_at(*direction.deadline);
  direction.timer.async_wait([weak = weak_from_this(), &direction](error_code failure) {
    const auto self = weak.lock();
    if (failure || !self) return;
    direction.timer_fires.reset();
    if (direction.deadline && *direction.deadline <= std::chrono::steady_clock::now()) {
      direction.has_timed_out = true;
      self->cancel_wait();
    } else {
      self->arm_timer(direction);  // the wait that armed it is over; a later one may be under way
    }
  });
}

Awaitable<Wait> ConnectedSocket::wait_until(Direction& direction, net::socket_base::wait_type what,
                                            std::optional<SteadyTime> deadline) {
  direction.deadline = deadline;
  direction.has_timed_out = false;
  arm_timer(direction);
  error_code failure;
  co_await socket_.async_wait(what, net::redirect_error(net::use_awaitable, failure));
  direction.deadline.reset();
  if (direction.has_timed_out) co_return Wait::TimedOut;
  co_return failure ? Wait::Interrupted : Wait::Ready;
}

Awaitable<Result<void>> ConnectedSocket::begin_tls(std::shared_ptr<const TlsContext> context, std::string client_of,
                                                   double seconds) {
  tls_ = client_of.empty() ? TlsChannel::accepting(std::move(context), socket_.native_handle())
                           : TlsChannel::connecting(std::move(context), socket_.native_handle(), client_of);
  const SteadyTime deadline = std::chrono::steady_clock::now() + seconds_to_duration(seconds);
  for (;;) {
    if (is_cut_) co_return Error{ErrorCode::Cancelled, "the connection was closed by the server"};
    const ChannelStep step = tls_->handshake();
    if (step.state == ChannelStep::State::Done) co_return Result<void>();
    if (step.state == ChannelStep::State::Closed)
      co_return Error{ErrorCode::Cancelled, "the peer left during the handshake"};
    if (step.state == ChannelStep::State::Failed) co_return Error{ErrorCode::Corrupt, step.reason};
    const auto what =
        step.state == ChannelStep::State::WantsWrite ? net::socket_base::wait_write : net::socket_base::wait_read;
    is_waiting_to_read_ = true;
    const Wait woken = co_await wait_until(reading_, what, deadline);
    is_waiting_to_read_ = false;
    if (woken == Wait::TimedOut) co_return Error{ErrorCode::Unavailable, "the handshake took too long"};
    if (is_draining()) co_return Error{ErrorCode::Cancelled, "the server is stopping"};
  }
}

ChannelStep ConnectedSocket::receive(char* to, std::size_t room) {
  if (tls_) return tls_->receive(to, room);
  error_code failure;
  ChannelStep step;
  step.bytes = socket_.read_some(net::buffer(to, room), failure);
  if (failure == net::error::would_block || failure == net::error::try_again || failure == net::error::interrupted) {
    step.state = ChannelStep::State::WantsRead;
  } else if (failure || step.bytes == 0) {
    step.state = ChannelStep::State::Closed;
  }
  step.has_drained = step.bytes < room;
  return step;
}

ChannelStep ConnectedSocket::send(std::string_view bytes) {
  if (tls_) return tls_->send(bytes);
  error_code failure;
  ChannelStep step;
  step.bytes = socket_.write_some(net::buffer(bytes.data(), bytes.size()), failure);
  if (failure == net::error::would_block || failure == net::error::try_again || failure == net::error::interrupted) {
    step.state = ChannelStep::State::WantsWrite;
  } else if (failure) {
    step.state = ChannelStep::State::Failed;
    step.reason = failure.message();
  }
  return step;
}

std::optional<SteadyTime> ConnectedSocket::reading_deadline() const {
  std::optional<SteadyTime> deadline = read_deadline_;
  if (idle_seconds_ > 0) {
    const SteadyTime idle = std::chrono::steady_clock::now() + seconds_to_duration(idle_seconds_);
    if (!deadline || idle < *deadline) deadline = idle;
  }
  return deadline;
}

std::optional<Buffer> ConnectedSocket::read_now() {
  Buffer buffer = Buffer::allocate(next_read_bytes_);
  const ChannelStep step = receive(buffer.writable_data(), buffer.size());
  if (step.state == ChannelStep::State::WantsRead || step.state == ChannelStep::State::WantsWrite) {
    const bool wants_write = step.state == ChannelStep::State::WantsWrite;
    next_read_wait_ = wants_write ? net::socket_base::wait_write : net::socket_base::wait_read;
    return std::nullopt;
  }
  if (step.state != ChannelStep::State::Done) {
    if (step.state == ChannelStep::State::Failed) counters_->tls_failures.add();
    return Buffer();
  }
  next_read_wait_ = net::socket_base::wait_read;
  counters_->bytes_in.add(step.bytes);
  has_drained_socket_ = step.has_drained;
  if (!has_drained_socket_) {
    next_read_bytes_ = std::min(next_read_bytes_ * 2, kLargestRead);
  } else if (step.bytes < next_read_bytes_ / 4) {
    next_read_bytes_ = std::max(next_read_bytes_ / 2, kSmallestRead);
  }
  return buffer.slice(0, step.bytes);
}

Awaitable<Buffer> ConnectedSocket::read_some() {
  end_ = ReadEnd::Open;
  if (!given_back_.empty() && !has_reading_ended_) {
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
  while (!has_reading_ended_) {
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
    const Wait woken = co_await wait_until(reading_, next_read_wait_, deadline);
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

Awaitable<Result<void>> ConnectedSocket::write(std::string_view bytes) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + seconds_to_duration(write_seconds_);
  while (!bytes.empty()) {
    if (is_cut_) co_return Error{ErrorCode::Cancelled, "the connection was closed by the server"};
    const ChannelStep step = send(bytes);
    bytes.remove_prefix(step.bytes);
    counters_->bytes_out.add(step.bytes);
    if (step.state == ChannelStep::State::Done) continue;
    if (step.state != ChannelStep::State::WantsRead && step.state != ChannelStep::State::WantsWrite) {
      co_return Error{ErrorCode::Unavailable, "the peer is gone: " + step.reason};
    }
    const auto what =
        step.state == ChannelStep::State::WantsRead ? net::socket_base::wait_read : net::socket_base::wait_write;
    const Wait woken = co_await wait_until(writing_, what, deadline);
    if (woken == Wait::TimedOut) {
      counters_->write_timeouts.add();
      close();
      co_return Error{ErrorCode::Unavailable, "the peer does not read"};
    }
  }
  co_return Result<void>();
}

}  // namespace

std::shared_ptr<SocketConnection> make_connection(StreamSocket socket, bool is_kept_alive,
                                                  std::shared_ptr<EndpointBinding> binding,
                                                  std::shared_ptr<ListenCounters> counters) {
  error_code not_tcp;
  socket.set_option(net::ip::tcp::no_delay(true), not_tcp);
  if (is_kept_alive) socket.set_option(net::socket_base::keep_alive(true), not_tcp);
  return std::make_shared<ConnectedSocket>(std::move(socket), std::move(binding), std::move(counters));
}

}  // namespace logboom
