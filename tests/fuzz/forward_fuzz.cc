// Hostile bytes on a connection of the forward input, MessagePack and JSON, with and without handshake; and MessagePack
// read, written and read again. The first byte chooses the configuration and how the rest is cut into reads.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/base/utf8.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/event/msgpack.h"
#include "pipeline/plugin/registry.h"
#include "tests/fuzz/reading_sink.h"

namespace {

using namespace logboom;

class CheckingSink final : public ReadingSink {
  void look_at(const Event& event, const std::string& text) override {
    if (event.metadata_if_any() == nullptr || !event.timestamp() || !is_valid_utf8(text)) std::abort();
  }
};

class HostilePeer final : public ByteStream {
 public:
  HostilePeer(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  Awaitable<Buffer> read_some() override {
    const std::string_view next = bytes_.substr(0, piece_);
    bytes_.remove_prefix(next.size());
    co_return next.empty() ? Buffer() : Buffer::copy_of(next);
  }
  Awaitable<Result<void>> write(std::string_view) override { co_return Result<void>(); }
  void unread(std::string_view) override { std::abort(); }
  bool is_rebinding() const override { return false; }
  void end_reading() override { bytes_ = {}; }
  const PeerAddress& peer() const override { return address_; }
  const PeerAddress& local() const override { return address_; }

 private:
  std::string_view bytes_;
  std::size_t piece_;
  PeerAddress address_{"127.0.0.1", 1};
};

struct World {
  World() {
    set_log_level(LogLevel::Off);
    for (const char* text :
         {"forward { }", "forward { chunk_size_limit => 100 decompression_size_limit => 1000 skip_invalid_event => false }",
          "forward { self_hostname => \"srv\" shared_key => \"k\" }",
          "forward { deny_keepalive => true tag_field => \"a\" }"}) {
      auto made = std::make_unique<Made>();
      parse_logstash(std::make_shared<SourceText>("fuzz.conf", "input { " + std::string(text) + " }"), {}, made->graph,
                     made->diagnostics);
      made->context = std::make_unique<PluginContext>(made->graph.inputs.at(0), "fuzz", made->surroundings, made->metrics,
                                                      made->slot, made->diagnostics);
      made->input = Registry<Input>::instance().find("forward")->make.make(made->graph.inputs.at(0), *made->context,
                                                                           made->diagnostics);
      if (!made->input) std::abort();
      made->service = made->input->endpoints().at(0).stream;
      all.push_back(std::move(made));
    }
  }
  struct Made {
    Graph graph;
    PluginContext::Surroundings surroundings;
    MetricScope metrics;
    SharedSlot slot;
    Diagnostics diagnostics;
    std::unique_ptr<PluginContext> context;
    std::unique_ptr<Input> input;
    std::shared_ptr<StreamService> service;
  };
  std::vector<std::unique_ptr<Made>> all;
};

void check_round_trip(std::string_view bytes) {
  Arena arena;
  MsgpackLimits limits;
  limits.max_values = 100'000;
  const auto value = parse_msgpack(bytes, arena, limits);
  MsgpackScanner scanner;
  std::size_t used = 0;
  const auto outcome = scanner.scan(bytes, used);
  if (used > bytes.size()) std::abort();
  if (!value) return;
  if (outcome != MsgpackScanner::Outcome::Complete || used != bytes.size()) std::abort();
  std::string text, written, again;
  write_json(*value, text);
  if (!is_valid_utf8(text)) std::abort();
  write_msgpack(*value, written);
  const auto read_again = parse_msgpack(written, arena, limits);
  if (!read_again) std::abort();
  write_json(*read_again, again);
  if (text != again) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_round_trip(bytes);
  const std::size_t piece = (data[0] >> 2) == 0 ? size : std::size_t{data[0]} >> 2;
  CheckingSink sink;
  HostilePeer peer(bytes, piece);
  boost::asio::io_context context;
  boost::asio::co_spawn(context, world.all[data[0] & 3]->service->serve(peer, sink), boost::asio::detached);
  context.run();
  return 0;
}
