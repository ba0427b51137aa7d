// JSON documents into events, for the json and json_lines codecs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/event/batch.h"
#include "pipeline/event/json.h"
#include "plugins/codecs/text/charset.h"
#include "plugins/codecs/text/text_event.h"

namespace logboom {

/// What the decoders of one codec share. Immutable, any thread.
struct JsonEventSettings {
  Charset charset;
  std::optional<FieldRef> target;
  TextEventMaker texts;  // makes the events of documents that cannot be read
  Counter& invalid_texts;
  Counter& failures;
  bool diverts_failures = false;  // on_failure => "dlq"
  std::string name = {};          // of the codec, for its dead letters
  std::string id = {};
};

/// One decoder's working memory. One thread at a time.
class JsonEventReader {
 public:
  explicit JsonEventReader(std::shared_ptr<const JsonEventSettings> settings)
      : settings_(std::move(settings)), charset_reader_(settings_->charset, settings_->invalid_texts) {}

  CharsetReader& charset_reader() { return charset_reader_; }

  /// Adds the events of one document: one for an object, one for each object of an array, none for blanks. Anything else
  /// becomes one event with the text and the tag _jsonparsefailure. `text` lives as long as the chunk and, when
  /// `is_padded`, is readable for kBufferPadding bytes past its end. `keeps_original`: sets [event][original] of a lone
  /// event.
  void add(std::string_view text, bool is_padded, bool keeps_original, Chunk& chunk);

 private:
  void add_object(Object* fields, Chunk& chunk);
  void add_failure(std::string_view text, std::string_view problem, Chunk& chunk);

  std::shared_ptr<const JsonEventSettings> settings_;
  CharsetReader charset_reader_;
  JsonReader reader_;
};

}  // namespace logboom
