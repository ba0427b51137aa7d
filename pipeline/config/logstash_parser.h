// The Logstash configuration language, whole grammar. Reference: the language section of docs/pipeline-language.md.
#pragma once

#include <memory>
#include <vector>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"

namespace logboom {

struct LogstashParserOptions {
  bool support_escapes = false;  // config.support_escapes
};

/// Parses one text (a file is parsed on its own) and appends its sections to `graph`, which then keeps `source` alive.
/// Every problem that can be told apart is reported; after an error the graph is incomplete and must not be compiled.
/// Threads: any, one graph at a time. Input: any bytes; nesting past 200 levels is an error.
/// Odd readings of Logstash that are kept are reported as notices (grouping of and/or chains, ["a"] read as a field).
void parse_logstash(std::shared_ptr<const SourceText> source, const LogstashParserOptions& options, Graph& graph,
                    Diagnostics& diagnostics);

}  // namespace logboom
