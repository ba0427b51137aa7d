// The fast path: simdjson on demand, straight into arena tables, texts without escapes left where they are.
#include <emmintrin.h>
#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "pipeline/base/bytes.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

static_assert(kBufferPadding >= simdjson::SIMDJSON_PADDING);
constexpr std::size_t kLargestKeptCapacity = 4 * 1024 * 1024;  // a parser that met a huge document gives its memory back

constexpr std::uint32_t kFieldsOfEvent = 12;  // room from the start; @version, tags and the like come on top
constexpr std::uint32_t kFieldsOfObject = 4;

namespace od = simdjson::ondemand;

/// Length of the name whose opening quote was just passed, or -1 when it holds an escape. 16 bytes at a time: what follows
/// the document is readable.
std::ptrdiff_t plain_name_length(const char* at, const char* end) {
  const char* const start = at;
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (; at < end; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(ends));
    if (found == 0) continue;
    at += std::countr_zero(found);
    return *at == '"' ? at - start : -1;
  }
  return -1;
}

std::string_view trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t'))
    token.remove_suffix(1);
  return token;
}

bool is_json_integer(std::string_view token) {
  if (!token.empty() && token.front() == '-') token.remove_prefix(1);
  if (token.empty() || (token.size() > 1 && token.front() == '0')) return false;
  for (const char c : token)
    if (c < '0' || c > '9') return false;
  return true;
}

class FastReader {
 public:
  FastReader(Arena& arena, const char* end) : arena_(arena), end_(end) {}

  /// False when simdjson refuses the document or a part of it.
  template <class Node>
  bool read(Node& node, Value& out, int depth) {
    od::json_type type;
    if (node.type().get(type) != simdjson::SUCCESS) return false;
    const bool is_nesting = type == od::json_type::object || type == od::json_type::array;
    if (is_nesting && depth > kMaxJsonDepth) return false;
    switch (type) {
      case od::json_type::object: {
        od::object object;
        if (node.get_object().get(object) != simdjson::SUCCESS) return false;
        return read_object(object, out, depth);
      }
      case od::json_type::array: {
        od::array array;
        if (node.get_array().get(array) != simdjson::SUCCESS) return false;
        return read_array(array, out, depth);
      }
      case od::json_type::string: return read_string(node, out);
      case od::json_type::number: return read_number(node, out);
      case od::json_type::boolean: {
        bool value = false;
        if (node.get_bool().get(value) != simdjson::SUCCESS) return false;
        out = Value::boolean(value);
        return true;
      }
      case od::json_type::null: {
        if (!is_null(node)) return false;
        out = Value::null();
        return true;
      }
    }
    return false;
  }

 private:
  static bool is_null(od::value& node) {
    bool value = false;
    return node.is_null().get(value) == simdjson::SUCCESS && value;
  }
  static bool is_null(od::document& node) {
    bool value = false;
    return node.is_null().get(value) == simdjson::SUCCESS && value;
  }

  bool read_object(od::object& object, Value& out, int depth) {
    Object* made = Object::make(arena_, depth == event_depth_ ? kFieldsOfEvent : kFieldsOfObject);
    for (auto field_result : object) {
      od::field field;
      if (std::move(field_result).get(field) != simdjson::SUCCESS) return false;
      const char* raw = field.key().raw();
      const std::ptrdiff_t length = plain_name_length(raw, end_);
      std::string_view name;
      if (length >= 0) {
        name = {raw, static_cast<std::size_t>(length)};
      } else {
        if (field.unescaped_key().get(name) != simdjson::SUCCESS) return false;
        name = arena_.copy(name);
      }
      od::value child = field.value();
      Value value;
      if (!read(child, value, depth + 1)) return false;
      made->set(arena_, make_key(name), value);
    }
    out = Value::object(made);
    return true;
  }

  bool read_array(od::array& array, Value& out, int depth) {
    Array* made = Array::make(arena_, 4);
    if (depth == 1) event_depth_ = 2;  // a list of events
    for (auto item_result : array) {
      od::value item;
      if (std::move(item_result).get(item) != simdjson::SUCCESS) return false;
      Value value;
      if (!read(item, value, depth + 1)) return false;
      made->push(arena_, value);
    }
    out = Value::array(made);
    return true;
  }

  template <class Node>
  bool read_string(Node& node, Value& out) {
    std::string_view token;
    if (simdjson::simdjson_result<std::string_view>(node.raw_json_token()).get(token) != simdjson::SUCCESS) return false;
    // Between its quotes a text is valid already; without a backslash it need not be looked at again.
    token = trimmed(token);
    const bool is_plain =
        token.size() >= 2 && token.back() == '"' && std::memchr(token.data(), '\\', token.size()) == nullptr;
    if (is_plain) {
      if (node.get_raw_json_string().error() != simdjson::SUCCESS) return false;  // moves past the text
      out = Value::string(token.substr(1, token.size() - 2));
      return true;
    }
    std::string_view text;
    if (node.get_string().get(text) != simdjson::SUCCESS) return false;
    out = Value::string(arena_.copy(text));
    return true;
  }

  template <class Node>
  bool read_number(Node& node, Value& out) {
    std::string_view token;
    if (simdjson::simdjson_result<std::string_view>(node.raw_json_token()).get(token) != simdjson::SUCCESS) return false;
    token = trimmed(token);
    if (is_json_integer(token)) {
      std::int64_t value = 0;
      const auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), value);
      if (problem != std::errc()) return false;  // beyond 64 bits: the tolerant reader keeps its digits
      if (node.get_int64().error() != simdjson::SUCCESS) return false;
      out = Value::integer(value);
      return true;
    }
    double value = 0;
    if (node.get_double().get(value) != simdjson::SUCCESS) return false;
    out = Value::real(value);
    return true;
  }

  Arena& arena_;
  const char* end_;
  int event_depth_ = 1;
};

}  // namespace

struct JsonReader::State {
  od::parser parser;
};

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

Result<Value> JsonReader::parse(std::string_view text, Arena& arena) {
  Value value;
  bool is_read = false;
  {
    od::document document;
    const simdjson::padded_string_view padded(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
    if (state_->parser.iterate(padded).get(document) == simdjson::SUCCESS) {
      FastReader reader(arena, text.data() + text.size());
      is_read = reader.read(document, value, 1) &&
                document.current_location().error() == simdjson::OUT_OF_BOUNDS;  // nothing behind
    }
  }
  if (state_->parser.capacity() > kLargestKeptCapacity) state_ = std::make_unique<State>();
  if (is_read) return value;
  return parse_json_tolerant(text, arena);
}

Result<Value> JsonReader::parse_unpadded(std::string_view text, Arena& arena) {
  char* padded = static_cast<char*>(arena.allocate(text.size() + kBufferPadding, 1));
  if (!text.empty()) std::memcpy(padded, text.data(), text.size());
  std::memset(padded + text.size(), 0, kBufferPadding);
  return parse({padded, text.size()}, arena);
}

}  // namespace logboom
