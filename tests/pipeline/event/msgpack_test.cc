#include "pipeline/event/msgpack.h"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "pipeline/event/json.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::strtol(std::string(hex.substr(i, 2)).c_str(), nullptr, 16));
  return bytes;
}
std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}
std::string json(const Value& value) {
  std::string out;
  write_json(value, out);
  return out;
}
/// What a document given in hex is as JSON, or the error's text in angle brackets.
std::string read(std::string_view hex) {
  Arena arena;
  const std::string bytes = from_hex(hex);
  const auto value = parse_msgpack(bytes, arena);
  return value ? json(*value) : "<" + value.error().message + ">";
}
std::string written(std::string_view json_text) {
  Arena arena;
  const auto value = JsonReader().parse_unpadded(json_text, arena);
  REQUIRE(value.has_value());
  std::string out;
  write_msgpack(*value, out);
  return to_hex(out);
}
/// A place for the oracle's lines that is gone after the test.
class LineFile {
 public:
  LineFile() {
    std::string name = (std::filesystem::temp_directory_path() / "logboom_msgpack_XXXXXX").string();
    const int descriptor = mkstemp(name.data());
    REQUIRE(descriptor >= 0);
    ::close(descriptor);
    path_ = name;
  }
  ~LineFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};
std::string oracle(const std::string& arguments) {
  return "/usr/bin/python3 tests/pipeline/event/msgpack_oracle.py " + arguments;
}

}  // namespace

TEST_CASE("MessagePack is read and written as Python's library does", "[msgpack][oracle]") {
  INFO("needs python3-msgpack (docker/install-deps.sh test)");
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  LineFile documents;
  REQUIRE(std::system((oracle(fmt::format("make {} 1500 > {}", seed, documents.path()))).c_str()) == 0);
  LineFile ours;
  std::ofstream answers(ours.path());
  std::ifstream lines(documents.path());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const std::size_t tab = line.find('\t');
    Arena arena;
    const std::string bytes = from_hex(std::string_view(line).substr(0, tab));
    const auto value = parse_msgpack(bytes, arena);
    INFO(line.substr(0, 300));
    REQUIRE(value.has_value());
    const auto expected = JsonReader().parse_unpadded(std::string_view(line).substr(tab + 1), arena);
    REQUIRE(expected.has_value());
    REQUIRE(values_equal(*value, *expected));
    std::string again;
    write_msgpack(*value, again);
    answers << to_hex(again) << '\t' << json(*value) << '\n';

    // Cut anywhere, a document is incomplete; in pieces, the scanner finds its end.
    const std::size_t cut = bytes.size() * (count % 7) / 7;
    REQUIRE_FALSE(parse_msgpack(std::string_view(bytes).substr(0, cut), arena).has_value());
    MsgpackScanner scanner;
    std::size_t used = 0;
    REQUIRE(scanner.scan(std::string_view(bytes).substr(0, cut), used) == MsgpackScanner::Outcome::NeedsMore);
    REQUIRE(used == cut);
    const std::string rest = bytes.substr(cut) + "more";
    REQUIRE(scanner.scan(rest, used) == MsgpackScanner::Outcome::Complete);
    REQUIRE(used == bytes.size() - cut);
  }
  CHECK(count == 1500);
  answers.close();
  CHECK(std::system(oracle("check " + ours.path()).c_str()) == 0);
}

TEST_CASE("every form of every MessagePack type is read", "[msgpack]") {
  CHECK(read("c0") == "null");
  CHECK(read("93c2c37f") == "[false,true,127]");
  CHECK(read("9accffcdffffceffffffffcf7fffffffffffffffd080d18000d280000000d38000000000000000e0ff") ==
        "[255,65535,4294967295,9223372036854775807,-128,-32768,-2147483648,-9223372036854775808,-32,-1]");
  CHECK(read("92ca3fc00000cb3ff8000000000000") == "[1.5,1.5]");
  CHECK(read("94a161d90162da000163db0000000164") == R"(["a","b","c","d"])");
  CHECK(read("93c40161c5000162c60000000163") == R"(["a","b","c"])");  // bin reads as text
  CHECK(read("92dc0001c0dd00000001c0") == "[[null],[null]]");
  CHECK(read("92de0001a16101df00000001a16202") == R"([{"a":1},{"b":2}])");
}

TEST_CASE("MessagePack integers beyond 63 bits keep their digits", "[msgpack]") {
  CHECK(read("cf8000000000000000") == "9223372036854775808");
  CHECK(read("cfffffffffffffffff") == "18446744073709551615");
  CHECK(written("18446744073709551615") == "cfffffffffffffffff");
  CHECK(written("18446744073709551616") == "b4" + to_hex("18446744073709551616"));  // fits no number: text
}

