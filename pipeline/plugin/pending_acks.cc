// A finished token posts one wake-up to the strand, and only while somebody waits there. The timers live in the frames that
// wait: a token that outlives the server's threads must not hold anything of theirs.
#include "pipeline/plugin/pending_acks.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <mutex>

namespace logboom {
namespace net = boost::asio;

namespace {

using SteadyClock = std::chrono::steady_clock;

/// Lets tokens on any thread end a wait on the strand.
class WakeUp : public std::enable_shared_from_this<WakeUp> {
 public:
  /// Makes a timer the one to wake as long as this lives.
  class Waiting {
   public:
    Waiting(std::shared_ptr<WakeUp> owner, net::steady_timer& timer) : owner_(std::move(owner)) { owner_->set(&timer); }
    ~Waiting() { owner_->set(nullptr); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    std::shared_ptr<WakeUp> owner_;
  };

  /// Any thread.
  void wake() {
    const std::lock_guard lock(mutex_);
    if (timer_ == nullptr || is_posted_) return;
    is_posted_ = true;
    net::post(timer_->get_executor(), [self = shared_from_this()] { self->wake_here(); });
  }
  /// On the strand.
  void wake_here() {
    const std::lock_guard lock(mutex_);
    is_posted_ = false;
    if (timer_ != nullptr) timer_->cancel();
  }

 private:
  void set(net::steady_timer* timer) {
    const std::lock_guard lock(mutex_);
    timer_ = timer;
  }
  std::mutex mutex_;
  net::steady_timer* timer_ = nullptr;
  bool is_posted_ = false;
};

/// One chunk's receiver.
class PendingChunk final : public AckReceiver {
 public:
  PendingChunk(std::shared_ptr<WakeUp> news, std::uint64_t label) : label_(label), news_(std::move(news)) {}

  void prefix_finished(std::size_t finished_events) override {
    std::size_t known = prefix_.load(std::memory_order_relaxed);
    while (known < finished_events &&
           !prefix_.compare_exchange_weak(known, finished_events, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }
  void finished(AckResult result) override {
    state_.store(result == AckResult::Delivered ? State::Delivered : State::NotDelivered, std::memory_order_release);
    news_->wake();
  }

  bool is_open() const { return state_.load(std::memory_order_acquire) == State::Open; }
  PendingAcks::Progress outcome() const {
    using Kind = PendingAcks::Progress::Kind;
    const bool is_delivered = state_.load(std::memory_order_acquire) == State::Delivered;
    return {is_delivered ? Kind::Finished : Kind::NotDelivered, label_, 0};
  }
  /// Prefix or Silence.
  PendingAcks::Progress report() {
    using Kind = PendingAcks::Progress::Kind;
    const std::size_t prefix = prefix_.load(std::memory_order_acquire);
    if (prefix <= reported_) return {Kind::Silence, label_, reported_};
    reported_ = prefix;
    return {Kind::Prefix, label_, prefix};
  }

 private:
  enum class State : std::uint8_t { Open, Delivered, NotDelivered };
  const std::uint64_t label_;
  const std::shared_ptr<WakeUp> news_;
  std::atomic<std::size_t> prefix_{0};
  std::atomic<State> state_{State::Open};
  std::size_t reported_ = 0;  // of the strand
};

class PendingAcksOnStrand final : public PendingAcks {
 public:
  void add(Chunk& chunk, std::uint64_t label, AckTracking tracking) override {
    auto made = std::make_shared<PendingChunk>(news_, label);
    chunk.token().set_receiver(made, tracking);
    chunks_.push_back(std::move(made));
    if (chunks_.size() == 1) news_->wake_here();  // from now on patience counts, not idleness
  }
  void close() override {
    is_closed_ = true;
    news_->wake_here();
  }
  void abandon() override {
    is_abandoned_ = true;
    news_->wake_here();
    room_->wake_here();
  }
  std::size_t size() const override { return chunks_.size(); }

  std::optional<Progress> poll() override {
    if (chunks_.empty() || chunks_.front()->is_open()) return std::nullopt;
    const Progress outcome = chunks_.front()->outcome();
    chunks_.pop_front();
    room_->wake_here();
    return outcome;
  }

  Awaitable<Progress> next(std::chrono::milliseconds patience, std::chrono::milliseconds idle) override {
    const auto self = shared_from_this();
    net::steady_timer timer(co_await net::this_coro::executor);
    const WakeUp::Waiting waiting(news_, timer);
    const auto idle_until = SteadyClock::now() + std::min(idle, kForever);
    std::optional<SteadyClock::time_point> patient_until;
    for (;;) {
      if (is_abandoned_) co_return Progress{};
      if (const auto outcome = poll()) co_return *outcome;
      if (is_closed_ && chunks_.empty()) co_return Progress{};
      const bool is_pending = !chunks_.empty();
      if (is_pending && !patient_until) patient_until = SteadyClock::now() + std::min(patience, kForever);
      if (!is_pending) patient_until.reset();
      timer.expires_at(is_pending ? *patient_until : idle_until);
      // A token that finished since poll() found nothing posts its wake-up behind us: this wait will have begun.
      boost::system::error_code woken;
      co_await timer.async_wait(net::redirect_error(net::use_awaitable, woken));
      if (woken || is_pending != !chunks_.empty() || is_abandoned_) continue;
      if (!is_pending) {
        if (is_closed_) continue;
        co_return Progress{Progress::Kind::Idle, 0, 0};
      }
      if (chunks_.front()->is_open()) co_return chunks_.front()->report();
    }
  }

  Awaitable<void> until_at_most(std::size_t chunks) override {
    if (chunks_.size() <= chunks || is_abandoned_) co_return;
    const auto self = shared_from_this();
    net::steady_timer timer(co_await net::this_coro::executor);
    const WakeUp::Waiting waiting(room_, timer);
    while (chunks_.size() > chunks && !is_abandoned_) {
      timer.expires_at(SteadyClock::time_point::max());
      boost::system::error_code woken;
      co_await timer.async_wait(net::redirect_error(net::use_awaitable, woken));
    }
  }

 private:
  std::deque<std::shared_ptr<PendingChunk>> chunks_;  // of the strand, as is all but the wake-ups
  const std::shared_ptr<WakeUp> news_ = std::make_shared<WakeUp>();
  const std::shared_ptr<WakeUp> room_ = std::make_shared<WakeUp>();
  bool is_closed_ = false;
  bool is_abandoned_ = false;
};

}  // namespace

std::shared_ptr<PendingAcks> PendingAcks::make() { return std::make_shared<PendingAcksOnStrand>(); }

}  // namespace logboom
