// line: a stream of text cut at a delimiter, one line one event.
// Tested by tests/plugins/codecs/line_test.cc. Reference page: generated from the declarations below.
#include "pipeline/plugin/registry.h"
#include "plugins/codecs/text/charset.h"
#include "plugins/codecs/text/line_framing.h"
#include "plugins/codecs/text/text_encoder.h"
#include "plugins/codecs/text/text_event.h"

namespace logboom {
namespace {

struct LineOptions {
  std::string charset = "UTF-8";
  std::optional<FieldTemplate> format;
  std::string delimiter = "\n";
  ByteSize decode_size_limit_bytes{64 * 1024 * 1024};  // Logstash: 512 MiB, of each connection
};

OptionTable<LineOptions> line_options() {
  OptionTable<LineOptions> table;
  table.optional("charset", &LineOptions::charset, "Character set of the bytes that come in.");
  table.optional("format", &LineOptions::format, "Text of an event going out; time, host and message when not given.");
  table.optional("delimiter", &LineOptions::delimiter, "What ends a line, coming in and going out.");
  table.optional("decode_size_limit_bytes", &LineOptions::decode_size_limit_bytes,
                 "Longest line (Logstash: 512 MiB); what is longer is cut there and tagged _line_too_long.");
  return table;
}

struct LineShared {
  Charset charset;
  std::string delimiter;
  std::size_t limit_bytes;
  TextEventMaker events;
  Counter& invalid;
  Counter& too_long;
};

class LineDecoder final : public Decoder {
 public:
  explicit LineDecoder(const LineShared& shared)
      : reader_(shared.charset, shared.invalid),
        framing_(shared.charset, shared.delimiter, shared.limit_bytes),
        events_(shared.events),
        limit_bytes_(shared.limit_bytes),
        too_long_(shared.too_long) {}

  void decode(std::string_view bytes, Chunk& chunk) override {
    framing_.split(bytes, chunk, [&](const FramedLine& line) { add(line, chunk); });
  }
  void decode_message(std::string_view bytes, Chunk& chunk) override {
    if (framing_.held_bytes() != 0 || bytes.size() > limit_bytes_) {
      decode(bytes, chunk);
      flush(chunk);
    } else {
      add(FramedLine{bytes, false, false}, chunk);
    }
  }
  void flush(Chunk& chunk) override {
    const std::string_view rest = framing_.take_rest(chunk);
    if (rest.data() != nullptr) add(FramedLine{rest, false, false}, chunk);
  }
  std::string take_unfinished() override { return framing_.take_unfinished(); }
  std::size_t held_bytes() const override { return framing_.held_bytes(); }

 private:
  void add(const FramedLine& line, Chunk& chunk) {
    if (reader_.charset().has_open_byte_order() && framing_.knows_byte_order())
      reader_.set_charset(reader_.charset().with_byte_order(framing_.is_little_endian()));
    Event& event = events_.add(line.is_valid_utf8 ? line.bytes : reader_.to_utf8(line.bytes, chunk.arena()), chunk);
    if (!line.is_cut) return;
    too_long_.add();
    event.add_failure_tag("_line_too_long");
  }

  CharsetReader reader_;
  LineFraming framing_;
  TextEventMaker events_;
  std::size_t limit_bytes_;
  Counter& too_long_;
};

class Line final : public Codec {
 public:
  Line(LineOptions options, const PluginContext& context)
      : shared_{Charset::of_option(options.charset, context),
                options.delimiter,
                static_cast<std::size_t>(options.decode_size_limit_bytes.bytes),
                TextEventMaker(context.is_ecs()),
                context.metrics().counter("invalid_texts"),
                context.metrics().counter("lines_too_long")},
        encoder_(std::move(options.format)) {
    if (options.delimiter.empty()) context.error("delimiter", "delimiter: is empty", "leave it out for line feeds");
  }

  std::unique_ptr<Decoder> make_decoder() const override { return std::make_unique<LineDecoder>(shared_); }
  bool can_encode() const override { return true; }
  void encode(const Event& event, std::string& out) const override {
    encoder_.append(event, out);
    out += shared_.delimiter;
  }

 private:
  LineShared shared_;
  TextEncoder encoder_;
};

const RegisterCodec registered({.name = "line",
                                .summary = "Lines of text: each is an event.",
                                .make = make_codec<Line, line_options>,
                                .details = R"(Every line of the stream becomes an event with the line, without its
delimiter, as `message`; with ECS also as `[event][original]`. The last line of a stream needs no delimiter. Empty
lines are events too. A carriage return before a line feed stays in the message.

Bytes that are not valid UTF-8 are written as `\xHH` and counted in `invalid_texts`. A line longer than
`decode_size_limit_bytes` is cut there, tagged `_line_too_long` and counted in `lines_too_long`; its rest is skipped.
In UTF-16 and UTF-32 the delimiter is found in that encoding, and a byte order mark is obeyed.

Going out, an event is its `format` and the delimiter. Without a `format` it is time, host and message.)"});

}  // namespace
}  // namespace logboom
