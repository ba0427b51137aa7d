#include "server/listen/listener.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pipeline/base/log.h"
#include "pipeline/net/address.h"
#include "server/listen/http_session.h"
#include "server/listen/listen_address.h"
#include "server/listen/session_set.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::generic::stream_protocol;
using net::ip::tcp;

namespace {

/// Takes its session out of the set, however the coroutine ends.
class SessionEntry {
 public:
  SessionEntry(std::shared_ptr<SessionSet> sessions, const std::shared_ptr<SocketConnection>& connection)
      : sessions_(std::move(sessions)), connection_(connection.get()) {
    sessions_->add(connection);
  }
  ~SessionEntry() { sessions_->remove(connection_); }
  SessionEntry(const SessionEntry&) = delete;
  SessionEntry& operator=(const SessionEntry&) = delete;

 private:
  std::shared_ptr<SessionSet> sessions_;
  const SocketConnection* connection_;
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

/// Ends a reason's repetition in the log: a port that is scanned or spoken to in plain text must not fill the disk.
struct SessionLog {
  std::string name;   // of the input
  std::string place;  // that it listens on
  LogRateLimit tls;
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
        sessions(std::make_shared<SessionSet>(counters->current_connections)),
        session_log(std::make_shared<SessionLog>()) {
    session_log->name = name;
  }

  ~State() {
    if (!own_unix_path.empty()) unlink(own_unix_path.c_str());
  }
  void begin_session(StreamSocket socket);
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
  static Awaitable<void> keep_session(std::shared_ptr<State> state, std::shared_ptr<SocketConnection> connection,
                                      std::unique_ptr<SessionEntry> entry);
  /// One attempt, given up after ten seconds.
  static Awaitable<error_code> connect(std::shared_ptr<State> state, std::shared_ptr<StreamSocket> socket,
                                       const Endpoint& endpoint);

  net::io_context& context;
  net::any_io_executor strand;
  StreamAcceptor acceptor;
  net::steady_timer pause;
  const std::string name;
  std::string place;  // for the log: "0.0.0.0:5044", "/run/log.sock"
  std::uint16_t port = 0;
  std::string own_unix_path;  // the socket file that we made
  std::shared_ptr<EndpointBinding> binding;
  std::shared_ptr<ListenCounters> counters;
  std::shared_ptr<SessionSet> sessions;
  std::shared_ptr<SessionLog> session_log;
  std::atomic<bool> is_stopping{false};
  std::weak_ptr<StreamSocket> connecting;  // of the strand
  LogRateLimit limit_log;
  LogRateLimit failure_log;
};

namespace {

/// Whether accept(2) failed for want of something that closing connections gives back.
bool is_out_of_resources(const error_code& failure) {
  return failure == net::error::no_descriptors || failure == boost::system::errc::too_many_files_open_in_system ||
         failure == net::error::no_buffer_space || failure == net::error::no_memory;
}

constexpr auto kConnectPatience = std::chrono::seconds(10);

std::chrono::nanoseconds to_duration(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.001, 86400.0) * 1e9));
}

Awaitable<void> serve_stream(SocketConnection& connection, EndpointBinding& binding) {
  for (;;) {
    const std::shared_ptr<const BoundService> bound = binding.current();
    if (!bound->endpoint.stream) co_return;
    connection.adopt(*bound);
    co_await bound->endpoint.stream->serve(connection, *bound->sink);
    if (!connection.is_rebinding()) co_return;
  }
}

/// True when the connection may be served.
Awaitable<bool> begin_tls(SocketConnection& connection, const Endpoint& endpoint, ListenCounters& counters,
                          SessionLog& log) {
  if (!endpoint.tls) co_return true;
  const bool is_client = endpoint.mode == Endpoint::Mode::Connect;
  std::shared_ptr<const TlsContext> context = endpoint.tls;  // named: GCC 12 destroys temporaries of a co_await twice
  std::string host = is_client ? endpoint.host : std::string();
  const auto begun = co_await connection.begin_tls(std::move(context), std::move(host), endpoint.handshake_seconds);
  if (begun) co_return true;
  const ErrorCode code = begun.error().code;
  if (code == ErrorCode::Cancelled) co_return false;  // a health check, or the server stops
  (code == ErrorCode::Unavailable ? counters.tls_timeouts : counters.tls_failures).add();
  if (log.tls.allow())
    log_warn("listen", "{} on {}: TLS with {} failed: {} ({} log lines held back)", log.name, log.place,
             connection.peer().ip, begun.error().message, log.tls.suppressed());
  co_return false;
}

Awaitable<void> run_session(std::shared_ptr<SocketConnection> connection, std::shared_ptr<EndpointBinding> binding,
                            std::shared_ptr<ListenCounters> counters, std::shared_ptr<SessionLog> log) {
  try {
    const std::shared_ptr<const BoundService> bound = binding->current();
    const bool is_open = co_await begin_tls(*connection, bound->endpoint, *counters, *log);
    if (is_open && bound->endpoint.http) {
      co_await serve_http(*connection, *binding, *counters);
    } else if (is_open) {
      co_await serve_stream(*connection, *binding);
    }
  } catch (const std::exception& failure) {
    counters->failed_sessions.add();
    log_error("listen", "{}: the session with {} failed: {}", log->name, connection->peer().ip, failure.what());
  }
  connection->cut();
}

}  // namespace

