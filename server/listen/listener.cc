#include "server/listen/listener.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pipeline/base/log.h"
#include "pipeline/net/address.h"
#include "server/listen/http_session.h"
#include "server/listen/session_set.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

namespace {

/// Takes its session out of the set, however the coroutine ends.
class SessionEntry {
 public:
  SessionEntry(std::shared_ptr<SessionSet> sessions, const std::shared_ptr<TcpConnection>& connection)
      : sessions_(std::move(sessions)), connection_(connection.get()) {
    sessions_->add(connection);
  }
  ~SessionEntry() { sessions_->remove(connection_); }
  SessionEntry(const SessionEntry&) = delete;
  SessionEntry& operator=(const SessionEntry&) = delete;

 private:
  std::shared_ptr<SessionSet> sessions_;
  const TcpConnection* connection_;
};

/// The same for the accept loop.
class LoopEntry {
 public:
  explicit LoopEntry(std::shared_ptr<SessionSet> sessions) : sessions_(std::move(sessions)) {
    sessions_->set_loop_runs(true);
  }
  ~LoopEntry() { sessions_->set_loop_runs(false); }
  LoopEntry(const LoopEntry&) = delete;
  LoopEntry& operator=(const LoopEntry&) = delete;

 private:
  std::shared_ptr<SessionSet> sessions_;
};

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(net::io_context& io, const Endpoint& endpoint, std::shared_ptr<EventSink> sink, std::string log_name,
        MetricScope& metrics)
      : context(io),
        strand(net::make_strand(io)),
        acceptor(strand),
        pause(strand),
        name(std::move(log_name)),
        binding(std::make_shared<EndpointBinding>(endpoint, std::move(sink))),
        counters(std::make_shared<ListenCounters>(metrics)),
        sessions(std::make_shared<SessionSet>(counters->current_connections)) {}

  Result<void> listen(const Endpoint& endpoint);
  void begin_session(TcpSocket socket);
  void stop() {
    if (is_stopping.exchange(true)) return;
    net::post(strand, [self = shared_from_this()] {
      error_code ignored;
      self->acceptor.close(ignored);
      self->pause.cancel();
      if (const auto socket = self->connecting.lock()) socket->close(ignored);
    });
  }
  bool has_stopped() const { return is_stopping.load(std::memory_order_acquire); }

  // Coroutines; each keeps the state alive. The entries say in the session set that they run, also when they never begin.
  static Awaitable<void> accept_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry);
  static Awaitable<void> connect_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry);
  static Awaitable<void> keep_session(std::shared_ptr<State> state, std::shared_ptr<TcpConnection> connection,
                                      std::unique_ptr<SessionEntry> entry);
  /// One attempt, given up after ten seconds.
  static Awaitable<error_code> connect(std::shared_ptr<State> state, std::shared_ptr<TcpSocket> socket,
                                       const Endpoint& endpoint);

  net::io_context& context;
  net::any_io_executor strand;
  tcp::acceptor acceptor;
  net::steady_timer pause;
  const std::string name;
  std::uint16_t port = 0;
  std::shared_ptr<EndpointBinding> binding;
  std::shared_ptr<ListenCounters> counters;
  std::shared_ptr<SessionSet> sessions;
  std::atomic<bool> is_stopping{false};
  std::weak_ptr<TcpSocket> connecting;  // of the strand
  LogRateLimit limit_log;
  LogRateLimit failure_log;
};

namespace {

Error listen_error(const error_code& failure, const Endpoint& endpoint, const std::string& name) {
  const std::string place = fmt::format("{} cannot listen on {}", name, host_and_port(endpoint.host, endpoint.port));
  if (failure == net::error::address_in_use) {
    return {ErrorCode::AlreadyExists,
            fmt::format("{}: the port is in use; stop the program that has it (ss -ltnp 'sport = :{}' names "
                        "it) or choose another port",
                        place, endpoint.port)};
  }
  if (failure == net::error::access_denied) {
    return {ErrorCode::Io,
            fmt::format("{}: permission denied; a port below 1024 needs the capability CAP_NET_BIND_SERVICE, or "
                        "choose a higher port",
                        place)};
  }
  if (failure == boost::system::errc::address_not_available) {
    return {ErrorCode::InvalidArgument,
            fmt::format("{}: this machine does not have that address; use one of its own, or 0.0.0.0 for all", place)};
  }
  return {ErrorCode::Io, fmt::format("{}: {}", place, failure.message())};
}

/// Whether accept(2) failed for want of something that closing connections gives back.
bool is_out_of_resources(const error_code& failure) {
  return failure == net::error::no_descriptors || failure == boost::system::errc::too_many_files_open_in_system ||
         failure == net::error::no_buffer_space || failure == net::error::no_memory;
}

constexpr auto kConnectPatience = std::chrono::seconds(10);

std::chrono::nanoseconds to_duration(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.001, 86400.0) * 1e9));
}

