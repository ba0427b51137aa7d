// The http input as an Elasticsearch server: what senders get to hear, and the events that come of it.
#include <nlohmann/json.hpp>

#include "tests/plugins/inputs/http_service_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Json = nlohmann::json;

const std::string kApi = "http { elasticsearch_api => true }";

}  // namespace

TEST_CASE("bulk documents become events, and their actions metadata", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi);
  const HttpResponse response = fixture.send("POST", "/logs-web/_bulk",
                                             R"({"create":{}}
{"a":1,"host":{"name":"kept"}}
{"index":{"_index":"other","_id":7,"routing":"r","pipeline":"p"}}
{"a":2,"@metadata":{"beat":"filebeat"}}

{"create":{"_id":"x"}})"
                                             "\r\n"
                                             R"({"a":3})");
  CHECK(response.status == 200);
  CHECK(header_of(response, "X-Elastic-Product") == "Elasticsearch");
  CHECK(header_of(response, "Content-Type") == "application/json");
  const Json answer = Json::parse(response.body);
  CHECK(answer["errors"] == false);
  REQUIRE(answer["items"].size() == 3);
  CHECK(answer["items"][0]["create"]["_index"] == "logs-web");
  CHECK(answer["items"][0]["create"]["_id"].get<std::string>().size() > 10);
  CHECK(answer["items"][0]["create"]["status"] == 201);
  CHECK(answer["items"][1]["index"]["_index"] == "other");
  CHECK(answer["items"][1]["index"]["_id"] == "7");
  CHECK(answer["items"][2]["create"]["_id"] == "x");
  CHECK(fixture.sink.events() ==
        std::vector<std::string>{
            R"({"a":1,"host":{"name":"kept"}})"
            "\t"
            R"({"elasticsearch":{"op":"create","index":"logs-web"},"ip_address":"10.0.0.9"})",
            R"({"a":2})"
            "\t"
            R"({"beat":"filebeat","elasticsearch":{"op":"index","index":"other","id":"7","routing":"r","pipeline":"p"},)"
            R"("ip_address":"10.0.0.9"})",
            R"({"a":3})"
            "\t"
            R"({"elasticsearch":{"op":"create","index":"logs-web","id":"x"},"ip_address":"10.0.0.9"})"});
}

TEST_CASE("a bulk request with a filter_path is answered in short", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi);
  const HttpResponse response =
      fixture.send("POST", "/_bulk?filter_path=errors,items.*.error,items.*.status",
                   "{\"create\":{\"_index\":\"i\"}}\n{\"a\":1}\n{\"create\":{\"_index\":\"i\"}}\n{\"a\":2}\n");
  CHECK_THAT(response.body, Contains(R"("errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]})"));
}

TEST_CASE("documents that cannot be taken are errors of their items alone", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi);
  const HttpResponse response = fixture.send("POST", "/i/_bulk", R"({"index":{}}
{"a":
{"index":{}}
[1]
{"delete":{"_id":"x"}}
{"update":{"_id":"x"}}
{"doc":{}}
{"index":{}}
{"good":1}
)");
  CHECK(response.status == 200);
  const Json answer = Json::parse(response.body);
  CHECK(answer["errors"] == true);
  REQUIRE(answer["items"].size() == 5);
  CHECK(answer["items"][0]["index"]["status"] == 400);
  CHECK(answer["items"][0]["index"]["error"]["type"] == "document_parsing_exception");
  CHECK(answer["items"][1]["index"]["error"]["reason"] == "failed to parse: the document is no object");
  CHECK(answer["items"][2]["delete"]["status"] == 400);
  CHECK(answer["items"][3]["update"]["error"]["type"] == "illegal_argument_exception");
  CHECK(answer["items"][4]["index"]["status"] == 201);
  CHECK(fixture.sink.events().size() == 1);
  CHECK(fixture.count("undecodable") == 4);

  const Json without = Json::parse(fixture.send("POST", "/_bulk", "{\"index\":{}}\n{\"a\":1}\n").body);
  CHECK(without["items"][0]["index"]["error"]["reason"] == "index is missing");
}

TEST_CASE("a bulk request whose actions cannot be read is refused whole", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi);
  const std::string good = "{\"index\":{\"_index\":\"i\"}}\n{\"a\":1}\n";
  for (const char* bad : {"{\"index\":", "[]", "{\"index\":{},\"create\":{}}", "{\"index\":1}", "{}", "{\"drop\":{}}\n{}",
                          "hello", "{\"index\":{}}", "\xff\xfe"}) {
    const HttpResponse response = fixture.send("POST", "/_bulk", good + bad);
    INFO(bad);
    CHECK(response.status == 400);
    CHECK(Json::parse(response.body)["error"]["type"] == "illegal_argument_exception");
    CHECK(Json::parse(response.body)["status"] == 400);
  }
  CHECK(fixture.sink.events().empty());
  CHECK(fixture.send("POST", "/_bulk", "").status == 200);
  CHECK(fixture.send("POST", "/_bulk", "\n\n").status == 200);
}

