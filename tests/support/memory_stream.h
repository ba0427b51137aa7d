// A ByteStream over pieces in memory, and a way to run one coroutine to its end.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <string>
#include <vector>

#include "pipeline/net/byte_stream.h"

namespace logboom {

/// Gives its pieces one read at a time, then the end, which is_rebinding when asked for.
class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::vector<std::string> pieces) : pieces_(pieces.begin(), pieces.end()) {
    peer_.ip = "127.0.0.1";
    peer_.port = 4711;
  }
  Awaitable<Buffer> read_some() override {
    if (has_reading_ended) co_return Buffer();
    if (!given_back.empty()) {
      Buffer back = Buffer::copy_of(given_back);
      given_back.clear();
      co_return back;
    }
    if (pieces_.empty()) {
      has_ended_ = true;
      co_return Buffer();
    }
    Buffer piece = Buffer::copy_of(pieces_.front());
    pieces_.pop_front();
    co_return piece;
  }
  Awaitable<Result<void>> write(std::string_view bytes) override {
    written += bytes;
    co_return Result<void>();
  }
  void unread(std::string_view bytes) override { given_back.insert(0, bytes); }
  bool is_rebinding() const override { return has_ended_ && ends_by_rebinding && !has_reading_ended; }
  void end_reading() override { has_reading_ended = true; }
  const PeerAddress& peer() const override { return peer_; }
  const PeerAddress& local() const override { return local_; }

  std::string given_back;
  std::string written;
  bool ends_by_rebinding = false;
  bool has_reading_ended = false;

 private:
  std::deque<std::string> pieces_;
  PeerAddress peer_;
  PeerAddress local_;
  bool has_ended_ = false;
};

/// Runs a coroutine until it ends.
inline void run_to_end(Awaitable<void> coroutine) {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, std::move(coroutine), boost::asio::detached);
  context.run();
}

}  // namespace logboom
