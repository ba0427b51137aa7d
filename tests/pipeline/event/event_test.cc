#include "pipeline/event/event.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

using Json = nlohmann::ordered_json;

std::string json(const Object& object) {
  std::string out;
  write_json(object, out);
  return out;
}

FieldRef field(std::string_view text) {
  auto made = FieldRef::parse(text);
  REQUIRE(made.has_value());
  return *made;
}

Value value_of(const Json& model, Arena& arena) {
  if (model.is_object()) {
    Object* made = Object::make(arena);
    for (const auto& [name, item] : model.items()) made->set(arena, make_key(arena.copy(name)), value_of(item, arena));
    return Value::object(made);
  }
  if (model.is_array()) {
    Array* made = Array::make(arena, 0);
    for (const Json& item : model) made->push(arena, value_of(item, arena));
    return Value::array(made);
  }
  if (model.is_string()) return Value::string(arena.copy(model.get<std::string>()));
  if (model.is_boolean()) return Value::boolean(model.get<bool>());
  if (model.is_number()) return Value::integer(model.get<std::int64_t>());
  return Value::null();
}

/// What an event should do, written over nlohmann's values without regard to cost.
class NaiveEvent {
 public:
  struct Reference {
    bool is_metadata = false;
    std::vector<std::string> names;
    std::string text() const {
      std::string out = is_metadata ? "[@metadata]" : "";
      for (const std::string& name : names) out += "[" + name + "]";
      return out;
    }
  };

  const Json* get(const Reference& reference) const {
    const Json* at = reference.is_metadata ? &metadata : &fields;
    for (const std::string& name : reference.names) {
      if (at->is_object()) {
        if (!at->contains(name)) return nullptr;
        at = &(*at)[name];
      } else if (at->is_array()) {
        const auto index = index_of(*at, name);
        if (!index || *index >= at->size()) return nullptr;
        at = &(*at)[*index];
      } else {
        return nullptr;
      }
    }
    return at;
  }

  bool set(const Reference& reference, const Json& value) {
    Json& root = reference.is_metadata ? metadata : fields;
    Json changed = root;  // a refused path changes nothing
    Json* at = &changed;
    for (const std::string& name : reference.names) {
      if (at->is_null()) *at = Json::object();
      if (at->is_object()) {
        at = &(*at)[name];
      } else if (at->is_array()) {
        const auto index = index_of(*at, name);
        if (!index || *index > at->size() + 10'000) return false;
        while (at->size() <= *index) at->push_back(nullptr);
        at = &(*at)[*index];
      } else {
        return false;
      }
    }
    *at = value;
    if (!reference.is_metadata && changed.contains("tags") && !are_tags(changed["tags"])) return false;
    root = std::move(changed);
    return true;
  }

  bool remove(const Reference& reference) {
    Reference parent = reference;
    parent.names.pop_back();
    auto* at = const_cast<Json*>(get(parent));
    if (at == nullptr) return false;
    if (at->is_object()) return at->erase(reference.names.back()) > 0;
    if (!at->is_array()) return false;
    const auto index = index_of(*at, reference.names.back());
    if (!index || *index >= at->size()) return false;
    at->erase(at->begin() + static_cast<std::ptrdiff_t>(*index));
    return true;
  }

  bool append(const Reference& reference, const Json& value) {
    const Json* existing = get(reference);
    if (existing == nullptr || existing->is_null()) return set(reference, value);
    Json list = existing->is_array() ? *existing : Json::array({*existing});
    for (const Json& item : value.is_array() ? value : Json::array({value})) list.push_back(item);
    return set(reference, list);
  }

  Json fields = Json::object();
  Json metadata = Json::object();

 private:
  static std::optional<std::size_t> index_of(const Json& list, const std::string& name) {
    std::int64_t index = 0;
    std::size_t read = 0;
    try {
      index = std::stoll(name, &read);
    } catch (...) {
      return std::nullopt;
    }
    if (read != name.size()) return std::nullopt;
    if (index < 0) index += static_cast<std::int64_t>(list.size());
    return index < 0 ? std::nullopt : std::optional<std::size_t>(index);
  }
  static bool are_tags(const Json& value) {
    if (value.is_string() || value.is_null()) return true;
    return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); });
  }
};

