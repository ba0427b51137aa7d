// The settings of the admin API, declared and made sense of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"
#include "server/api/access.h"
#include "server/settings.h"

namespace logboom {

/// What the settings say about the API, checked.
struct ApiOptions {
  bool is_enabled = true;
  std::string host;
  std::uint16_t first_port = 9600;
  std::uint16_t last_port = 9700;
  bool is_port_asked_for = false;  // none free is then a reason not to start
  bool has_tls = false;
  AccessOptions access;
  std::string audit_path;
  std::string probes_host;
  std::optional<std::uint16_t> probes_port;
  std::vector<std::string> warnings;
};

/// Errors: InvalidArgument - with the setting, what is wrong and what to do: the process must not start.
Result<ApiOptions> read_api_options(const Settings& settings);

}  // namespace logboom
