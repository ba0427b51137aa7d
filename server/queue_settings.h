// The settings of a pipeline's queue and of its end.
#pragma once

#include <vector>

#include "server/settings.h"

namespace logboom {

/// The same declarations with those of the queue behind them.
std::vector<SettingDeclaration> with_queue_settings(std::vector<SettingDeclaration> others);

}  // namespace logboom
