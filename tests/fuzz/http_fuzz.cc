// Hostile bytes on an HTTP connection: Beast's parser under our limits, body decoding, charset and codec of the http input.
// The first byte says how the rest is cut into reads.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>

#include "server/listen/http_session.h"
#include "tests/fuzz/hostile_requests.h"
#include "tests/fuzz/reading_sink.h"

namespace {

using namespace logboom;

class HostileConnection final : public Connection {
 public:
  HostileConnection(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  Awaitable<Buffer> read_some() override {
    const std::string_view next = bytes_.substr(0, piece_);
    bytes_.remove_prefix(next.size());
    co_return Buffer::copy_of(next);
  }
  Awaitable<Result<void>> write(std::string_view bytes) override {
    if (bytes.substr(0, 9) != "HTTP/1.1 ") std::abort();
    co_return Result<void>();
  }
  void unread(std::string_view) override { std::abort(); }
  bool is_rebinding() const override { return false; }
  void end_reading() override { bytes_ = {}; }
  const PeerAddress& peer() const override { return address_; }
  const PeerAddress& local() const override { return address_; }
  void adopt(const BoundService&) override {}
  void set_read_deadline(std::optional<std::chrono::steady_clock::time_point>) override {}
  void set_interruptions(Interruptions) override {}
  ReadEnd read_end() const override { return ReadEnd::PeerClosed; }
  bool is_draining() const override { return false; }
  void finish_sending() override {}

 private:
  std::string_view bytes_;
  std::size_t piece_;
  PeerAddress address_;
};

/// The http input with its defaults, made once.
struct World {
  World() {
    Endpoint endpoint = input.endpoint();
    endpoint.max_request_bytes = 64 * 1024;
    binding = std::make_unique<EndpointBinding>(std::move(endpoint), std::make_shared<ReadingSink>());
  }
  HostileRequests input{"http", {}};
  std::unique_ptr<EndpointBinding> binding;
  ListenCounters counters{input.metrics()};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  HostileConnection connection({reinterpret_cast<const char*>(data) + 1, size - 1}, piece);
  boost::asio::io_context context;
  boost::asio::co_spawn(context, serve_http(connection, *world.binding, world.counters), boost::asio::detached);
  context.run();
  return 0;
}