TEST_CASE("MessagePack timestamps are read in all their forms", "[msgpack]") {
  CHECK(read("d7006041d8d9075bcd15") == R"("2021-03-05T07:08:09.123456789Z")");    // EventTime, fixext 8
  CHECK(read("c708006041d8d9075bcd15") == R"("2021-03-05T07:08:09.123456789Z")");  // the same as ext 8
  CHECK(read("d6ff6041d8d9") == R"("2021-03-05T07:08:09.000Z")");
  CHECK(read("d7ff1d6f34546041d8d9") == R"("2021-03-05T07:08:09.123456789Z")");
  CHECK(read("c70cff075bcd15000000006041d8d9") == R"("2021-03-05T07:08:09.123456789Z")");
  CHECK(read("d70060000000ffffffff") == R"("2021-01-14T08:25:40.294967295Z")");  // 4.29 s of nanoseconds
  CHECK(read("c70cff000000007fffffffffffffff") == R"("9999-12-31T23:59:59.000Z")");
  CHECK(read("c70cff000000008000000000000000") == R"("0001-01-01T00:00:00.000Z")");
  CHECK(read("d50561ff") == "\"a\xEF\xBF\xBD\"");  // an extension that nobody knows: its bytes as text
}

TEST_CASE("MessagePack text that is no UTF-8 is repaired, and other text stays where it is", "[msgpack]") {
  Arena arena;
  const std::string bytes = from_hex("92a461c3a962") + from_hex("a361ff62");
  const auto value = parse_msgpack(bytes, arena);
  REQUIRE(value.has_value());
  const Array& items = value->as_array();
  CHECK(items[0].as_string().data() == bytes.data() + 2);  // a view
  CHECK(items[1].as_string() ==
        "a\xEF\xBF\xBD"
        "b");
  // Long text takes another way through the check.
  std::string long_text(200, 'x');
  long_text[150] = '\xff';
  std::string packed;
  write_msgpack_string(long_text, packed);
  const auto repaired = parse_msgpack(packed, arena);
  REQUIRE(repaired.has_value());
  CHECK(repaired->as_string().substr(149, 5) == "x\xEF\xBF\xBDx");
}

TEST_CASE("MessagePack names that are no text become text, repeated ones keep their last value", "[msgpack]") {
  CHECK(read("8505a161c0a162c3a163ca3fc00000a1649101a165") == R"({"5":"a","null":"b","true":"c","1.5":"d","[1]":"e"})");
  CHECK(read("83a16101a16202a16103") == R"({"a":3,"b":2})");
  CHECK(read("81a161cb7ff8000000000000") == R"({"a":null})");  // NaN
  CHECK(read("81d7006041d8d900000000c0") == R"({"2021-03-05T07:08:09.000Z":null})");
}

TEST_CASE("a map as a name of a map as a name is refused before it grows", "[msgpack]") {
  CHECK(read("8181a1610102") == R"({"{\"a\":1}":2})");
  // Each level would double the backslashes of the one inside it.
  std::string names;
  for (int i = 0; i < 60; ++i) names += "81";
  CHECK_THAT(read(names + "a16101"), Contains("<"));
  CHECK_THAT(read("818181a1610102"
                  "03"),
             Contains("nesting"));
}

TEST_CASE("broken MessagePack is told apart from what is past a limit", "[msgpack]") {
  CHECK_THAT(read("c1"), Contains("no MessagePack"));
  CHECK_THAT(read("92c0"), Contains("end too early"));
  CHECK_THAT(read("c0c0"), Contains("something follows"));
  CHECK_THAT(read(""), Contains("end too early"));
  for (const char* cut : {"a2", "d9",     "d905",       "da00",       "db000000",     "c4",           "c405",
                          "c7", "c705",   "c70500",     "d4",         "d401",         "ca0000",       "cb00",
                          "cc", "cd00",   "cf00",       "d3",         "dc",           "dd0000",       "de00",
                          "81", "81a161", "ddffffffff", "dfffffffff", "dbffffffff61", "c6ffffffff61", "c9ffffffff0061"})
    CHECK_THAT(std::string(cut) + read(cut), Contains("end too early"));
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "91";
  CHECK_THAT(read(deep + "c0"), !Contains("nesting"));
  CHECK_THAT(read("91" + deep + "c0"), Contains("nesting"));
  Arena arena;
  MsgpackLimits few;
  few.max_values = 3;
  const std::string four = from_hex("94c0c0c0c0");
  const auto refused = parse_msgpack(four, arena, few);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::TooLarge);
}

