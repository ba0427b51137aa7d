// The OpenAPI description of the admin API, made of the table of its endpoints.
#pragma once

#include <string>
#include <vector>

#include "server/api/route.h"

namespace logboom {

/// OpenAPI 3.1, indented, with a line break at its end.
std::string openapi_description();

std::vector<Route> openapi_routes();

}  // namespace logboom
