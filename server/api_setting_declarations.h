// The settings of the admin API and the probes.
#pragma once

#include <vector>

#include "server/settings.h"

namespace logboom {

std::vector<SettingDeclaration> with_api_settings(std::vector<SettingDeclaration> others);

}  // namespace logboom
