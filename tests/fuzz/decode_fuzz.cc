// Decoders of byte streams on hostile bytes in random pieces: no crash, bounded memory, and every event prints as valid
// UTF-8. The first byte chooses the codec, the second one the pieces.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/utf8.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/plugin/codec.h"

namespace {

using namespace logboom;

constexpr std::size_t kLimitBytes = 300;

const char* const kCodecs[] = {
    "json",
    "json_lines { decode_size_limit_bytes => 300 }",
    "line { decode_size_limit_bytes => 300 }",
    "line { delimiter => \"ab\" decode_size_limit_bytes => 300 }",
    "line { charset => \"UTF-16\" decode_size_limit_bytes => 300 }",
    "json_lines { charset => \"Shift_JIS\" decode_size_limit_bytes => 300 }",
    "multiline { pattern => \"^\\s\" what => \"previous\" max_lines => 5 }",
    "multiline { pattern => \"x$\" what => \"next\" max_bytes => 200 }",
    "plain",
};

std::vector<CodecPtr> make_codecs() {
  static MetricScope metrics;
  static SharedSlot slot;
  std::vector<CodecPtr> made;
  for (const char* text : kCodecs) {
    Diagnostics diagnostics;
    Graph graph;
    parse_logstash(std::make_shared<SourceText>("fuzz.conf", "input { x { codec => " + std::string(text) + " } }"), {},
                   graph, diagnostics);
    const PluginContext context(graph.inputs.at(0), "fuzz", {}, metrics, slot, diagnostics);
    CodecChoice choice;
    OptionReader("codec", diagnostics).read(graph.inputs.at(0).find("codec")->value, choice);
    made.push_back(context.make_codec(choice));
    if (made.back() == nullptr) std::abort();
  }
  return made;
}

void check(const Chunk& chunk) {
  std::string text;
  for (const Event* event : chunk.events()) {
    text.clear();
    write_json(event->fields(), text);
    if (!is_valid_utf8(text) || !event->timestamp()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<CodecPtr> codecs = make_codecs();
  if (size < 2) return 0;
  const auto decoder = codecs[data[0] % codecs.size()]->make_decoder();
  std::uint32_t random = data[1];
  std::string_view rest(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::size_t whole = rest.size();
  while (!rest.empty()) {
    random = random * 1664525U + 1013904223U;
    const std::string_view piece = rest.substr(0, 1 + (random >> 16) % 64);
    rest.remove_prefix(piece.size());
    Chunk chunk(Buffer::copy_of(piece), Timestamp{});
    if ((random & 0xFF) < 16) {
      decoder->decode_message(chunk.received().view(), chunk);
    } else {
      decoder->decode(chunk.received().view(), chunk);
    }
    if (decoder->held_bytes() > 4 * whole + kLimitBytes) std::abort();
    check(chunk);
  }
  Chunk last({}, Timestamp{});
  if ((random & 1) != 0) {
    decoder->take_unfinished();
  } else {
    decoder->flush(last);
  }
  if (decoder->held_bytes() != 0) std::abort();
  check(last);
  return 0;
}
