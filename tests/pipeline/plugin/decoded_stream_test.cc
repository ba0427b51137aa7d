// What every input that reads connections through a codec relies on.
#include "pipeline/plugin/decoded_stream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include "tests/support/collecting_sink.h"
#include "tests/support/memory_stream.h"

namespace logboom {
namespace {

/// Words between blanks; asks to be flushed after a moment of silence while one has begun.
class WordDecoder final : public Decoder {
 public:
  void decode(std::string_view bytes, Chunk& chunk) override {
    for (const char c : bytes) {
      if (c == ' ') {
        flush(chunk);
      } else {
        word_ += c;
      }
    }
  }
  void flush(Chunk& chunk) override {
    if (word_.empty()) return;
    Event& event = chunk.new_event();
    event.fields().set(chunk.arena(), well_known().message, Value::string(chunk.arena().copy(word_)));
    event.add_defaults(chunk.now());
    word_.clear();
  }
  std::string take_unfinished() override { return std::exchange(word_, {}); }
  double auto_flush_seconds() const override { return word_.empty() ? 0 : 0.001; }

 private:
  std::string word_;
};

DecodedStream word_stream() {
  DecodedStream stream;
  stream.decoder = std::make_unique<WordDecoder>();
  stream.finish = [](Chunk& chunk) {
    for (Event* event : chunk.events()) event->add_tag("seen");
  };
  stream.earlier_bytes = "header ";
  return stream;
}

std::string word(const std::string& text) { return R"({"message":")" + text + R"(","tags":["seen"]})"; }

/// Silent after its one piece until `timer` is cancelled.
class SilentStream final : public ByteStream {
 public:
  SilentStream(std::string piece, boost::asio::steady_timer& timer) : piece_(std::move(piece)), timer_(timer) {}
  Awaitable<Buffer> read_some() override {
    if (!piece_.empty()) co_return Buffer::copy_of(std::exchange(piece_, {}));
    boost::system::error_code woken;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
    co_return Buffer();
  }
  Awaitable<Result<void>> write(std::string_view) override { co_return Result<void>(); }
  void unread(std::string_view) override {}
  void end_reading() override {}
  bool is_rebinding() const override { return false; }
  const PeerAddress& peer() const override { return address_; }
  const PeerAddress& local() const override { return address_; }

 private:
  std::string piece_;
  boost::asio::steady_timer& timer_;
  PeerAddress address_;
};

/// Wakes a silent stream when it gets events, or when it was asked so often.
class WakingSink final : public EventSink {
 public:
  WakingSink(boost::asio::steady_timer& timer, int refusals) : timer_(timer), refusals_(refusals) {}
  ChunkPtr new_chunk(Buffer received) override { return collected.new_chunk(std::move(received)); }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    if (refusals_-- > 0) return false;
    timer_.cancel();
    return collected.try_push(chunk);
  }
  void call_when_room(std::function<void()> callback) override { callback(); }
  bool is_stopping() const override { return false; }
  CollectingSink collected;

 private:
  boost::asio::steady_timer& timer_;
  int refusals_;
};

}  // namespace

TEST_CASE("a decoded stream's events are finished and in order, the last one at its end", "[decoded_stream]") {
  MemoryStream stream({"one tw", "o thr", "ee"});
  CollectingSink sink;
  run_to_end(serve_decoded(stream, sink, word_stream()));
  CHECK(sink.events() == std::vector<std::string>{word("one"), word("two"), word("three")});
}

TEST_CASE("a replaced stream gets its earlier bytes and its unfinished rest back", "[decoded_stream][reload]") {
  MemoryStream stream({"one tw"});
  stream.ends_by_rebinding = true;
  CollectingSink sink;
  run_to_end(serve_decoded(stream, sink, word_stream()));
  CHECK(sink.events() == std::vector<std::string>{word("one")});
  CHECK(stream.given_back == "header tw");
}

TEST_CASE("what a decoder holds follows after its silence, also when the queue was full", "[decoded_stream]") {
  for (const int refusals : {0, 3}) {
    boost::asio::io_context context;
    boost::asio::steady_timer timer(context, std::chrono::seconds(10));
    SilentStream stream("half", timer);
    WakingSink sink(timer, refusals);
    boost::asio::co_spawn(context, serve_decoded(stream, sink, word_stream()), boost::asio::detached);
    context.run();
    CHECK(timer.expiry() > std::chrono::steady_clock::now());  // the sink has woken it
    CHECK(sink.collected.events() == std::vector<std::string>{word("half")});
  }
}

TEST_CASE("a stopping sink ends the stream without another event", "[decoded_stream]") {
  MemoryStream stream({"one tw", "o three"});
  CollectingSink sink;
  sink.stop();
  run_to_end(serve_decoded(stream, sink, word_stream()));
  CHECK(sink.events().empty());
}

}  // namespace logboom
