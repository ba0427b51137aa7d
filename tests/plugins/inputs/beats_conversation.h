// A Lumberjack conversation in memory: frames as a Beat writes them, a stream that waits for the test, and a pipeline that
// holds what it is given.
#pragma once

#include <zlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "plugins/inputs/beats/session.h"
#include "tests/plugins/plugin_harness.h"

namespace logboom::beats_test {

inline std::string number(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}
inline std::string sized(const std::string& text) { return number(static_cast<std::uint32_t>(text.size())) + text; }

inline std::string window(std::uint32_t events, char version = '2') { return std::string{version, 'W'} + number(events); }
inline std::string json(std::uint32_t sequence, const std::string& document) {
  return "2J" + number(sequence) + sized(document);
}
inline std::string data(std::uint32_t sequence, const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out = "1D" + number(sequence) + number(static_cast<std::uint32_t>(pairs.size()));
  for (const auto& [name, value] : pairs) out += sized(name) + sized(value);
  return out;
}
inline std::string compressed(const std::string& frames, char version = '2') {
  std::string out(compressBound(frames.size()), '\0');
  uLongf size = out.size();
  REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(frames.data()),
                   frames.size()) == Z_OK);
  out.resize(size);
  return std::string{version, 'C'} + sized(out);
}
inline std::string ack(std::uint32_t sequence, char version = '2') { return std::string{version, 'A'} + number(sequence); }

/// A window of events {"n":1} and so on.
inline std::string numbered_window(std::uint32_t events, std::uint32_t first = 1) {
  std::string out = window(events);
  for (std::uint32_t i = 0; i < events; ++i) out += json(i + 1, "{\"n\":" + std::to_string(first + i) + "}");
  return out;
}

/// The sequence numbers of the acknowledgements in `bytes`, each with its version: "2:5 2:9".
inline std::string acks_in(std::string_view bytes) {
  std::string out;
  while (bytes.size() >= 6) {
    std::uint32_t sequence = 0;
    for (std::size_t i = 2; i < 6; ++i) sequence = sequence << 8 | static_cast<unsigned char>(bytes[i]);
    out += (out.empty() ? "" : " ") + std::string(1, bytes[0]) + (bytes[1] == 'A' ? ":" : "?") + std::to_string(sequence);
    bytes.remove_prefix(6);
  }
  return out + std::string(bytes);
}

/// Waits in read_some() for what the test says.
class Peer final : public ByteStream {
 public:
  explicit Peer(boost::asio::io_context& context) : timer_(context, std::chrono::steady_clock::time_point::max()) {
    address_.ip = "10.1.2.3";
    address_.port = 4711;
  }

  void send(std::string bytes) {
    pieces_.push_back(std::move(bytes));
    timer_.cancel();
  }
  /// Closes its sending side.
  void finish() {
    has_ended_ = true;
    timer_.cancel();
  }
  void rebind() {
    is_rebinding_ = true;
    timer_.cancel();
  }
  bool is_heard() const { return pieces_.empty(); }

  Awaitable<Buffer> read_some() override {
    while (!has_reading_ended) {
      if (!given_back.empty() && !is_rebinding_) {
        const Buffer back = Buffer::copy_of(std::exchange(given_back, {}));
        co_return back;
      }
      if (!pieces_.empty()) {
        const Buffer piece = Buffer::copy_of(pieces_.front());
        pieces_.pop_front();
        co_return piece;
      }
      if (has_ended_ || is_rebinding_) break;
      boost::system::error_code woken;
      co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    }
    co_return Buffer();
  }
  Awaitable<Result<void>> write(std::string_view bytes) override {
    if (refuses_writes) co_return Error{ErrorCode::Unavailable, "the peer is gone"};
    written += bytes;
    co_return Result<void>();
  }
  void unread(std::string_view bytes) override { given_back.insert(0, bytes); }
  bool is_rebinding() const override { return is_rebinding_ && !has_reading_ended; }
  void end_reading() override {
    has_reading_ended = true;
    timer_.cancel();
  }
  const PeerAddress& peer() const override { return address_; }
  const PeerAddress& local() const override { return address_; }
  const TlsSession* tls() const override { return tls_session ? &*tls_session : nullptr; }
  /// The next service takes the stream over.
  void adopt() { is_rebinding_ = false; }

