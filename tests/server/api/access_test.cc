// Who may ask the admin API for what.
#include "server/api/access.h"

#include "pipeline/net/http_text.h"
#include "server/api/route.h"
#include "tests/server/api/api_fixture.h"
#include "tests/support/manual_clock.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

HttpRequest request_with(const std::string& authorization, const std::string& method = "GET") {
  HttpRequest request;
  request.method = method;
  request.target = "/_node/stats";
  request.headers = {{"host", "localhost:9600"}};
  if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
  request.peer = {"192.0.2.1", 4711};
  return request;
}

std::string basic(const std::string& user, const std::string& password) {
  return "Basic " + encode_base64(user + ":" + password);
}

AccessOptions with_tokens() {
  AccessOptions options;
  options.tokens = *parse_tokens(test_tokens());
  return options;
}

/// A path that fits the route, with an id that is there.
std::string filled(std::string_view path) {
  std::string out(path);
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>("{id}", "main"), {"{sections}", "os"}, {"{groups}", "jvm"}})
    if (const std::size_t at = out.find(name); at != std::string::npos) out.replace(at, name.size(), value);
  return out.ends_with("/tap") ? out + "?seconds=1" : out;
}

}  // namespace

TEST_CASE("every endpoint is open to those whose role reaches it and to nobody else", "[api][access]") {
  ApiFixture fixture(ApiFixture::Given{{"api.tokens", test_tokens()}, {"api.anonymous_role", "none"}});
  fixture.start();
  for (const Route& route : api_routes()) {
    for (const Role role : {Role::Anybody, Role::Viewer, Role::Operator, Role::Admin}) {
      INFO(route.method << " " << route.path << " as " << role_name(role));
      const std::string headers = role == Role::Anybody ? "" : ApiFixture::bearer(std::string(role_name(role)));
      const Answer answer =
          fixture.ask(std::string(route.method), filled(route.path), headers, route.method == "GET" ? "" : "{}");
      if (role >= route.role) {
        CHECK(answer.status != 401);
        CHECK(answer.status != 403);
        CHECK(answer.status != 405);
      } else {
        CHECK(answer.status == (role == Role::Anybody ? 401 : 403));
        CHECK_THAT(answer.body, Contains(std::string(role_name(route.role))));
      }
    }
  }
}

TEST_CASE("without credentials loopback may operate, but not write pipelines", "[api][access]") {
  ApiFixture fixture;
  fixture.start();
  CHECK(fixture.ask("GET", "/_node/stats").status == 200);
  CHECK(fixture.ask("PUT", "/_node/logging", "", R"({"logger.listen":"INFO"})").status == 200);
  const Answer refused = fixture.ask("PUT", "/v1/pipelines/x", "", "input { } output { }");
  CHECK(refused.status == 403);
  CHECK_THAT(refused.body, Contains("wants the role admin; anonymous has the role operator"));
}

TEST_CASE("a token is good as bearer and as password, the user only with the password", "[api][access]") {
  AccessOptions options = with_tokens();
  options.user = "logstash";
  options.password = "s3cret-A";
  Access access(options);
  const auto role_with = [&](const std::string& authorization) {
    return access.check(request_with(authorization), Role::Viewer).who.role;
  };
  CHECK(role_with("Bearer operator") == Role::Operator);
  CHECK(role_with("bearer  viewer") == Role::Viewer);
  CHECK(role_with(basic("admin-token", "admin")) == Role::Admin);
  CHECK(role_with(basic("logstash", "s3cret-A")) == Role::Admin);
  for (const std::string& wrong :
       {std::string("Bearer nobody"), std::string("Bearer "), std::string("Basic !!!"), basic("viewer-token", "admin"),
        basic("logstash", "s3cret-B"), std::string("Digest x"), std::string("x")}) {
    INFO(wrong);
    Access fresh(options);
    CHECK(fresh.check(request_with(wrong), Role::Viewer).refusal->status == 401);
  }
}

TEST_CASE("wrong credentials are answered ever more slowly, right ones end that", "[api][access]") {
  ManualClock clock;
  AccessOptions options = with_tokens();
  options.clock = &clock;
  Access access(options);
  const auto status_with = [&](const std::string& authorization, const std::string& peer = "192.0.2.1") {
    HttpRequest request = request_with(authorization);
    request.peer.ip = peer;
    const auto verdict = access.check(request, Role::Viewer);
    return verdict.refusal ? verdict.refusal->status : 200;
  };
  for (int i = 0; i < 6; ++i) CHECK(status_with("Bearer wrong") == 401);
  CHECK(status_with("Bearer wrong") == 429);
  CHECK(status_with("Bearer viewer") == 429);
  CHECK(status_with("Bearer viewer", "192.0.2.2") == 200);
  clock.advance(std::chrono::milliseconds(1100));
  CHECK(status_with("Bearer wrong") == 401);
  clock.advance(std::chrono::milliseconds(1100));
  CHECK(status_with("Bearer viewer") == 429);  // two seconds now
  clock.advance(std::chrono::milliseconds(1000));
  CHECK(status_with("Bearer viewer") == 200);
  CHECK(status_with("Bearer wrong") == 401);
  CHECK(status_with("Bearer viewer") == 200);
}

