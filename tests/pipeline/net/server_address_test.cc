#include "pipeline/net/server_address.h"

#include <catch2/catch.hpp>

#include "pipeline/net/gzip.h"
#include "pipeline/net/http_text.h"

namespace logboom {

TEST_CASE("addresses of servers are read as people write them", "[server_address]") {
  const auto url = [](std::string_view text, bool tls = false, std::string_view path = "") {
    const auto address = parse_server_address(text, tls, path);
    return address ? address->url : address.error().message;
  };
  CHECK(url("127.0.0.1") == "http://127.0.0.1:9200");
  CHECK(url("//h", true) == "https://h:9200");
  CHECK(url("HTTPS://h:443/a/") == "https://h:443/a");
  CHECK(url("h:9201", false, "b") == "http://h:9201/b");
  CHECK(url("[::1]:9201") == "http://[::1]:9201");
  CHECK(url("http://u:p%40@h:1/x", false, "/y") == "http://h:1/x/y");
  CHECK(parse_server_address("http://u:p%40@h:1", false, "")->user_info == "u:p@");
  for (const char* bad : {"", "ftp://h", "h:", "h:x", "http://", "a b", "[::1", "h:123456"}) {
    INFO(bad);
    CHECK_FALSE(parse_server_address(bad, false, "").has_value());
  }
  CHECK(*server_of_cloud_id("shop:" + encode_base64("eu.example.io$abc$def")) == "https://abc.eu.example.io:443");
  CHECK(*server_of_cloud_id(encode_base64("eu.example.io:9243$abc$def")) == "https://abc.eu.example.io:9243");
  CHECK_FALSE(server_of_cloud_id("shop:????").has_value());
}

TEST_CASE("base64 of any length comes back", "[http_text]") {
  CHECK(encode_base64("a:b") == "YTpi");
  for (const char* text : {"", "a", "ab", "abc", "abcd", "\xff\xfe\x00z"}) CHECK(decode_base64(encode_base64(text)) == text);
  CHECK(encode_base64("a") == "YQ==");
}

TEST_CASE("gzip at every level inflates to the same", "[gzip]") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i % 97) + "\n";
  for (int level = 1; level <= 9; ++level) {
    const auto back = inflate_body(gzip_compress_at_level(text, level), text.size());
    REQUIRE(back.has_value());
    CHECK(back->view() == text);
  }
  CHECK(inflate_body(gzip_compress(""), 10)->view().empty());
}

}  // namespace logboom
