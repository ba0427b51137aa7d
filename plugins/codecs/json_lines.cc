// json_lines: a stream of JSON documents, one a line.
// Tested by tests/plugins/codecs/json_lines_test.cc. Reference page: generated from the declarations below.
#include "pipeline/plugin/registry.h"
#include "plugins/codecs/text/json_events.h"
#include "plugins/codecs/text/line_framing.h"

namespace logboom {
namespace {

struct JsonLinesOptions {
  std::string charset = "UTF-8";
  std::string delimiter = "\n";
  ByteSize decode_size_limit_bytes{64 * 1024 * 1024};  // Logstash: 512 MiB, of each connection
  std::optional<FieldRef> target;
  std::string on_failure = "tag";
};

OptionTable<JsonLinesOptions> json_lines_options() {
  OptionTable<JsonLinesOptions> table;
  table.optional("charset", &JsonLinesOptions::charset, "Character set of the bytes that come in.");
  table.optional("delimiter", &JsonLinesOptions::delimiter, "What ends a line, coming in and going out.");
  table.optional("decode_size_limit_bytes", &JsonLinesOptions::decode_size_limit_bytes,
                 "Longest line (Logstash: 512 MiB); what is longer is cut there and tagged _line_too_long.");
  table.optional("target", &JsonLinesOptions::target,
                 "Field that takes the decoded document; its names become fields when not given.");
  table
      .optional("on_failure", &JsonLinesOptions::on_failure,
                "What becomes of what is no JSON: an event with a tag, or an entry of the dead-letter queue.")
      .one_of({"tag", "dlq"});
  return table;
}

struct JsonLinesShared {
  std::shared_ptr<const JsonEventSettings> events;
  std::string delimiter;
  std::size_t limit_bytes;
  TextEventMaker texts;
  Counter& too_long;
};

class JsonLinesDecoder final : public Decoder {
 public:
  explicit JsonLinesDecoder(const JsonLinesShared& shared)
      : events_(shared.events),
        framing_(shared.events->charset, shared.delimiter, shared.limit_bytes),
        texts_(shared.texts),
        too_long_(shared.too_long) {}

  void decode(std::string_view bytes, Chunk& chunk) override {
    framing_.split(bytes, chunk, [&](const FramedLine& line) { add(line, is_padded(line.bytes, bytes, chunk), chunk); });
  }
  void decode_message(std::string_view bytes, Chunk& chunk) override {
    decode(bytes, chunk);
    flush(chunk);
  }
  void flush(Chunk& chunk) override {
    const std::string_view rest = framing_.take_rest(chunk);
    if (rest.data() != nullptr) add(FramedLine{rest, false, false}, true, chunk);
  }
  std::string take_unfinished() override { return framing_.take_unfinished(); }
  std::size_t held_bytes() const override { return framing_.held_bytes(); }

 private:
  static bool is_inside(std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
  }
  /// Carried lines are padded copies, received buffers are padded; other memory is only as far as it reaches.
  static bool is_padded(std::string_view line, std::string_view bytes, const Chunk& chunk) {
    if (is_inside(line, chunk.received().view()) || !is_inside(line, bytes)) return true;
    return static_cast<std::size_t>(bytes.data() + bytes.size() - (line.data() + line.size())) >= kBufferPadding;
  }

  void add(const FramedLine& line, bool is_padded, Chunk& chunk) {
    CharsetReader& reader = events_.charset_reader();
    if (reader.charset().has_open_byte_order() && framing_.knows_byte_order())
      reader.set_charset(reader.charset().with_byte_order(framing_.is_little_endian()));
    if (!line.is_cut) {
      events_.add(line.bytes, is_padded, false, chunk);
      return;
    }
    too_long_.add();
    texts_.add(reader.to_utf8(line.bytes, chunk.arena()), chunk).add_failure_tag("_line_too_long");
  }

  JsonEventReader events_;
  LineFraming framing_;
  TextEventMaker texts_;
  Counter& too_long_;
};

class JsonLines final : public Codec {
 public:
  JsonLines(JsonLinesOptions options, const PluginContext& context)
      : shared_{std::make_shared<const JsonEventSettings>(
                    JsonEventSettings{Charset::of_option(options.charset, context), options.target, TextEventMaker(false),
                                      context.metrics().counter("invalid_texts"), context.metrics().counter("failures"),
                                      options.on_failure == "dlq", "json_lines", context.id()}),
                options.delimiter, static_cast<std::size_t>(options.decode_size_limit_bytes.bytes), TextEventMaker(false),
                context.metrics().counter("lines_too_long")} {
    if (options.on_failure == "dlq") context.require_place_for_failures();
    if (options.delimiter.empty()) context.error("delimiter", "delimiter: is empty", "leave it out for line feeds");
  }

  std::unique_ptr<Decoder> make_decoder() const override { return std::make_unique<JsonLinesDecoder>(shared_); }
  bool can_encode() const override { return true; }
  void encode(const Event& event, std::string& out) const override {
    write_json(event.fields(), out);
    out += shared_.delimiter;
  }

 private:
  JsonLinesShared shared_;
};

const RegisterCodec registered({.name = "json_lines",
                                .summary = "JSON documents, one a line.",
                                .make = make_codec<JsonLines, json_lines_options>,
                                .details = R"(Every line is a JSON document: an object is one event, an array of
objects is one event each, a blank line is nothing. Any other line becomes an event with the line as `message` and the
tag `_jsonparsefailure`, counted in `failures`; with `on_failure => "dlq"` an entry of the dead-letter queue, as of the
codec json. With a `target` the document is put there instead of at the top of the
event. `[event][original]` is not set.

A line longer than `decode_size_limit_bytes` is not parsed: its beginning becomes `message`, with the tag
`_line_too_long`, and its rest is skipped; counted in `lines_too_long`.

Going out, an event is compact JSON and the delimiter. `@metadata` is left out.)"});

}  // namespace
}  // namespace logboom
