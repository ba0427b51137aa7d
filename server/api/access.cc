#include "server/api/access.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

#include "pipeline/base/file_stamp.h"
#include "pipeline/base/log.h"
#include "pipeline/base/replace_file.h"
#include "pipeline/net/http_text.h"

namespace logboom {
namespace {

constexpr std::uint32_t kFreeFailures = 5;
constexpr std::int64_t kFirstPauseMilliseconds = 1000;
constexpr std::int64_t kLongestPauseMilliseconds = 60'000;
constexpr std::int64_t kForgottenAfterMilliseconds = 15 * 60'000;
constexpr std::size_t kMostPeers = 4096;
constexpr std::size_t kMostTokenFileBytes = 1024 * 1024;
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kHashPrefix = "sha256:";

bool is_equal_in_constant_time(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i)
    difference |= static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]);
  return difference == 0;
}

/// Who shares a house shares a pause: an IPv6 /64 is one peer.
std::string peer_key(const std::string& ip) {
  in6_addr address{};
  if (ip.find(':') == std::string::npos || inet_pton(AF_INET6, ip.c_str(), &address) != 1) return ip;
  if (IN6_IS_ADDR_V4MAPPED(&address)) return ip;
  std::fill(address.s6_addr + 8, address.s6_addr + 16, std::uint8_t{0});
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &address, text, sizeof text);
  return std::string(text) + "/64";
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

Result<ApiToken> parse_token(std::string_view line) {
  const auto words = words_of(line);
  if (words.size() != 3)
    return Error{ErrorCode::InvalidArgument, fmt::format("a token wants NAME ROLE sha256:HASH, not {} words", words.size())};
  const auto role = role_of(words[1]);
  if (!role || *role == Role::Anybody)
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("token \"{}\": the role is viewer, operator or admin, not \"{}\"", words[0], words[1])};
  std::string hash = lower_case(words[2]);
  const bool has_prefix = hash.substr(0, kHashPrefix.size()) == kHashPrefix;
  if (has_prefix) hash.erase(0, kHashPrefix.size());
  const bool is_hexadecimal = hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!has_prefix || hash.size() != kHashDigits || !is_hexadecimal)
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("token \"{}\": wants sha256: and {} hexadecimal digits, as `printf %s TOKEN | sha256sum` "
                             "prints them",
                             words[0], kHashDigits)};
  return ApiToken{std::string(words[0]), *role, std::move(hash)};
}

/// A page of another origin asks in the name of whoever reads it.
bool is_foreign_page(const HttpRequest& request) {
  if (request.method == "GET" || request.method == "HEAD") return false;
  if (request.header("sec-fetch-site") == "cross-site") return true;
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const std::size_t scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return true;
  return !equals_ignoring_case(origin.substr(scheme_end + 3), request.header("host"));
}

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::Viewer: return "viewer";
    case Role::Operator: return "operator";
    case Role::Admin: return "admin";
    case Role::Anybody: break;
  }
  return "anybody";
}

std::optional<Role> role_of(std::string_view name) {
  for (const Role role : {Role::Anybody, Role::Viewer, Role::Operator, Role::Admin})
    if (role_name(role) == name) return role;
  return std::nullopt;
}

std::string sha256_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

Result<std::vector<ApiToken>> parse_tokens(std::string_view text) {
  std::vector<ApiToken> tokens;
  std::size_t line_number = 1;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n,"), text.size());
    std::string_view line = text.substr(0, end);
    const bool is_line = end < text.size() && text[end] == '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    if (!words_of(line).empty()) {
      auto token = parse_token(line);
      if (!token) return Error{token.error().code, fmt::format("line {}: {}", line_number, token.error().message)};
      for (const ApiToken& earlier : tokens)
        if (earlier.name == token->name)
          return Error{ErrorCode::InvalidArgument,
                       fmt::format("line {}: there are two tokens \"{}\"", line_number, token->name)};
      tokens.push_back(std::move(*token));
    }
    if (is_line) ++line_number;
  }
  return tokens;
}

