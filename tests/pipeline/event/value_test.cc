#include "pipeline/event/value.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

std::string json(const Value& value) {
  std::string out;
  write_json(value, out);
  return out;
}

Value parsed(std::string_view text, Arena& arena) {
  auto value = JsonReader().parse_unpadded(text, arena);
  REQUIRE(value.has_value());
  return *value;
}

std::string text_of(const Value& value) {
  std::string out;
  append_value_text(value, out);
  return out;
}

/// An object without any cleverness: pairs in order of first insertion.
class NaiveObject {
 public:
  void set(const std::string& name, std::int64_t number) {
    for (auto& [known, value] : entries_)
      if (known == name) {
        value = number;
        return;
      }
    entries_.emplace_back(name, number);
  }
  bool erase(const std::string& name) {
    const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == name; });
    if (at == entries_.end()) return false;
    entries_.erase(at);
    return true;
  }
  const std::int64_t* find(const std::string& name) const {
    for (const auto& [known, value] : entries_)
      if (known == name) return &value;
    return nullptr;
  }
  std::vector<std::pair<std::string, std::int64_t>> entries_;
};

TEST_CASE("an object does what a list of pairs does, at every size and after any erase", "[value]") {
  const auto seed = GENERATE(range(1u, 9u));
  const auto names = GENERATE(8u, 17u, 40u, 600u);  // around and far past the size where the index begins
  CAPTURE(seed, names);
  std::mt19937 random(seed);
  Arena arena;
  Object* object = Object::make(arena, random() % 3 == 0 ? 0 : 4);
  NaiveObject model;
  for (int step = 0; step < 3'000; ++step) {
    const std::string name = "n" + std::to_string(random() % names);
    const Key key = make_key(arena.copy(name));
    const auto action = random() % 100;
    if (action < 55) {
      object->set(arena, key, Value::integer(step));
      model.set(name, step);
    } else if (action < 80) {
      REQUIRE(object->erase(key) == model.erase(name));
    } else if (action < 99) {
      const Value* value = object->find(key);
      const std::int64_t* expected = model.find(name);
      REQUIRE((value != nullptr) == (expected != nullptr));
      if (value != nullptr) REQUIRE(value->as_integer() == *expected);
    } else {
      if (random() % 10 == 0) {
        object->clear();
        model.entries_.clear();
      } else {
        object->reserve(arena, static_cast<std::uint32_t>(random() % 700));
      }
    }
    REQUIRE(object->size() == model.entries_.size());
  }
  std::size_t at = 0;
  for (const ObjectEntry& entry : *object) {
    REQUIRE(entry.key.text() == model.entries_[at].first);
    REQUIRE(entry.value.as_integer() == model.entries_[at].second);
    REQUIRE(object->find(entry.key) == &entry.value);
    ++at;
  }
}

TEST_CASE("an object finds every key after an erase that the next insert follows", "[value]") {
  Arena arena;
  Object* object = Object::make(arena);
  const auto key_of = [&](int i) { return make_key(arena.copy("key" + std::to_string(i))); };
  for (int i = 0; i < 20; ++i) object->set(arena, key_of(i), Value::integer(i));
  REQUIRE(object->erase(key_of(3)));
  CHECK(object->find(key_of(3)) == nullptr);
  CHECK(object->find(key_of(19))->as_integer() == 19);
  object->set(arena, key_of(20), Value::integer(20));
  for (int i = 0; i <= 20; ++i) {
    CAPTURE(i);
    CHECK((object->find(key_of(i)) != nullptr) == (i != 3));
  }
  CHECK(object->begin()[3].key.text() == "key4");
  CHECK((object->end() - 1)->key.text() == "key20");
}

