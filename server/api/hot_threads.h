// /_node/hot_threads: what the threads are busy with, and /_node/logging: how much of it is logged.
#pragma once

#include <vector>

#include "server/api/route.h"

namespace logboom {

std::vector<Route> thread_routes();
std::vector<Route> logging_routes();

}  // namespace logboom
