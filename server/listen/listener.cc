#include "server/listen/listener.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
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
  SessionEntry(std::shared_ptr<SessionSet> sessions, const std::shared_ptr<SocketConnection>& connection,
               std::optional<NetworkThreads::Seat> seat)
      : sessions_(std::move(sessions)), connection_(connection.get()), seat_(std::move(seat)) {
    sessions_->add(connection);
  }
  ~SessionEntry() { sessions_->remove(connection_); }
  SessionEntry(const SessionEntry&) = delete;
  SessionEntry& operator=(const SessionEntry&) = delete;

 private:
  std::shared_ptr<SessionSet> sessions_;
  const SocketConnection* connection_;
  std::optional<NetworkThreads::Seat> seat_;  // nullopt: the listener's own
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

/// What a listener's sessions share with it. Nothing here belongs to a thread: the last session may let go of it on another
/// one than the listener's.
struct SessionGroup {
  SessionGroup(const Endpoint& endpoint, std::shared_ptr<EventSink> sink, std::string input_name, MetricScope& metrics)
      : name(std::move(input_name)),
        binding(std::make_shared<EndpointBinding>(endpoint, std::move(sink))),
        counters(std::make_shared<ListenCounters>(metrics)),
        sessions(std::make_shared<SessionSet>(counters->current_connections)) {}
  bool has_stopped() const { return is_stopping.load(std::memory_order_acquire); }

  const std::string name;  // of the input, for the log
  std::string place;       // for the log: "0.0.0.0:5044", "/run/log.sock"
  const std::shared_ptr<EndpointBinding> binding;
  const std::shared_ptr<ListenCounters> counters;
  const std::shared_ptr<SessionSet> sessions;
  std::atomic<bool> is_stopping{false};
  LogRateLimit tls_log;  // a port that is scanned or spoken to in plain text must not fill the disk
};

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(NetworkThreads& network, const Endpoint& endpoint, std::shared_ptr<EventSink> sink, std::string log_name,
        MetricScope& metrics)
      : threads(network),
        seat(network.take_seat()),
        acceptor(seat.executor()),
        pause(seat.executor()),
        group(std::make_shared<SessionGroup>(endpoint, std::move(sink), std::move(log_name), metrics)) {}

  ~State() { remove_socket_file(); }
  /// As early as can be: the next one who listens there makes a file of the same name.
  void remove_socket_file() {
    if (!own_unix_path.empty()) unlink(own_unix_path.c_str());
    own_unix_path.clear();
  }
  void begin_session(StreamSocket socket, NetworkThreads::Seat session_seat);
  void stop() {
    if (group->is_stopping.exchange(true)) return;
    net::post(seat.executor(), [self = shared_from_this()] {
      error_code ignored;
      self->acceptor.close(ignored);
      self->remove_socket_file();
      self->pause.cancel();
      if (const auto socket = self->connecting.lock()) socket->close(ignored);
    });
  }

  // Coroutines; each keeps the state alive. The entries say in the session set that they run, also when they never begin.
  static Awaitable<void> accept_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry);
  static Awaitable<void> connect_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry);
  /// One attempt, given up after ten seconds.
  static Awaitable<error_code> connect(std::shared_ptr<State> state, std::shared_ptr<StreamSocket> socket,
                                       const Endpoint& endpoint);

  NetworkThreads& threads;
  const NetworkThreads::Seat seat;  // of the acceptor, or of the connection that is made again
  StreamAcceptor acceptor;
  net::steady_timer pause;
  const std::shared_ptr<SessionGroup> group;
  std::uint16_t port = 0;
  std::string own_unix_path;               // the socket file that we made
  std::weak_ptr<StreamSocket> connecting;  // of the seat's thread
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
Awaitable<bool> begin_tls(SocketConnection& connection, const Endpoint& endpoint, SessionGroup& group) {
  if (!endpoint.tls) co_return true;
  const bool is_client = endpoint.mode == Endpoint::Mode::Connect;
  std::shared_ptr<const TlsContext> context = endpoint.tls;  // named: GCC 12 destroys temporaries of a co_await twice
  std::string host = is_client ? endpoint.host : std::string();
  const auto begun = co_await connection.begin_tls(std::move(context), std::move(host), endpoint.handshake_seconds);
  if (begun) co_return true;
  const ErrorCode code = begun.error().code;
  if (code == ErrorCode::Cancelled) co_return false;  // a health check, or the server stops
  (code == ErrorCode::Unavailable ? group.counters->tls_timeouts : group.counters->tls_failures).add();
  if (group.tls_log.allow())
    log_warn("listen", "{} on {}: TLS with {} failed: {} ({} log lines held back)", group.name, group.place,
             connection.peer().ip, begun.error().message, group.tls_log.suppressed());
  co_return false;
}

