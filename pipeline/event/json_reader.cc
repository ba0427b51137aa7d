// The fast path: one pass over the text, straight into arena tables; texts without escapes are left where they are.
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "pipeline/base/bytes.h"
#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"
#include "pipeline/event/json_block.h"

namespace logboom {
namespace {

constexpr std::size_t kLargestKeptScratch = 1024 * 1024;  // a reader that met a huge text gives its memory back
constexpr std::uint32_t kFieldsOfEvent = 12;              // room from the start; @version, tags and the like come on top
constexpr std::uint32_t kFieldsOfObject = 4;
static_assert(kBufferPadding >= kJsonBlockBytes);

/// What a backslash and this letter stand for; 0 for letters that it does not go with, 'u' stands for itself.
constexpr std::array<char, 256> kEscaped = [] {
  std::array<char, 256> escaped{};
  escaped['"'] = '"';
  escaped['\\'] = '\\';
  escaped['/'] = '/';
  escaped['b'] = '\b';
  escaped['f'] = '\f';
  escaped['n'] = '\n';
  escaped['r'] = '\r';
  escaped['t'] = '\t';
  escaped['u'] = 'u';
  return escaped;
}();

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// Memory for a text while its escapes are resolved.
class Scratch {
 public:
  /// At least this many bytes; what was written before stays.
  char* reserve(std::size_t bytes) {
    if (bytes > text_.size()) text_.resize(bytes + bytes / 2);
    return text_.data();
  }
  void shrink() {
    if (text_.size() > kLargestKeptScratch) text_ = {};
  }

 private:
  std::string text_;
};

/// Names of the documents before, in the order in which they came: most documents of a stream name the same things in the
/// same order, and a name that is expected is recognised by comparing its bytes. A fixed number, so that hostile names
/// cannot grow it.
class KnownNames {
 public:
  static constexpr std::size_t kLongest = kJsonBlockBytes - 1;  // with its closing quote it fills a block

  /// The key of the expected name when it stands at `at`, which is behind an opening quote; nullptr when another one does.
  const Key* match(const char* at, JsonBlock block, std::size_t left) {
    Name& name = names_[expected_];
    if ((equal_bytes(block, load_json_block(name.text.data())) & name.mask) != name.mask || left <= name.key.size)
      return nullptr;
    last_ = expected_;
    expected_ = name.next;
    if (name.is_interned) return &name.key;
    name.key.data = at;
    if (++name.hits == kHitsBeforeInterning) {
      if (const auto interned = intern_common_key(name.key.text())) name.key = *interned;
      name.is_interned = name.key.data != at;
    }
    return &name.key;
  }
  /// Another one stood there: it is expected there from now on.
  void learn(const Key& key) {
    if (key.size > kLongest) return;
    const std::size_t slot = slot_of(key);
    Name& name = names_[slot];
    if (!name.is(key)) {
      name = Name();
      std::memcpy(name.text.data(), key.data, key.size);
      name.text[key.size] = '"';
      name.mask = (2U << key.size) - 1;
      name.key = key;
    }
    names_[last_].next = static_cast<std::uint8_t>(slot);
    last_ = slot;
    expected_ = name.next;
  }

 private:
  static constexpr std::size_t kNames = 128;
  static constexpr std::size_t kPlacesOfName = 8;
  static constexpr std::uint32_t kUnused = 1U << kJsonBlockBytes;  // fits nothing
  static constexpr std::uint32_t kHitsBeforeInterning = 64;
  struct Name {
    std::array<char, kJsonBlockBytes> text{};  // with the closing quote
    std::uint32_t mask = kUnused;              // the bytes of it that count
    Key key;
    std::uint32_t hits = 0;
    bool is_interned = false;
    std::uint8_t next = 0;  // what came after it last time

