// Hostile bytes for the syslog input: framing, the straight walk, structured data and times, as a stream and as datagrams.
// The first byte says how the rest is cut into reads; however it is cut, the same events must come out.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>

#include "pipeline/base/log.h"
#include "pipeline/base/utf8.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/plugin/registry.h"
#include "tests/fuzz/reading_sink.h"
#include "tests/support/memory_datagrams.h"
#include "tests/support/memory_stream.h"

namespace {

using namespace logboom;

/// Keeps the events as JSON.
class KeepingSink final : public ReadingSink {
 public:
  std::string kept;

 private:
  void look_at(const Event& event, const std::string&) override {
    write_json(event.fields(), kept);
    kept += '\n';
  }
};

/// The syslog input with a short limit, so that the fuzzer reaches it.
struct World {
  explicit World(EcsMode ecs) {
    set_log_level(LogLevel::Off);
    surroundings.ecs = ecs;
    auto source = std::make_shared<SourceText>(
        "fuzz.conf", "input { syslog { decode_size_limit_bytes => 200 timezone => \"Europe/Berlin\" } }");
    parse_logstash(source, {}, graph, diagnostics);
    context = std::make_unique<PluginContext>(graph.inputs.at(0), "fuzz", surroundings, metrics, slot, diagnostics);
    input = Registry<Input>::instance().find("syslog")->make.make(graph.inputs.at(0), *context, diagnostics);
    if (!input) std::abort();
    endpoints = input->endpoints();
  }
  std::string serve(std::string_view bytes, std::size_t piece) const {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += piece) pieces.emplace_back(bytes.substr(at, piece));
    MemoryStream stream(std::move(pieces));
    KeepingSink sink;
    run_to_end(endpoints.at(0).stream->serve(stream, sink));
    return sink.kept;
  }
  std::string take(std::string_view bytes) const {
    MemoryDatagrams batch({{"10.0.0.1", std::string(bytes)}, {"::1", std::string(bytes.substr(bytes.size() / 2))}});
    KeepingSink sink;
    run_to_end(endpoints.at(1).datagram->take(batch, sink));
    return sink.kept;
  }

  Graph graph;
  PluginContext::Surroundings surroundings;
  MetricScope metrics;
  SharedSlot slot;
  Diagnostics diagnostics;
  std::unique_ptr<PluginContext> context;
  std::unique_ptr<Input> input;
  std::vector<Endpoint> endpoints;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World legacy(EcsMode::Disabled);
  static const World ecs(EcsMode::V1);
  if (size < 2) return 0;
  const std::size_t piece = data[0] == 0 ? 1 : data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = legacy.serve(bytes, bytes.size());
  if (legacy.serve(bytes, piece) != whole) std::abort();
  for (const std::string& kept : {whole, ecs.serve(bytes, piece), legacy.take(bytes), ecs.take(bytes)})
    if (!is_valid_utf8(kept)) std::abort();
  return 0;
}
