#include "pipeline/plugin/http_gate.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>

#include "pipeline/net/http_text.h"

namespace logboom {
namespace net = boost::asio;
namespace {

using Deadline = std::chrono::steady_clock::time_point;

constexpr std::size_t kMostHeldBytes = 64 * 1024 * 1024;  // as much as the memory queue
constexpr double kIdleSeconds = 60;                       // a kept connection without a request
constexpr std::string_view kRetryWhenFull = "1";
constexpr std::string_view kRetryWhenFailed = "5";
constexpr std::string_view kPreflightSeconds = "7200";  // the longest that browsers keep one

/// Wakes one coroutine, or is late: whoever calls wake() does not care. Any thread; wait() on the coroutine's strand.
class Wakeup {
 public:
  explicit Wakeup(const net::any_io_executor& executor) : timer_(std::make_shared<net::steady_timer>(executor)) {}

  void wake() {
    std::shared_ptr<net::steady_timer> timer;
    {
      const std::lock_guard lock(mutex_);
      is_awake_ = true;
      timer = timer_;
    }
    if (timer) net::post(timer->get_executor(), [timer] { timer->cancel(); });
  }
  /// Waits for wake(), at most until the deadline; true when it was called.
  static Awaitable<bool> wait(std::shared_ptr<Wakeup> self, Deadline deadline) {
    if (!self->is_awake()) {
      self->timer_->expires_at(deadline);
      boost::system::error_code ignored;
      co_await self->timer_->async_wait(net::redirect_error(net::use_awaitable, ignored));
    }
    const std::lock_guard lock(self->mutex_);
    self->timer_.reset();
    co_return self->is_awake_;
  }

 private:
  bool is_awake() {
    const std::lock_guard lock(mutex_);
    return is_awake_;
  }

  std::mutex mutex_;
  bool is_awake_ = false;
  std::shared_ptr<net::steady_timer> timer_;
};

/// Waits for one chunk's end.
class ChunkEnd final : public AckReceiver {
 public:
  explicit ChunkEnd(const net::any_io_executor& executor) : wakeup_(std::make_shared<Wakeup>(executor)) {}
  void finished(AckResult result) override {
    result_.store(result, std::memory_order_release);
    wakeup_->wake();
  }
  const std::shared_ptr<Wakeup>& wakeup() const { return wakeup_; }
  AckResult result() const { return result_.load(std::memory_order_acquire); }

 private:
  std::atomic<AckResult> result_{AckResult::NotDelivered};
  std::shared_ptr<Wakeup> wakeup_;
};

bool matches_origin(std::string_view pattern, std::string_view origin) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return equals_ignoring_case(pattern, origin);
  const std::string_view before = pattern.substr(0, star);
  const std::string_view behind = pattern.substr(star + 1);
  return origin.size() >= before.size() + behind.size() && equals_ignoring_case(origin.substr(0, before.size()), before) &&
         equals_ignoring_case(origin.substr(origin.size() - behind.size()), behind);
}

bool is_preflight(const HttpRequest& head) {
  return head.method == "OPTIONS" && !head.header("origin").empty() && !head.header("access-control-request-method").empty();
}

}  // namespace

/// Requests that wait for room in the queue, and how many wait for anything. Any thread.
class HttpGate::WaitingRoom : public std::enable_shared_from_this<HttpGate::WaitingRoom> {
 public:
  WaitingRoom(std::size_t places, MetricScope& metrics)
      : places_(places),
        pending_level_(metrics.counter("pending_requests")),
        held_level_(metrics.counter("held_requests")) {}

  bool is_empty() const { return held_.load(std::memory_order_acquire) == 0; }
  bool is_full() const {
    return held_.load(std::memory_order_acquire) >= places_ || held_bytes_.load(std::memory_order_acquire) >= kMostHeldBytes;
  }

  /// Counts a request until it is answered.
  class Pending {
   public:
    explicit Pending(std::shared_ptr<WaitingRoom> room) : room_(std::move(room)) { room_->count_pending(1); }
    ~Pending() { room_->count_pending(-1); }
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

