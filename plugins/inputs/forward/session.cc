#include "plugins/inputs/forward/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <vector>

#include "pipeline/net/reverse_lookup.h"
#include "pipeline/plugin/async_push.h"
#include "pipeline/plugin/pending_acks.h"
#include "plugins/inputs/forward/message_assembler.h"
#include "plugins/inputs/forward/message_intake.h"

namespace logboom {
namespace net = boost::asio;
namespace {

constexpr std::size_t kMaxPendingAcks = 256;  // messages of a connection that wait for their outputs
constexpr std::size_t kMaxHandshakeBytes = 64 * 1024;

/// All of it belongs to the connection's strand. Shared with the coroutine that writes acknowledgements.
class ForwardSession : public std::enable_shared_from_this<ForwardSession> {
 public:
  ForwardSession(ForwardShared& shared, ByteStream& peer, EventSink& sink, const net::any_io_executor& executor)
      : shared_(shared), peer_(peer), sink_(sink), executor_(executor), changed_(executor), intake_(shared, sink) {}

  Awaitable<void> serve();

 private:
  template <class Scanner>
  Awaitable<void> read_messages(MessageAssembler<Scanner>& messages);
  template <class Scanner>
  Awaitable<void> end(const MessageAssembler<Scanner>& messages);
  Awaitable<bool> shake_hands(MessageAssembler<MsgpackScanner>& messages);
  Awaitable<void> hand_over();
  static Awaitable<void> write_acks(std::shared_ptr<ForwardSession> self);
  Awaitable<void> until_acks_are_written() {
    while (is_writing_acks_) {
      boost::system::error_code woken;
      changed_.expires_at(net::steady_timer::time_point::max());
      co_await changed_.async_wait(net::redirect_error(net::use_awaitable, woken));
    }
  }

  ForwardShared& shared_;
  ByteStream& peer_;
  EventSink& sink_;
  net::any_io_executor executor_;
  net::steady_timer changed_;
  ForwardSource source_;
  MessageIntake intake_;