Json random_value(std::mt19937& random, int depth = 0) {
  switch (random() % (depth < 2 ? 8 : 5)) {
    case 0: return nullptr;
    case 1: return random() % 2 == 0;
    case 2: return static_cast<std::int64_t>(random() % 1000);
    case 3:
    case 4: return "t" + std::to_string(random() % 100);
    case 5: {
      Json list = Json::array();
      for (std::size_t i = random() % 4; i > 0; --i) list.push_back(random_value(random, depth + 1));
      return list;
    }
    case 6: return Json::array({"x", "y"});
    default: {
      Json object = Json::object();
      for (std::size_t i = random() % 4; i > 0; --i)
        object["k" + std::to_string(random() % 5)] = random_value(random, depth + 1);
      return object;
    }
  }
}

NaiveEvent::Reference random_reference(std::mt19937& random) {
  static const std::vector<std::string> inner = {"a", "b", "k0", "k1", "0", "1", "2", "-1", "-2", "5", "30000"};
  NaiveEvent::Reference made;
  made.is_metadata = random() % 5 == 0;
  const auto top = random() % 30;
  made.names.push_back(top < 24 ? "f" + std::to_string(top) : top < 26 ? "tags" : top < 28 ? "list" : "0");
  while (random() % 2 == 0 && made.names.size() < 4) made.names.push_back(inner[random() % inner.size()]);
  return made;
}

