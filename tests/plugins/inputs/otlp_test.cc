// Log records of both encodings as events, and what exporters get to hear.
#include <otlp_logs.pb.h>

#include <nlohmann/json.hpp>

#include "tests/plugins/inputs/http_service_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

const HttpHeaders kProtobuf = {{"content-type", "application/x-protobuf"}};
const HttpHeaders kJson = {{"content-type", "application/json"}};

void set_text(otlp::KeyValue* pair, const char* key, const char* value) {
  pair->set_key(key);
  pair->mutable_value()->set_string_value(value);
}

/// One record that says everything.
otlp::ExportLogsServiceRequest full_request() {
  otlp::ExportLogsServiceRequest request;
  otlp::ResourceLogs* resource = request.add_resource_logs();
  resource->set_schema_url("https://schema");
  set_text(resource->mutable_resource()->add_attributes(), "service.name", "shop");
  set_text(resource->mutable_resource()->add_attributes(), "k8s.pod.name", "shop-1");
  otlp::ScopeLogs* scope = resource->add_scope_logs();
  scope->mutable_scope()->set_name("logger.a");
  scope->mutable_scope()->set_version("1.2");
  otlp::LogRecord* record = scope->add_log_records();
  record->set_time_unix_nano(1'700'000'001'500'000'000);
  record->set_observed_time_unix_nano(1'700'000'002'000'000'001);
  record->set_severity_number(17);
  record->set_severity_text("Error");
  record->mutable_body()->set_string_value("it \xff broke");
  set_text(record->add_attributes(), "exception.type", "Oops");
  otlp::KeyValue* list = record->add_attributes();
  list->set_key("list");
  auto* values = list->mutable_value()->mutable_array_value();
  values->add_values()->set_int_value(-5);
  values->add_values()->set_bool_value(true);
  values->add_values()->set_double_value(0.5);
  values->add_values()->set_bytes_value(std::string("\0\1\2\3", 4));
  values->add_values();
  set_text(values->add_values()->mutable_kvlist_value()->add_values(), "in", "side");
  record->set_dropped_attributes_count(2);
  record->set_flags(1);
  record->set_trace_id("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10");
  record->set_span_id("\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8");
  record->set_event_name("checkout");
  return request;
}

const char* const kFullJson = R"({"resourceLogs":[{"schemaUrl":"https://schema","resource":{"attributes":[
{"key":"service.name","value":{"stringValue":"shop"}},{"key":"k8s.pod.name","value":{"stringValue":"shop-1"}}]},
"scopeLogs":[{"scope":{"name":"logger.a","version":"1.2"},"logRecords":[{"timeUnixNano":"1700000001500000000",
"observedTimeUnixNano":"1700000002000000001","severityNumber":17,"severityText":"Error","body":{"stringValue":"it \ufffd broke"},
"attributes":[{"key":"exception.type","value":{"stringValue":"Oops"}},{"key":"list","value":{"arrayValue":{"values":[
{"intValue":"-5"},{"boolValue":true},{"doubleValue":0.5},{"bytesValue":"AAECAw=="},{},
{"kvlistValue":{"values":[{"key":"in","value":{"stringValue":"side"}}]}}]}}}],"droppedAttributesCount":2,"flags":1,
"traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"a1a2a3a4a5a6a7a8","eventName":"checkout","unheardOf":[1]}]}]}]})";

const char* const kAttributes =
    R"("attributes":{"exception.type":"Oops","list":[-5,true,0.5,"AAECAw==",null,{"in":"side"}]},"dropped_attributes_count":2})"
    "\t"
    R"({"ip_address":"10.0.0.9"})";
const char* const kOrigin =
    R"("resource":{"attributes":{"service.name":"shop","k8s.pod.name":"shop-1"},"schema_url":"https://schema"},)"
    R"("scope":{"name":"logger.a","version":"1.2"},)";

std::string body_with(const std::string& record) {
  return R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[)" + record + "]}]}]}";
}

}  // namespace

TEST_CASE("otlp names what a log record says by ECS, from either encoding", "[input][otlp]") {
  const std::string event =
      "{\"message\":\"it \xef\xbf\xbd broke\","
      R"("log":{"level":"Error","logger":"logger.a"},"event":{"severity":17,"created":"2023-11-14T22:13:22.000000001Z",)"
      R"("action":"checkout"},"trace":{"id":"0102030405060708090a0b0c0d0e0f10","flags":1},"span":{"id":"a1a2a3a4a5a6a7a8"},)"
      R"("service":{"name":"shop"},"error":{"type":"Oops"},)" +
      std::string(kOrigin) + kAttributes;
  HttpServiceFixture fixture("otlp { }", EcsMode::V1);
  const HttpResponse binary = fixture.send("POST", "/v1/logs", full_request().SerializeAsString(), kProtobuf);
  CHECK(binary.status == 200);
  CHECK(binary.body.empty());
  CHECK(header_of(binary, "Content-Type") == "application/x-protobuf");
  const HttpResponse text = fixture.send("POST", "/v1/logs", kFullJson, kJson);
  CHECK(text.status == 200);
  CHECK(text.body == "{}");
  CHECK(header_of(text, "Content-Type") == "application/json");
  CHECK(fixture.sink.events() == std::vector<std::string>{event, event});
}

