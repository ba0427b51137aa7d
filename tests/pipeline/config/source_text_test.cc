#include "pipeline/config/source_text.h"

#include <catch2/catch.hpp>

using namespace logboom;

TEST_CASE("an offset is located by line and byte column", "[config][source]") {
  const SourceText source("a.conf", "ab\ncdé\n\nx");
  const auto at = [&](std::uint32_t offset) {
    const SourceLocation location = source.locate(offset);
    return std::pair(location.line, location.column);
  };
  CHECK(at(0) == std::pair(1u, 1u));
  CHECK(at(2) == std::pair(1u, 3u));  // the line break belongs to its line
  CHECK(at(3) == std::pair(2u, 1u));
  CHECK(at(7) == std::pair(2u, 5u));  // é takes two bytes
  CHECK(at(8) == std::pair(3u, 1u));
  CHECK(at(9) == std::pair(4u, 1u));
  CHECK(at(10) == std::pair(4u, 2u));    // one past the end
  CHECK(at(1000) == std::pair(4u, 2u));  // farther past the end is the end
}

TEST_CASE("a line comes without its line break", "[config][source]") {
  const SourceText source("a.conf", "one\r\ntwo\n\nfour");
  CHECK(source.line(0).empty());
  CHECK(source.line(1) == "one");
  CHECK(source.line(2) == "two");
  CHECK(source.line(3).empty());
  CHECK(source.line(4) == "four");
  CHECK(source.line(5).empty());
}

TEST_CASE("a byte order mark is dropped and does not shift columns", "[config][source]") {
  const SourceText source("a.conf", "\xEF\xBB\xBFinput");
  CHECK(source.text() == "input");
  CHECK(source.locate(0).column == 1);
}

TEST_CASE("the empty text has one empty line", "[config][source]") {
  const SourceText source("a.conf", "");
  CHECK(source.locate(0).line == 1);
  CHECK(source.line(1).empty());
}

TEST_CASE("the first byte that is not UTF-8 is found", "[config][source]") {
  const auto invalid = [](std::string text) { return SourceText("a.conf", std::move(text)).first_invalid_utf8(); };
  CHECK_FALSE(invalid("plain"));
  CHECK_FALSE(invalid("é€🂡\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"));
  CHECK(invalid("ab\xFFz") == 2u);
  CHECK(invalid("ab\xC3") == 2u);             // cut short
  CHECK(invalid("\x80") == 0u);               // a tail without a lead
  CHECK(invalid("\xC0\xAF") == 0u);           // a long form
  CHECK(invalid("x\xE0\x80\xAF") == 1u);      // a long form
  CHECK(invalid("x\xED\xA0\x80") == 1u);      // half of a surrogate pair
  CHECK(invalid("x\xF4\x90\x80\x80") == 1u);  // past U+10FFFF
}
