// Hostile bytes on an HTTP connection: Beast's parser under our limits, body decoding, charset and codec of the http input.
// The first byte says how the rest is cut into reads.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>

#include "pipeline/base/log.h"
#include "pipeline/plugin/registry.h"
#include "server/listen/http_session.h"

namespace {

using namespace logboom;

/// Takes everything and acknowledges it.
class SwallowingSink final : public EventSink {
 public:
  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    const std::size_t events = chunk->events().size();
    chunk->token().arm(events);
    chunk->token().complete_many(events);
    chunk.reset();
    return true;
  }
  void call_when_room(std::function<void()> callback) override { callback(); }
  bool is_stopping() const override { return false; }
};

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
    set_log_level(LogLevel::Off);
    node.kind = PluginKind::Input;
    node.name = "http";
    context = std::make_unique<PluginContext>(node, "fuzz", surroundings, metrics, slot, diagnostics);
    input = Registry<Input>::instance().find("http")->make.make(node, *context, diagnostics);
    if (!input) std::abort();
    Endpoint endpoint = input->endpoints().at(0);
    endpoint.max_request_bytes = 64 * 1024;
    binding = std::make_unique<EndpointBinding>(std::move(endpoint), std::make_shared<SwallowingSink>());
    counters = std::make_unique<ListenCounters>(metrics);
  }
  PluginNode node;
  PluginContext::Surroundings surroundings;
  MetricScope metrics;
  SharedSlot slot;
  Diagnostics diagnostics;
  std::unique_ptr<PluginContext> context;
  std::unique_ptr<Input> input;
  std::unique_ptr<EndpointBinding> binding;
  std::unique_ptr<ListenCounters> counters;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  HostileConnection connection({reinterpret_cast<const char*>(data) + 1, size - 1}, piece);
  boost::asio::io_context context;
  boost::asio::co_spawn(context, serve_http(connection, *world.binding, *world.counters), boost::asio::detached);
  context.run();
  return 0;
}