Awaitable<void> run_session(SocketConnection& connection, SessionGroup& group) {
  try {
    const std::shared_ptr<const BoundService> bound = group.binding->current();
    const bool is_open = co_await begin_tls(connection, bound->endpoint, group);
    if (is_open && bound->endpoint.http) {
      co_await serve_http(connection, *group.binding, *group.counters);
    } else if (is_open) {
      co_await serve_stream(connection, *group.binding);
    }
  } catch (const std::exception& failure) {
    group.counters->failed_sessions.add();
    log_error("listen", "{}: the session with {} failed: {}", group.name, connection.peer().ip, failure.what());
  }
  connection.cut();
}

Awaitable<void> keep_session(std::shared_ptr<SessionGroup> group, std::shared_ptr<SocketConnection> connection,
                             std::unique_ptr<SessionEntry> entry) {
  if (group->has_stopped()) connection->ask_to_end();
  co_await run_session(*connection, *group);
  entry.reset();
}

}  // namespace

Awaitable<void> Listener::State::accept_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry) {
  auto pause = std::chrono::milliseconds(100);
  while (!state->group->has_stopped()) {
    NetworkThreads::Seat seat = state->threads.take_seat();
    StreamSocket socket(seat.executor());
    error_code failure;
    co_await state->acceptor.async_accept(socket, net::redirect_error(net::use_awaitable, failure));
    if (!failure) {
      pause = std::chrono::milliseconds(100);
      state->begin_session(std::move(socket), std::move(seat));
      continue;
    }
    if (failure == net::error::operation_aborted || !state->acceptor.is_open()) break;
    if (!is_out_of_resources(failure)) continue;  // the peer gave up before it was accepted
    state->group->counters->accept_failures.add();
    if (state->failure_log.allow()) {
      log_error("listen", "{} cannot accept on {}: {}; raise the limit of open files (ulimit -n) or lower max_connections",
                state->group->name, state->group->place, failure.message());
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
    tcp::resolver resolver(state->seat.executor());
    const tcp::resolver::results_type names = co_await resolver.async_resolve(
        endpoint.host, std::to_string(endpoint.port), net::redirect_error(net::use_awaitable, failure));
    for (const auto& name : names) found.emplace_back(name.endpoint());
  } else {
    found.emplace_back(net::local::stream_protocol::endpoint(endpoint.unix_path));
  }
  if (failure || state->group->has_stopped()) co_return failure;
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
    if (!failure || state->group->has_stopped()) break;
  }
  state->pause.cancel();
  state->connecting.reset();
  co_return failure;
}

Awaitable<void> Listener::State::connect_loop(std::shared_ptr<State> state, std::unique_ptr<LoopEntry> entry) {
  while (!state->group->has_stopped()) {
    const std::shared_ptr<const BoundService> bound = state->group->binding->current();
    const Endpoint& endpoint = bound->endpoint;
    const auto socket = std::make_shared<StreamSocket>(state->seat.executor());
    const error_code failure = co_await connect(state, socket, endpoint);
    if (state->group->has_stopped()) break;
    if (!failure) {
      state->group->counters->connections.add();
      const auto connection =
          make_connection(std::move(*socket), endpoint.has_tcp_keep_alive, state->group->binding, state->group->counters);
      auto session = std::make_unique<SessionEntry>(state->group->sessions, connection, std::nullopt);
      co_await keep_session(state->group, connection, std::move(session));
    } else {
      state->group->counters->connect_failures.add();
      if (state->failure_log.allow()) {
        log_warn("listen", "{} cannot connect to {}: {}; trying again every {} s", state->group->name,
                 place_of(endpoint, endpoint.port), failure.message(), endpoint.reconnect_seconds);
      }
    }
    if (state->group->has_stopped()) break;
    error_code woken;
    state->pause.expires_after(to_duration(endpoint.reconnect_seconds));
    co_await state->pause.async_wait(net::redirect_error(net::use_awaitable, woken));
  }
  entry.reset();
}

