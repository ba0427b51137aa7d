#include "server/pipelines/compiled_pipeline.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <thread>

#include "pipeline/base/log.h"
#include "pipeline/base/redaction.h"
#include "pipeline/compile/compiler.h"
#include "pipeline/compile/pipeline_links.h"
#include "server/config_source.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

std::string sha256_of(const Graph& graph) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  for (const auto& source : graph.sources) EVP_DigestUpdate(context.get(), source->text().data(), source->text().size());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string order_that_cannot_be(const Settings& settings) {
  if (settings.text("pipeline.ordered") != "true" || settings.number("pipeline.workers") <= 1) return "";
  return fmt::format(
      "pipeline.ordered is true ({}), but pipeline.workers is {} ({}): several workers cannot keep the order; set one "
      "worker, or pipeline.ordered to auto",
      settings.origin("pipeline.ordered"), settings.number("pipeline.workers"), settings.origin("pipeline.workers"));
}

std::string rendered(const Diagnostics& diagnostics) {
  if (log_level() <= LogLevel::Info) return redacted(diagnostics.render());
  Diagnostics errors;
  for (const Diagnostic& item : diagnostics.items())
    if (item.severity == Severity::Error) errors.error(item.span, item.message, item.hint);
  return redacted(errors.render());
}

}  // namespace

PipelineSettings run_settings(const WantedPipeline& wanted) {
  const Settings& settings = wanted.settings;
  PipelineSettings made;
  made.id = wanted.id;
  const auto workers = settings.number("pipeline.workers");
  const std::string ordered = settings.text("pipeline.ordered");
  const std::size_t by_default = ordered == "true" ? 1 : std::max(1u, std::thread::hardware_concurrency());
  made.workers = workers > 0 ? static_cast<std::size_t>(workers) : by_default;
  made.batch_size = std::max<std::size_t>(1, static_cast<std::size_t>(settings.number("pipeline.batch.size")));
  made.batch_delay = std::chrono::milliseconds(settings.number("pipeline.batch.delay"));
  made.is_ordered = ordered == "true" || (ordered == "auto" && workers == 1);
  made.acknowledge = settings.text("pipeline.acknowledge") == "queued" && !is_persisted(settings)
                         ? AcknowledgeWhen::Queued
                         : AcknowledgeWhen::Delivered;
  made.drains_queue = !is_persisted(settings) || settings.boolean("queue.drain");
  made.output_limits = {static_cast<std::size_t>(settings.number("output.buffer.max_events")),
                        settings.bytes("output.buffer.max_bytes")};
  return made;
}

CompiledPipeline compile_pipeline(const WantedPipeline& wanted, const VariableLookup& variables,
                                  DeadLetterAccess* dead_letters, PipelineBus* bus, MetricScope& metrics) {
  const Settings& settings = wanted.settings;
  CompiledPipeline made;
  made.run = run_settings(wanted);
  if (std::string problem = order_that_cannot_be(settings); !problem.empty()) {
    made.diagnostics = fmt::format("logboom: {}\n", problem);
    return made;
  }
  Diagnostics diagnostics;
  auto graph = load_graph(settings, variables, diagnostics);
  if (!graph) {
    made.diagnostics = fmt::format("logboom: {}\n", redacted(graph.error().message));
    return made;
  }
  const std::vector<std::shared_ptr<const SourceText>> sources = graph->sources;  // diagnostics point into them
  made.config_hash = sha256_of(*graph);
  CompileSettings compile_settings;
  compile_settings.workers = made.run.workers;
  compile_settings.metrics = &metrics;
  compile_settings.surroundings.pipeline_id = wanted.id;
  compile_settings.surroundings.ecs =
      settings.text("pipeline.ecs_compatibility") == "disabled" ? EcsMode::Disabled : EcsMode::V1;
  compile_settings.surroundings.data_directory = settings.text("path.data");
  compile_settings.surroundings.support_escapes = settings.boolean("config.support_escapes");
  compile_settings.surroundings.has_dead_letter_queue = settings.boolean("dead_letter_queue.enable");
  compile_settings.surroundings.dead_letters = dead_letters;
  compile_settings.surroundings.pipelines = bus;
  made.plan = compile_plan(std::move(*graph), compile_settings, diagnostics);
  made.diagnostics = rendered(diagnostics);
  return made;
}

std::string check_links(const std::vector<WantedPipeline>& wanted, std::vector<CompiledPipeline>& compiled) {
  std::vector<LinkedPipeline> linked;
  std::vector<CompiledPipeline*> sound;
  for (std::size_t i = 0; i < compiled.size(); ++i) {
    if (!compiled[i].plan) continue;
    linked.push_back({wanted[i].id, &compiled[i].plan->graph});
    sound.push_back(&compiled[i]);
  }
  const std::vector<Diagnostics> problems = check_pipeline_links(linked);
  std::string all;
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const std::string text = rendered(problems[i]);
    sound[i]->diagnostics += text;
    all += text;
    if (problems[i].has_errors()) sound[i]->plan.reset();
  }
  return all;
}

}  // namespace logboom
