// JSON between text and values: a reader that goes once over plain documents, a tolerant one for the rest, a writer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/event/value.h"

namespace logboom {

constexpr int kMaxJsonDepth = 1000;  // as Jackson, which Logstash uses

/// Reads JSON documents into an arena. Keeps its working memory from call to call: one per thread or connection.
class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;

  /// Parses one document that fills `text` (white space around it is allowed). Texts without escapes become views into
  /// `text`, which must outlive the values; everything else goes to `arena`. `text` must be readable for kBufferPadding
  /// bytes past its end (a Buffer is). A repeated name keeps its first place and its last value.
  /// Tolerated: numbers beyond 64 bits or a double (kept as digits), lone surrogates and invalid UTF-8 (become U+FFFD).
  /// Errors: InvalidArgument with what and at which byte; TooLarge past kMaxJsonDepth levels.
  Result<Value> parse(std::string_view text, Arena& arena);
  /// The same for text without padding behind it: copies it to `arena` first.
  Result<Value> parse_unpadded(std::string_view text, Arena& arena);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tolerant reader alone (what JsonReader falls back to). Same contract, no padding needed.
Result<Value> parse_json_tolerant(std::string_view text, Arena& arena);

/// Appends a value as compact JSON. Timestamps become ISO 8601 texts; '/' and non-ASCII stay as they are.
void write_json(const Value& value, std::string& out);
/// Appends an object as compact JSON.
void write_json(const Object& object, std::string& out);
/// Appends a text in quotes, with the escapes that RFC 8259 asks for.
void write_json_string(std::string_view text, std::string& out);
/// Indented by two blanks, for people.
void write_json_pretty(const Value& value, std::string& out, int indent = 0);
/// A double as JSON prints it: shortest form that reads back the same, always with '.' or an exponent.
void append_double(double value, std::string& out);

}  // namespace logboom
