#include "pipeline/plugin/filter.h"

#include <catch2/catch.hpp>
#include <string>

#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

using Catch::Contains;

/// Decorations written as users write them, applied to one event.
struct Decorated {
  Decorated(std::string_view body, std::string_view json) : event(arena, nullptr, 0) {
    const std::string text = "filter { probe { " + std::string(body) + " } }";
    parse_logstash(std::make_shared<SourceText>("web.conf", text), {}, graph, diagnostics);
    INFO(diagnostics.render());
    REQUIRE_FALSE(diagnostics.has_errors());
    decorations = Decorations::read(std::get<PluginNode>(graph.filters.at(0).node), "_probe_error", diagnostics);
    auto value = JsonReader().parse_unpadded(json, arena);
    REQUIRE(value.has_value());
    for (const ObjectEntry& entry : value->as_object()) {
      if (entry.key == well_known().metadata) {
        for (const ObjectEntry& hidden : entry.value.as_object()) event.metadata().set(arena, hidden.key, hidden.value);
      } else {
        event.fields().set(arena, entry.key, entry.value);
      }
    }
    if (!diagnostics.has_errors()) decorations.apply(event);
  }
  std::string result() const {
    std::string out;
    write_json(event.fields(), out);
    return out;
  }
  Arena arena;
  Graph graph;
  Diagnostics diagnostics;
  Decorations decorations;
  Event event;
};

std::string decorate(std::string_view body, std::string_view json) {
  const Decorated done(body, json);
  INFO(done.diagnostics.render());
  CHECK_FALSE(done.diagnostics.has_errors());
  return done.result();
}

TEST_CASE("add_field refuses what is no text, also inside of lists", "[decorations]") {
  const char* body = GENERATE(R"(add_field => { "f" => { "x" => 1 } })", R"(add_field => { "f" => [["a"], ["b", "c"]] })",
                              R"(add_field => { "f" => ["a", { "x" => 1 }] })");
  CHECK_THAT(Decorated(body, "{}").diagnostics.render(), Contains("a value must be a string, a number or an array of these"));
}

TEST_CASE("add_field sets, extends and expands", "[decorations]") {
  const auto [body, json, expected] = GENERATE(table<const char*, const char*, const char*>({
      {R"(add_field => { "new" => "v" })", R"({"m":"x"})", R"({"m":"x","new":"v"})"},
      {R"(add_field => { "[a][b]" => "v" })", R"({})", R"({"a":{"b":"v"}})"},
      {R"(add_field => { "m" => "y" })", R"({"m":"x"})", R"({"m":["x","y"]})"},
      {R"(add_field => { "m" => "y" })", R"({"m":["x"]})", R"({"m":["x","y"]})"},
      {R"(add_field => { "m" => ["y", "z"] })", R"({"m":"x"})", R"({"m":["x","y","z"]})"},
      {R"(add_field => { "n" => ["y", "z"] })", R"({})", R"({"n":["y","z"]})"},
      {R"(add_field => { "n" => 5 })", R"({})", R"({"n":"5"})"},
      {R"(add_field => { "n" => 010 "f" => 1.50 })", R"({})", R"({"n":"8","f":"1.5"})"},
      {R"(add_field => { "copy" => "%{m}!" })", R"({"m":"x"})", R"({"m":"x","copy":"x!"})"},
      {R"(add_field => { "copy" => "%{nope}" })", R"({})", R"({"copy":"%{nope}"})"},
      {R"(add_field => { "%{k}_name" => "%{v}" })", R"({"k":"key","v":"val"})", R"({"k":"key","v":"val","key_name":"val"})"},
      {R"(add_field => { "%{k}" => "v" })", R"({"k":"[a][b]"})", R"({"k":"[a][b]","a":{"b":"v"}})"},
      {R"(add_field => { "[@metadata][x]" => "v" })", R"({})", R"({})"},
      {R"(add_field => { "b" => "1" "a" => "2" })", R"({})", R"({"b":"1","a":"2"})"},
      {R"(add_field => ["b", "1", "a", "2"])", R"({})", R"({"b":"1","a":"2"})"},
  }));
  CAPTURE(body, json);
  CHECK(decorate(body, json) == expected);
}

