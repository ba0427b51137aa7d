#include "server/listen/udp_listener.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "pipeline/base/log.h"
#include "pipeline/net/address.h"
#include "server/listen/datagram_reader.h"
#include "server/listen/endpoint_binding.h"
#include "server/listen/listen_error.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::udp;

namespace {

constexpr std::size_t kDefaultReceiveBufferBytes = 4 * 1024 * 1024;
constexpr std::size_t kSmallestKernelDatagram = 512;  // of receive buffer that one datagram takes, at the least
constexpr int kBatchesBeforeYield = 16;               // a sender that is always ready must not keep the thread
constexpr auto kErrorPause = std::chrono::milliseconds(100);

/// Looked up once. Must not outlive the scope.
struct UdpCounters {
  explicit UdpCounters(MetricScope& scope)
      : datagrams(scope.counter("datagrams")),
        bytes_in(scope.counter("bytes_in")),
        dropped_by_kernel(scope.counter("dropped_by_kernel")),
        truncated(scope.counter("truncated")),
        failed_batches(scope.counter("failed_batches")),
        receive_errors(scope.counter("receive_errors")),
        receive_buffer_bytes(scope.counter("receive_buffer_bytes")) {}
  Counter& datagrams;
  Counter& bytes_in;
  Counter& dropped_by_kernel;
  Counter& truncated;       // longer than the service takes
  Counter& failed_batches;  // a service ended with an exception
  Counter& receive_errors;
  Counter& receive_buffer_bytes;  // a level
};

/// Whether the loop runs. Any thread.
class LoopState {
 public:
  void set_running(bool is_running) {
    {
      const std::lock_guard lock(mutex_);
      is_running_ = is_running;
    }
    changed_.notify_all();
  }
  bool wait_until_over(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] { return !is_running_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_running_ = false;
};

/// Says that the loop is over, however the coroutine ends.
class RunningLoop {
 public:
  explicit RunningLoop(std::shared_ptr<LoopState> state) : state_(std::move(state)) { state_->set_running(true); }
  ~RunningLoop() { state_->set_running(false); }
  RunningLoop(const RunningLoop&) = delete;
  RunningLoop& operator=(const RunningLoop&) = delete;

 private:
  std::shared_ptr<LoopState> state_;
};

}  // namespace

struct UdpListener::State : std::enable_shared_from_this<UdpListener::State> {
  State(NetworkThreads& threads, const Endpoint& endpoint, std::shared_ptr<EventSink> sink, std::string log_name,
        MetricScope& metrics)
      : seat(threads.take_seat()),
        socket(seat.executor()),
        pause(seat.executor()),
        name(std::move(log_name)),
        binding(endpoint, std::move(sink)),
        counters(metrics) {}

  Result<void> bind(const Endpoint& endpoint);
  void set_buffer(const Endpoint& endpoint);
  void note_drops(std::uint64_t drops);
  void wake() {
    net::post(seat.executor(), [self = shared_from_this()] {
      error_code ignored;
      self->socket.cancel(ignored);
      self->pause.cancel();
    });
  }

  // Coroutines; each keeps the state alive.
  static Awaitable<void> receive_loop(std::shared_ptr<State> state, std::unique_ptr<RunningLoop> running);
  static Awaitable<void> receive_until_stopped(State& state);
  static Awaitable<void> take(State& state, const BoundService& bound);

  const NetworkThreads::Seat seat;
  udp::socket socket;
  net::steady_timer pause;
  const std::string name;
  std::uint16_t port = 0;
  EndpointBinding binding;
  UdpCounters counters;
  std::unique_ptr<DatagramReader> reader;  // of the seat's thread
  std::shared_ptr<LoopState> loop = std::make_shared<LoopState>();
  std::atomic<bool> is_stopping{false};  // take what is there, then end
  std::atomic<bool> is_closing{false};   // end now
  std::atomic<std::size_t> buffer_bytes{0};
  LogRateLimit drop_log;
  LogRateLimit failure_log;
};

Result<void> UdpListener::State::bind(const Endpoint& endpoint) {
  error_code failure;
  udp::resolver resolver(seat.executor());
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), udp::resolver::passive, failure);
  if (failure || found.empty()) return no_such_host_error(endpoint, name);
  const udp::endpoint address = found.begin()->endpoint();
  socket.open(address.protocol(), failure);
  if (failure) return listen_error(failure, endpoint, Transport::Udp, name);
  if (address.address().is_v6()) socket.set_option(net::ip::v6_only(!address.address().is_unspecified()), failure);
  set_buffer(endpoint);
  socket.bind(address, failure);
  if (failure) return listen_error(failure, endpoint, Transport::Udp, name);
  const udp::endpoint bound = socket.local_endpoint(failure);
  port = bound.port();
  PeerAddress local;
  local.ip = bound.address().to_string();
  local.port = port;
  reader = std::make_unique<DatagramReader>(socket.native_handle(), std::move(local));
  return {};
}

void UdpListener::State::set_buffer(const Endpoint& endpoint) {
  const std::size_t wished = endpoint.receive_buffer_bytes;
  buffer_bytes = wished != 0 ? set_receive_buffer(socket.native_handle(), wished, false)
                             : set_receive_buffer(socket.native_handle(), kDefaultReceiveBufferBytes, true);
  counters.receive_buffer_bytes.set(buffer_bytes);
  if (buffer_bytes >= wished) return;
  log_warn("listen",
           "{}: the kernel gave a receive buffer of {} bytes where {} were asked for; raise its limit: "
           "sysctl -w net.core.rmem_max={}",
           name, buffer_bytes.load(), wished, wished);
}

