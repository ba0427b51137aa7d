#include "plugins/outputs/forward/server_link.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pipeline/net/fluent_handshake.h"

namespace logboom {
namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

namespace {

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;  // HELO, PONG and acknowledgements are far smaller
constexpr std::size_t kSaltBytes = 16;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

bool is_text(const MsgpackItem& item) { return item.kind == MsgpackKind::String || item.kind == MsgpackKind::Binary; }

}  // namespace

ServerLink::ServerLink(net::io_context& context, const ForwardServer& server, const ForwardClientOptions& options)
    : server_(server), options_(options), socket_(context), limit_(context) {}

void ServerLink::close(std::string_view reason) {
  if (reason_.empty()) reason_ = reason;
  if (tls_ && is_open_) tls_->say_goodbye();
  is_open_ = false;
  is_closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  limit_.cancel();
}

Error ServerLink::failure(std::string_view what) const {
  return Error{ErrorCode::Unavailable, reason_.empty() ? std::string(what) : reason_};
}

void ServerLink::limit_to(double seconds, std::string_view reason) {
  limit_.expires_after(std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(seconds, 1e6) * 1e9)));
  limit_.async_wait([weak = weak_from_this(), text = std::string(reason)](error_code cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->close(text);
  });
}

Awaitable<Result<void>> ServerLink::open(std::shared_ptr<ServerLink> self) {
  self->limit_to(self->options_.connect_seconds, "it took too long to connect");
  Result<void> step = co_await connect(self);
  if (step && self->options_.tls) step = co_await begin_tls(self);
  if (step && !self->server_.shared_key.empty()) step = co_await shake_hands(self);
  self->end_limit();
  if (step && self->is_closed_) step = self->failure("the connection was closed");
  if (step) {
    self->is_open_ = true;
  } else {
    self->close(step.error().message);
  }
  co_return step;
}

Awaitable<Result<void>> ServerLink::connect(std::shared_ptr<ServerLink> self) {
  error_code failure;
  tcp::resolver resolver(self->socket_.get_executor());
  const tcp::resolver::results_type found = co_await resolver.async_resolve(
      self->server_.host, std::to_string(self->server_.port), net::redirect_error(net::use_awaitable, failure));
  if (!failure && !self->is_closed_)
    co_await net::async_connect(self->socket_, found, net::redirect_error(net::use_awaitable, failure));
  if (failure || self->is_closed_) co_return self->failure(failure.message());
  self->socket_.set_option(tcp::no_delay(true), failure);
  self->socket_.set_option(net::socket_base::keep_alive(true), failure);
  self->socket_.non_blocking(true, failure);
  co_return Result<void>();
}

Awaitable<void> ServerLink::wait(std::shared_ptr<ServerLink> self, net::socket_base::wait_type what) {
  error_code woken;
  co_await self->socket_.async_wait(what, net::redirect_error(net::use_awaitable, woken));
  if (woken) self->close(woken.message());
}

Awaitable<Result<void>> ServerLink::begin_tls(std::shared_ptr<ServerLink> self) {
  const std::string& name = self->server_.tls_name.empty() ? self->server_.host : self->server_.tls_name;
  self->tls_ = TlsChannel::connecting(self->options_.tls, self->socket_.native_handle(), name);
  while (!self->is_closed_) {
    const ChannelStep step = self->tls_->handshake();
    switch (step.state) {
      case ChannelStep::State::Done: co_return Result<void>();
      case ChannelStep::State::WantsRead: co_await wait(self, net::socket_base::wait_read); break;
      case ChannelStep::State::WantsWrite: co_await wait(self, net::socket_base::wait_write); break;
      case ChannelStep::State::Closed: co_return self->failure("the server closed during the TLS handshake");
      case ChannelStep::State::Failed: co_return self->failure("TLS: " + step.reason);
    }
  }
  co_return self->failure("the connection was closed");
}

Awaitable<Result<void>> ServerLink::write(std::shared_ptr<ServerLink> self, std::string_view bytes) {
  self->limit_to(self->options_.send_seconds, "the server does not read");
  Result<void> written = co_await write_all(self, bytes);
  self->end_limit();
  co_return written;
}

Awaitable<Result<void>> ServerLink::write_all(std::shared_ptr<ServerLink> self, std::string_view bytes) {
  while (!bytes.empty()) {
    if (self->is_closed_) co_return self->failure("the connection was closed");
    net::socket_base::wait_type wanted = net::socket_base::wait_write;
    if (self->tls_) {
      const ChannelStep step = self->tls_->send(bytes);
      if (step.state == ChannelStep::State::Done) {
        bytes.remove_prefix(step.bytes);
        continue;
      }
      if (step.state == ChannelStep::State::Closed) co_return self->failure("the server closed the connection");
      if (step.state == ChannelStep::State::Failed) co_return self->failure("TLS: " + step.reason);
      if (step.state == ChannelStep::State::WantsRead) wanted = net::socket_base::wait_read;
    } else {
      error_code failure;
      bytes.remove_prefix(self->socket_.write_some(net::buffer(bytes.data(), bytes.size()), failure));
      if (!failure || failure == net::error::interrupted) continue;
      if (failure != net::error::would_block && failure != net::error::try_again) co_return self->failure(failure.message());
    }
    co_await wait(self, wanted);
  }
  co_return Result<void>();
}