    bool is(const Key& other) const {
      return mask != kUnused && key.size == other.size && std::memcmp(text.data(), other.data, other.size) == 0;
    }
  };
  /// Where it is, or where it may stand: one of a few places.
  std::size_t slot_of(const Key& key) const {
    for (std::size_t i = 0; i < kPlacesOfName; ++i) {
      const std::size_t slot = (key.hash + i) % kNames;
      if (names_[slot].mask == kUnused || names_[slot].is(key)) return slot;
    }
    return key.hash % kNames;
  }
  std::array<Name, kNames> names_{};
  std::size_t last_ = 0;
  std::size_t expected_ = 0;
};

class FastReader {
 public:
  FastReader(std::string_view text, Arena& arena, Scratch& scratch, KnownNames& names)
      : at_(text.data()), end_(text.data() + text.size()), arena_(arena), scratch_(scratch), names_(names) {}

  /// False when the document is not plain RFC 8259, or holds what only the tolerant reader takes.
  bool read_document(Value& out) {
    const char* const start = at_;
    skip_blanks();
    if (!read_value(out, 1)) return false;
    skip_blanks();
    if (at_ != end_) return false;
    return !has_high_bits(seen_) || is_valid_utf8({start, static_cast<std::size_t>(end_ - start)});
  }

