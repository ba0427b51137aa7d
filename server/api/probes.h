// /ready and /live: what Kubernetes and load balancers ask.
#pragma once

#include <vector>

#include "server/api/route.h"

namespace logboom {

std::vector<Route> probe_routes();

}  // namespace logboom
