// Whole zlib bodies, good and bad.
#include "pipeline/net/inflate.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <string>

namespace logboom {
namespace {

std::string deflated(const std::string& text) {
  std::string out(compressBound(text.size()), '\0');
  uLongf size = out.size();
  REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size()) ==
          Z_OK);
  out.resize(size);
  return out;
}

std::string text_of(std::size_t bytes) {
  std::string text;
  for (std::uint32_t i = 0; text.size() < bytes; ++i) text += std::to_string(i * 2654435761U);
  text.resize(bytes);
  return text;
}

}  // namespace

TEST_CASE("a body comes out whole however wrong its size was guessed", "[inflate]") {
  const std::size_t bytes = GENERATE(0, 1, 1023, 1024, 1025, 300'000);
  const std::size_t expected = GENERATE(0, 1, 1000, 5'000'000);
  const std::string text = text_of(bytes);
  const auto inflated = inflate_zlib(deflated(text), 10'000'000, expected);
  REQUIRE(inflated.has_value());
  CHECK(inflated->view() == text);
}

TEST_CASE("a body may inflate to the limit and not past it", "[inflate]") {
  const std::string body = deflated(text_of(50'000));
  CHECK(inflate_zlib(body, 50'000, 0).has_value());
  const auto over = inflate_zlib(body, 49'999, 0);
  REQUIRE_FALSE(over.has_value());
  CHECK(over.error().code == ErrorCode::TooLarge);
  CHECK(inflate_zlib(deflated(std::string(100'000'000, 'a')), 1'000'000, 0).error().code == ErrorCode::TooLarge);
}

TEST_CASE("a damaged body is refused", "[inflate]") {
  const std::string body = deflated(text_of(5000));
  std::string flipped = body;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  std::string bad_checksum = body;
  bad_checksum.back() = static_cast<char>(bad_checksum.back() ^ 1);
  for (const std::string& bad : {std::string(), std::string("x"), std::string("no zlib at all"), body.substr(0, 100),
                                 body.substr(0, body.size() - 1), body + "x", flipped, bad_checksum}) {
    const auto inflated = inflate_zlib(bad, 1'000'000, 0);
    REQUIRE_FALSE(inflated.has_value());
    CHECK(inflated.error().code == ErrorCode::Corrupt);
  }
}

}  // namespace logboom
