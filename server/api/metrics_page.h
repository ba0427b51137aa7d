// GET /metrics: everything that is counted, as Prometheus reads it.
#pragma once

#include <string>

#include "server/api/api_context.h"
#include "server/api/route.h"

namespace logboom {

std::string metrics_page(const ApiContext& context);

std::vector<Route> metrics_routes();

}  // namespace logboom