Awaitable<Result<void>> ServerLink::read_more(std::shared_ptr<ServerLink> self) {
  std::array<char, 4096> bytes;
  for (;;) {
    if (self->is_closed_) co_return self->failure("the connection was closed");
    net::socket_base::wait_type wanted = net::socket_base::wait_read;
    std::size_t received = 0;
    if (self->tls_) {
      const ChannelStep step = self->tls_->receive(bytes.data(), bytes.size());
      if (step.state == ChannelStep::State::Closed) co_return self->failure("the server closed the connection");
      if (step.state == ChannelStep::State::Failed) co_return self->failure("TLS: " + step.reason);
      if (step.state == ChannelStep::State::WantsWrite) wanted = net::socket_base::wait_write;
      if (step.state == ChannelStep::State::Done) received = step.bytes;
    } else {
      error_code failure;
      received = self->socket_.read_some(net::buffer(bytes), failure);
      if (failure == net::error::eof) co_return self->failure("the server closed the connection");
      if (failure && failure != net::error::would_block && failure != net::error::try_again &&
          failure != net::error::interrupted)
        co_return self->failure(failure.message());
    }
    if (received > 0) {
      self->received_.append(bytes.data(), received);
      co_return Result<void>();
    }
    co_await wait(self, wanted);
  }
}

Awaitable<Result<std::string>> ServerLink::read_message(std::shared_ptr<ServerLink> self) {
  for (;;) {
    MsgpackScanner scanner;
    std::size_t used = 0;
    const auto outcome = scanner.scan(self->received_, used);
    if (outcome == MsgpackScanner::Outcome::Complete) {
      std::string message = self->received_.substr(0, used);
      self->received_.erase(0, used);
      co_return message;
    }
    if (outcome == MsgpackScanner::Outcome::Corrupt || self->received_.size() > kMaxAnswerBytes)
      co_return Error{ErrorCode::Corrupt, "the server's answer is no MessagePack"};
    const Result<void> more = co_await read_more(self);
    if (!more) co_return more.error();
  }
}

Awaitable<Result<void>> ServerLink::shake_hands(std::shared_ptr<ServerLink> self) {
  const Result<std::string> helo = co_await read_message(self);
  if (!helo) co_return helo.error();
  std::string nonce;
  const Result<std::string> ping = self->ping_for(*helo, nonce);
  if (!ping) co_return ping.error();
  const Result<void> sent = co_await write_all(self, *ping);
  if (!sent) co_return sent.error();
  const Result<std::string> pong = co_await read_message(self);
  if (!pong) co_return pong.error();
  co_return self->check_pong(*pong, nonce);
}

Result<std::string> ServerLink::ping_for(std::string_view helo, std::string& nonce) {
  const Error no_helo{ErrorCode::Corrupt, "the server did not begin with HELO: it may have no shared_key"};
  MsgpackReader reader(helo);
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Array || item.size != 2) return no_helo;
  if (reader.next(item) != MsgpackStatus::Read || !is_text(item) || item.bytes != "HELO") return no_helo;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Map) return no_helo;
  std::string_view auth;
  for (std::uint32_t pairs = item.size; pairs > 0; --pairs) {
    MsgpackItem name;
    if (reader.next(name) != MsgpackStatus::Read) return no_helo;
    const MsgpackReader value_start = reader;
    if (reader.skip() != MsgpackStatus::Read || !is_text(name)) return no_helo;
    MsgpackReader value_reader = value_start;
    MsgpackItem value;
    if (value_reader.next(value) != MsgpackStatus::Read) return no_helo;
    if (name.bytes == "nonce" && is_text(value)) nonce = value.bytes;
    if (name.bytes == "auth" && is_text(value)) auth = value.bytes;
    if (name.bytes == "keepalive" && value.kind == MsgpackKind::Boolean) may_be_kept_ = value.boolean;
  }
  salt_ = hex(random_bytes(kSaltBytes));
  std::string ping;
  write_msgpack_array_head(6, ping);
  write_msgpack_string("PING", ping);
  write_msgpack_string(options_.self_hostname, ping);
  write_msgpack_string(salt_, ping);
  write_msgpack_string(fluent_digest({salt_, options_.self_hostname, nonce, server_.shared_key}), ping);
  write_msgpack_string(auth.empty() ? std::string_view() : std::string_view(server_.user), ping);
  write_msgpack_string(auth.empty() ? std::string() : fluent_digest({auth, server_.user, server_.password}), ping);
  return ping;
}

Result<void> ServerLink::check_pong(std::string_view pong, std::string_view nonce) const {
  const Error no_pong{ErrorCode::Corrupt, "the server's answer to PING is no PONG"};
  MsgpackReader reader(pong);
  MsgpackItem item;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Array || item.size != 5) return no_pong;
  if (reader.next(item) != MsgpackStatus::Read || !is_text(item) || item.bytes != "PONG") return no_pong;
  if (reader.next(item) != MsgpackStatus::Read || item.kind != MsgpackKind::Boolean) return no_pong;
  const bool is_accepted = item.boolean;
  std::string_view texts[3];
  for (std::string_view& text : texts) {
    if (reader.next(item) != MsgpackStatus::Read || !is_text(item)) return no_pong;
    text = item.bytes;
  }
  const auto [reason, hostname, digest] = texts;
  if (!is_accepted) return Error{ErrorCode::Unavailable, fmt::format("the server refuses us: {}", reason)};
  if (hostname == options_.self_hostname)
    return Error{ErrorCode::InvalidArgument, "the server has the same self_hostname: give us another one"};
  if (!digests_equal(digest, fluent_digest({salt_, hostname, nonce, server_.shared_key})))
    return Error{ErrorCode::InvalidArgument, "the server does not know the shared_key"};
  return {};
}

}  // namespace logboom