  bool is_open_ = true;      // until something says that the connection must end
  bool has_failed_ = false;  // nobody is answered any more
  std::shared_ptr<PendingAcks> pending_;
  std::deque<std::string> ack_texts_;  // of what is pending, oldest first
  std::uint64_t next_label_ = 0;
  bool is_writing_acks_ = false;
};

Awaitable<void> ForwardSession::serve() {
  source_.address = peer_.peer().ip;
  if (const TlsSession* tls = peer_.tls()) source_.tls_subject = tls->client_subject;
  if (shared_.settings.fields.source_hostname_field) source_.hostname = co_await reverse_lookup(source_.address);
  intake_.set_source(source_);
  MessageAssembler<MsgpackScanner> messages(shared_.settings.chunk_size_limit);
  if (shared_.settings.security) {
    const bool is_accepted = co_await shake_hands(messages);
    if (!is_accepted) co_return;
  } else {
    Buffer first = co_await peer_.read_some();
    if (first.empty()) co_return;  // a heartbeat is a connection without a byte
    const char byte = first.data()[0];
    if (byte == '{' || byte == '[') {
      MessageAssembler<JsonScanner> texts(shared_.settings.chunk_size_limit);
      texts.add(std::move(first));
      co_await read_messages(texts);
      co_await end(texts);
      co_return;
    }
    messages.add(std::move(first));
  }
  co_await read_messages(messages);
  co_await end(messages);
}

template <class Scanner>
Awaitable<void> ForwardSession::read_messages(MessageAssembler<Scanner>& messages) {
  using Step = typename MessageAssembler<Scanner>::Step;
  while (is_open_) {
    Buffer message;
    const Step step = messages.next(message);
    if (step == Step::NeedsMore) {
      intake_.end_piece();
      co_await hand_over();
      if (!is_open_) break;
      Buffer received = co_await peer_.read_some();
      if (received.empty()) break;
      messages.add(std::move(received));
      continue;
    }
    if (step == Step::Corrupt) {
      intake_.refuse("bytes that begin no message");
      is_open_ = false;
    } else if (step == Step::TooLarge) {
      intake_.note_too_large();
    } else {
      const Buffer& piece = messages.is_within_piece() ? messages.piece() : message;
      if constexpr (std::is_same_v<Scanner, JsonScanner>) {
        is_open_ = intake_.take_json(message, piece);
      } else {
        is_open_ = intake_.take_msgpack(message, piece);
      }
      if (intake_.has_outgoing()) co_await hand_over();
    }
    if (shared_.settings.denies_keepalive) break;
  }
  intake_.end_piece();
  co_await hand_over();
}

/// Answers what is pending, and gives back what whoever serves the connection next must read first.
template <class Scanner>
Awaitable<void> ForwardSession::end(const MessageAssembler<Scanner>& messages) {
  const bool is_rebinding = is_open_ && peer_.is_rebinding() && !shared_.settings.denies_keepalive;
  if (pending_) pending_->close();
  co_await until_acks_are_written();
  if (!is_rebinding) co_return;
  const bool can_go_on = !shared_.settings.security && !messages.has_thrown_away() && is_open_;
  if (can_go_on) {
    peer_.unread(messages.begun());
    co_return;
  }
  peer_.end_reading();  // a greeting in the middle of a connection would confuse the peer: it must connect again
  co_return;
}

Awaitable<bool> ForwardSession::shake_hands(MessageAssembler<MsgpackScanner>& messages) {
  const ForwardHandshake handshake(*shared_.settings.security, !shared_.settings.denies_keepalive);
  const std::string helo = handshake.helo();
  const auto limit = std::chrono::nanoseconds(static_cast<std::int64_t>(shared_.settings.handshake_seconds * 1e9));
  peer_.set_read_deadline(std::chrono::steady_clock::now() + limit);
  const Result<void> greeted = co_await peer_.write(helo);
  if (!greeted) co_return false;
  messages.set_limit(kMaxHandshakeBytes);
  bool has_said_something = false;
  Buffer ping;
  auto step = MessageAssembler<MsgpackScanner>::Step::NeedsMore;
  while (step == MessageAssembler<MsgpackScanner>::Step::NeedsMore) {
    Buffer received = co_await peer_.read_some();
    if (received.empty()) {  // silent: a heartbeat, or somebody who looks whether the port is open
      if (has_said_something) shared_.counters.handshake_failures.add();
      co_return false;
    }
    has_said_something = true;
    messages.add(std::move(received));
    step = messages.next(ping);
  }
  peer_.set_read_deadline(std::nullopt);
  messages.set_limit(shared_.settings.chunk_size_limit);
  const bool is_message = step == MessageAssembler<MsgpackScanner>::Step::Message;
  const auto verdict = handshake.judge(is_message ? ping.view() : std::string_view(), source_.address);
  if (!verdict.is_accepted) {
    shared_.counters.handshake_failures.add();
    if (shared_.handshake_log.allow())
      log_warn("input.forward", "{}: the connection from {} is refused: {} ({} more since the last such line)", shared_.id,
               source_.address, verdict.reason, shared_.handshake_log.suppressed());
  }
  const Result<void> answered = co_await peer_.write(verdict.pong);
  co_return verdict.is_accepted&& answered.has_value();
}

/// Pushes what the intake has made, in order; waits while the queue is full or too much is unanswered.
Awaitable<void> ForwardSession::hand_over() {
  while (intake_.has_outgoing()) {
    MessageIntake::Outgoing next = intake_.take_outgoing();
    if (next.wants_ack) {
      if (!pending_) pending_ = PendingAcks::make();
      co_await pending_->until_at_most(kMaxPendingAcks - 1);
      pending_->add(*next.chunk, next_label_++, AckTracking::Whole);
      ack_texts_.push_back(std::move(next.ack));
      if (!is_writing_acks_ && !has_failed_) {
        is_writing_acks_ = true;
        net::co_spawn(executor_, write_acks(shared_from_this()), net::detached);
      }
    }
    if (next.chunk->events().empty()) {
      next.chunk->token().arm(0);  // nothing to deliver: done
      continue;
    }
    const bool is_taken = co_await push_chunk(sink_, std::move(next.chunk));
    if (!is_taken) is_open_ = false;
  }
}

Awaitable<void> ForwardSession::write_acks(std::shared_ptr<ForwardSession> self) {
  using Kind = PendingAcks::Progress::Kind;
  bool is_going_on = true;
  while (is_going_on) {
    const PendingAcks::Progress progress = co_await self->pending_->next(PendingAcks::kForever);
    if (progress.kind == Kind::Closed) break;
    if (progress.kind == Kind::Finished) {
      const std::string text = std::move(self->ack_texts_.front());
      self->ack_texts_.pop_front();
      const Result<void> written = co_await self->peer_.write(text);
      is_going_on = written.has_value();
      if (is_going_on) self->shared_.counters.acks.add();
    } else if (progress.kind == Kind::NotDelivered) {
      self->shared_.counters.not_delivered.add();
      is_going_on = false;
    }
  }
  if (!is_going_on) {  // the sender learns it by the connection's end, and sends again
    self->is_open_ = false;
    self->has_failed_ = true;
    self->pending_->abandon();
    self->peer_.end_reading();
  }
  self->is_writing_acks_ = false;
  self->changed_.cancel();
}

class ForwardService final : public StreamService {
 public:
  explicit ForwardService(std::shared_ptr<ForwardShared> shared) : shared_(std::move(shared)) {}
  Awaitable<void> serve(ByteStream& peer, EventSink& sink) override {
    const net::any_io_executor executor = co_await net::this_coro::executor;
    const auto session = std::make_shared<ForwardSession>(*shared_, peer, sink, executor);
    co_await session->serve();
  }

 private:
  std::shared_ptr<ForwardShared> shared_;
};

}  // namespace

std::shared_ptr<StreamService> make_forward_service(std::shared_ptr<ForwardShared> shared) {
  return std::make_shared<ForwardService>(std::move(shared));
}

}  // namespace logboom