TEST_CASE("a head that announces much makes nothing before it comes", "[msgpack]") {
  Arena arena;
  const std::string bytes = from_hex("91dd00000000") + from_hex("ddffffffffc0");
  CHECK_FALSE(parse_msgpack(bytes, arena).has_value());
  const std::string map = from_hex("dfffffffffa161c0");
  CHECK_FALSE(parse_msgpack(map, arena).has_value());
  CHECK(arena.reserved_bytes() < 64 * 1024);
}

TEST_CASE("the scanner passes over any depth without recursion, in pieces of one byte", "[msgpack]") {
  std::string deep(200'000, '\x91');
  deep += '\xc0';
  MsgpackScanner scanner;
  std::size_t used = 0;
  for (std::size_t i = 0; i + 1 < deep.size(); ++i) {
    if (scanner.scan({&deep[i], 1}, used) != MsgpackScanner::Outcome::NeedsMore) FAIL("ended early");
  }
  CHECK(scanner.scan({&deep.back(), 1}, used) == MsgpackScanner::Outcome::Complete);
  MsgpackReader reader(deep);
  CHECK(reader.skip() == MsgpackStatus::Read);
  CHECK(reader.at_end());
  CHECK(scanner.scan("\x92\xc0\xc1", used) == MsgpackScanner::Outcome::Corrupt);
  CHECK(used == 2);
}

TEST_CASE("the scanner tells how much of a payload is missing", "[msgpack]") {
  MsgpackScanner scanner;
  std::size_t used = 0;
  CHECK(scanner.scan(from_hex("92a161c60000010061"), used) == MsgpackScanner::Outcome::NeedsMore);
  CHECK(scanner.missing_bytes() == 255);
}

TEST_CASE("names that come again are recognised, and others do not disturb them", "[msgpack]") {
  // Records that tempt: as the one before, then a repetition, another depth, another map, a name that is no text or no
  // UTF-8.
  const std::vector<std::pair<std::string, std::string>> records = {
      {"82a16101a16281a16302", R"({"a":1,"b":{"c":2}})"},
      {"82a16103a16281a16304", R"({"a":3,"b":{"c":4}})"},
      {"82a17805a16206", R"({"x":5,"b":6})"},
      {"82a16107a16281a16308", R"({"a":7,"b":{"c":8}})"},
      {"82a16181a16101a16202", R"({"a":{"a":1},"b":2})"},
      {"83a16101a16102a16203", R"({"a":2,"b":3})"},
      {"83a16101a16102a16203", R"({"a":2,"b":3})"},
      {"81a1619281a1620181a16202", R"({"a":[{"b":1},{"b":2}]})"},
      {"81a1619182a16201a16202", R"({"a":[{"b":2}]})"},
      {"81a1619281a1620181a16202", R"({"a":[{"b":1},{"b":2}]})"},
      {"820501a16102", R"({"5":1,"a":2})"},
      {"82a13501a16102", R"({"5":1,"a":2})"},
      {"820501a13502", R"({"5":2})"},
      {"82a1ff01a16102", "{\"\xEF\xBF\xBD\":1,\"a\":2}"},
      {"82a1ff01a16102", "{\"\xEF\xBF\xBD\":1,\"a\":2}"},
      {"82a001a86d65737361676531a178", R"({"":1,"message1":"x"})"},
      {"82a001a86d65737361676532a178", R"({"":1,"message2":"x"})"},
      {"82a001a86d65737361676532a178", R"({"":1,"message2":"x"})"},
  };
  std::string bytes, expected, out;
  for (const auto& [hex, json_text] : records) {
    bytes += from_hex(hex);
    expected += json_text;
  }
  Arena arena;
  MsgpackNames names;
  MsgpackReader reader(bytes, {}, &names);
  while (!reader.at_end()) {
    MsgpackItem head;
    REQUIRE(reader.next(head) == MsgpackStatus::Read);
    Object* fields = Object::make(arena, 0);
    REQUIRE(reader.read_fields(head.size, arena, *fields) == MsgpackStatus::Read);
    write_json(*fields, out);
    for (const ObjectEntry& entry : *fields) CHECK(fields->find(make_key(entry.key.text())) != nullptr);
  }
  CHECK(out == expected);
}

TEST_CASE("fields that were there before a record count as repeated names", "[msgpack]") {
  Arena arena;
  MsgpackNames names;
  const std::string bytes = from_hex("81a16101") + from_hex("81a16102");
  MsgpackReader reader(bytes, {}, &names);
  Object* fields = Object::make(arena, 0);
  for (int i = 0; i < 2; ++i) {
    MsgpackItem head;
    REQUIRE(reader.next(head) == MsgpackStatus::Read);
    REQUIRE(reader.read_fields(head.size, arena, *fields) == MsgpackStatus::Read);
  }
  CHECK(json(Value::object(fields)) == R"({"a":2})");
}

}  // namespace logboom