Result<std::vector<CertificateRole>> parse_certificate_roles(std::string_view text) {
  std::vector<CertificateRole> roles;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find_first_of(",\n"), text.size());
    const std::string_view entry = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (entry.empty()) continue;
    const std::size_t blank = entry.find_last_of(" \t");
    const auto role = role_of(entry.substr(blank == std::string_view::npos ? entry.size() : blank + 1));
    if (!role || *role == Role::Anybody)
      return Error{ErrorCode::InvalidArgument,
                   fmt::format("wants NAME ROLE, the role viewer, operator or admin, not \"{}\"", entry)};
    const std::string_view name = trimmed(entry.substr(0, blank));
    for (const CertificateRole& earlier : roles)
      if (earlier.common_name == name) return Error{ErrorCode::InvalidArgument, fmt::format("\"{}\" is there twice", name)};
    roles.push_back({std::string(name), *role});
  }
  return roles;
}

std::string common_name_of(std::string_view subject) {
  std::string name;
  std::size_t names = 0;
  while (!subject.empty()) {
    std::string value;
    std::size_t at = subject.find('=');
    if (at == std::string_view::npos) return "";
    const bool is_common_name = equals_ignoring_case(subject.substr(0, at), "CN");
    const bool is_dump = at + 1 < subject.size() && subject[at + 1] == '#';
    for (++at; at < subject.size() && subject[at] != ',' && subject[at] != '+'; ++at) {
      if (subject[at] != '\\' || at + 1 >= subject.size()) {
        value += subject[at];
        continue;
      }
      unsigned byte = 0;
      const auto digits = subject.substr(at + 1, 2);
      const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      const bool is_hex = problem == std::errc() && end == digits.data() + 2;
      value += is_hex ? static_cast<char>(byte) : subject[at + 1];
      at += is_hex ? 2 : 1;
    }
    subject.remove_prefix(std::min(at + 1, subject.size()));
    if (!is_common_name) continue;
    ++names;
    name = is_dump ? std::string() : std::move(value);
  }
  return names == 1 ? name : std::string();
}

bool is_loopback_address(std::string_view address) {
  return address.substr(0, 4) == "127." || address == "::1" || address.substr(0, 11) == "::ffff:127." ||
         equals_ignoring_case(address, "localhost");
}

bool is_loopback_name(std::string_view host_header) {
  const std::string_view name = parse_host(host_header).host;
  if (name.empty() || equals_ignoring_case(name, "localhost")) return true;
  in_addr v4{};
  if (inet_pton(AF_INET, std::string(name).c_str(), &v4) == 1) return is_loopback_address(name);
  return name == "::1";
}

Access::Access(AccessOptions options) : options_(std::move(options)) {}

bool Access::has_credentials() const {
  return !options_.user.empty() || !options_.tokens.empty() || !options_.token_file.empty();
}

std::int64_t Access::now_milliseconds() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(options_.clock->steady_now().time_since_epoch()).count();
}

std::vector<ApiToken> Access::tokens() {
  std::vector<ApiToken> all = options_.tokens;
  if (options_.token_file.empty()) return all;
  const std::lock_guard lock(mutex_);
  const std::int64_t now = now_milliseconds();
  if (!token_stamp_ || now - file_looked_at_ >= 1000) {
    file_looked_at_ = now;
    const std::string stamp = file_stamp(options_.token_file);
    if (stamp != token_stamp_) {
      token_stamp_ = stamp;
      file_tokens_.clear();  // a token whose file is gone or broken opens nothing
      auto text =
          !stamp.empty() ? read_whole_file(options_.token_file, kMostTokenFileBytes) : Result<std::string>(std::string());
      auto parsed = text ? parse_tokens(*text) : Result<std::vector<ApiToken>>(text.error());
      if (parsed) {
        file_tokens_ = std::move(*parsed);
      } else {
        log_error("api", "{}: {}; none of its tokens is accepted", options_.token_file, parsed.error().message);
      }
    }
  }
  all.insert(all.end(), file_tokens_.begin(), file_tokens_.end());
  return all;
}

std::optional<Principal> Access::token_holder(std::string_view token) {
  const std::string hash = sha256_hex(token);
  std::optional<Principal> holder;
  for (const ApiToken& known : tokens())
    if (is_equal_in_constant_time(known.hash, hash)) holder = Principal{"token:" + known.name, known.role};
  return holder;
}

std::optional<Principal> Access::identify(std::string_view authorization) {
  const std::size_t blank = authorization.find(' ');
  const std::string scheme = lower_case(authorization.substr(0, blank));
  if (blank == std::string_view::npos) return std::nullopt;
  if (scheme == "bearer") return token_holder(trimmed(authorization.substr(blank + 1)));
  if (scheme != "basic") return std::nullopt;
  if (!options_.user.empty() && is_authorized(authorization, options_.user, options_.password))
    return Principal{"user:" + options_.user, Role::Admin};
  // Tools that know only basic authentication send a token as the password, with its name as the user.
  const std::string given = decode_base64(trimmed(authorization.substr(blank + 1)));
  const std::size_t colon = given.find(':');
  if (colon == std::string::npos) return std::nullopt;
  auto holder = token_holder(std::string_view(given).substr(colon + 1));
  if (holder && holder->name == "token:" + given.substr(0, colon)) return holder;
  return std::nullopt;
}