TEST_CASE("otlp without ECS keeps the names of the data model", "[input][otlp]") {
  HttpServiceFixture fixture("otlp { }");
  fixture.send("POST", "/v1/logs", kFullJson, kJson);
  CHECK(fixture.sink.events() ==
        std::vector<std::string>{"{\"message\":\"it \xef\xbf\xbd broke\","
                                 R"("severity_text":"Error","severity_number":17,)"
                                 R"("observed_timestamp":"2023-11-14T22:13:22.000000001Z","event_name":"checkout",)"
                                 R"("trace_id":"0102030405060708090a0b0c0d0e0f10","span_id":"a1a2a3a4a5a6a7a8","flags":1,)" +
                                 std::string(kOrigin) + kAttributes});
}

TEST_CASE("otlp takes the time of the record, else when it was observed, else now", "[input][otlp]") {
  HttpServiceFixture fixture("otlp { }", EcsMode::V1);
  fixture.send("POST", "/v1/logs", body_with(R"({"timeUnixNano":"1000000001"},{"observedTimeUnixNano":2000000000},{})"),
               kJson);
  CHECK(fixture.sink.events().size() == 3);
  CHECK(fixture.sink.times() == std::vector<Timestamp>{{1, 1}, {2, 0}, {1'700'000'000, 0}});
}

TEST_CASE("otlp puts a body that is no text where its kind belongs", "[input][otlp]") {
  HttpServiceFixture fixture("otlp { }", EcsMode::V1);
  fixture.send("POST", "/v1/logs",
               body_with(R"({"body":{"intValue":5}},{"body":{"boolValue":false}},{"body":null},)"
                         R"({"body":{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":"NaN"}}]}}},)"
                         R"({"body":{"arrayValue":{}},"severityNumber":10}]}]},)"
                         R"({"scopeLogs":[{"logRecords":[)"),
               kJson);
  const auto events = fixture.sink.events();
  REQUIRE(events.size() == 5);
  CHECK_THAT(events[0], StartsWith(R"({"message":"5"})"));
  CHECK_THAT(events[1], StartsWith(R"({"message":"false"})"));
  CHECK_THAT(events[2], StartsWith("{}\t"));
  CHECK_THAT(events[3], StartsWith(R"({"body":{"a":"NaN"}})"));
  CHECK_THAT(events[4], StartsWith(R"({"body":[],"log":{"level":"INFO2"},"event":{"severity":10}})"));
}

TEST_CASE("otlp counts log records that it cannot read, and takes the others", "[input][otlp]") {
  for (const char* bad :
       {"5", R"({"traceId":"xyz"})", R"({"timeUnixNano":"-1"})", R"({"timeUnixNano":"99999999999999999999"})",
        R"({"body":"plain"})", R"({"body":{"newValue":1}})", R"({"body":{"intValue":"1.5"}})", R"({"attributes":{}})",
        R"({"attributes":[1]})", R"({"severityText":7})", R"({"body":{"bytesValue":7}})"}) {
    INFO(bad);
    HttpServiceFixture fixture("otlp { }");
    const HttpResponse response = fixture.send("POST", "/v1/logs", body_with(std::string(R"({"flags":3},)") + bad), kJson);
    CHECK(response.status == 200);
    const auto answer = nlohmann::json::parse(response.body);
    CHECK(answer["partialSuccess"]["rejectedLogRecords"] == "1");
    CHECK_FALSE(answer["partialSuccess"]["errorMessage"].get<std::string>().empty());
    CHECK(fixture.sink.events().size() == 1);
    CHECK(fixture.count("rejected_records") == 1);
  }
}

