// Where the elasticsearch output sends its requests, and with what, as the options say.
#pragma once

#include <string>
#include <vector>

#include "pipeline/net/http_client.h"
#include "pipeline/plugin/context.h"
#include "plugins/outputs/elasticsearch/options.h"

namespace logboom {

struct ElasticsearchConnection {
  std::vector<std::string> urls;  // of the servers
  std::string scheme;             // of the first one
  std::string path;               // of the first one: empty, or with a slash in front
  std::string bulk_path;          // with its query
  HttpHeaders headers;            // of every request, credentials included
  HttpClientOptions client;
};

/// Reports what is wrong at its option.
ElasticsearchConnection connection_of(const ElasticsearchOptions& options, const PluginContext& context);

}  // namespace logboom