TEST_CASE("remove_field, add_tag and remove_tag expand their names", "[decorations]") {
  const auto [body, json, expected] = GENERATE(table<const char*, const char*, const char*>({
      {R"(remove_field => ["m"])", R"({"m":"x","n":1})", R"({"n":1})"},
      {R"(remove_field => "m")", R"({"m":"x"})", R"({})"},
      {R"(remove_field => ["[a][b]", "%{which}"])", R"({"a":{"b":1,"c":2},"which":"n","n":1})",
       R"({"a":{"c":2},"which":"n"})"},
      {R"(remove_field => ["missing", "[a][b][c]"])", R"({"m":1})", R"({"m":1})"},
      {R"(remove_field => ["[l][0]"])", R"({"l":[1,2]})", R"({"l":[2]})"},
      {R"(add_tag => ["t", "%{m}_seen"])", R"({"m":"x"})", R"({"m":"x","tags":["t","x_seen"]})"},
      {R"(add_tag => "t")", R"({"tags":["t"]})", R"({"tags":["t","t"]})"},
      {R"(remove_tag => ["a", "%{m}"])", R"({"m":"b","tags":["a","b","c","a"]})", R"({"m":"b","tags":["c"]})"},
  }));
  CAPTURE(body, json);
  CHECK(decorate(body, json) == expected);
}

TEST_CASE("add_field, remove_field, add_tag and remove_tag happen in this order, however they are written",
          "[decorations]") {
  CHECK(
      decorate(
          R"(remove_tag => "seen" add_tag => ["seen", "%{new}"] remove_field => ["old", "new2"] add_field => { "new" => "%{old}" "new2" => "x" })",
          R"({"old":"o"})") == R"({"new":"o","tags":["o"]})");
}

TEST_CASE("what cannot be done tags the event and leaves the rest undone", "[decorations]") {
  const auto [body, json, expected] = GENERATE(table<const char*, const char*, const char*>({
      {R"(add_field => { "[text][b]" => "v" } add_tag => "never")", R"({"text":"t"})",
       R"({"text":"t","tags":["_probe_error"]})"},
      {R"(add_field => { "%{k}" => "v" })", R"({"k":"[broken"})", R"({"k":"[broken","tags":["_probe_error"]})"},
      {R"(add_field => { "%{k}" => "v" })", R"({"k":"[a]]"})", R"({"k":"[a]]","tags":["_probe_error"]})"},
      {R"(remove_field => "%{k}" add_tag => "never")", R"({"k":"[]"})", R"({"k":"[]","tags":["_probe_error"]})"},
      {R"(add_field => { "@timestamp" => "not a time" })", R"({})", R"({"tags":["_probe_error"]})"},
      {R"(add_tag => "t")", R"({"tags":{"not":"tags"}})", R"({"tags":["_probe_error"]})"},
  }));
  CAPTURE(body, json);
  CHECK(decorate(body, json) == expected);
}