TEST_CASE("an event does what a naive model does under any run of set, get, remove and append", "[event]") {
  const auto seed = GENERATE(range(1u, 13u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  Arena arena;
  Event event(arena, nullptr, 0);
  NaiveEvent model;
  int accepted = 0;
  for (int step = 0; step < 1'500; ++step) {
    const auto reference = random_reference(random);
    const FieldRef at = field(reference.text());
    const auto action = random() % 100;
    CAPTURE(step, reference.text(), action);
    if (action < 45) {
      const Json value = random_value(random);
      const bool is_set = model.set(reference, value);
      REQUIRE(event.set(at, value_of(value, arena)) == is_set);
      accepted += is_set ? 1 : 0;
    } else if (action < 65) {
      const Json value = random_value(random);
      REQUIRE(event.append(at, value_of(value, arena)) == model.append(reference, value));
    } else if (action < 85) {
      REQUIRE(event.remove(at) == model.remove(reference));
    } else {
      const Value* value = event.get(at);
      const Json* expected = model.get(reference);
      REQUIRE((value != nullptr) == (expected != nullptr));
      REQUIRE(event.has(at) == (expected != nullptr));
      if (expected != nullptr) {
        std::string text;
        write_json(*value, text);
        REQUIRE(text == expected->dump());
      }
    }
    REQUIRE(json(event.fields()) == model.fields.dump());
    REQUIRE((event.metadata_if_any() == nullptr ? "{}" : json(*event.metadata_if_any())) == model.metadata.dump());
  }
  CHECK(accepted > 200);
}

TEST_CASE("a copy of an event may be changed in any way without the original noticing", "[event]") {
  const auto seed = GENERATE(range(1u, 9u));
  const auto mode = GENERATE(CopyStrings::Share, CopyStrings::Copy);
  std::mt19937 random(seed);
  Arena arena;
  Event original(arena, nullptr, 0);
  for (int i = 0; i < 60; ++i) original.set(field(random_reference(random).text()), value_of(random_value(random), arena));
  const std::string before = json(original.fields());
  const std::string metadata_before = json(original.metadata());

  Arena other;
  Event* copy = original.copy_into(other, mode);
  REQUIRE(json(copy->fields()) == before);
  REQUIRE(json(copy->metadata()) == metadata_before);
  CHECK(&copy->arena() == &other);
  for (int i = 0; i < 300; ++i) {
    const FieldRef at = field(random_reference(random).text());
    if (i % 3 == 0) {
      copy->remove(at);
    } else if (i % 3 == 1) {
      copy->set(at, value_of(random_value(random), other));
    } else {
      copy->append(at, value_of(random_value(random), other));
    }
    copy->add_tag("only in the copy");
  }
  CHECK(json(copy->fields()) != before);
  CHECK(json(original.fields()) == before);
  CHECK(json(original.metadata()) == metadata_before);
}

TEST_CASE("a deep copy of an event outlives the arena that it was made in", "[event]") {
  Arena kept;
  Event* copy = nullptr;
  {
    Arena arena;
    Event event(arena, nullptr, 7);
    for (int i = 0; i < 30; ++i) {
      const std::string name = "key" + std::to_string(i);
      const auto made = FieldRef::parse_in(arena, "[" + name + "][inner]");
      REQUIRE(event.set(*made, Value::string(arena.copy("value " + name))));
    }
    event.metadata().set(arena, make_key(arena.copy("hidden")), Value::string(arena.copy("text")));
    event.order = 5;
    copy = event.copy_into(kept, CopyStrings::Copy);
  }
  CHECK(copy->order == 5);
  CHECK(copy->origin() == 7);
  CHECK(copy->string_at(field("[key29][inner]")) == "value key29");
  CHECK(copy->string_at(field("[@metadata][hidden]")) == "text");
}

TEST_CASE("a refused set leaves no half made parents behind", "[event]") {
  Arena arena;
  Event event(arena, nullptr, 0);
  REQUIRE(event.set(field("[text]"), Value::string("t")));
  REQUIRE(event.set(field("[list]"), value_of(Json::array({1}), arena)));
  const std::string before = json(event.fields());
  for (const char* reference : {"[text][a]", "[text][0]", "[list][a]", "[list][-2]", "[list][a][b][c]", "[list][20000]",
                                "[list][0][a]", "[list][20000][a]"}) {
    CAPTURE(reference);
    CHECK_FALSE(event.set(field(reference), Value::integer(1)));
    CHECK(json(event.fields()) == before);
  }
}

TEST_CASE("@timestamp stays a timestamp whatever is set", "[event]") {
  Arena arena;
  Event event(arena, nullptr, 0);
  event.add_defaults({100, 0});
  CHECK(event.set(field("@timestamp"), Value::string("2015-10-01T12:00:00+02:00")));
  CHECK(event.timestamp() == Timestamp{1'443'693'600, 0});
  CHECK(event.set(field("[@timestamp]"), Value::timestamp({5, 6})));
  CHECK(event.timestamp() == Timestamp{5, 6});
  for (const Value& bad :
       {Value::string("yesterday"), Value::integer(5), Value::null(), Value::boolean(true), Value::string("")}) {
    CHECK_FALSE(event.set(field("@timestamp"), bad));
    CHECK_FALSE(event.append(field("@timestamp"), bad));
  }
  CHECK_FALSE(event.set(field("[@timestamp][x]"), Value::integer(1)));
  CHECK(event.timestamp() == Timestamp{5, 6});
  CHECK(event.remove(field("@timestamp")));
  CHECK_FALSE(event.timestamp().has_value());
  CHECK_FALSE(event.set(field("[@timestamp][x]"), Value::integer(1)));
  CHECK_FALSE(event.has(field("@timestamp")));
  CHECK(event.set(field("[nested][@timestamp]"), Value::integer(1)));  // only the top-level one is special
  event.set_timestamp({7, 0});
  CHECK(event.timestamp() == Timestamp{7, 0});
}

TEST_CASE("tags stay a text or a list of texts whatever is set", "[event]") {
  Arena arena;
  Event event(arena, nullptr, 0);
  const auto list = [&](const Json& items) { return value_of(items, arena); };
  for (const Json& bad :
       {Json(1), Json(true), Json::object(), Json::array({1}), Json::array({"a", nullptr}), Json::array({Json::array()})}) {
    CAPTURE(bad.dump());
    CHECK_FALSE(event.set(field("tags"), list(bad)));
    CHECK_FALSE(event.append(field("tags"), list(bad)));
  }
  CHECK_FALSE(event.set(field("[tags][a]"), Value::string("x")));
  CHECK_FALSE(event.has(field("tags")));
  CHECK(event.set(field("tags"), Value::string("one")));
  CHECK(event.append(field("tags"), Value::string("two")));
  CHECK(json(event.fields()) == R"({"tags":["one","two"]})");
  CHECK_FALSE(event.append(field("tags"), Value::integer(3)));
  CHECK_FALSE(event.append(field("tags"), Value::null()));
  CHECK_FALSE(event.append(field("tags"), list(Json::array({"three", 3}))));
  CHECK_FALSE(event.set(field("[tags][0]"), Value::integer(1)));
  CHECK_FALSE(event.set(field("[tags][3]"), Value::string("a hole before it")));
  CHECK(event.set(field("[tags][0]"), Value::string("uno")));
  CHECK(event.set(field("[tags][2]"), Value::string("tres")));
  CHECK(json(event.fields()) == R"({"tags":["uno","two","tres"]})");
  CHECK(event.set(field("[nested][tags]"), Value::integer(1)));  // only the top-level ones are special
}

TEST_CASE("tags are added, seen and removed", "[event]") {
  Arena arena;
  Event event(arena, nullptr, 0);
  CHECK_FALSE(event.has_tag("a"));
  CHECK(event.add_tag("a"));
  CHECK(event.add_tag("b"));
  CHECK(event.add_tag("a"));   // the add_tag option adds again
  event.add_failure_tag("b");  // a failure tag does not
  event.add_failure_tag("c");
  CHECK(json(event.fields()) == R"({"tags":["a","b","a","c"]})");
  CHECK(event.has_tag("c"));
  CHECK_FALSE(event.has_tag("d"));
  event.remove_tag("a");
  event.remove_tag("never there");
  CHECK(json(event.fields()) == R"({"tags":["b","c"]})");

  Event single(arena, nullptr, 0);
  single.set(field("tags"), Value::string("one"));
  CHECK(single.has_tag("one"));
  CHECK(single.add_tag("two"));
  CHECK(json(single.fields()) == R"({"tags":["one","two"]})");

  Event removed(arena, nullptr, 0);
  removed.set(field("tags"), Value::string("one"));
  removed.remove_tag("one");
  CHECK(json(removed.fields()) == R"({"tags":[]})");

  Event none(arena, nullptr, 0);
  none.set(field("tags"), Value::null());
  CHECK(none.add_tag("x"));
  CHECK(json(none.fields()) == R"({"tags":["x"]})");
}

TEST_CASE("a decoded object becomes an event by Logstash's rules", "[event]") {
  constexpr Timestamp kNow{1'000'000'000, 0};  // 2001-09-09T01:46:40Z
  const auto [text, expected] = GENERATE(table<const char*, const char*>({
      {R"({"m":"x"})", R"({"m":"x","@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({})", R"({"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"@timestamp":"2015-10-01T00:00:00.000Z","@version":"2"})",
       R"({"@timestamp":"2015-10-01T00:00:00.000Z","@version":"2"})"},
      {R"({"@timestamp":"2015-09-30T23:30:00-0200"})", R"({"@timestamp":"2015-10-01T01:30:00.000Z","@version":"1"})"},
      {R"({"@timestamp":"2015-10-01"})", R"({"@timestamp":"2015-10-01T00:00:00.000Z","@version":"1"})"},
      {R"({"@timestamp":"bad"})",
       R"({"@timestamp":"2001-09-09T01:46:40.000Z","_@timestamp":"bad","tags":["_timestampparsefailure"],"@version":"1"})"},
      {R"({"@timestamp":1443657600})",
       R"({"@timestamp":"2001-09-09T01:46:40.000Z","_@timestamp":1443657600,"tags":["_timestampparsefailure"],"@version":"1"})"},
      {R"({"@timestamp":{"a":1}})",
       R"({"@timestamp":"2001-09-09T01:46:40.000Z","_@timestamp":{"a":1},"tags":["_timestampparsefailure"],"@version":"1"})"},
      {R"({"@timestamp":null})", R"({"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"@timestamp":"bad","tags":["t"]})",
       R"({"@timestamp":"2001-09-09T01:46:40.000Z","tags":["t","_timestampparsefailure"],"_@timestamp":"bad","@version":"1"})"},
      {R"({"tags":"one"})", R"({"tags":"one","@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"tags":["one","two"]})", R"({"tags":["one","two"],"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"tags":[]})", R"({"tags":[],"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"tags":{"a":1}})",
       R"({"_tags":[{"a":1}],"tags":["_tagsparsefailure"],"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"tags":5})",
       R"({"_tags":[5],"tags":["_tagsparsefailure"],"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"tags":["one",2]})",
       R"({"_tags":["one",2],"tags":["_tagsparsefailure"],"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"a":1,"@metadata":{"x":1},"b":2})", R"({"a":1,"b":2,"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
      {R"({"@metadata":"text"})", R"({"@timestamp":"2001-09-09T01:46:40.000Z","@version":"1"})"},
  }));
  CAPTURE(text);
  Arena arena;
  const auto value = JsonReader().parse_unpadded(text, arena);
  REQUIRE(value.has_value());
  Event event(arena, nullptr, 0);
  event.adopt_fields(&value->as_object(), kNow);
  CHECK(Json::parse(json(event.fields())) == Json::parse(expected));
  CHECK(event.timestamp().has_value());
}

