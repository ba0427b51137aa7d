// ApiContext: what the handlers of the admin API work with.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "pipeline/base/metrics.h"
#include "server/api/audit_log.h"
#include "server/api/flow_sampler.h"
#include "server/api/pipeline_directory.h"
#include "server/control/control_server.h"
#include "server/settings.h"

namespace logboom {

/// The Logstash version that clients are told beside our own: the release whose API this is.
inline constexpr const char* kLogstashVersion = "8.19.0";

/// Fixed for the life of the process, but for http_address.
struct NodeIdentity {
  std::string host;                     // the machine's name
  std::string name;                     // node.name
  std::string id;                       // kept in path.data/uuid
  std::string ephemeral_id;             // of this process
  std::string http_address;             // "127.0.0.1:9600"
  std::int64_t start_milliseconds = 0;  // since 1970
};

/// Shared by all handlers; they may run side by side.
struct ApiContext {
  const Settings& settings;
  NodeIdentity node;
  PipelineDirectory& pipelines;
  MetricScope& metrics;  // of the process
  FlowSampler& flow;
  const ControlHandlers& control;
  AuditLog& audit;
};

}  // namespace logboom
