// The numbers of one plugin in Logstash's words.
#pragma once

#include "pipeline/compile/plan.h"
#include "server/api/problem.h"

namespace logboom {

enum class StatsOf { Input, Filter, Output };

/// {"id":…,"name":…,"events":{…}} and what else the plugin counts, nested by its names.
OrderedJson plugin_stats(const PluginSite& site, StatsOf kind);

/// {"inputs":…} and codecs' own entries of a plan, as far as they are counted.
OrderedJson codec_stats(const Plan& plan);

}  // namespace logboom
