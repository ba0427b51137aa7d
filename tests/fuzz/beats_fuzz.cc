// Hostile bytes on a Lumberjack connection: frames, compression, JSON, codecs. The first byte chooses the codec and the ECS
// mode, the second one how the rest is cut into reads. Whatever comes: the session ends, events are valid, and what is
// answered are acknowledgements.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pipeline/base/log.h"
#include "pipeline/base/utf8.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/plugin/registry.h"
#include "tests/fuzz/reading_sink.h"

namespace {

using namespace logboom;

class CheckingSink final : public ReadingSink {
  void look_at(const Event& event, const std::string& text) override {
    if (!is_valid_utf8(text) || !event.timestamp()) std::abort();
  }
};

class HostilePeer final : public ByteStream {
 public:
  HostilePeer(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  Awaitable<Buffer> read_some() override {
    const std::string_view next = bytes_.substr(0, piece_);
    bytes_.remove_prefix(next.size());
    co_return Buffer::copy_of(next);
  }
  Awaitable<Result<void>> write(std::string_view bytes) override {
    if (bytes.empty() || bytes.size() % 6 != 0) std::abort();
    for (; !bytes.empty(); bytes.remove_prefix(6))
      if ((bytes[0] != '1' && bytes[0] != '2') || bytes[1] != 'A') std::abort();
    co_return Result<void>();
  }
  void unread(std::string_view) override { std::abort(); }
  bool is_rebinding() const override { return false; }
  void end_reading() override { bytes_ = {}; }
  const PeerAddress& peer() const override { return address_; }
  const PeerAddress& local() const override { return address_; }

 private:
  std::string_view bytes_;
  std::size_t piece_;
  PeerAddress address_{"192.0.2.1", 1};
};

struct World {
  explicit World(const std::string& options, EcsMode ecs) {
    set_log_level(LogLevel::Off);
    surroundings.ecs = ecs;
    parse_logstash(std::make_shared<SourceText>("fuzz.conf", "input { beats { " + options + " } }"), {}, graph, diagnostics);
    context = std::make_unique<PluginContext>(graph.inputs.at(0), "fuzz", surroundings, metrics, slot, diagnostics);
    input = Registry<Input>::instance().find("beats")->make.make(graph.inputs.at(0), *context, diagnostics);
    if (!input) std::abort();
    service = input->endpoints().at(0).stream;
  }
  PluginContext::Surroundings surroundings;
  MetricScope metrics;
  SharedSlot slot;
  Diagnostics diagnostics;
  Graph graph;
  std::unique_ptr<PluginContext> context;
  std::unique_ptr<Input> input;
  std::shared_ptr<StreamService> service;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kLimits = "max_frame_bytes => 20000 max_inflated_bytes => 50000 ";
  static World worlds[] = {
      World(kLimits, EcsMode::V1),
      World(kLimits + "enrich => all", EcsMode::Disabled),
      World(kLimits + "add_hostname => true tags => [\"t\"] type => \"x\"", EcsMode::Disabled),
      World(kLimits + "codec => json", EcsMode::V1),
  };
  if (size < 2) return 0;
  const std::size_t piece = data[1] == 0 ? size : data[1];
  HostilePeer peer({reinterpret_cast<const char*>(data) + 2, size - 2}, piece);
  CheckingSink sink;
  boost::asio::io_context context;
  boost::asio::co_spawn(context, worlds[data[0] % std::size(worlds)].service->serve(peer, sink), boost::asio::detached);
  context.run();
  return 0;
}