   private:
    std::shared_ptr<WaitingRoom> room_;
  };
  /// A place, given back at the end; has none when the room was full.
  class Place {
   public:
    Place(std::shared_ptr<WaitingRoom> room, std::size_t bytes) : room_(std::move(room)), bytes_(bytes) {
      if (!room_->take_place(bytes)) room_.reset();
    }
    ~Place() {
      if (room_) room_->give_back_place(bytes_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    explicit operator bool() const { return room_ != nullptr; }

   private:
    std::shared_ptr<WaitingRoom> room_;
    std::size_t bytes_;
  };

  /// Wakes `waiter` when a later push may succeed. The sink is asked once for all that wait: it cannot be asked to forget.
  void call_when_room(EventSink& sink, std::shared_ptr<Wakeup> waiter) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(waiter));
      if (asked_ == &sink) return;
      asked_ = &sink;
    }
    sink.call_when_room([room = weak_from_this()] {
      if (const auto self = room.lock()) self->wake_all();
    });
  }

  /// Takes a waiter that gave up off the list.
  void forget(const std::shared_ptr<Wakeup>& waiter) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), waiter), waiting_.end());
  }

 private:
  void wake_all() {
    std::vector<std::shared_ptr<Wakeup>> woken;
    {
      const std::lock_guard lock(mutex_);
      woken.swap(waiting_);
      asked_ = nullptr;
    }
    for (const auto& waiter : woken) waiter->wake();
  }
  bool take_place(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t held = held_.load(std::memory_order_relaxed);
    if (is_full()) return false;
    held_bytes_.fetch_add(bytes, std::memory_order_release);
    held_.store(held + 1, std::memory_order_release);
    held_level_.set(held + 1);
    return true;
  }
  void give_back_place(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    held_bytes_.fetch_sub(bytes, std::memory_order_release);
    const std::size_t held = held_.load(std::memory_order_relaxed) - 1;
    held_.store(held, std::memory_order_release);
    held_level_.set(held);
  }
  void count_pending(int change) {
    const std::lock_guard lock(mutex_);
    pending_ += static_cast<std::size_t>(change);
    pending_level_.set(pending_);
  }

  const std::size_t places_;
  std::mutex mutex_;
  std::size_t pending_ = 0;
  std::atomic<std::size_t> held_{0};
  std::atomic<std::size_t> held_bytes_{0};
  std::vector<std::shared_ptr<Wakeup>> waiting_;
  const EventSink* asked_ = nullptr;
  Counter& pending_level_;
  Counter& held_level_;
};

HttpGate::HttpGate(const HttpServerOptions& options, const PluginContext& context, std::string methods, Style style)
    : user_(options.user),
      password_(options.password ? options.password->value : std::string()),
      origins_(options.cors_allowed_origins),
      methods_(std::move(methods)),
      style_(style),
      room_(std::make_shared<WaitingRoom>(options.max_pending_requests, context.metrics())),
      unauthorized_(context.metrics().counter("unauthorized")),
      too_many_(context.metrics().counter("refused_pending")),
      not_delivered_(context.metrics().counter("not_delivered")),
      too_late_(context.metrics().counter("response_timeouts")) {
  if (options.response_timeout.seconds > 0) {
    const auto patience = std::chrono::duration<double>(std::min(options.response_timeout.seconds, 1e6));
    patience_ = std::chrono::duration_cast<std::chrono::steady_clock::duration>(patience);
  }
  if (options.user.has_value() != options.password.has_value())
    context.error(options.user ? "user" : "password", "user and password belong together", "give both, or neither");
}

HttpGate::~HttpGate() = default;

std::optional<HttpResponse> HttpGate::refuse_early(const HttpRequest& head) {
  std::optional<HttpResponse> refusal = refusal_of(head);
  if (refusal) add_cors_headers(head, *refusal);
  return refusal;
}

std::optional<HttpResponse> HttpGate::refusal_of(const HttpRequest& head) {
  if (!origins_.empty() && !head.header("origin").empty() && !is_allowed_origin(head.header("origin")))
    return HttpResponse(403, "this origin may not send\n");
  if (!origins_.empty() && is_preflight(head)) return preflight_answer(head);
  if (user_) {
    const std::string_view given = head.header("authorization");
    const bool is_known = is_authorized(given, *user_, password_) ||
                          (style_ == Style::BasicOrApiKey && is_authorized_by_api_key(given, *user_, password_));
    if (!is_known) {
      unauthorized_.add();
      HttpResponse response(401, given.empty() ? "give user and password\n" : "user or password is wrong\n");
      response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Logstash HTTP Input\"");
      return response;
    }
  }
  if (room_->is_full()) {
    too_many_.add();
    return refusal_for(Delivery::TooMany);
  }
  return std::nullopt;
}