void UdpListener::State::note_drops(std::uint64_t drops) {
  if (drops == 0) return;
  counters.dropped_by_kernel.add(drops);
  if (!drop_log.allow()) return;
  log_warn(
      "listen",
      "{}: the kernel has dropped {} datagrams for UDP port {} so far, its receive buffer of {} bytes was full; a larger "
      "receive_buffer_bytes outlasts longer bursts, a steady loss means that filters or outputs are too slow",
      name, counters.dropped_by_kernel.value(), port, buffer_bytes.load());
}

Awaitable<void> UdpListener::State::take(State& state, const BoundService& bound) {
  try {
    co_await bound.endpoint.datagram->take(*state.reader, *bound.sink);
  } catch (const std::exception& failure) {
    state.counters.failed_batches.add();
    if (state.failure_log.allow()) log_error("listen", "{}: a batch of datagrams failed: {}", state.name, failure.what());
  }
}

Awaitable<void> UdpListener::State::receive_until_stopped(State& state) {
  int batches_in_a_row = 0;
  std::optional<std::size_t> last_ones;  // once stopping: what the kernel can hold at the most
  while (!state.is_closing.load(std::memory_order_acquire)) {
    std::shared_ptr<const BoundService> bound = state.binding.current();
    if (!bound->endpoint.datagram) co_return;
    const bool is_stopping = state.is_stopping.load(std::memory_order_acquire);
    if (is_stopping && !last_ones) last_ones = 2 * state.buffer_bytes.load() / kSmallestKernelDatagram + 1;
    const Result<std::size_t> received = state.reader->receive(bound->endpoint.max_datagram_bytes);
    const std::size_t count = received ? *received : 0;
    if (count > 0) {
      state.counters.datagrams.add(count);
      state.counters.bytes_in.add(state.reader->received().size());
      state.counters.truncated.add(state.reader->truncated());
      state.note_drops(state.reader->new_drops(DatagramReader::DropsSource::LastDatagram));
      co_await take(state, *bound);
      if (last_ones && *last_ones <= count) co_return;
      if (last_ones) *last_ones -= count;
      if (++batches_in_a_row >= kBatchesBeforeYield) {
        batches_in_a_row = 0;
        co_await net::post(state.seat.executor(), net::use_awaitable);
      }
      continue;
    }
    batches_in_a_row = 0;
    state.reader->release();
    state.note_drops(state.reader->new_drops(DatagramReader::DropsSource::Socket));
    if (is_stopping) co_return;
    bound.reset();  // a replaced service is let go of while nothing comes
    error_code woken;
    if (received) {
      co_await state.socket.async_wait(net::socket_base::wait_read, net::redirect_error(net::use_awaitable, woken));
    } else {
      state.counters.receive_errors.add();
      if (state.failure_log.allow()) log_error("listen", "{}: {}", state.name, received.error().message);
      state.pause.expires_after(kErrorPause);
      co_await state.pause.async_wait(net::redirect_error(net::use_awaitable, woken));
    }
  }
}

Awaitable<void> UdpListener::State::receive_loop(std::shared_ptr<State> state, std::unique_ptr<RunningLoop> running) {
  co_await receive_until_stopped(*state);
  state->note_drops(state->reader->new_drops(DatagramReader::DropsSource::Socket));
  error_code ignored;
  state->socket.close(ignored);
  log_info("listen", "{} no longer listens on UDP port {}: {} datagrams were taken, {} dropped by the kernel, {} cut",
           state->name, state->port, state->counters.datagrams.value(), state->counters.dropped_by_kernel.value(),
           state->counters.truncated.value());
  running.reset();
}

Result<std::shared_ptr<UdpListener>> UdpListener::open(NetworkThreads& threads, const Endpoint& endpoint,
                                                       std::shared_ptr<EventSink> sink, std::string name,
                                                       MetricScope& metrics) {
  const auto state = std::make_shared<State>(threads, endpoint, std::move(sink), std::move(name), metrics);
  if (auto bound = state->bind(endpoint); !bound) return bound.error();
  log_info("listen", "{} listens on {} (UDP, receive buffer of {} bytes)", state->name,
           host_and_port(endpoint.host, state->port), state->buffer_bytes.load());
  auto running = std::make_unique<RunningLoop>(state->loop);
  net::co_spawn(state->seat.executor(), State::receive_loop(state, std::move(running)), net::detached);
  return std::shared_ptr<UdpListener>(new UdpListener(state));
}

UdpListener::UdpListener(std::shared_ptr<State> state) : state_(std::move(state)) {}

UdpListener::~UdpListener() {
  state_->is_closing = true;
  state_->wake();
}

void UdpListener::rebind(Endpoint service, std::shared_ptr<EventSink> sink) {
  const std::size_t earlier_wish = state_->binding.current()->endpoint.receive_buffer_bytes;
  if (service.receive_buffer_bytes != earlier_wish) {
    net::post(state_->seat.executor(), [state = state_, service] {
      if (state->socket.is_open()) state->set_buffer(service);
    });
  }
  state_->binding.rebind(std::move(service), std::move(sink));
}

void UdpListener::ask_sessions_to_end() {
  state_->is_stopping = true;
  state_->wake();
}

void UdpListener::drain(std::chrono::milliseconds timeout) {
  ask_sessions_to_end();
  if (state_->loop->wait_until_over(timeout)) return;
  state_->is_closing = true;
  state_->wake();
  if (!state_->loop->wait_until_over(std::chrono::seconds(1)))
    log_warn("listen", "{}: datagrams still wait for the pipeline", state_->name);
}

std::uint16_t UdpListener::port() const { return state_->port; }

}  // namespace logboom
