// Access: who asks, and what that one may do. Basic authentication, tokens, and the loopback interface's own rule.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/clock.h"
#include "pipeline/base/result.h"
#include "pipeline/net/http_exchange.h"

namespace logboom {

/// Each may do what those before it may.
enum class Role { Anybody, Viewer, Operator, Admin };
std::string_view role_name(Role role);
std::optional<Role> role_of(std::string_view name);

struct Principal {
  std::string name;  // "anonymous", "user:logstash", "token:ci"
  Role role = Role::Anybody;
};

/// What is kept of a token: never the token.
struct ApiToken {
  std::string name;
  Role role = Role::Viewer;
  std::string hash;  // SHA-256, in lower-case hexadecimal digits
};

/// "NAME ROLE sha256:HEX", one a line or separated by commas; # begins a comment. Errors: InvalidArgument with the line.
Result<std::vector<ApiToken>> parse_tokens(std::string_view text);
std::string sha256_hex(std::string_view text);

/// What the owner of a client certificate may do.
struct CertificateRole {
  std::string common_name;
  Role role = Role::Viewer;
};
/// "NAME ROLE", separated by commas; the name may have blanks. Errors: InvalidArgument.
Result<std::vector<CertificateRole>> parse_certificate_roles(std::string_view text);
/// The one CN of a subject as RFC 2253 writes it ("CN=ops,O=Example"); empty when there is none, or more than one.
std::string common_name_of(std::string_view subject);

struct AccessOptions {
  std::string user;  // empty: no basic authentication
  std::string password;
  std::vector<ApiToken> tokens;
  std::string token_file;  // read again when it changes; empty: none
  std::vector<CertificateRole> certificates;
  Role without_credentials = Role::Anybody;  // of a request that brings none
  bool wants_local_host_name = false;        // such a request must call us by a loopback name (DNS rebinding)
  const Clock* clock = &system_clock();
};

/// Any thread. Looks at each request's head; reads at most one small file now and then.
class Access {
 public:
  explicit Access(AccessOptions options);

  struct Verdict {
    Principal who;
    std::optional<HttpResponse> refusal;  // 401, 403 or 429; its body is still to be worded
    std::string reason;                   // of the refusal
  };
  /// `client_subject` is of a verified client certificate, as RFC 2253 writes it. Credentials in the request come before it.
  Verdict check(const HttpRequest& request, Role needed, std::string_view client_subject = {});

  /// True when requests without credentials get less than those with them.
  bool has_credentials() const;

 private:
  struct Failures {
    std::uint32_t count = 0;
    std::int64_t until_milliseconds = 0;
    std::int64_t last_milliseconds = 0;
  };
  std::optional<Principal> identify(std::string_view authorization);
  std::optional<Principal> token_holder(std::string_view token);
  std::optional<Principal> certificate_holder(std::string_view subject) const;
  std::vector<ApiToken> tokens();
  std::int64_t seconds_to_wait(const std::string& peer);
  void note_failure(const std::string& peer);
  void note_success(const std::string& peer);
  std::int64_t now_milliseconds() const;

  const AccessOptions options_;
  std::mutex mutex_;
  std::map<std::string, Failures> failures_;  // by peer address; the oldest go when there are too many
  std::vector<ApiToken> file_tokens_;
  std::int64_t file_looked_at_ = 0;
  std::optional<std::string> token_stamp_;  // of the file, as it was read; nullopt: not yet
};

/// "127.0.0.1:9600", "localhost", "[::1]:80": a name that only this machine answers to.
bool is_loopback_name(std::string_view host_header);
/// An address of the loopback interface.
bool is_loopback_address(std::string_view address);

}  // namespace logboom
