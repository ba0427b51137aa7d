// Certificates that the configuration names, and when they end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/api/api_context.h"

namespace logboom {

struct KnownCertificate {
  std::string pipeline;  // empty: the API's own
  std::string plugin;
  std::string path;
  std::int64_t not_after_seconds = 0;  // since 1970
};

/// Those of ssl_certificate options and of the API. Files are read again when they change; what cannot be read is left out.
std::vector<KnownCertificate> certificates_in_use(const ApiContext& context);
/// Those of one pipeline.
std::vector<KnownCertificate> certificates_of(const PipelineView& view);

/// The earliest end of the certificates in a PEM file; 0 when there is none in it.
std::int64_t certificate_end(const std::string& path);

}  // namespace logboom
