// Fuzzes the Logstash language: any bytes give a graph or diagnostics, both of which can be printed and walked.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/config/logstash_parser.h"
#include "pipeline/config/variables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace logboom;
  if (size == 0) return 0;
  LogstashParserOptions options;
  options.support_escapes = (data[0] & 1) != 0;  // the first byte chooses the options, '#' and '"' differ in it
  const auto source = std::make_shared<SourceText>("fuzz.conf", std::string(reinterpret_cast<const char*>(data), size));
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(source, options, graph, diagnostics);
  const VariableLookup one_variable = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SET") return std::string("['a', b]");
    return std::nullopt;
  };
  resolve_variables(graph, one_variable, diagnostics);
  return diagnostics.render().size() == SIZE_MAX ? 1 : 0;
}
