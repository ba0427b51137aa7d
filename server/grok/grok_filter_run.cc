#include "server/grok/grok_filter_run.h"

#include <fmt/format.h>

#include <utility>

#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

/// A string of the configuration language with escapes on.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + quoted(text);
  return out + "]";
}

/// A field that no pattern sets: the event holds nothing but what the filter makes.
constexpr std::string_view kSource = "[@metadata][line]";

std::string configuration(const GrokFilterSettings& settings) {
  std::string out = fmt::format("filter {{ grok {{ match => {{ {} => {} }} tag_on_failure => []", quoted(kSource),
                                list(settings.patterns));
  if (!settings.directories.empty())
    out += fmt::format(" patterns_dir => {} patterns_files_glob => {}", list(settings.directories), quoted(settings.glob));
  if (!settings.definitions.empty()) {
    out += " pattern_definitions => {";
    for (const auto& [name, expression] : settings.definitions)
      out += fmt::format(" {} => {}", quoted(name), quoted(expression));
    out += " }";
  }
  out += fmt::format(" named_captures_only => {} keep_empty_captures => {} }} }}", settings.named_captures_only,
                     settings.keep_empty_captures);
  return out;
}

}  // namespace

struct GrokFilterRun::State {
  MetricScope metrics;
  std::shared_ptr<Plan> plan;
  FieldRef source = *FieldRef::parse(kSource);
};

GrokFilterRun::GrokFilterRun(std::unique_ptr<State> state) : state_(std::move(state)) {}
GrokFilterRun::~GrokFilterRun() = default;
GrokFilterRun::GrokFilterRun(GrokFilterRun&&) noexcept = default;

Result<GrokFilterRun> GrokFilterRun::make(const GrokFilterSettings& settings) {
  auto state = std::make_unique<State>();
  Graph graph;
  Diagnostics diagnostics;
  parse_logstash(std::make_shared<SourceText>("grok", configuration(settings)), {.support_escapes = true}, graph,
                 diagnostics);
  CompileSettings compiling;
  compiling.metrics = &state->metrics;
  compiling.surroundings.ecs = settings.is_ecs ? EcsMode::V1 : EcsMode::Disabled;
  if (!diagnostics.has_errors()) state->plan = compile_plan(std::move(graph), compiling, diagnostics);
  if (state->plan == nullptr) return Error{ErrorCode::InvalidArgument, diagnostics.render()};
  return GrokFilterRun(std::move(state));
}

std::string GrokFilterRun::fields_of(std::string_view line, bool is_pretty) {
  const auto chunk = std::make_shared<Chunk>(Buffer::copy_of(line), Timestamp{});
  Event& event = chunk->new_event();
  event.set(state_->source, Value::string(chunk->received().view()));
  chunk->token().arm(1);
  auto batch = std::make_shared<Batch>();
  batch->take(chunk, &event);
  std::vector<Event*> dropped;
  FilterBatch work{*batch, batch->events(), dropped};
  state_->plan->filters[0][0]->apply(work);
  std::string out;
  if (is_pretty) {
    write_json_pretty(Value::object(&event.fields()), out);
  } else {
    write_json(event.fields(), out);
  }
  Batch::complete(batch->events());
  return out;
}

}  // namespace logboom