Awaitable<void> Listener::State::keep_session(std::shared_ptr<State> state, std::shared_ptr<SocketConnection> connection,
                                              std::unique_ptr<SessionEntry> entry) {
  if (state->has_stopped()) connection->ask_to_end();
  co_await run_session(connection, state->binding, state->counters, state->session_log);
  entry.reset();
}

Awaitable<void> Listener::State::accept_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry) {
  auto pause = std::chrono::milliseconds(100);
  while (!state->has_stopped()) {
    StreamSocket socket(net::any_io_executor(net::make_strand(state->context)));
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
      log_error("listen", "{} cannot accept on {}: {}; raise the limit of open files (ulimit -n) or lower max_connections",
                state->name, state->place, failure.message());
    }
    state->pause.expires_after(pause);
    co_await state->pause.async_wait(net::redirect_error(net::use_awaitable, failure));
    pause = std::min(pause * 2, std::chrono::milliseconds(1000));
  }
  entry.reset();
}

Awaitable<error_code> Listener::State::connect(std::shared_ptr<State> state, std::shared_ptr<StreamSocket> socket,
                                               const Endpoint& endpoint) {
  error_code failure;
  std::vector<stream_protocol::endpoint> found;
  if (endpoint.unix_path.empty()) {
    tcp::resolver resolver(state->strand);
    const tcp::resolver::results_type names = co_await resolver.async_resolve(
        endpoint.host, std::to_string(endpoint.port), net::redirect_error(net::use_awaitable, failure));
    for (const auto& name : names) found.emplace_back(name.endpoint());
  } else {
    found.emplace_back(net::local::stream_protocol::endpoint(endpoint.unix_path));
  }
  if (failure || state->has_stopped()) co_return failure;
  state->connecting = socket;
  state->pause.expires_after(kConnectPatience);
  state->pause.async_wait([weak = std::weak_ptr<StreamSocket>(socket)](error_code cancelled) {
    const auto late = weak.lock();
    error_code ignored;
    if (!cancelled && late) late->close(ignored);
  });
  for (const stream_protocol::endpoint& address : found) {
    error_code ignored;
    socket->close(ignored);
    socket->open(address.protocol(), failure);
    if (failure) continue;
    co_await socket->async_connect(address, net::redirect_error(net::use_awaitable, failure));
    if (!failure || state->has_stopped()) break;
  }
  state->pause.cancel();
  state->connecting.reset();
  co_return failure;
}

Awaitable<void> Listener::State::connect_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry) {
  while (!state->has_stopped()) {
    const std::shared_ptr<const BoundService> bound = state->binding->current();
    const Endpoint& endpoint = bound->endpoint;
    const auto socket = std::make_shared<StreamSocket>(state->strand);
    const error_code failure = co_await connect(state, socket, endpoint);
    if (state->has_stopped()) break;
    if (!failure) {
      state->counters->connections.add();
      const auto connection =
          make_connection(std::move(*socket), endpoint.has_tcp_keep_alive, state->binding, state->counters);
      auto session = std::make_unique<SessionEntry>(state->sessions, connection);
      co_await keep_session(state, connection, std::move(session));
    } else {
      state->counters->connect_failures.add();
      if (state->failure_log.allow()) {
        log_warn("listen", "{} cannot connect to {}: {}; trying again every {} s", state->name,
                 place_of(endpoint, endpoint.port), failure.message(), endpoint.reconnect_seconds);
      }
    }
    if (state->has_stopped()) break;
    error_code woken;
    state->pause.expires_after(to_duration(endpoint.reconnect_seconds));
    co_await state->pause.async_wait(net::redirect_error(net::use_awaitable, woken));
  }
  entry.reset();
}

void Listener::State::begin_session(StreamSocket socket) {
  const std::shared_ptr<const BoundService> bound = binding->current();
  if (sessions->size() >= bound->endpoint.max_connections) {
    counters->refused_limit.add();
    if (limit_log.allow()) {
      log_warn("listen",
               "{} on {} refuses connections: {} are open, and max_connections allows no more ({} log lines held back)",
               name, place, bound->endpoint.max_connections, limit_log.suppressed());
    }
    return;  // the socket closes
  }
  counters->connections.add();
  const net::any_io_executor executor = socket.get_executor();
  const auto connection = make_connection(std::move(socket), bound->endpoint.has_tcp_keep_alive, binding, counters);
  auto entry = std::make_unique<SessionEntry>(sessions, connection);  // counts at once: the coroutine starts later
  net::co_spawn(executor, keep_session(shared_from_this(), connection, std::move(entry)), net::detached);
}

Result<std::shared_ptr<Listener>> Listener::open(net::io_context& context, const Endpoint& endpoint,
                                                 std::shared_ptr<EventSink> sink, std::string name, MetricScope& metrics) {
  const auto state = std::make_shared<State>(context, endpoint, std::move(sink), std::move(name), metrics);
  if (endpoint.mode == Endpoint::Mode::Listen) {
    auto listening = listen_on(state->acceptor, endpoint, state->name);
    if (!listening) return listening.error();
    state->port = *listening;
    state->own_unix_path = endpoint.unix_path;
  }
  state->place = place_of(endpoint, endpoint.mode == Endpoint::Mode::Listen ? state->port : endpoint.port);
  state->session_log->place = state->place;
  if (endpoint.mode == Endpoint::Mode::Listen)
    log_info("listen", "{} listens on {}{}", state->name, state->place, endpoint.tls ? " with TLS" : "");
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