Awaitable<void> serve_stream(TcpConnection& connection, EndpointBinding& binding) {
  for (;;) {
    const std::shared_ptr<const BoundService> bound = binding.current();
    if (!bound->endpoint.stream) co_return;
    connection.adopt(*bound);
    co_await bound->endpoint.stream->serve(connection, *bound->sink);
    if (!connection.is_rebinding()) co_return;
  }
}

Awaitable<void> run_session(std::shared_ptr<TcpConnection> connection, std::shared_ptr<EndpointBinding> binding,
                            std::shared_ptr<ListenCounters> counters, const std::string& name) {
  try {
    if (binding->current()->endpoint.http) {
      co_await serve_http(*connection, *binding, *counters);
    } else {
      co_await serve_stream(*connection, *binding);
    }
  } catch (const std::exception& failure) {
    counters->failed_sessions.add();
    log_error("listen", "{}: the session with {} failed: {}", name, connection->peer().ip, failure.what());
  }
  connection->cut();
}

}  // namespace

Awaitable<void> Listener::State::keep_session(std::shared_ptr<State> state, std::shared_ptr<TcpConnection> connection,
                                              std::unique_ptr<SessionEntry> entry) {
  if (state->has_stopped()) connection->ask_to_end();
  co_await run_session(connection, state->binding, state->counters, state->name);
  entry.reset();
}

Awaitable<void> Listener::State::accept_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry) {
  auto pause = std::chrono::milliseconds(100);
  while (!state->has_stopped()) {
    TcpSocket socket(net::any_io_executor(net::make_strand(state->context)));
    error_code failure;
    co_await state->acceptor.async_accept(socket, net::redirect_error(net::use_awaitable, failure));
    if (!failure) {
      pause = std::chrono::milliseconds(100);
      state->begin_session(std::move(socket));
      continue;
    }
    if (failure == net::error::operation_aborted || !state->acceptor.is_open()) break;
    if (!is_out_of_resources(failure)) continue;  // the peer gave up before it was accepted
    state->counters->accept_failures.add();
    if (state->failure_log.allow()) {
      log_error("listen",
                "{} cannot accept on port {}: {}; raise the limit of open files (ulimit -n) or lower max_connections",
                state->name, state->port, failure.message());
    }
    state->pause.expires_after(pause);
    co_await state->pause.async_wait(net::redirect_error(net::use_awaitable, failure));
    pause = std::min(pause * 2, std::chrono::milliseconds(1000));
  }
  entry.reset();
}

Awaitable<error_code> Listener::State::connect(std::shared_ptr<State> state, std::shared_ptr<TcpSocket> socket,
                                               const Endpoint& endpoint) {
  error_code failure;
  tcp::resolver resolver(state->strand);
  const tcp::resolver::results_type found = co_await resolver.async_resolve(
      endpoint.host, std::to_string(endpoint.port), net::redirect_error(net::use_awaitable, failure));
  if (failure || state->has_stopped()) co_return failure;
  state->connecting = socket;
  state->pause.expires_after(kConnectPatience);
  state->pause.async_wait([weak = std::weak_ptr<TcpSocket>(socket)](error_code cancelled) {
    const auto late = weak.lock();
    error_code ignored;
    if (!cancelled && late) late->close(ignored);
  });
  co_await net::async_connect(*socket, found, net::redirect_error(net::use_awaitable, failure));
  state->pause.cancel();
  state->connecting.reset();
  co_return failure;
}

Awaitable<void> Listener::State::connect_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry) {
  while (!state->has_stopped()) {
    const std::shared_ptr<const BoundService> bound = state->binding->current();
    const Endpoint& endpoint = bound->endpoint;
    const auto socket = std::make_shared<TcpSocket>(state->strand);
    const error_code failure = co_await connect(state, socket, endpoint);
    if (state->has_stopped()) break;
    if (!failure) {
      state->counters->connections.add();
      const auto connection =
          make_tcp_connection(std::move(*socket), endpoint.has_tcp_keep_alive, state->binding, state->counters);
      auto session = std::make_unique<SessionEntry>(state->sessions, connection);
      co_await keep_session(state, connection, std::move(session));
    } else {
      state->counters->connect_failures.add();
      if (state->failure_log.allow()) {
        log_warn("listen", "{} cannot connect to {}: {}; trying again every {} s", state->name,
                 host_and_port(endpoint.host, endpoint.port), failure.message(), endpoint.reconnect_seconds);
      }
    }
    if (state->has_stopped()) break;
    error_code woken;
    state->pause.expires_after(to_duration(endpoint.reconnect_seconds));
    co_await state->pause.async_wait(net::redirect_error(net::use_awaitable, woken));
  }
  entry.reset();
}

