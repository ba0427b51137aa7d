// Compressed bodies: what comes out, and never more than the limit.
#include "pipeline/net/zstd.h"

#include <catch2/catch.hpp>
#include <string>

namespace logboom {

TEST_CASE("zstd bodies are decompressed, several frames too", "[zstd]") {
  CHECK(zstd_decompress_body(zstd_compress("first ") + zstd_compress("second"), 100)->view() == "first second");
  CHECK(zstd_decompress_body(zstd_compress(""), 100)->view().empty());
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 7919) + "\n";
  const auto whole = zstd_decompress_body(zstd_compress(text), text.size());
  REQUIRE(whole.has_value());
  CHECK(whole->view() == text);
}

TEST_CASE("zstd bodies never grow past the limit", "[zstd]") {
  const std::string bomb = zstd_compress(std::string(50'000'000, 'x'));
  CHECK(bomb.size() < 10'000);
  CHECK(zstd_decompress_body(bomb, 1'000'000).error().code == ErrorCode::TooLarge);
  CHECK(zstd_decompress_body(zstd_compress("123456"), 5).error().code == ErrorCode::TooLarge);
  CHECK(zstd_decompress_body(zstd_compress("123456"), 6).has_value());
}

TEST_CASE("damaged zstd bodies are refused", "[zstd]") {
  const std::string whole = zstd_compress(std::string(1000, 'x') + "yz");
  const std::string wide_window("\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00", 9);  // a window of 2^41 bytes
  for (const std::string& bad : {std::string(), whole.substr(0, whole.size() - 1), whole + "tail", std::string("plain text"),
                                 whole.substr(0, 3), wide_window}) {
    const auto result = zstd_decompress_body(bad, 10'000);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::Corrupt);
  }
  CHECK(zstd_decompress_body(whole, 10'000).has_value());  // a broken body leaves nothing behind for the next one
}

}  // namespace logboom
