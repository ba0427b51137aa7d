#include "pipeline/event/key.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace logboom {
namespace {

TEST_CASE("keys are equal exactly when their texts are", "[key]") {
  const std::vector<std::string> texts = {
      "", "a", "b", "aa", "ab", "message", "messages", std::string("a\0b", 3), std::string("a\0c", 3)};
  for (const std::string& left : texts) {
    for (const std::string& right : texts) {
      const std::string copy = right;  // other bytes, same text
      CAPTURE(left, right);
      CHECK((make_key(left) == make_key(copy)) == (left == right));
    }
  }
}

TEST_CASE("a key points at the bytes it was made of", "[key]") {
  const std::string name = "response";
  const Key key = make_key(name);
  CHECK(key.data == name.data());
  CHECK(key.text() == name);
}

TEST_CASE("an interned name has one place for the whole process and outlives its source", "[key]") {
  std::string source = "interned_once";
  const Key first = intern_key(source);
  CHECK(first.data != source.data());
  source.assign(source.size(), 'x');
  CHECK(first.text() == "interned_once");
  CHECK(intern_key("interned_once").data == first.data);
  CHECK(intern_key("interned_twice").data != first.data);
  const std::string elsewhere = "interned_once";
  CHECK(first == make_key(elsewhere));
}

TEST_CASE("names interned by many threads at once all share their places", "[key]") {
  constexpr int kThreads = 4;
  constexpr int kNames = 200;
  std::vector<std::vector<const char*>> places(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&mine = places[static_cast<std::size_t>(t)]] {
      for (int i = 0; i < kNames; ++i) mine.push_back(intern_key("shared_name_" + std::to_string(i)).data);
    });
  for (std::thread& thread : threads) thread.join();
  for (int t = 1; t < kThreads; ++t) CHECK(places[static_cast<std::size_t>(t)] == places[0]);
  CHECK(std::set<const char*>(places[0].begin(), places[0].end()).size() == kNames);
}

TEST_CASE("only whole interned names that JSON takes as they are have a JSON form", "[key]") {
  const Key key = intern_key("has_a_form");
  REQUIRE(json_form_of(key) != nullptr);
  CHECK(std::string_view(json_form_of(key), key.size + 4) == ",\"has_a_form\":");
  CHECK(json_form_of(make_key(key.text().substr(1))) == nullptr);
  CHECK(json_form_of(make_key(key.text().substr(0, 3))) == nullptr);
  const std::string copy(key.text());
  CHECK(json_form_of(make_key(copy)) == nullptr);
  for (const std::string& name :
       {std::string("with\"quote"), std::string("back\\slash"), std::string("line\n"), std::string(600'000, 'n')}) {
    CHECK(intern_key(name).text() == name);
    CHECK(json_form_of(intern_key(name)) == nullptr);
  }
  CHECK(std::string_view(json_form_of(intern_key("")), 4) == ",\"\":");
}

TEST_CASE("hashes of similar names differ", "[key]") {
  std::set<std::uint32_t> hashes;
  for (int i = 0; i < 10'000; ++i) hashes.insert(make_key("field" + std::to_string(i)).hash);
  CHECK(hashes.size() > 9'990);  // 10,000 draws of 32 bits meet about 0.01 times
}

}  // namespace
}  // namespace logboom