 private:
  void skip_blanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  /// The one blank that many writers put behind ':' and ','. Behind the document it does no harm: whatever comes next looks
  /// where it is.
  void skip_usual_blank() { at_ += static_cast<std::size_t>(*at_ == ' '); }
  /// Takes this character when it is next, blanks before it included.
  bool take(char wanted) {
    skip_usual_blank();
    if (*at_ != wanted) skip_blanks();
    if (at_ >= end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }

  /// No blanks before it.
  [[gnu::always_inline]] bool read_value(Value& out, int depth) {
    if (at_ >= end_) return false;
    if (*at_ != '"') return read_other_value(out, depth);
    std::string_view text;
    ++at_;
    if (!read_string(text)) return false;
    out = Value::string(text);
    return true;
  }
  bool read_other_value(Value& out, int depth) {
    switch (*at_) {
      case '{': ++at_; return depth <= kMaxJsonDepth && read_object(out, depth);
      case '[': ++at_; return depth <= kMaxJsonDepth && read_array(out, depth);
      case 't': out = Value::boolean(true); return take_word("true");
      case 'f': out = Value::boolean(false); return take_word("false");
      case 'n': out = Value::null(); return take_word("null");
      default: return read_number(out);
    }
  }

  bool read_object(Value& out, int depth) {
    Object* made = Object::make(arena_, depth == event_depth_ ? kFieldsOfEvent : kFieldsOfObject);
    out = Value::object(made);
    if (take('}')) return true;
    do {
      Key key;
      if (!take('"') || !read_name(key) || !take(':')) return false;
      skip_usual_blank();
      if (at_ < end_ && *at_ <= ' ') skip_blanks();
      // Read where it stays: a value that is copied just after its parts were written waits for them (profile: 5 % of it all).
      Value& value = made->set(arena_, key, Value::null());
      if (!read_value(value, depth + 1)) return false;
    } while (take(','));
    return take('}');
  }

  /// The rest of a name whose opening quote was taken.
  [[gnu::always_inline]] bool read_name(Key& key) {
    const JsonBlock block = load_json_block(at_);
    seen_ = joined(seen_, block);
    if (const Key* known = names_.match(at_, block, static_cast<std::size_t>(end_ - at_))) {
      key = *known;
      at_ += key.size + 1;
      return true;
    }
    return read_new_name(key);
  }
  [[gnu::noinline]] bool read_new_name(Key& key) {
    const char* const start = at_;
    std::string_view name;
    if (!read_string(name)) return false;
    key = make_key(name);
    if (key.data == start) names_.learn(key);  // without escapes
    return true;
  }

  bool read_array(Value& out, int depth) {
    Array* made = Array::make(arena_, 4);
    out = Value::array(made);
    if (depth == 1) event_depth_ = 2;  // a list of events
    if (take(']')) return true;
    do {
      skip_blanks();
      Value value;
      if (!read_value(value, depth + 1)) return false;
      made->push(arena_, value);
    } while (take(','));
    return take(']');
  }

  /// The rest of a text whose opening quote was taken. A block at a time: what follows the document is readable.
  [[gnu::always_inline]] bool read_string(std::string_view& out) {
    const char* const start = at_;
    for (; at_ < end_; at_ += kJsonBlockBytes) {
      const JsonBlock block = load_json_block(at_);
      seen_ = joined(seen_, block);
      const std::uint32_t ends = marked_bytes(block);
      if (ends == 0) continue;
      at_ += std::countr_zero(ends);
      if (at_ >= end_) return false;
      if (*at_ == '\\') return read_escaped(start, out);
      out = {start, static_cast<std::size_t>(at_ - start)};
      return *at_++ == '"';
    }
    return false;
  }

  /// The same for a text that begins at `start` and has its first backslash where the reader is.
  [[gnu::noinline]] bool read_escaped(const char* start, std::string_view& out) {
    std::size_t size = static_cast<std::size_t>(at_ - start);
    char* to = scratch_.reserve(size + 2 * kJsonBlockBytes);
    std::memcpy(to, start, size);
    while (at_ < end_) {
      to = scratch_.reserve(size + 2 * kJsonBlockBytes);
      const JsonBlock block = load_json_block(at_);
      seen_ = joined(seen_, block);
      store_json_block(to + size, block);
      const std::uint32_t ends = marked_bytes(block);
      const auto plain = ends == 0 ? kJsonBlockBytes : static_cast<std::size_t>(std::countr_zero(ends));
      at_ += plain;
      size += plain;
      if (ends == 0) continue;
      if (at_ >= end_) return false;
      if (*at_ == '"') {
        ++at_;
        out = arena_.copy({to, size});
        return true;
      }
      if (*at_ != '\\' || !read_escape(to, size)) return false;
    }
    return false;
  }

  bool read_escape(char* to, std::size_t& size) {
    const char meaning = kEscaped[static_cast<unsigned char>(at_[1])];
    at_ += 2;
    if (meaning == 0) return false;
    if (meaning != 'u') {
      to[size++] = meaning;
      return true;
    }
    std::uint32_t unit = 0;
    if (!read_hex(unit)) return false;
    if (unit >= 0xD800 && unit < 0xE000) {
      std::uint32_t low = 0;
      if (unit >= 0xDC00 || !take_word("\\u") || !read_hex(low) || low < 0xDC00 || low >= 0xE000) return false;
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    size += put_utf8(unit, to + size);
    return true;
  }
  bool read_hex(std::uint32_t& unit) {
    if (end_ - at_ < 4) return false;
    const auto [after, problem] = std::from_chars(at_, at_ + 4, unit, 16);
    const bool is_whole = problem == std::errc() && after == at_ + 4;
    at_ += 4;
    return is_whole;
  }

  bool take_digits() {
    const char* const from = at_;
    while (at_ < end_ && is_digit(*at_)) ++at_;
    return at_ > from;
  }
  bool read_number(Value& out) {
    const char* const start = at_;
    if (*at_ == '-') ++at_;
    const char* const digits = at_;
    if (!take_digits() || (*digits == '0' && at_ - digits > 1)) return false;
    if (at_ < end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E')) return read_double(start, out);
    std::int64_t value = 0;
    if (std::from_chars(start, at_, value).ec != std::errc()) return false;  // the tolerant reader keeps its digits
    out = Value::integer(value);
    return true;
  }
  bool read_double(const char* start, Value& out) {
    if (*at_ == '.') {
      ++at_;
      if (!take_digits()) return false;
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (!take_digits()) return false;
    }
    double value = 0;
    if (std::from_chars(start, at_, value).ec != std::errc()) return false;
    out = Value::real(value);
    return true;
  }

  const char* at_;
  const char* const end_;
  Arena& arena_;
  Scratch& scratch_;
  KnownNames& names_;
  JsonBlock seen_{};  // all blocks of texts, joined
  int event_depth_ = 1;
};

// Per thread, not per reader: ten thousand connections that each send a line now and then share what is known.
constinit thread_local KnownNames known_names;

}  // namespace

struct JsonReader::State {
  Scratch scratch;
};

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

Result<Value> JsonReader::parse(std::string_view text, Arena& arena) {
  Value value;
  const bool is_read = FastReader(text, arena, state_->scratch, known_names).read_document(value);
  state_->scratch.shrink();
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
