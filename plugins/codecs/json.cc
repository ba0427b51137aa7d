// json: one message, one JSON document.
// Tested by tests/plugins/codecs/json_test.cc. Reference page: generated from the declarations below.
#include "pipeline/plugin/registry.h"
#include "plugins/codecs/text/json_events.h"

namespace logboom {
namespace {

struct JsonOptions {
  std::string charset = "UTF-8";
  std::optional<FieldRef> target;
  std::string on_failure = "tag";
};

OptionTable<JsonOptions> json_options() {
  OptionTable<JsonOptions> table;
  table.optional("charset", &JsonOptions::charset, "Character set of the bytes that come in.");
  table.optional("target", &JsonOptions::target,
                 "Field that takes the decoded document; its names become fields when not given.");
  table
      .optional("on_failure", &JsonOptions::on_failure,
                "What becomes of what is no JSON: an event with a tag, or an entry of the dead-letter queue.")
      .one_of({"tag", "dlq"});
  return table;
}

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(std::shared_ptr<const JsonEventSettings> settings) : events_(std::move(settings)) {}

  void decode(std::string_view bytes, Chunk& chunk) override {
    // What follows the bytes may belong to someone else's message, but it is readable inside the chunk's own buffer.
    const Buffer& received = chunk.received();
    const bool is_padded =
        bytes.data() >= received.data() && bytes.data() + bytes.size() <= received.data() + received.size();
    events_.add(bytes, is_padded, true, chunk);
  }
  void decode_message(std::string_view bytes, Chunk& chunk) override { decode(bytes, chunk); }

 private:
  JsonEventReader events_;
};

class Json final : public Codec {
 public:
  Json(JsonOptions options, const PluginContext& context)
      : settings_(std::make_shared<const JsonEventSettings>(
            JsonEventSettings{Charset::of_option(options.charset, context), options.target, TextEventMaker(context.is_ecs()),
                              context.metrics().counter("invalid_texts"), context.metrics().counter("failures"),
                              options.on_failure == "dlq", "json", context.id()})) {
    if (options.on_failure == "dlq") context.require_place_for_failures();
  }

  std::unique_ptr<Decoder> make_decoder() const override { return std::make_unique<JsonDecoder>(settings_); }
  bool can_encode() const override { return true; }
  void encode(const Event& event, std::string& out) const override { write_json(event.fields(), out); }

 private:
  std::shared_ptr<const JsonEventSettings> settings_;
};

const RegisterCodec registered({.name = "json",
                                .summary = "One JSON document a message.",
                                .make = make_codec<Json, json_options>,
                                .details = R"(A message is a JSON document: an object is one event, an array of
objects is one event each, a blank message is nothing. Any other message becomes an event with the text as `message`
and the tag `_jsonparsefailure`, counted in `failures`; with `on_failure => "dlq"` an entry of the dead-letter queue
without the tag, whose `[@metadata][raw_base64]` has the bytes when they are not valid UTF-8. With a `target` the document is put there instead of at the
top of the event. With ECS a message that gives one event is kept in `[event][original]`, unless the event brings that
field.

Going out, an event is compact JSON without a line end (`json_lines` adds one). `@metadata` is left out.)"});

}  // namespace
}  // namespace logboom