TEST_CASE("otlp refuses a request that it cannot read with a status in its encoding", "[input][otlp]") {
  HttpServiceFixture fixture("otlp { }");
  const std::string good = full_request().SerializeAsString();
  const std::string tag_without_end = "\x0a\xff\xff\xff\xff\x0f";
  const std::string group = "\x0b\x0c" + good;
  const std::string huge_length = "\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01";
  for (const std::string& bad : {good.substr(0, good.size() - 1), tag_without_end, group, huge_length, std::string("hello"),
                                 std::string("\0\0", 2), good + '\xff'}) {
    const HttpResponse response = fixture.send("POST", "/v1/logs", bad, kProtobuf);
    CHECK(response.status == 400);
    otlp::Status status;
    REQUIRE(status.ParseFromString(response.body));
    CHECK(status.code() == 3);
    CHECK_THAT(status.message(), Contains("ExportLogsServiceRequest"));
  }
  for (const char* bad :
       {"", "[]", "{\"resourceLogs\":{}}", "{\"resourceLogs\":[1]}", "{\"resourceLogs\":[{\"scopeLogs\":1}]}",
        "{\"resourceLogs\":[{\"resource\":7}]}", "{\"resourceLogs\":[{\"schemaUrl\":7}]}", "{\"a\":"}) {
    INFO(bad);
    const HttpResponse response = fixture.send("POST", "/v1/logs", bad, kJson);
    CHECK(response.status == 400);
    CHECK_THAT(response.body, StartsWith(R"({"code":3,"message":")"));
    CHECK(header_of(response, "Content-Type") == "application/json");
  }
  CHECK(fixture.sink.events().empty());
  CHECK(fixture.send("POST", "/v1/logs", "", kProtobuf).status == 200);
  CHECK(fixture.send("POST", "/v1/logs", "{}", kJson).status == 200);
}

TEST_CASE("otlp refuses more log records than their bytes are worth", "[input][otlp]") {
  HttpServiceFixture fixture("otlp { }");
  otlp::ExportLogsServiceRequest request;
  otlp::ScopeLogs* scope = request.add_resource_logs()->add_scope_logs();
  for (int i = 0; i < 100'001; ++i) scope->add_log_records();
  CHECK(fixture.send("POST", "/v1/logs", request.SerializeAsString(), kProtobuf).status == 413);
  std::string records = "{}";
  for (int i = 0; i < 100'000; ++i) records += ",{}";
  CHECK(fixture.send("POST", "/v1/logs", body_with(records), kJson).status == 413);
  CHECK(fixture.sink.events().empty());
}

TEST_CASE("otlp knows its path, method and media types before it reads a body", "[input][otlp]") {
  HttpServiceFixture fixture("otlp { }");
  CHECK(fixture.endpoint.port == 4318);
  CHECK(fixture.endpoint.max_request_bytes == 20 * 1024 * 1024);
  const auto refusal = [&](const char* method, const char* target, const HttpHeaders& headers) {
    const auto refused = fixture.endpoint.http->refuse_early(HttpServiceFixture::request(method, target, "", headers));
    return refused ? refused->status : 0;
  };
  CHECK(refusal("POST", "/v1/logs", kJson) == 0);
  CHECK(refusal("POST", "/v1/logs", {{"content-type", "Application/JSON; charset=utf-8"}}) == 0);
  CHECK(refusal("POST", "/v1/traces", kJson) == 404);
  CHECK(refusal("GET", "/v1/logs", kJson) == 405);
  CHECK(refusal("POST", "/v1/logs", {{"content-type", "text/plain"}}) == 415);
  CHECK(refusal("POST", "/v1/logs", {}) == 415);
}

TEST_CASE("otlp tells exporters when to send again", "[input][otlp]") {
  HttpServiceFixture failing("otlp { }", EcsMode::V1, CollectingSink::Answer::NotDelivered);
  const HttpResponse failed = failing.send("POST", "/v1/logs", kFullJson, kJson);
  CHECK(failed.status == 503);
  CHECK(header_of(failed, "Retry-After") == "5");
  CHECK_THAT(failed.body, StartsWith(R"({"code":14,)"));

  HttpServiceFixture full("otlp { max_pending_requests => 1 response_timeout => 0 }", EcsMode::V1);
  full.sink.set_full(true);
  boost::asio::io_context context;
  HttpResponse held(0, "");
  boost::asio::co_spawn(context, full.ask(HttpServiceFixture::request("POST", "/v1/logs", kFullJson, kJson), held),
                        boost::asio::detached);
  context.poll();
  const HttpResponse refused = full.send("POST", "/v1/logs", full_request().SerializeAsString(), kProtobuf);
  CHECK(refused.status == 429);
  CHECK(header_of(refused, "Retry-After") == "1");
  otlp::Status status;
  REQUIRE(status.ParseFromString(refused.body));
  CHECK(status.code() == 8);
  full.sink.set_full(false);
  context.restart();
  context.run();
  CHECK(held.status == 200);
}

TEST_CASE("otlp asks for credentials, and answers browsers of the allowed origins", "[input][otlp]") {
  HttpServiceFixture fixture("otlp { user => \"al\" password => \"pa:ss\" cors_allowed_origins => \"https://a.example\" }");
  CHECK(fixture.send("POST", "/v1/logs", kFullJson, kJson).status == 401);
  const HttpResponse response = fixture.send(
      "POST", "/v1/logs", kFullJson,
      {{"content-type", "application/json"}, {"authorization", "Basic YWw6cGE6c3M="}, {"origin", "https://a.example"}});
  CHECK(response.status == 200);
  CHECK(header_of(response, "Access-Control-Allow-Origin") == "https://a.example");
  const HttpResponse preflight =
      fixture.send("OPTIONS", "/v1/logs", "", {{"origin", "https://a.example"}, {"access-control-request-method", "POST"}});
  CHECK(preflight.status == 204);
}

}  // namespace logboom