Result<void> Listener::State::listen(const Endpoint& endpoint) {
  error_code failure;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, failure);
  if (failure || found.empty()) {
    return Error{
        ErrorCode::InvalidArgument,
        fmt::format("{} cannot listen on {}: there is no such host; give an address of this machine, or 0.0.0.0 for all",
                    name, host_and_port(endpoint.host, endpoint.port))};
  }
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor.open(address.protocol(), failure);
  if (failure) return listen_error(failure, endpoint, name);
  acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (address.address().is_v6()) acceptor.set_option(net::ip::v6_only(!address.address().is_unspecified()), failure);
  acceptor.bind(address, failure);
  if (!failure) acceptor.listen(net::socket_base::max_listen_connections, failure);
  if (failure) return listen_error(failure, endpoint, name);
  port = acceptor.local_endpoint(failure).port();
  return {};
}

void Listener::State::begin_session(TcpSocket socket) {
  const std::shared_ptr<const BoundService> bound = binding->current();
  if (sessions->size() >= bound->endpoint.max_connections) {
    counters->refused_limit.add();
    if (limit_log.allow()) {
      log_warn("listen",
               "{} on port {} refuses connections: {} are open, and max_connections allows no more ({} log lines held back)",
               name, port, bound->endpoint.max_connections, limit_log.suppressed());
    }
    return;  // the socket closes
  }
  counters->connections.add();
  const net::any_io_executor executor = socket.get_executor();
  const auto connection = make_tcp_connection(std::move(socket), bound->endpoint.has_tcp_keep_alive, binding, counters);
  auto entry = std::make_unique<SessionEntry>(sessions, connection);  // counts at once: the coroutine starts later
  net::co_spawn(executor, keep_session(shared_from_this(), connection, std::move(entry)), net::detached);
}

Result<std::shared_ptr<Listener>> Listener::open(net::io_context& context, const Endpoint& endpoint,
                                                 std::shared_ptr<EventSink> sink, std::string name, MetricScope& metrics) {
  const auto state = std::make_shared<State>(context, endpoint, std::move(sink), std::move(name), metrics);
  if (endpoint.mode == Endpoint::Mode::Listen) {
    if (auto listening = state->listen(endpoint); !listening) return listening.error();
    log_info("listen", "{} listens on {}", state->name, host_and_port(endpoint.host, state->port));
  }
  auto entry = std::make_unique<LoopEntry>(state->sessions);
  if (endpoint.mode == Endpoint::Mode::Listen) {
    net::co_spawn(state->strand, State::accept_loop(state, std::move(entry)), net::detached);
  } else {
    net::co_spawn(state->strand, State::connect_loop(state, std::move(entry)), net::detached);
  }
  return std::shared_ptr<Listener>(new Listener(state));
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  stop_accepting();
  for (const auto& connection : state_->sessions->open()) connection->cut();
}

void Listener::rebind(Endpoint service, std::shared_ptr<EventSink> sink) {
  state_->binding->rebind(std::move(service), std::move(sink));
  for (const auto& connection : state_->sessions->open()) connection->notice_rebinding();
}

void Listener::stop_accepting() { state_->stop(); }

void Listener::ask_sessions_to_end() {
  stop_accepting();
  for (const auto& connection : state_->sessions->open()) connection->ask_to_end();
}

void Listener::drain(std::chrono::milliseconds timeout) {
  ask_sessions_to_end();
  if (state_->sessions->wait_until_quiet(timeout)) return;
  const auto left = state_->sessions->open();
  for (const auto& connection : left) connection->cut();
  state_->counters->cut.add(left.size());
  if (!left.empty()) log_warn("listen", "{}: {} connections were cut, they did not end in time", state_->name, left.size());
  if (!state_->sessions->wait_until_quiet(std::chrono::seconds(1)))
    log_warn("listen", "{}: {} sessions still wait for the pipeline", state_->name, state_->sessions->size());
}

std::uint16_t Listener::port() const { return state_->port; }

std::size_t Listener::open_sessions() const { return state_->sessions->size(); }

}  // namespace logboom