TEST_CASE("setting a key again replaces its value in its place", "[value]") {
  const int others = GENERATE(0, 3, 30);
  Arena arena;
  Object* object = Object::make(arena);
  object->set(arena, make_key("first"), Value::integer(1));
  for (int i = 0; i < others; ++i) object->set(arena, make_key(arena.copy("k" + std::to_string(i))), Value::null());
  object->set(arena, make_key("first"), Value::string("again"));
  CHECK(object->size() == static_cast<std::uint32_t>(others) + 1);
  CHECK(object->begin()->key.text() == "first");
  CHECK(object->begin()->value.as_string() == "again");
}

TEST_CASE("the empty name is a name", "[value]") {
  Arena arena;
  const Value value = parsed(R"({"":1,"a":{"":2}})", arena);
  CHECK(value.as_object().find(make_key(""))->as_integer() == 1);
  Arena other;
  const Value copy = copy_value(value, other, CopyStrings::Copy);
  CHECK(copy.as_object().find(make_key(""))->as_integer() == 1);
  CHECK(json(copy) == R"({"":1,"a":{"":2}})");
}

TEST_CASE("an array does what a vector does", "[value]") {
  std::mt19937 random(11);
  Arena arena;
  Array* array = Array::make(arena, 0);
  std::vector<std::int64_t> model;
  for (int step = 0; step < 5'000; ++step) {
    const auto action = random() % 100;
    if (action < 60 || model.empty()) {
      array->push(arena, Value::integer(step));
      model.push_back(step);
    } else if (action < 99) {
      const auto at = static_cast<std::uint32_t>(random() % model.size());
      array->erase(at);
      model.erase(model.begin() + at);
    } else {
      array->clear();
      model.clear();
    }
    REQUIRE(array->size() == model.size());
    REQUIRE(array->empty() == model.empty());
    if (!model.empty()) {
      const auto at = static_cast<std::uint32_t>(random() % model.size());
      REQUIRE((*array)[at].as_integer() == model[at]);
    }
  }
  CHECK(std::equal(array->begin(), array->end(), model.begin(), model.end(),
                   [](const Value& a, std::int64_t b) { return a.as_integer() == b; }));
}

TEST_CASE("a copy has tables of its own: what changes in it does not show in the original", "[value]") {
  const auto mode = GENERATE(CopyStrings::Share, CopyStrings::Copy);
  constexpr std::string_view kText =
      R"({"a":{"list":[1,[2,3],{"k":"v"}],"empty":{},"none":[]},"big":123456789012345678901234567890,"s":"text","n":null})";
  Arena arena;
  const Value original = parsed(kText, arena);
  Arena second;
  Value copy = copy_value(original, second, mode);
  REQUIRE(json(copy) == kText);
  REQUIRE(values_equal(copy, original));

  Object& a = copy.as_object().find(make_key("a"))->as_object();
  Array& list = a.find(make_key("list"))->as_array();
  list[0] = Value::string("changed");
  list[1].as_array().push(second, Value::integer(4));
  list[2].as_object().set(second, make_key("new"), Value::boolean(true));
  a.find(make_key("empty"))->as_object().set(second, make_key("x"), Value::integer(1));
  a.find(make_key("none"))->as_array().push(second, Value::integer(1));
  copy.as_object().erase(make_key("s"));
  CHECK(
      json(copy) ==
      R"({"a":{"list":["changed",[2,3,4],{"k":"v","new":true}],"empty":{"x":1},"none":[1]},"big":123456789012345678901234567890,"n":null})");
  CHECK(json(original) == kText);
}

TEST_CASE("a copy with its own strings needs nothing of the original", "[value]") {
  std::string text = R"({"name":"value","nested":{"deep":["x",""]},"digits":18446744073709551616})";
  text.append(64, ' ');  // the reader's padding
  const std::string expected = R"({"name":"value","nested":{"deep":["x",""]},"digits":18446744073709551616})";
  Arena kept;
  Value copy;
  {
    Arena arena;
    const auto value = JsonReader().parse({text.data(), expected.size()}, arena);
    REQUIRE(value.has_value());
    copy = copy_value(*value, kept, CopyStrings::Copy);
    const Value shared = copy_value(*value, kept, CopyStrings::Share);
    CHECK(shared.as_object().begin()->value.as_string().data() == value->as_object().begin()->value.as_string().data());
  }
  text.assign(text.size(), '#');
  CHECK(json(copy) == expected);
  CHECK(copy.as_object().find(make_key("name"))->as_string() == "value");
}