Awaitable<HttpGate::Delivery> HttpGate::deliver(EventSink& sink, ChunkPtr chunk) {
  const Deadline deadline = patience_ ? std::chrono::steady_clock::now() + *patience_ : Deadline::max();
  const net::any_io_executor executor = co_await net::this_coro::executor;
  const WaitingRoom::Pending pending(room_);
  const auto end = std::make_shared<ChunkEnd>(executor);
  chunk->token().set_receiver(end, AckTracking::Whole);
  // Those that wait come first: a queue that is never quite full would let later requests overtake them for ever.
  const bool is_taken = room_->is_empty() && sink.try_push(chunk);
  if (!is_taken) {
    const WaitingRoom::Place place(room_, chunk->memory_bytes());
    if (!place) {
      too_many_.add();
      co_return Delivery::TooMany;
    }
    do {
      const auto room_made = std::make_shared<Wakeup>(executor);
      room_->call_when_room(sink, room_made);
      const bool is_woken = co_await Wakeup::wait(room_made, deadline);
      if (!is_woken) {
        room_->forget(room_made);
        too_late_.add();
        co_return Delivery::TooLate;
      }
      if (sink.is_stopping()) {
        not_delivered_.add();
        co_return Delivery::NotDelivered;
      }
    } while (!sink.try_push(chunk));
  }
  const bool has_ended = co_await Wakeup::wait(end->wakeup(), deadline);
  if (!has_ended) {
    too_late_.add();
    co_return Delivery::TooLate;
  }
  if (end->result() == AckResult::Delivered) co_return Delivery::Delivered;
  not_delivered_.add();
  co_return Delivery::NotDelivered;
}

HttpResponse HttpGate::refusal_for(Delivery outcome) {
  HttpResponse response;
  response.status = outcome == Delivery::TooMany ? 429 : 503;
  response.headers.emplace_back("Retry-After", outcome == Delivery::TooMany ? kRetryWhenFull : kRetryWhenFailed);
  switch (outcome) {
    case Delivery::TooMany: response.body = "the queue is full and too many requests wait\n"; break;
    case Delivery::TooLate: response.body = "the events were not delivered in time, send them again\n"; break;
    default: response.body = "the events could not be stored, send them again\n"; break;
  }
  return response;
}

bool HttpGate::is_allowed_origin(std::string_view origin) const {
  return std::any_of(origins_.begin(), origins_.end(),
                     [origin](const std::string& pattern) { return matches_origin(pattern, origin); });
}

HttpResponse HttpGate::preflight_answer(const HttpRequest& head) const {
  HttpResponse response(204, "");
  response.headers.emplace_back("Access-Control-Allow-Methods", methods_);
  const std::string_view wanted = head.header("access-control-request-headers");
  if (!wanted.empty()) response.headers.emplace_back("Access-Control-Allow-Headers", wanted);
  response.headers.emplace_back("Access-Control-Max-Age", kPreflightSeconds);
  return response;
}

void HttpGate::add_cors_headers(const HttpRequest& request, HttpResponse& response) const {
  if (origins_.empty()) return;
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && is_allowed_origin(origin)) response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  response.headers.emplace_back("Vary", "Origin");
}

Endpoint HttpGate::endpoint_for(const HttpServerOptions& options, const PluginContext& context) {
  Endpoint endpoint;
  endpoint.host = options.host;
  endpoint.port = static_cast<std::uint16_t>(options.port);
  endpoint.idle_seconds = kIdleSeconds;
  endpoint.max_request_bytes = options.max_content_length;
  endpoint.max_receiving_bytes = std::max(endpoint.max_receiving_bytes, 2 * options.max_content_length);
  endpoint.handshake_seconds = static_cast<double>(options.ssl_handshake_timeout) / 1000;
  endpoint.tls = tls_server_context(options, context);
  return endpoint;
}

}  // namespace logboom