TEST_CASE("@metadata moves out of a decoded object and is reached by references only", "[event]") {
  Arena arena;
  const auto value = JsonReader().parse_unpadded(R"({"m":1,"@metadata":{"x":{"y":2}}})", arena);
  REQUIRE(value.has_value());
  Event event(arena, nullptr, 0);
  event.adopt_fields(&value->as_object(), {0, 0});
  CHECK(event.get(field("[@metadata][x][y]"))->as_integer() == 2);
  CHECK(json(event.fields()).find("metadata") == std::string::npos);
  CHECK(event.set(field("[@metadata][new][deep]"), Value::integer(3)));
  CHECK(json(*event.metadata_if_any()) == R"({"x":{"y":2},"new":{"deep":3}})");
  CHECK(event.remove(field("[@metadata][x]")));
  CHECK_FALSE(event.remove(field("[@metadata][x]")));
  CHECK_FALSE(event.set(field("@metadata"), Value::string("not an object")));
  CHECK(event.set(field("@metadata"), Value::object(Object::make(arena))));
  CHECK(json(*event.metadata_if_any()) == "{}");
  CHECK(event.remove(field("[@metadata]")));
  CHECK(event.metadata_if_any() == nullptr);
  CHECK(event.get(field("[@metadata][new]")) == nullptr);
}

TEST_CASE("string_at tells an empty text from a missing one", "[event]") {
  Arena arena;
  Event event(arena, nullptr, 0);
  event.set(field("empty"), Value::string(arena.copy("")));
  event.set(field("number"), Value::integer(1));
  CHECK(event.string_at(field("empty")).data() != nullptr);
  CHECK(event.string_at(field("number")).data() == nullptr);
  CHECK(event.string_at(field("missing")).data() == nullptr);
}

}  // namespace
}  // namespace logboom
