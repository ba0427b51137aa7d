// The http filter against a service that the test plays.
#include <fmt/format.h>

#include "tests/plugins/plugin_harness.h"
#include "tests/support/fake_web_service.h"
#include "tests/support/run_filter.h"
#include "tests/support/test_acceptor.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

HttpResponse with_type(int status, std::string body, std::string type) {
  HttpResponse response(status, std::move(body));
  response.headers.emplace_back("content-type", std::move(type));
  return response;
}

}  // namespace

TEST_CASE("http filter keeps parsed JSON or text, and asks once for equal requests", "[filter][http]") {
  FakeWebService web([](const HttpRequest& request) {
    if (request.target == "/text") return with_type(200, "plain", "text/plain");
    return with_type(200, fmt::format(R"({{"path":"{}","body":"{}"}})", request.target, request.body.size()),
                     "application/json; charset=utf-8");
  });
  const std::string filter = fmt::format(
      R"(http {{ url => "{}/%{{id}}" query => {{ "q" => "%{{id}} &" }} target_body => "[answer]" add_tag => ["asked"] }})",
      web.url());
  CHECK(run_filter(filter, "{\"id\":\"a\"}\n{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"a\"}") ==
        R"({"id":"a","answer":{"path":"/a?q=a%20%26","body":"0"},"tags":["asked"]}
{"id":"a","answer":{"path":"/a?q=a%20%26","body":"0"},"tags":["asked"]}
{"id":"b","answer":{"path":"/b?q=b%20%26","body":"0"},"tags":["asked"]}
{"id":"a","answer":{"path":"/a?q=a%20%26","body":"0"},"tags":["asked"]})");
  CHECK(web.requests().size() == 2);
  CHECK(run_filter(fmt::format(R"(http {{ url => "{}/text" target_body => "answer" }})", web.url()), "{}") ==
        R"({"answer":"plain"})");
}

TEST_CASE("http filter sends bodies and headers made of the event", "[filter][http]") {
  FakeWebService web([](const HttpRequest&) { return with_type(200, "[]", "application/json"); });
  run_filter(
      fmt::format(
          R"(http {{ url => "{}/" verb => "POST" body_format => "json" body => {{ "who" => "%{{user}}" "n" => [1, "x"] }}
                            headers => {{ "X-User" => "%{{user}}" }} target_body => "out" }})",
          web.url()),
      R"({"user":"a\"b"})");
  const auto requests = web.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].body.view() == R"({"who":"a\"b","n":[1,"x"]})");
  CHECK(requests[0].header("x-user") == "a\"b");
  CHECK(requests[0].header("content-type") == "application/json");
}

TEST_CASE("http filter tags events whose request failed and changes nothing else in them", "[filter][http]") {
  FakeWebService web([](const HttpRequest& request) {
    if (request.target == "/broken") return with_type(200, "{oops", "application/json");
    return with_type(500, "no", "text/plain");
  });
  const std::string filter =
      fmt::format(R"(http {{ url => "{}/%{{to}}" target_body => "out" add_tag => ["asked"] }})", web.url());
  CHECK_THAT(run_filter(filter, R"({"to":"500"})"), Contains(R"({"to":"500","tags":["_httprequestfailure"]})"));
  CHECK_THAT(run_filter(filter, R"({"to":"broken"})"), Contains(R"("tags":["_jsonparsefailure"])"));
  TestAcceptor gone;
  const std::string nobody = fmt::format(R"(http {{ url => "http://127.0.0.1:{}/" target_body => "out" }})", gone.port());
  gone.stop();
  CHECK_THAT(run_filter(nobody, "{}"), Contains("_httprequestfailure"));
}

TEST_CASE("http filter refuses what can never work", "[filter][http]") {
  CHECK_THAT(check_config(R"(filter { http { url => "ftp://h" target_body => "a" } })"), Contains("http://"));
  CHECK_THAT(check_config(R"(filter { http { url => "http://h" } })"), Contains("target_body"));
  CHECK_THAT(check_config(R"(filter { http { url => "http://h" target_body => "a" user => "uu" } })"),
             Contains("belong together"));
}

}  // namespace logboom
