// The keystore beside the settings: secrets that configurations name as ${NAME}. docs/keystore.md is for operators.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/config/variables.h"
#include "server/keystore/sealed_secrets.h"

namespace logboom {

/// DIR/logboom.keystore.
std::string keystore_path(const std::string& settings_directory);

/// LOGBOOM_KEYSTORE_PASS or LOGSTASH_KEYSTORE_PASS; nothing when neither is set. Errors: InvalidArgument when it is empty.
Result<std::optional<std::string>> keystore_password();

/// True for [A-Za-z_.][A-Za-z0-9_.]*: what ${NAME} can name.
bool is_secret_name(std::string_view name);

/// Reads the file. Errors: NotFound; InvalidArgument - a file that others may read, a missing or wrong password; Corrupt;
/// Io. Each names the file and a remedy.
Result<Secrets> load_keystore(const std::string& path, const std::optional<std::string>& password);

/// Writes the file with mode 0600, whole or not at all.
Result<void> save_keystore(const std::string& path, const Secrets& secrets, const std::optional<std::string>& password);

/// The keystore's values, then the environment's. Without a keystore in the directory (or without a directory) the
/// environment alone. The values are hidden from the log from then on. Errors as load_keystore().
Result<VariableLookup> keystore_then_environment(const std::string& settings_directory);

}  // namespace logboom