TEST_CASE("a copied empty text is still a text and not a missing one", "[value]") {
  Arena arena;
  CHECK(copy_value(Value::string(""), arena, CopyStrings::Copy).as_string().data() != nullptr);
  CHECK(arena.copy("").data() != nullptr);
}

TEST_CASE("deep equality looks at numbers as numbers and at objects without their order", "[value]") {
  const auto [left, right, is_equal] = GENERATE(table<const char*, const char*, bool>({
      {"1", "1.0", true},
      {"1", "1.5", false},
      {"1", "\"1\"", false},
      {"true", "1", false},
      {"null", "null", true},
      {"null", "false", false},
      {"\"\"", "null", false},
      {R"({"a":1,"b":[1,2]})", R"({"b":[1.0,2],"a":1})", true},
      {R"({"a":1})", R"({"a":1,"b":2})", false},
      {R"({"a":1,"c":2})", R"({"a":1,"b":2})", false},
      {"[1,2]", "[2,1]", false},
      {"[1]", "[1,1]", false},
      {"[]", "{}", false},
      {"123456789012345678901", "123456789012345678901", true},
      {"123456789012345678901", "123456789012345678902", false},
  }));
  CAPTURE(left, right);
  Arena arena;
  const Value a = parsed(left, arena);
  const Value b = parsed(right, arena);
  CHECK(values_equal(a, b) == is_equal);
  CHECK(values_equal(b, a) == is_equal);
  CHECK(values_equal(Value::timestamp({5, 6}), Value::timestamp({5, 6})));
  CHECK_FALSE(values_equal(Value::timestamp({5, 6}), Value::timestamp({5, 7})));
}

TEST_CASE("the text form of a value is what a person would write", "[value]") {
  const auto [text, expected] = GENERATE(table<const char*, const char*>({
      {"null", ""},
      {"true", "true"},
      {"-12", "-12"},
      {"1.0", "1.0"},
      {"0.1", "0.1"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
      {R"("a\"b")", "a\"b"},
      {R"(["one","two"])", "one,two"},
      {R"([1,[2,[null,3]],true])", "1,2,,3,true"},
      {"[]", ""},
      {R"({"k1":"v","l":[1]})", R"({"k1":"v","l":[1]})"},
      {R"([{"k":1},2])", R"({"k":1},2)"},
  }));
  CAPTURE(text);
  Arena arena;
  const Value value = parsed(text, arena);
  CHECK(text_of(value) == expected);
  CHECK(value_text(value, arena) == expected);
  CHECK(text_of(Value::timestamp({1, 500'000'000})) == "1970-01-01T00:00:01.500Z");
}

TEST_CASE("an arena gives aligned memory that never overlaps and counts what it reserves", "[arena]") {
  std::mt19937 random(3);
  Arena arena;
  struct Piece {
    unsigned char* at;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Piece> pieces;
  std::size_t asked = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::size_t size = random() % 50 == 0 ? random() % 600'000 : random() % 300;
    const std::size_t align = std::size_t{1} << (random() % 5);
    auto* at = static_cast<unsigned char*>(arena.allocate(size, align));
    REQUIRE(reinterpret_cast<std::uintptr_t>(at) % align == 0);
    const auto mark = static_cast<unsigned char>(random());
    std::fill(at, at + size, mark);
    pieces.push_back({at, size, mark});
    asked += size;
  }
  for (const Piece& piece : pieces)
    REQUIRE(std::all_of(piece.at, piece.at + piece.size, [&](unsigned char byte) { return byte == piece.mark; }));
  CHECK(arena.reserved_bytes() >= asked);
  CHECK(Arena().reserved_bytes() == 0);
}

}  // namespace
}  // namespace logboom