  std::string written;
  std::string given_back;
  bool has_reading_ended = false;
  bool refuses_writes = false;
  std::optional<TlsSession> tls_session;

 private:
  boost::asio::steady_timer timer_;
  std::deque<std::string> pieces_;
  PeerAddress address_;
  bool has_ended_ = false;
  bool is_rebinding_ = false;
};

/// Holds chunks until the test completes their events, one by one if it likes.
class HoldingSink final : public EventSink {
 public:
  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    if (is_full || stops) return false;
    for (Event* event : chunk->events()) {
      event->fields().erase(well_known().timestamp);
      event->fields().erase(well_known().version);
      lines.emplace_back();
      write_json(event->fields(), lines.back());
      metadata.emplace_back();
      if (event->metadata_if_any() != nullptr) write_json(*event->metadata_if_any(), metadata.back());
    }
    chunk->token().arm(chunk->events().size());
    held.push_back(std::move(chunk));
    if (completes_at_once) complete(held.size() - 1);
    return true;
  }
  void call_when_room(std::function<void()> callback) override { waiting = std::move(callback); }
  bool is_stopping() const override { return stops; }

  /// Completes events [0, events) of a held chunk; all of them when `events` is larger.
  void complete(std::size_t chunk, std::size_t events = SIZE_MAX) {
    const std::size_t end = std::min(events, held.at(chunk)->events().size());
    for (std::size_t i = 0; i < end; ++i) held[chunk]->token().complete(static_cast<std::uint32_t>(i));
  }
  void make_room() {
    is_full = false;
    if (const auto wake = std::exchange(waiting, nullptr)) wake();
  }

  bool completes_at_once = true;
  bool is_full = false;
  bool stops = false;
  std::vector<std::string> lines;
  std::vector<std::string> metadata;
  std::vector<ChunkPtr> held;
  std::function<void()> waiting;
};

/// One connection to `beats { … }`, driven by the test.
class Conversation : public PluginHarness<Input> {
 public:
  explicit Conversation(std::string_view text = "beats { }", EcsMode ecs = EcsMode::Disabled)
      : PluginHarness<Input>("input", text, ecs), peer(context_of_io) {
    INFO(diagnostics.render());
    REQUIRE(plugin != nullptr);
    auto options = beats::beats_options().read(node_, diagnostics);
    auto shared = beats::make_beats_shared(options, *context_);
    shared->times.partial_every = std::chrono::milliseconds(1);
    shared->times.keep_alive_after = std::chrono::milliseconds(0);
    shared_ = shared.get();
    service_ = std::make_unique<beats::BeatsService>(std::move(shared));
  }

  beats::AckTimes& times() { return shared_->times; }
  void start() {
    is_over = false;
    boost::asio::co_spawn(context_of_io, service_->serve(peer, sink), [this](std::exception_ptr problem) {
      CHECK(problem == nullptr);
      is_over = true;
    });
  }
  /// Runs until `condition` holds; the test fails when that takes ten seconds.
  void until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      context_of_io.restart();
      context_of_io.run_one_for(std::chrono::milliseconds(100));
    }
    REQUIRE(condition());
  }
  void until_heard() {
    until([this] { return peer.is_heard(); });
    context_of_io.restart();
    context_of_io.poll();
  }
  void until_acks(const std::string& expected) {
    until([&] { return acks_in(peer.written) == expected || acks_in(peer.written).size() > expected.size(); });
    CHECK(acks_in(peer.written) == expected);
  }
  void until_over() {
    until([this] { return is_over; });
  }
  /// The whole conversation with a peer that says all of it and leaves; the acknowledgements.
  std::string say(const std::vector<std::string>& pieces) {
    for (const std::string& piece : pieces) peer.send(piece);
    peer.finish();
    start();
    until_over();
    return acks_in(peer.written);
  }
  std::uint64_t counter(const std::string& name) { return metrics.counter(name).value(); }

  boost::asio::io_context context_of_io;
  Peer peer;
  HoldingSink sink;
  bool is_over = false;

 private:
  beats::BeatsShared* shared_ = nullptr;
  std::unique_ptr<beats::BeatsService> service_;
};

}  // namespace logboom::beats_test
