#include "pipeline/store/stored_event.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <string>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

/// Makes values of every kind, with the edges of each.
class AnyValue {
 public:
  AnyValue(Arena& arena, std::mt19937_64& random) : arena_(arena), random_(random) {}

  Value make(int depth) {
    switch (random_() % (depth < 4 ? 10 : 8)) {
      case 0: return Value::null();
      case 1: return Value::boolean(random_() % 2 == 0);
      case 2: return Value::integer(integer());
      case 3: return Value::real(real());
      case 4: return Value::big_number(big_number());
      case 5: return Value::timestamp(timestamp());
      case 6:
      case 7: return Value::string(text());
      case 8: {
        Array* items = Array::make(arena_);
        for (auto left = random_() % 12; left > 0; --left) items->push(arena_, make(depth + 1));
        return Value::array(items);
      }
      default: return Value::object(object(depth + 1));
    }
  }
  Object* object(int depth) {
    Object* made = Object::make(arena_);
    for (auto left = random_() % (depth == 0 ? 25 : 8); left > 0; --left) made->set(arena_, make_key(text()), make(depth));
    return made;
  }

 private:
  std::int64_t integer() {
    const std::int64_t edges[] = {0,
                                  -1,
                                  -32,
                                  -33,
                                  127,
                                  128,
                                  -128,
                                  -129,
                                  255,
                                  256,
                                  65535,
                                  65536,
                                  INT32_MAX,
                                  INT32_MIN,
                                  std::int64_t{UINT32_MAX},
                                  std::int64_t{UINT32_MAX} + 1,
                                  INT64_MAX,
                                  INT64_MIN};
    return random_() % 2 == 0 ? edges[random_() % std::size(edges)] : static_cast<std::int64_t>(random_());
  }
  double real() {
    const double edges[] = {0.0, -0.0, 0.1, 1e308, 5e-324, -1.5, 1.0};
    return edges[random_() % std::size(edges)];
  }
  std::string_view big_number() {
    const char* const edges[] = {"18446744073709551615",
                                 "9223372036854775808",
                                 "-9223372036854775809",
                                 "1e400",
                                 "0.12345678901234567890123",
                                 "123456789012345678901234567890",
                                 "-1E+999"};
    return edges[random_() % std::size(edges)];
  }
  Timestamp timestamp() {
    const std::int64_t edges[] = {
        Timestamp::kMinSeconds,      Timestamp::kMaxSeconds, 0, -1, UINT32_MAX, std::int64_t{UINT32_MAX} + 1,
        (std::int64_t{1} << 34) - 1, std::int64_t{1} << 34};
    const std::uint32_t nanoseconds[] = {0, 1, 999'999'999, 123'000'000};
    return {edges[random_() % std::size(edges)], nanoseconds[random_() % std::size(nanoseconds)]};
  }
  std::string_view text() {
    const std::size_t sizes[] = {0, 1, 31, 32, 255, 256, 70'000};
    const std::size_t size = random_() % 30 == 0 ? sizes[random_() % std::size(sizes)] : random_() % 40;
    const char* const letters[] = {"a", "Z", "\"", "\\", "\n", "ä", "€", "😀", "@"};
    std::string made;
    while (made.size() < size) made += letters[random_() % std::size(letters)];
    if (random_() % 20 == 0) made += '\0';
    return arena_.copy(made);
  }

  Arena& arena_;
  std::mt19937_64& random_;
};

/// Everything that a value is, kinds and order included.
void describe(const Value& value, std::string& out);
void describe(const Object& object, std::string& out) {
  out += '{';
  for (const ObjectEntry& entry : object) {
    out += std::to_string(entry.key.size) + ":" + std::string(entry.key.text()) + "=";
    describe(entry.value, out);
    out += ',';
  }
  out += '}';
}
void describe(const Value& value, std::string& out) {
  out += std::to_string(static_cast<int>(value.kind())) + ":";
  switch (value.kind()) {
    case ValueKind::Null: break;
    case ValueKind::Boolean: out += value.as_boolean() ? "1" : "0"; break;
    case ValueKind::Integer: out += std::to_string(value.as_integer()); break;
    case ValueKind::Double: {
      const double real = value.as_double();
      out.append(reinterpret_cast<const char*>(&real), sizeof real);
      break;
    }
    case ValueKind::BigNumber:
    case ValueKind::String: out += std::to_string(value.as_string().size()) + ":" + std::string(value.as_string()); break;
    case ValueKind::Timestamp:
      out += std::to_string(value.as_timestamp().seconds) + "." + std::to_string(value.as_timestamp().nanoseconds);
      break;
    case ValueKind::Array:
      out += '[';
      for (const Value& item : value.as_array()) {
        describe(item, out);
        out += ',';
      }
      out += ']';
      break;
    case ValueKind::Object: describe(value.as_object(), out); break;
  }
}
std::string description(const Event& event) {
  std::string out;
  describe(event.fields(), out);
  if (event.metadata_if_any() != nullptr) {
    out += "metadata";
    describe(*event.metadata_if_any(), out);
  }
  return out;
}

TEST_CASE("an event comes back from the store exactly as it was", "[store][event]") {
  std::mt19937_64 random(20'240'501);
  for (int round = 0; round < 400; ++round) {
    CAPTURE(round);
    Arena arena;
    AnyValue any(arena, random);
    std::string bytes;
    std::vector<std::string> expected;
    for (int i = 0; i < 3; ++i) {
      Event event(arena, nullptr, 0);
      for (const ObjectEntry& entry : *any.object(0)) event.fields().set(arena, entry.key, entry.value);
      if (random() % 2 == 0)
        for (const ObjectEntry& entry : *any.object(0)) event.metadata().set(arena, entry.key, entry.value);
      write_stored_event(event, bytes);
      expected.push_back(description(event));
    }
    MsgpackNames names;
    MsgpackReader reader(bytes, stored_event_limits(), &names);
    for (const std::string& wanted : expected) {
      Event event(arena, nullptr, 0);
      REQUIRE(read_stored_event(reader, event));
      CHECK(description(event) == wanted);
    }
    CHECK(reader.at_end());
  }
}

TEST_CASE("an event as deep as a decoder lets it be comes back from the store", "[store][event]") {
  Arena arena;
  Value value = Value::string("bottom");
  for (int level = 0; level < 1500; ++level) {
    Array* items = Array::make(arena, 1);
    items->push(arena, value);
    value = Value::array(items);
  }
  Event event(arena, nullptr, 0);
  event.fields().set(arena, intern_key("deep"), value);
  std::string bytes;
  write_stored_event(event, bytes);
  MsgpackReader reader(bytes, stored_event_limits());
  Event again(arena, nullptr, 0);
  REQUIRE(read_stored_event(reader, again));
  CHECK(description(again) == description(event));
}

TEST_CASE("a name is kept with an event, with and without metadata, and passed over by who does not ask", "[store][event]") {
  const EventName name{0x0123456789abcdef, 0xf00000000000000f};
  for (const bool has_metadata : {false, true}) {
    Arena arena;
    Event event(arena, nullptr, 0);
    event.fields().set(arena, intern_key("message"), Value::string("text"));
    if (has_metadata) event.metadata().set(arena, intern_key("a"), Value::integer(1));
    std::string bytes;
    write_stored_event(event, bytes, name);
    write_stored_event(event, bytes);
    MsgpackReader reader(bytes, stored_event_limits());
    for (const EventName& expected : {name, EventName{}}) {
      Event again(arena, nullptr, 0);
      EventName found;
      REQUIRE(read_stored_event(reader, again, &found));
      CHECK(found == expected);
      CHECK(description(again) == description(event));
    }
    CHECK(reader.at_end());
    MsgpackReader other(bytes, stored_event_limits());
    Event again(arena, nullptr, 0);
    REQUIRE(read_stored_event(other, again));
    REQUIRE(other.skip() == MsgpackStatus::Read);
    CHECK(other.at_end());
  }
}

TEST_CASE("bytes that are no stored event are refused, wherever they end", "[store][event]") {
  Arena arena;
  Event event(arena, nullptr, 0);
  event.fields().set(arena, intern_key("message"), Value::string("text"));
  event.metadata().set(arena, intern_key("a"), Value::timestamp({1, 2}));
  std::string bytes;
  write_stored_event(event, bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Event again(arena, nullptr, 0);
    MsgpackReader reader(std::string_view(bytes).substr(0, size), stored_event_limits());
    CHECK_FALSE(read_stored_event(reader, again));
  }
  for (const char* wrong : {"\xc0", "\x90", "\x93\x80\x80\x80", "\x91\x90", "\x92\x80\xc0", "\x93\x80\xc0\xc4\x01z",
                            "\x93\x80\x01\xc4\x10zzzzzzzzzzzzzzzz", "\x94\x80\xc0\xc0\xc0"}) {
    Event again(arena, nullptr, 0);
    MsgpackReader reader(wrong, stored_event_limits());
    CHECK_FALSE(read_stored_event(reader, again));
  }
}

}  // namespace
}  // namespace logboom
