#include "pipeline/net/reverse_lookup.h"

#include <netdb.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

namespace logboom {
namespace net = boost::asio;
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
constexpr std::size_t kMaxKept = 8192;
constexpr std::size_t kMaxWaiting = 256;
constexpr auto kNameLifetime = std::chrono::minutes(5);
constexpr auto kFailureLifetime = std::chrono::minutes(1);
constexpr auto kPatience = std::chrono::seconds(2);

/// Between a resolver thread and the coroutine that waits for it; the coroutine may be gone first.
class Waiter {
 public:
  explicit Waiter(std::shared_ptr<net::steady_timer> timer) : timer_(std::move(timer)) {}
  void wake() {
    const std::lock_guard lock(mutex_);
    if (timer_) net::post(timer_->get_executor(), [timer = timer_] { timer->cancel(); });
    timer_.reset();
  }
  void abandon() {
    const std::lock_guard lock(mutex_);
    timer_.reset();
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<net::steady_timer> timer_;
};

std::optional<std::string> look_up(const std::string& ip) {
  boost::system::error_code failure;
  const auto address = net::ip::make_address(ip, failure);
  if (failure) return std::nullopt;
  const net::ip::tcp::endpoint endpoint(address, 0);
  char name[NI_MAXHOST];
  if (getnameinfo(endpoint.data(), static_cast<socklen_t>(endpoint.size()), name, sizeof name, nullptr, 0, NI_NAMEREQD) != 0)
    return std::nullopt;
  return std::string(name);
}

/// Lives until the process ends, with its threads: a resolver call cannot be interrupted.
class Resolver {
 public:
  static Resolver& instance() {
    static auto* const resolver = new Resolver();
    return *resolver;
  }

  std::optional<std::string> kept(const std::string& ip) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(ip);
    if (found == names_.end() || found->second.expires < std::chrono::steady_clock::now()) return std::nullopt;
    return found->second.name;
  }
  /// False when too many wait already.
  bool ask(const std::string& ip, std::shared_ptr<Waiter> waiter) {
    {
      const std::lock_guard lock(mutex_);
      if (questions_.size() >= kMaxWaiting) return false;
      questions_.push_back({ip, std::move(waiter)});
    }
    asked_.notify_one();
    return true;
  }

 private:
  struct Question {
    std::string ip;
    std::shared_ptr<Waiter> waiter;
  };
  struct Name {
    std::string name;
    SteadyTime expires;
  };

  Resolver() {
    for (int i = 0; i < 2; ++i) std::thread([this] { run(); }).detach();
  }
  void run() {
    for (;;) {
      Question question;
      {
        std::unique_lock lock(mutex_);
        asked_.wait(lock, [this] { return !questions_.empty(); });
        question = std::move(questions_.front());
        questions_.pop_front();
      }
      if (!kept(question.ip)) keep(question.ip, look_up(question.ip));
      question.waiter->wake();
    }
  }
  void keep(const std::string& ip, std::optional<std::string> name) {
    const auto expires = std::chrono::steady_clock::now() + (name ? std::chrono::seconds(kNameLifetime) : kFailureLifetime);
    const std::lock_guard lock(mutex_);
    if (names_.size() >= kMaxKept) names_.clear();
    names_[ip] = Name{name.value_or(ip), expires};
  }

  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<Question> questions_;
  std::unordered_map<std::string, Name> names_;
};

struct AbandonAtEnd {
  explicit AbandonAtEnd(std::shared_ptr<Waiter> whose) : waiter(std::move(whose)) {}
  ~AbandonAtEnd() { waiter->abandon(); }
  AbandonAtEnd(const AbandonAtEnd&) = delete;
  AbandonAtEnd& operator=(const AbandonAtEnd&) = delete;
  std::shared_ptr<Waiter> waiter;
};

}  // namespace

Awaitable<std::string> reverse_lookup(std::string ip) {
  Resolver& resolver = Resolver::instance();
  if (auto known = resolver.kept(ip)) co_return *known;
  const auto timer = std::make_shared<net::steady_timer>(co_await net::this_coro::executor);
  timer->expires_after(kPatience);
  const AbandonAtEnd waiting(std::make_shared<Waiter>(timer));
  if (!resolver.ask(ip, waiting.waiter)) co_return ip;
  boost::system::error_code ignored;
  co_await timer->async_wait(net::redirect_error(net::use_awaitable, ignored));
  co_return resolver.kept(ip).value_or(ip);
}

}  // namespace logboom
