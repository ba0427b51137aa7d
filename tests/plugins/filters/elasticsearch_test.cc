// The elasticsearch filter against a cluster that the test plays.
#include <fmt/format.h>

#include "tests/plugins/plugin_harness.h"
#include "tests/support/fake_web_service.h"
#include "tests/support/run_filter.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

constexpr std::string_view kOneHit =
    R"({"timed_out":false,"hits":{"total":{"value":1},"hits":[{"_id":"d7","_source":{"user":{"name":"ann"},"n":3}}]},"aggregations":{"top":{"value":9}}})";

}  // namespace

TEST_CASE("elasticsearch filter copies fields, document info and aggregations", "[filter][elasticsearch]") {
  FakeWebService web([](const HttpRequest&) { return json_answer(200, std::string(kOneHit)); });
  CHECK(run_filter(fmt::format(R"(elasticsearch {{ hosts => ["{}"] index => "users-%{{shop}}" query => "id:%{{id}}"
                                  fields => {{ "[user][name]" => "name" "n" => "[a][n]" "missing" => "m" }}
                                  docinfo_fields => {{ "_id" => "doc" }} aggregation_fields => {{ "top" => "top" }} }})",
                               web.url()),
                   R"({"id":"7","shop":"x"})") ==
        R"({"id":"7","shop":"x","name":"ann","a":{"n":3},"doc":"d7","top":{"value":9}})");
  const auto requests = web.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].method == "POST");
  CHECK(requests[0].target == "/users-x/_search");
  CHECK(
      requests[0].body.view() ==
      R"({"size":1,"query":{"query_string":{"query":"id:7"}},"sort":[{"@timestamp":{"order":"desc","unmapped_type":"long"}}]})");
}

TEST_CASE("elasticsearch filter makes lists of several documents, and asks once for equal searches",
          "[filter][elasticsearch]") {
  FakeWebService web([](const HttpRequest&) {
    return json_answer(200, R"({"hits":{"total":2,"hits":[{"_source":{"n":1}},{"_source":{"n":2}}]}})");
  });
  const std::string filter = fmt::format(
      R"(elasticsearch {{ hosts => ["{}"] query => "a" enable_sort => false result_size => 2 fields => {{ "n" => "n" }} target => "found" }})",
      web.url());
  CHECK(run_filter(filter, "{}\n{}") == "{\"found\":{\"n\":[1,2]}}\n{\"found\":{\"n\":[1,2]}}");
  CHECK(web.requests().size() == 1);
}

TEST_CASE("elasticsearch filter tags what it could not look up", "[filter][elasticsearch]") {
  for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
           {401, "{}"}, {200, "<html>"}, {200, R"({"timed_out":true,"hits":{"hits":[]}})"}, {503, ""}}) {
    FakeWebService web([&, status = status, body = body](const HttpRequest&) { return json_answer(status, body); });
    INFO(status << " " << body);
    CHECK(run_filter(
              fmt::format(R"(elasticsearch {{ hosts => ["{}"] query => "a" fields => {{ "n" => "n" }} add_tag => ["no"] }})",
                          web.url()),
              "{}") == R"({"tags":["_elasticsearch_lookup_failure"]})");
  }
  FakeWebService empty([](const HttpRequest&) { return json_answer(200, R"({"hits":{"total":{"value":0},"hits":[]}})"); });
  CHECK(
      run_filter(fmt::format(R"(elasticsearch {{ hosts => ["{}"] query => "a" fields => {{ "n" => "n" }} }})", empty.url()),
                 "{}") == "{}");
}

TEST_CASE("elasticsearch filter refuses what can never work", "[filter][elasticsearch]") {
  CHECK_THAT(check_config(R"(filter { elasticsearch { hosts => ["hh"] } })"), Contains("one of query and query_template"));
  CHECK_THAT(check_config(R"(filter { elasticsearch { hosts => ["ftp://h"] query => "a" fields => { "a" => "[b" } } })"),
             Contains("ftp://h") && Contains("is no field"));
  CHECK_THAT(check_config(R"(filter { elasticsearch { hosts => ["http://h"] query => "a" api_key => "k:v" } })"),
             Contains("in clear"));
}

}  // namespace logboom