TEST_CASE("an IPv6 network counts as one peer", "[api][access]") {
  ManualClock clock;
  AccessOptions options = with_tokens();
  options.clock = &clock;
  Access access(options);
  HttpRequest request = request_with("Bearer wrong");
  for (int i = 0; i < 6; ++i) {
    request.peer.ip = "2001:db8::" + std::to_string(i + 1);
    CHECK(access.check(request, Role::Viewer).refusal->status == 401);
  }
  request.peer.ip = "2001:db8::ffff";
  CHECK(access.check(request, Role::Viewer).refusal->status == 429);
  request.peer.ip = "2001:db8:0:1::1";
  CHECK(access.check(request, Role::Viewer).refusal->status == 401);
}

TEST_CASE("pages of other origins and foreign host names get nothing done", "[api][access]") {
  AccessOptions options;
  options.without_credentials = Role::Operator;
  options.wants_local_host_name = true;
  Access access(options);
  HttpRequest request = request_with("", "POST");
  CHECK_FALSE(access.check(request, Role::Operator).refusal);
  request.headers.emplace_back("origin", "https://evil.example");
  CHECK(access.check(request, Role::Operator).refusal->status == 403);
  request.headers.back().second = "http://localhost:9600";
  CHECK_FALSE(access.check(request, Role::Operator).refusal);
  for (const auto& [host, is_local] : {std::pair<const char*, bool>("127.0.0.1:9600", true),
                                       {"[::1]:9600", true},
                                       {"localhost", true},
                                       {"logboom.example:9600", false},
                                       {"10.0.0.1", false}}) {
    INFO(host);
    HttpRequest named = request_with("");
    named.headers[0].second = host;
    CHECK(access.check(named, Role::Viewer).refusal.has_value() == !is_local);
  }
}

TEST_CASE("tokens are read from a file, and again when it changes", "[api][access]") {
  const TemporaryDirectory directory;
  directory.write("tokens", "# for CI\nci viewer sha256:" + sha256_hex("one") + "\n");
  ManualClock clock;
  AccessOptions options;
  options.token_file = directory.at("tokens");
  options.clock = &clock;
  Access access(options);
  const auto is_known = [&](const std::string& token) {
    clock.advance(std::chrono::seconds(2));
    return !access.check(request_with("Bearer " + token), Role::Viewer).refusal;
  };
  CHECK(is_known("one"));
  directory.write("tokens", "ci viewer sha256:" + sha256_hex("second") + "\n\n");
  CHECK(is_known("second"));
  CHECK_FALSE(is_known("one"));
  directory.write("tokens", "ci viewer");
  CHECK_FALSE(is_known("second"));
}

TEST_CASE("what is no token is refused with its line", "[api][access]") {
  const auto [text, problem] = GENERATE(table<std::string, std::string>({
      {"ci viewer", "line 1: a token wants NAME ROLE sha256:HASH, not 2 words"},
      {"\nci root sha256:00", "line 2: token \"ci\": the role is viewer, operator or admin, not \"root\""},
      {"ci anybody sha256:00", "not \"anybody\""},
      {"ci admin sha256:00", "64 hexadecimal digits"},
      {"ci admin plain", "64 hexadecimal digits"},
      {"a viewer sha256:" + sha256_hex("1") + "\na admin sha256:" + sha256_hex("2"), "two tokens \"a\""},
  }));
  const auto parsed = parse_tokens(text);
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().message, Contains(problem));
}

TEST_CASE("a client certificate's CN gives a role", "[api][access]") {
  AccessOptions options = with_tokens();
  options.certificates = *parse_certificate_roles("metricbeat viewer, Jane Doe  admin,ops.example operator");
  Access access(options);
  const auto [subject, name, role] = GENERATE(table<std::string, std::string, Role>({
      {"CN=metricbeat,O=Example", "certificate:metricbeat", Role::Viewer},
      {"O=Example,CN=Jane Doe", "certificate:Jane Doe", Role::Admin},
      {"CN=ops.example+serialNumber=7", "certificate:ops.example", Role::Operator},
      {"", "anonymous", Role::Anybody},
      {"CN=nobody", "anonymous", Role::Anybody},
      {"O=Jane Doe", "anonymous", Role::Anybody},
      {"CN=Jane Doe,CN=metricbeat", "anonymous", Role::Anybody},
      {"O=x\\,CN=Jane Doe", "anonymous", Role::Anybody},
      {"CN=Jane Doe\\00.example", "anonymous", Role::Anybody},
      {"CN=\\4Aane Doe", "certificate:Jane Doe", Role::Admin},
      {"CN=#130A6D6574726963", "anonymous", Role::Anybody},
      {"CN", "anonymous", Role::Anybody},
      {"CN=metricbeat\\", "anonymous", Role::Anybody},
  }));
  INFO(subject);
  const auto verdict = access.check(request_with(""), Role::Viewer, subject);
  CHECK(verdict.who.name == name);
  CHECK(verdict.who.role == role);
  CHECK(verdict.refusal.has_value() == (role == Role::Anybody));
  CHECK(access.check(request_with("Bearer operator"), Role::Viewer, subject).who.name == "token:operator-token");
}

TEST_CASE("roles of certificates are refused when they say nothing", "[api][access]") {
  for (const char* text : {"metricbeat", "metricbeat root", "viewer", "a viewer, a admin", "a anybody"}) {
    INFO(text);
    CHECK_FALSE(parse_certificate_roles(text));
  }
  CHECK(parse_certificate_roles(" , ")->empty());
}

}  // namespace logboom
