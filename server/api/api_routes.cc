// The table of all endpoints.
#include "server/api/health_report.h"
#include "server/api/hot_threads.h"
#include "server/api/metrics_page.h"
#include "server/api/node_documents.h"
#include "server/api/node_stats.h"
#include "server/api/openapi.h"
#include "server/api/own_routes.h"
#include "server/api/probes.h"

namespace logboom {

const std::vector<Route>& api_routes() {
  static const std::vector<Route> all = [] {
    std::vector<Route> joined;
    for (auto part : {node_routes(), stats_routes(), thread_routes(), logging_routes(), health_routes(), metrics_routes(),
                      probe_routes(), pipeline_routes(), stored_pipeline_routes(), pause_routes(), tap_routes(),
                      dead_letter_routes(), workbench_routes(), openapi_routes()})
      joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  }();
  return all;
}

}  // namespace logboom