void Listener::State::begin_session(StreamSocket socket, NetworkThreads::Seat session_seat) {
  const std::shared_ptr<const BoundService> bound = group->binding->current();
  if (group->sessions->size() >= bound->endpoint.max_connections) {
    group->counters->refused_limit.add();
    if (limit_log.allow()) {
      log_warn("listen",
               "{} on {} refuses connections: {} are open, and max_connections allows no more ({} log lines held back)",
               group->name, group->place, bound->endpoint.max_connections, limit_log.suppressed());
    }
    return;  // the socket closes
  }
  group->counters->connections.add();
  const net::any_io_executor executor = session_seat.executor();
  const auto connection =
      make_connection(std::move(socket), bound->endpoint.has_tcp_keep_alive, group->binding, group->counters);
  auto entry = std::make_unique<SessionEntry>(group->sessions, connection,
                                              std::move(session_seat));  // counts at once: the coroutine starts later
  net::co_spawn(executor, keep_session(group, connection, std::move(entry)), net::detached);
}

Result<std::shared_ptr<Listener>> Listener::open(NetworkThreads& threads, const Endpoint& endpoint,
                                                 std::shared_ptr<EventSink> sink, std::string name, MetricScope& metrics) {
  const auto state = std::make_shared<State>(threads, endpoint, std::move(sink), std::move(name), metrics);
  if (endpoint.mode == Endpoint::Mode::Listen) {
    auto listening = listen_on(state->acceptor, endpoint, state->group->name);
    if (!listening) return listening.error();
    state->port = *listening;
    state->own_unix_path = endpoint.unix_path;
  }
  state->group->place = place_of(endpoint, endpoint.mode == Endpoint::Mode::Listen ? state->port : endpoint.port);
  if (endpoint.mode == Endpoint::Mode::Listen)
    log_info("listen", "{} listens on {}{}", state->group->name, state->group->place, endpoint.tls ? " with TLS" : "");
  auto entry = std::make_unique<LoopEntry>(state->group->sessions);
  if (endpoint.mode == Endpoint::Mode::Listen) {
    net::co_spawn(state->seat.executor(), State::accept_loop(state, std::move(entry)), net::detached);
  } else {
    net::co_spawn(state->seat.executor(), State::connect_loop(state, std::move(entry)), net::detached);
  }
  return std::shared_ptr<Listener>(new Listener(state));
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  stop_accepting();
  for (const auto& connection : state_->group->sessions->open()) connection->cut();
}

void Listener::rebind(Endpoint service, std::shared_ptr<EventSink> sink) {
  state_->group->binding->rebind(std::move(service), std::move(sink));
  for (const auto& connection : state_->group->sessions->open()) connection->notice_rebinding();
}

void Listener::stop_accepting() { state_->stop(); }

void Listener::ask_sessions_to_end() {
  stop_accepting();
  for (const auto& connection : state_->group->sessions->open()) connection->ask_to_end();
}

void Listener::drain(std::chrono::milliseconds timeout) {
  ask_sessions_to_end();
  if (state_->group->sessions->wait_until_quiet(timeout)) return;
  const auto left = state_->group->sessions->open();
  for (const auto& connection : left) connection->cut();
  state_->group->counters->cut.add(left.size());
  if (!left.empty())
    log_warn("listen", "{}: {} connections were cut, they did not end in time", state_->group->name, left.size());
  if (!state_->group->sessions->wait_until_quiet(std::chrono::seconds(1)))
    log_warn("listen", "{}: {} sessions still wait for the pipeline", state_->group->name, state_->group->sessions->size());
}

std::uint16_t Listener::port() const { return state_->port; }

std::size_t Listener::open_sessions() const { return state_->group->sessions->size(); }

}  // namespace logboom
