// plain: one message, one event; the text is not looked into.
// Tested by tests/plugins/codecs/plain_test.cc. Reference page: generated from the declarations below.
#include "pipeline/plugin/registry.h"
#include "plugins/codecs/text/charset.h"
#include "plugins/codecs/text/text_encoder.h"
#include "plugins/codecs/text/text_event.h"

namespace logboom {
namespace {

struct PlainOptions {
  std::string charset = "UTF-8";
  std::optional<FieldTemplate> format;
};

OptionTable<PlainOptions> plain_options() {
  OptionTable<PlainOptions> table;
  table.optional("charset", &PlainOptions::charset, "Character set of the bytes that come in.");
  table.optional("format", &PlainOptions::format, "Text of an event going out; time, host and message when not given.");
  return table;
}

class PlainDecoder final : public Decoder {
 public:
  PlainDecoder(const Charset& charset, Counter& invalid, TextEventMaker events)
      : reader_(charset, invalid), events_(events) {}

  void decode(std::string_view bytes, Chunk& chunk) override {
    if (!bytes.empty()) decode_message(bytes, chunk);
  }
  void decode_message(std::string_view bytes, Chunk& chunk) override {
    events_.add(reader_.to_utf8(bytes, chunk.arena()), chunk);
  }

 private:
  CharsetReader reader_;
  TextEventMaker events_;
};

class Plain final : public Codec {
 public:
  Plain(PlainOptions options, const PluginContext& context)
      : charset_(Charset::of_option(options.charset, context)),
        invalid_(context.metrics().counter("invalid_texts")),
        events_(context.is_ecs()),
        encoder_(std::move(options.format)) {}

  std::unique_ptr<Decoder> make_decoder() const override {
    return std::make_unique<PlainDecoder>(charset_, invalid_, events_);
  }
  bool can_encode() const override { return true; }
  void encode(const Event& event, std::string& out) const override { encoder_.append(event, out); }

 private:
  Charset charset_;
  Counter& invalid_;
  TextEventMaker events_;
  TextEncoder encoder_;
};

const RegisterCodec registered({.name = "plain",
                                .summary = "Text as it is: one message, one event.",
                                .make = make_codec<Plain, plain_options>,
                                .details = R"(What comes in becomes `message`; with ECS also `[event][original]`.
Bytes that are not valid UTF-8 are written as `\xHH`; with another `charset` what cannot be read becomes U+FFFD. Both
are counted in `invalid_texts`.

Going out, an event is its `format`, without a line end. Without a `format` it is time, host and message, with
`%{host}` and `%{message}` standing for fields that are missing.)"});

}  // namespace
}  // namespace logboom