TEST_CASE("single documents are taken too", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi);
  CHECK(fixture.send("POST", "/i/_doc", R"({"a":1})").status == 201);
  CHECK(fixture.send("PUT", "/i/_doc/a%2Fb", R"({"a":2})").status == 201);
  CHECK(fixture.send("PUT", "/i/_create/c", R"({"a":3})").status == 201);
  const HttpResponse old = fixture.send("POST", "/i/event", R"({"a":4})");
  CHECK(old.status == 201);
  CHECK(Json::parse(old.body)["result"] == "created");
  CHECK(fixture.send("POST", "/i/_doc", "nonsense").status == 400);
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 4);
  CHECK_THAT(events[1], Contains(R"("id":"a/b")"));
  CHECK_THAT(events[2], Contains(R"("op":"create")"));
}

TEST_CASE("whatever Beats look for before they send is there", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture("http { elasticsearch_api => true elasticsearch_version => \"9.1.0\" }");
  const Json greeting = Json::parse(fixture.send("GET", "/").body);
  CHECK(greeting["version"]["number"] == "9.1.0");
  CHECK(greeting["version"]["build_flavor"] == "default");
  CHECK(greeting["tagline"] == "You Know, for Search");
  CHECK(Json::parse(fixture.send("GET", "/_license?human=false").body)["license"]["status"] == "active");
  CHECK(Json::parse(fixture.send("GET", "/_xpack").body)["features"]["ilm"]["enabled"] == true);
  CHECK(Json::parse(fixture.send("GET", "/_cluster/health").body)["status"] == "green");
  CHECK(Json::parse(fixture.send("GET", "/_nodes/ingest").body)["nodes"].size() == 1);
  for (const char* path : {"/_index_template/filebeat", "/_ilm/policy/filebeat", "/_ingest/pipeline/p", "/_data_stream/f",
                           "/_cat/templates/f", "/_alias/f", "/filebeat-1", "/filebeat-1/_mapping", "/_template/f"}) {
    INFO(path);
    CHECK(fixture.send("HEAD", path).status == 200);
    const HttpResponse put = fixture.send("PUT", path, "{}");
    CHECK(put.body == R"({"acknowledged":true})");
    CHECK(header_of(put, "X-Elastic-Product") == "Elasticsearch");
  }
  CHECK(fixture.sink.events().empty());
}

TEST_CASE("what is neither taken nor known is refused as Elasticsearch does it", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi);
  const HttpResponse search = fixture.send("POST", "/i/_search", "{}");
  CHECK(search.status == 400);
  CHECK_THAT(search.body, Contains("no handler found for uri [/i/_search] and method [POST]"));
  const HttpResponse get = fixture.send("GET", "/_bulk");
  CHECK(get.status == 405);
  CHECK(header_of(get, "Allow") == "POST, PUT");
  CHECK(fixture.send("DELETE", "/").status == 405);
  CHECK(fixture.send("POST", "/_unheard/of").status == 400);
}

TEST_CASE("Elasticsearch's clients may bring an API key, and hear refusals as JSON", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture("http { elasticsearch_api => true user => \"al\" password => \"pa:ss\" }");
  const HttpResponse refused = fixture.send("GET", "/");
  CHECK(refused.status == 401);
  CHECK(header_of(refused, "X-Elastic-Product") == "Elasticsearch");
  CHECK(header_of(refused, "WWW-Authenticate").substr(0, 5) == "Basic");
  CHECK(Json::parse(refused.body)["error"]["type"] == "security_exception");
  CHECK(fixture.send("GET", "/", "", {{"authorization", "ApiKey YWw6cGE6c3M="}}).status == 200);
  CHECK(fixture.send("GET", "/", "", {{"authorization", "Basic YWw6cGE6c3M="}}).status == 200);
}

TEST_CASE("a client that asks for a compatible media type gets it", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi);
  const HttpResponse response =
      fixture.send("GET", "/", "", {{"accept", "text/html, application/vnd.elasticsearch+json;compatible-with=8, */*"}});
  CHECK(header_of(response, "Content-Type") == "application/vnd.elasticsearch+json;compatible-with=8");
}

TEST_CASE("a bulk request that cannot be delivered is 503, as a whole", "[input][http][elasticsearch]") {
  HttpServiceFixture fixture(kApi, EcsMode::Disabled, CollectingSink::Answer::NotDelivered);
  const HttpResponse response = fixture.send("POST", "/i/_bulk", "{\"index\":{}}\n{\"a\":1}\n");
  CHECK(response.status == 503);
  CHECK(header_of(response, "Retry-After") == "5");
  CHECK(Json::parse(response.body)["status"] == 503);
}

}  // namespace logboom
