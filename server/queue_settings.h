// The settings of a pipeline's queue, of its dead-letter queue and of its end.
#pragma once

#include <vector>

#include "server/settings.h"

namespace logboom {

/// The same declarations with those of the queues behind them.
std::vector<SettingDeclaration> with_queue_settings(std::vector<SettingDeclaration> others);

}  // namespace logboom