TEST_CASE("a fixed name that is no reference warns at its place and tags every event", "[decorations]") {
  const Decorated done(R"(add_field => { "[foo][bar" => "v" })", R"({"m":"x"})");
  CHECK_FALSE(done.diagnostics.has_errors());
  REQUIRE(done.diagnostics.items().size() == 1);
  CHECK(done.diagnostics.items()[0].severity == Severity::Warning);
  CHECK_THAT(done.diagnostics.items()[0].message, Contains("\"[foo][bar\" is not a field reference"));
  CHECK(done.result() == R"({"m":"x","tags":["_probe_error"]})");
}

TEST_CASE("wrong values of the common options are refused", "[decorations]") {
  const auto [body, message] = GENERATE(table<const char*, const char*>({
      {R"(add_field => "aa")", "add_field: wants a hash, not a string"},
      {R"(add_field => { "a" => { "b" => "c" } })", "add_field: a value must be a string, a number or an array of these"},
      {R"(add_tag => { "a" => "b" })", "add_tag: wants a string, not a hash"},
      {R"(remove_field => [["a", "b"]])", "remove_field: wants a string, not an array"},
      {R"(periodic_flush => "yes")", "periodic_flush: wants true or false, not \"yes\""},
      {R"(enable_metric => 1)", "enable_metric: wants true or false, not \"1\""},
  }));
  CAPTURE(body);
  const Decorated done(body, "{}");
  CHECK(done.diagnostics.error_count() >= 1);
  CHECK_THAT(done.diagnostics.render(), Contains(message));
}

TEST_CASE("without decorations nothing happens", "[decorations]") {
  const Decorated done(R"(id => "x")", R"({"m":"x"})");
  CHECK(done.decorations.empty());
  CHECK(done.result() == R"({"m":"x"})");
  CHECK_FALSE(Decorated(R"(add_tag => "x")", "{}").decorations.empty());
}

std::int64_t number_of(const Event& event) {
  static const FieldRef field = *FieldRef::parse("n");
  const Value* value = event.get(field);
  return value == nullptr ? -1 : value->as_integer();
}

/// Drops multiples of three, leaves other even numbers unmatched.
struct Sieve {
  Verdict apply(Event& event) {
    if (number_of(event) % 3 == 0) return Verdict::Drop;
    return number_of(event) % 2 == 0 ? Verdict::Unmatched : Verdict::Pass;
  }
};

/// Makes as many children as the event's number says, drops the event itself when it is 2.
struct Multiply {
  Verdict apply(Event& event, NewEvents& made) {
    for (std::int64_t i = 0; i < number_of(event); ++i) {
      Event& child = made.clone(event);
      child.set(*FieldRef::parse("child"), Value::integer(i));
    }
    return number_of(event) == 2 ? Verdict::Drop : Verdict::Pass;
  }
  void flush(NewEvents& made, FlushKind kind) {
    Event& event = made.make();
    event.set(*FieldRef::parse("final"), Value::boolean(kind == FlushKind::Final));
    made.decorate(event);
  }
};

/// A batch of events numbered from 0 with one token.
struct NumberedBatch {
  explicit NumberedBatch(int count) : chunk(std::make_shared<Chunk>(Buffer(), Timestamp{})) {
    for (int i = 0; i < count; ++i) chunk->new_event().set(*FieldRef::parse("n"), Value::integer(i));
    chunk->token().arm(chunk->events().size());
    for (Event* event : chunk->events()) batch.take(chunk, event);
    events = batch.events();
  }
  std::string rest() const {
    std::string out;
    for (const Event* event : events) {
      write_json(event->fields(), out);
      out += ' ';
    }
    return out;
  }
  ChunkPtr chunk;
  Batch batch;
  std::vector<Event*> events;
  std::vector<Event*> dropped;
};

Decorations tagging() {
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(std::make_shared<SourceText>("t", "filter { probe { add_tag => \"done\" } }"), {}, graph, diagnostics);
  return Decorations::read(std::get<PluginNode>(graph.filters.at(0).node), "_e", diagnostics);
}

TEST_CASE("passed events are decorated, unmatched ones go on bare, dropped ones are handed back", "[filter]") {
  NumberedBatch work(6);
  FilterOf<Sieve> filter(Sieve{}, tagging());
  FilterBatch batch{work.batch, work.events, work.dropped};
  filter.apply(batch);
  CHECK(work.rest() == R"({"n":1,"tags":["done"]} {"n":2} {"n":4} {"n":5,"tags":["done"]} )");
  REQUIRE(work.dropped.size() == 2);
  CHECK(number_of(*work.dropped[0]) == 0);
  CHECK(number_of(*work.dropped[1]) == 3);
  CHECK_FALSE(filter.wants_flush());
}

TEST_CASE("made events follow their origin, with its place and its token", "[filter]") {
  NumberedBatch work(3);
  FilterOf<Multiply> filter(Multiply{}, Decorations());
  FilterBatch batch{work.batch, work.events, work.dropped};
  filter.apply(batch);
  CHECK(work.rest() == R"({"n":0} {"n":1} {"n":1,"child":0} {"n":2,"child":0} {"n":2,"child":1} )");
  CHECK(work.events[2]->order == 1);
  CHECK(work.events[4]->order == 2);
  CHECK(work.chunk->token().remaining() == 6);
  Batch::complete(work.events);
  Batch::complete(work.dropped);
  CHECK(work.chunk->token().remaining() == 0);
}

TEST_CASE("flushed events come last and may be decorated", "[filter]") {
  NumberedBatch work(1);
  FilterOf<Multiply> filter(Multiply{}, tagging());
  FilterBatch batch{work.batch, work.events, work.dropped};
  CHECK(filter.wants_flush());
  filter.flush(batch, FlushKind::Final);
  CHECK(work.rest() == R"({"n":0} {"final":true,"tags":["done"]} )");
  CHECK(work.events.back()->token() == nullptr);
  NumberedBatch none(0);
  FilterBatch empty{none.batch, none.events, none.dropped};
  filter.flush(empty, FlushKind::Periodic);
  CHECK(none.rest() == R"({"final":false,"tags":["done"]} )");
}

}  // namespace
}  // namespace logboom
