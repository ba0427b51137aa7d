#include "server/api/api_settings.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <filesystem>

#include "pipeline/base/replace_file.h"

namespace logboom {
namespace {

Error refused(const Settings& settings, std::string_view name, std::string problem) {
  return {ErrorCode::InvalidArgument, fmt::format("{} ({}): {}", name, settings.origin(name), problem)};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

Result<void> read_ports(const Settings& settings, ApiOptions& options) {
  const std::string text = settings.text("api.http.port");
  const std::size_t dash = text.find('-');
  const auto first = parse_port(std::string_view(text).substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_port(std::string_view(text).substr(dash + 1));
  if (!first || !last || *first > *last)
    return refused(settings, "api.http.port", fmt::format("wants a port or a range such as 9600-9700, not \"{}\"", text));
  options.first_port = *first;
  options.last_port = *last;
  options.is_port_asked_for = settings.has("api.http.port");
  return {};
}

/// What Logstash's password policy wants; it only warns unless it is told to refuse.
std::string password_weakness(const Settings& settings, const std::string& password) {
  const auto wants = [&](const char* name) {
    return settings.text(std::string("api.auth.basic.password_policy.include.") + name) == "REQUIRED";
  };
  const auto has = [&](int (*is)(int)) {
    for (const char c : password)
      if (is(static_cast<unsigned char>(c)) != 0) return true;
    return false;
  };
  const auto least = static_cast<std::size_t>(settings.number("api.auth.basic.password_policy.length.minimum"));
  if (password.size() < least) return fmt::format("it has fewer than {} characters", least);
  if (wants("upper") && !has(std::isupper)) return "it has no upper case letter";
  if (wants("lower") && !has(std::islower)) return "it has no lower case letter";
  if (wants("digit") && !has(std::isdigit)) return "it has no digit";
  if (wants("symbol") && !has(std::ispunct)) return "it has no symbol";
  return "";
}

Result<void> read_credentials(const Settings& settings, ApiOptions& options) {
  AccessOptions& access = options.access;
  if (settings.text("api.auth.type") == "basic") {
    access.user = settings.text("api.auth.basic.username");
    access.password = settings.text("api.auth.basic.password");
    if (access.user.empty() || access.password.empty())
      return refused(settings, "api.auth.type", "basic wants api.auth.basic.username and api.auth.basic.password beside it");
    if (const std::string weakness = password_weakness(settings, access.password); !weakness.empty()) {
      if (settings.text("api.auth.basic.password_policy.mode") == "ERROR")
        return refused(settings, "api.auth.basic.password", "the password is too weak: " + weakness);
      options.warnings.push_back("api.auth.basic.password is weak: " + weakness);
    }
  }
  auto tokens = parse_tokens(settings.text("api.tokens"));
  if (!tokens) return refused(settings, "api.tokens", tokens.error().message);
  access.tokens = std::move(*tokens);
  access.token_file = settings.text("api.tokens.path");
  if (access.token_file.empty()) {
    const std::string usual = settings.text("path.settings") + "/api-tokens";
    if (!settings.text("path.settings").empty() && std::filesystem::exists(usual)) access.token_file = usual;
  } else if (auto text = read_whole_file(access.token_file, 1024 * 1024); !text) {
    return refused(settings, "api.tokens.path", text.error().message);
  }
  if (!access.token_file.empty()) {
    auto text = read_whole_file(access.token_file, 1024 * 1024);
    auto parsed = text ? parse_tokens(*text) : Result<std::vector<ApiToken>>(text.error());
    if (!parsed) return Error{ErrorCode::InvalidArgument, fmt::format("{}: {}", access.token_file, parsed.error().message)};
  }
  return {};
}

Result<void> read_tls(const Settings& settings, ApiOptions& options) {
  for (const char* name : {"api.ssl.keystore.path", "api.ssl.keystore.password", "api.ssl.truststore.path"})
    if (settings.has(name))
      return refused(settings, name,
                     "the API reads PEM files: give api.ssl.certificate and api.ssl.key (openssl pkcs12 -in KEYSTORE -nodes "
                     "turns one into the other)");
  options.has_tls = settings.boolean("api.ssl.enabled");
  auto roles = parse_certificate_roles(settings.text("api.ssl.client_roles"));
  if (!roles) return refused(settings, "api.ssl.client_roles", roles.error().message);
  if (!roles->empty() && (!options.has_tls || settings.text("api.ssl.client_authentication") == "none"))
    return refused(settings, "api.ssl.client_roles",
                   "wants api.ssl.enabled, and api.ssl.client_authentication optional or required");
  options.access.certificates = std::move(*roles);
  if (options.has_tls && (settings.text("api.ssl.certificate").empty() || settings.text("api.ssl.key").empty()))
    return refused(settings, "api.ssl.enabled", "wants api.ssl.certificate and api.ssl.key beside it");
  return {};
}

/// Who brings no credentials, and whether the address may be served to such people.
Result<void> read_anonymous_role(const Settings& settings, ApiOptions& options) {
  AccessOptions& access = options.access;
  const bool is_local = is_loopback_address(options.host);
  const bool wants_certificate = options.has_tls && settings.text("api.ssl.client_authentication") == "required";
  const bool has_credentials =
      !access.user.empty() || !access.tokens.empty() || !access.token_file.empty() || !access.certificates.empty();
  const std::string role = settings.text("api.anonymous_role");
  access.wants_local_host_name = is_local;
  if (role != "auto") {
    access.without_credentials = role == "none" ? Role::Anybody : *role_of(role);
  } else if (!access.user.empty()) {
    access.without_credentials = Role::Anybody;
  } else if (is_local || (wants_certificate && access.certificates.empty())) {
    access.without_credentials = Role::Operator;
  } else if (!has_credentials) {
    return refused(settings, "api.http.host",
                   fmt::format("{} can be reached from other machines, and nothing says who may ask: set api.auth.type or "
                               "api.tokens, or api.ssl.client_authentication to required, or api.anonymous_role to viewer "
                               "when everybody may look",
                               options.host));
  }
  if (!is_local && !options.has_tls && has_credentials)
    options.warnings.push_back("credentials for the API travel in plain text: set api.ssl.enabled");
  return {};
}

Result<void> read_probes(const Settings& settings, ApiOptions& options) {
  options.probes_host = settings.text("probes.host");
  if (!settings.has("probes.host") && !settings.has("probes.port")) return {};
  options.probes_port = parse_port(settings.text("probes.port"));
  if (!options.probes_port) return refused(settings, "probes.port", "wants a port");
  return {};
}

}  // namespace

Result<ApiOptions> read_api_options(const Settings& settings) {
  ApiOptions options;
  options.is_enabled = settings.boolean("api.enabled");
  options.audit_path = settings.text("api.audit.path");
  if (options.audit_path.empty()) {
    const std::string logs = settings.text("path.logs");
    options.audit_path = (logs.empty() ? settings.text("path.data") : logs) + "/logboom-audit.jsonl";
  }
  if (auto probes = read_probes(settings, options); !probes) return probes.error();
  if (!options.is_enabled) return options;
  if (auto ports = read_ports(settings, options); !ports) return ports.error();
  if (auto tls = read_tls(settings, options); !tls) return tls.error();
  if (auto credentials = read_credentials(settings, options); !credentials) return credentials.error();
  options.host = settings.text("api.http.host");
  const bool is_secured = options.has_tls && !options.access.user.empty();
  if (is_secured && !settings.has("api.http.host")) options.host = "0.0.0.0";  // as Logstash does
  if (auto anonymous = read_anonymous_role(settings, options); !anonymous) return anonymous.error();
  return options;
}

}  // namespace logboom
