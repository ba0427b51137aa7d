#include "server/pipelines/compiled_pipeline.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <thread>

#include "pipeline/base/log.h"
#include "pipeline/base/redaction.h"
#include "pipeline/compile/compiler.h"
#include "pipeline/compile/pipeline_links.h"
#include "pipeline/compile/plugin_content.h"
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

/// What may differ between pipelines, but for where the configuration is: what it says is looked at.
std::string settings_text(const Settings& settings) {
  std::string text;
  for (const SettingDeclaration& declaration : setting_declarations()) {
    if (!declaration.is_per_pipeline || declaration.name == "path.config" || declaration.name == "config.string") continue;
    const std::string value = settings.text(declaration.name);
    text += fmt::format("{}={}:{}\n", declaration.name, value.size(), value);
  }
  return text;
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

ReadPipeline read_pipeline(const WantedPipeline& wanted, const VariableLookup& variables) {
  ReadPipeline read;
  read.wanted = wanted;
  read.run = run_settings(wanted);
  read.problem = order_that_cannot_be(wanted.settings);
  if (!read.problem.empty()) return read;
  auto graph = load_graph(wanted.settings, variables, read.diagnostics);
  if (!graph) {
    read.problem = graph.error().message;
    return read;
  }
  read.graph = std::move(*graph);
  read.config_hash = sha256_of(*read.graph);
  read.fingerprint = settings_text(wanted.settings) + read.config_hash + graph_content(*read.graph);
  return read;
}

CompiledPipeline compile_pipeline(ReadPipeline read, DeadLetterAccess* dead_letters, PipelineBus* bus, MetricScope& metrics,
                                  const PlanDonor& donor) {
  const Settings& settings = read.wanted.settings;
  CompiledPipeline made;
  made.run = read.run;
  made.config_hash = read.config_hash;
  made.fingerprint = read.fingerprint;
  if (!read.graph) {
    made.diagnostics = fmt::format("logboom: {}\n", redacted(read.problem));
    return made;
  }
  const std::vector<std::shared_ptr<const SourceText>> sources = read.graph->sources;  // diagnostics point into them
  CompileSettings compile_settings;
  compile_settings.workers = std::max(made.run.workers, donor.workers);
  compile_settings.metrics = &metrics;
  compile_settings.donor = donor.plan.get();
  compile_settings.surroundings.pipeline_id = read.wanted.id;
  compile_settings.surroundings.ecs =
      settings.text("pipeline.ecs_compatibility") == "disabled" ? EcsMode::Disabled : EcsMode::V1;
  compile_settings.surroundings.data_directory = settings.text("path.data");
  compile_settings.surroundings.support_escapes = settings.boolean("config.support_escapes");
  compile_settings.surroundings.has_dead_letter_queue = settings.boolean("dead_letter_queue.enable");
  compile_settings.surroundings.dead_letters = dead_letters;
  compile_settings.surroundings.pipelines = bus;
  if (donor.plan == nullptr) made.source = std::make_shared<const ReadPipeline>(read);
  made.plan = compile_plan(std::move(*read.graph), compile_settings, read.diagnostics);
  made.diagnostics = rendered(read.diagnostics);
  return made;
}

std::map<std::string, LinkFinding> check_links(const std::vector<WantedPipeline>& wanted, const VariableLookup& variables) {
  std::vector<ReadPipeline> sound;
  for (const WantedPipeline& pipeline : wanted) {
    ReadPipeline read = read_pipeline(pipeline, variables);
    if (read.graph && !read.diagnostics.has_errors()) sound.push_back(std::move(read));
  }
  std::vector<LinkedPipeline> linked;
  for (const ReadPipeline& read : sound) linked.push_back({read.wanted.id, &*read.graph});
  const std::vector<Diagnostics> problems = check_pipeline_links(linked);
  std::map<std::string, LinkFinding> findings;
  for (std::size_t i = 0; i < problems.size(); ++i)
    findings[linked[i].id] = {rendered(problems[i]), problems[i].has_errors()};
  return findings;
}

bool wants_restart(const Settings& now, const Settings& next) {
  for (const SettingDeclaration& declaration : setting_declarations()) {
    const std::string_view name = declaration.name;
    const bool is_of_queue = name.starts_with("queue.") || name.starts_with("dead_letter_queue.") || name == "path.queue" ||
                             name == "path.dead_letter_queue" || name == "pipeline.acknowledge";
    if (is_of_queue && now.text(name) != next.text(name)) return true;
  }
  return false;
}

}  // namespace logboom
