// What headers say, and what hostile ones do not.
#include "pipeline/net/http_text.h"

#include <catch2/catch.hpp>

namespace logboom {

TEST_CASE("a content type is read whatever its case, blanks and quotes", "[http_text]") {
  const ContentType type = parse_content_type(" Application/JSON ; boundary=x;  CharSet = \"UTF-8\" ");
  CHECK(type.media_type == "application/json");
  CHECK(type.charset == "utf-8");
  CHECK(parse_content_type("").media_type.empty());
  CHECK(parse_content_type(";;=;charset").charset.empty());
}

TEST_CASE("credentials are compared whole, by their scheme", "[http_text]") {
  CHECK(is_authorized("Basic YWw6cGE6c3M=", "al", "pa:ss"));
  CHECK(is_authorized("basic  YWw6cGE6c3M", "al", "pa:ss"));
  CHECK_FALSE(is_authorized("Basic YWw6cGE6cw==", "al", "pa:ss"));
  CHECK_FALSE(is_authorized("ApiKey YWw6cGE6c3M=", "al", "pa:ss"));
  CHECK(is_authorized_by_api_key("ApiKey YWw6cGE6c3M=", "al", "pa:ss"));
  CHECK_FALSE(is_authorized("YWw6cGE6c3M=", "al", "pa:ss"));
  CHECK_FALSE(is_authorized("", "al", "pa:ss"));
}

TEST_CASE("targets are taken apart and decoded", "[http_text]") {
  CHECK(path_of("/a/b?c=d?e") == "/a/b");
  CHECK(query_of("/a/b?c=d?e") == "c=d?e");
  CHECK(query_of("/a").empty());
  CHECK(query_parameter("a=1&b%20c=x%2Fy&d", "b c") == "x/y");
  CHECK(query_parameter("a=1&d", "d").empty());
  CHECK(query_parameter("&&=&a", "b").empty());
  CHECK(percent_decoded("%41%4a%4A%zz%4") == "AJJ%zz%4");
  CHECK(percent_decoded("%") == "%");
}

TEST_CASE("a host header gives name and port", "[http_text]") {
  CHECK(parse_host("[::1]:80").host == "::1");
  CHECK(parse_host("[::1]:80").port == 80);
  CHECK(parse_host("[::1]").port == 0);
  CHECK(parse_host("a.b:99999").host == "a.b:99999");
}

TEST_CASE("base64 is read in both alphabets", "[http_text]") {
  CHECK(decode_base64("+/-_") == decode_base64("-_+/"));
  CHECK(decode_base64("YWJj") == "abc");
  CHECK(decode_base64("YQ==rest") == "a");
}

}  // namespace logboom
