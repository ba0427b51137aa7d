#include "server/keystore/keystore.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/base/redaction.h"
#include "pipeline/base/replace_file.h"

namespace logboom {
namespace {

constexpr std::size_t kMostBytes = 16 * 1024 * 1024;
constexpr unsigned kMode = 0600;

Error at(const std::string& path, const Error& problem) {
  return {problem.code, fmt::format("{}: {}", path, problem.message)};
}

}  // namespace

std::string keystore_path(const std::string& settings_directory) { return settings_directory + "/logboom.keystore"; }

Result<std::optional<std::string>> keystore_password() {
  for (const char* name : {"LOGBOOM_KEYSTORE_PASS", "LOGSTASH_KEYSTORE_PASS"}) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    if (*value == '\0')
      return Error{ErrorCode::InvalidArgument, fmt::format("{} is empty; give the keystore's password, or unset it", name)};
    return std::optional<std::string>(value);
  }
  return std::optional<std::string>();
}

bool is_secret_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name)
    if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.') return false;
  return true;
}

Result<Secrets> load_keystore(const std::string& path, const std::optional<std::string>& password) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return Error{ErrorCode::NotFound, fmt::format("there is no keystore {}", path)};
  if ((found.st_mode & 077) != 0)
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("{} may be read by others (mode {:03o}); make it yours alone: chmod 600 {}", path,
                             static_cast<unsigned>(found.st_mode) & 0777u, path)};
  auto bytes = read_whole_file(path, kMostBytes);
  if (!bytes) return bytes.error();
  auto secrets = unseal_secrets(*bytes, password);
  if (!secrets) return at(path, secrets.error());
  return secrets;
}

Result<void> save_keystore(const std::string& path, const Secrets& secrets, const std::optional<std::string>& password) {
  auto bytes = seal_secrets(secrets, password);
  if (!bytes) return at(path, bytes.error());
  return replace_file(path, *bytes, kMode);
}

Result<VariableLookup> keystore_then_environment(const std::string& settings_directory) {
  const std::string path = keystore_path(settings_directory);
  if (settings_directory.empty() || access(path.c_str(), F_OK) != 0) {
    const std::string javas = settings_directory + "/logstash.keystore";
    if (!settings_directory.empty() && access(javas.c_str(), F_OK) == 0)
      log_warn("keystore", "{} is not read: only Java can; enter its secrets into {} (logboom keystore create, add)", javas,
               path);
    return environment_variables();
  }
  auto password = keystore_password();
  if (!password) return password.error();
  auto secrets = load_keystore(path, *password);
  if (!secrets) return secrets.error();
  std::vector<std::string> values;
  for (const auto& entry : *secrets) values.push_back(entry.second);
  hide_secrets(std::move(values));
  return VariableLookup([secrets = std::make_shared<const Secrets>(std::move(*secrets)),
                         environment = environment_variables()](std::string_view name) -> std::optional<std::string> {
    if (const auto known = secrets->find(name); known != secrets->end()) return known->second;
    return environment(name);
  });
}

}  // namespace logboom