std::optional<Principal> Access::certificate_holder(std::string_view subject) const {
  if (subject.empty() || options_.certificates.empty()) return std::nullopt;
  const std::string name = common_name_of(subject);
  if (name.empty()) return std::nullopt;
  for (const CertificateRole& known : options_.certificates)
    if (known.common_name == name) return Principal{"certificate:" + name, known.role};
  return std::nullopt;
}

std::int64_t Access::seconds_to_wait(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(peer);
  if (found == failures_.end()) return 0;
  const std::int64_t left = found->second.until_milliseconds - now_milliseconds();
  return left > 0 ? (left + 999) / 1000 : 0;
}

void Access::note_failure(const std::string& peer) {
  const std::int64_t now = now_milliseconds();
  const std::lock_guard lock(mutex_);
  if (failures_.size() >= kMostPeers && failures_.find(peer) == failures_.end())
    failures_.erase(std::min_element(failures_.begin(), failures_.end(), [](const auto& left, const auto& right) {
      return left.second.last_milliseconds < right.second.last_milliseconds;
    }));
  Failures& failures = failures_[peer];
  if (failures.count > 0 && now - failures.last_milliseconds > kForgottenAfterMilliseconds) failures.count = 0;
  failures.last_milliseconds = now;
  if (++failures.count <= kFreeFailures) return;
  const std::uint32_t doublings = std::min<std::uint32_t>(failures.count - kFreeFailures - 1, 10);
  failures.until_milliseconds = now + std::min(kFirstPauseMilliseconds << doublings, kLongestPauseMilliseconds);
}

void Access::note_success(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  failures_.erase(peer);
}

Access::Verdict Access::check(const HttpRequest& request, Role needed, std::string_view client_subject) {
  Verdict verdict;
  const auto refuse = [&](int status, std::string reason) {
    verdict.refusal = HttpResponse(status, "");
    verdict.reason = std::move(reason);
    return verdict;
  };
  if (needed != Role::Anybody && is_foreign_page(request))
    return refuse(403, "a page of another origin must not ask for this");
  const std::string_view authorization = request.header("authorization");
  verdict.who = {"anonymous", options_.without_credentials};
  if (!authorization.empty() && needed != Role::Anybody && has_credentials()) {
    const std::string peer = peer_key(request.peer.ip);
    if (const std::int64_t seconds = seconds_to_wait(peer); seconds > 0) {
      refuse(429, "too many wrong credentials came from this address; wait");
      verdict.refusal->headers.emplace_back("retry-after", std::to_string(seconds));
      return verdict;
    }
    auto who = identify(authorization);
    if (!who) {
      note_failure(peer);
      verdict.who = {"unknown", Role::Anybody};
      refuse(401, "the credentials are not known here");
      verdict.refusal->headers.emplace_back("www-authenticate", "Basic realm=\"logstash-api\"");
      return verdict;
    }
    note_success(peer);
    verdict.who = std::move(*who);
  } else if (auto owner = certificate_holder(client_subject)) {
    verdict.who = std::move(*owner);
  } else if (needed != Role::Anybody && options_.without_credentials != Role::Anybody && options_.wants_local_host_name &&
             !is_loopback_name(request.header("host"))) {
    return refuse(403, "without credentials this server is asked by a loopback name (localhost, 127.0.0.1)");
  }
  if (verdict.who.role >= needed) return verdict;
  if (verdict.who.name == "anonymous" && (has_credentials() || options_.without_credentials == Role::Anybody)) {
    refuse(401, fmt::format("this wants the role {}: send a token (Authorization: Bearer TOKEN) or the user of "
                            "api.auth.basic",
                            role_name(needed)));
    verdict.refusal->headers.emplace_back("www-authenticate", "Basic realm=\"logstash-api\"");
    return verdict;
  }
  return refuse(403, fmt::format("this wants the role {}; {} has the role {}", role_name(needed), verdict.who.name,
                                 role_name(verdict.who.role)));
}

}  // namespace logboom
