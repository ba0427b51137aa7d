#include "server/test_command/trial_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/run/error_route.h"
#include "pipeline/run/input_label.h"
#include "pipeline/run/plan_runner.h"
#include "server/config_source.h"

namespace logboom {
namespace {

constexpr Timestamp kUsualTime{1'704'067'200, 0};  // 2024-01-01T00:00:00Z
constexpr std::string_view kDeadLetterOutput = "dead_letter_queue";

class StoppedClock final : public Clock {
 public:
  explicit StoppedClock(Timestamp now) : now_(now.seconds * 1'000'000'000 + now.nanoseconds) {}
  std::int64_t wall_nanoseconds() const override { return now_; }
  std::chrono::steady_clock::time_point steady_now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(now_));
  }

 private:
  const std::int64_t now_;
};

/// What the outputs were given, by event.
class CaughtEvents {
 public:
  /// The event has come out of the filters: this is how it looks.
  void came_out(const Event& event, const std::string& label) {
    TrialEvent made;
    made.event = snapshot(event);
    made.label = label;
    places_[&event] = events_.size();
    origins_.push_back({event.token(), event.origin()});
    events_.push_back(std::move(made));
  }
  void reached(const Event& event, const std::string& output) {
    if (const auto place = places_.find(&event); place != places_.end()) events_[place->second].outputs.push_back(output);
  }
  /// An event that never came out of filters.
  void failed(const Event& event, const std::string& label) {
    if (places_.count(&event) == 0) came_out(event, label);
    reached(event, std::string(kDeadLetterOutput));
  }

  /// Events that went to labels as copies and nowhere else are not told apart from these.
  std::vector<TrialEvent> take() {
    std::vector<TrialEvent> taken;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const bool is_relabelled = events_[i].outputs.empty() && has_copy_behind(i);
      if (!is_relabelled) taken.push_back(std::move(events_[i]));
    }
    return taken;
  }

 private:
  using Origin = std::pair<const AckToken*, std::uint32_t>;

  bool has_copy_behind(std::size_t number) const {
    for (std::size_t i = 0; i < events_.size(); ++i)
      if (i != number && origins_[i] == origins_[number] && events_[i].label != events_[number].label &&
          !events_[i].label.empty())
        return true;
    return false;
  }
  static nlohmann::json snapshot(const Event& event) {
    std::string text;
    write_json(event.fields(), text);
    auto json = nlohmann::json::parse(text, nullptr, false);
    if (const Object* metadata = event.metadata_if_any(); metadata != nullptr && !metadata->empty()) {
      text.clear();
      write_json(*metadata, text);
      json["@metadata"] = nlohmann::json::parse(text, nullptr, false);
    }
    return json;
  }

  std::vector<TrialEvent> events_;
  std::vector<Origin> origins_;
  std::map<const Event*, std::size_t> places_;
};

/// In place of an input: what its common options and its codec make of events.
class InputStandIn final : public Input {
 public:
  InputStandIn(const PluginNode& node, PluginContext& context) : name_(node.name), id_(context.id()), decorations_(context) {
    const ConfigValue* written = context.written("codec");
    CodecChoice choice{"plain", nullptr, {}};
    Diagnostics unused;
    if (written != nullptr && !OptionReader("codec", unused).read(*written, choice)) return;
    if (node.name == "tcp" || node.name == "stdin") choice = for_byte_stream(std::move(choice));
    codec_ = context.make_codec(choice);
  }
  bool is_called(const std::string& name) const { return name == id_ || name == name_; }
  const std::string& id() const { return id_; }
  const CodecPtr& codec() const { return codec_; }
  const InputDecorations& decorations() const { return decorations_; }

 private:
  std::string name_;
  std::string id_;
  InputDecorations decorations_;
  CodecPtr codec_;
};

class OutputStandIn final : public Output {
 public:
  OutputStandIn(std::string id, CaughtEvents& caught) : id_(std::move(id)), catch_(caught) {}
  void deliver(DeliveryPtr delivery) override {
    for (const Event* event : delivery->events()) catch_.reached(*event, id_);
    delivery->report_all(Outcome::delivered());
  }

 private:
  const std::string id_;
  CaughtEvents& catch_;
};

/// Stands at the end of a chain's filters.
class EndOfFilters final : public Output {
 public:
  EndOfFilters(std::string label, CaughtEvents& caught) : label_(std::move(label)), catch_(caught) {}
  void deliver(DeliveryPtr delivery) override {
    for (const Event* event : delivery->events()) catch_.came_out(*event, label_);
    delivery->report_all(Outcome::delivered());
  }

 private:
  const std::string label_;
  CaughtEvents& catch_;
};

class CaughtLetters final : public DeadLetterSink {
 public:
  explicit CaughtLetters(CaughtEvents& caught) : catch_(caught) {}
  Taken put(const Event& event, const DeadLetterCause&, OnSafe on_safe) override {
    catch_.failed(event, "");
    on_safe(true);
    return Taken::Taken;
  }
  std::string problem() const override { return {}; }
  bool wait_until_writable(std::chrono::milliseconds) override { return true; }
  void give_up() override {}

 private:
  CaughtEvents& catch_;
};

class Trial final : private StandIns {
 public:
  Trial(const CaseFile& file, const TestCase& test)
      : file_(file), test_(test), clock_(test.clock.value_or(file.clock.value_or(kUsualTime))), letters_(caught_) {}

  Result<TrialResult> run(Coverage* coverage) {
    if (auto compiled = compile(); !compiled) return compiled.error();
    add_ends();
    if (coverage != nullptr) coverage->watch(*plan_);
    auto chunk = make_chunk();
    if (!chunk) return chunk.error();
    send(*chunk);
    if (coverage != nullptr) coverage->collect(*plan_);
    TrialResult result;
    result.events = caught_.take();
    result.dropped = metrics_.child("ledger").counter("dropped").value();
    return result;
  }

 private:
  std::unique_ptr<Input> make_input(const PluginNode& node, PluginContext& context) override {
    return std::make_unique<InputStandIn>(node, context);
  }
  std::unique_ptr<Output> make_output(const PluginNode&, PluginContext& context) override {
    return std::make_unique<OutputStandIn>(context.id(), caught_);
  }

  Result<Graph> parse(Diagnostics& diagnostics) const {
    Graph graph;
    const LogstashParserOptions options{.support_escapes = file_.settings.boolean("config.support_escapes")};
    const auto add = [&](std::string name, std::string text) {
      parse_logstash(std::make_shared<SourceText>(std::move(name), std::move(text)), options, graph, diagnostics);
    };
    if (file_.pipeline.empty()) {
      add(fmt::format("configuration in {}", file_.path), file_.config);
    } else {
      auto paths = config_files(file_.pipeline);
      if (!paths) return paths.error();
      for (const std::string& path : *paths) {
        std::ifstream in(path, std::ios::binary);
        std::stringstream text;
        text << in.rdbuf();
        if (!in) return Error{ErrorCode::Io, fmt::format("{} cannot be read", path)};
        add(path, text.str());
      }
    }
    // One file of several, or a filter alone: events come and go all the same.
    if (graph.inputs.empty() && !diagnostics.has_errors())
      add("input of the test", "input { stdin { id => \"test_input\" } }");
    if (graph.outputs.empty() && graph.labels.empty() && !diagnostics.has_errors())
      add("output of the test", "output { stdout { id => \"test_output\" } }");
    return graph;
  }

  Result<void> compile() {
    Diagnostics diagnostics;
    auto graph = parse(diagnostics);
    if (!graph) return graph.error();
    const auto sources = graph->sources;  // diagnostics point into them
    const auto lookup = [this](std::string_view name) -> std::optional<std::string> {
      const auto found = file_.environment.find(std::string(name));
      if (found == file_.environment.end()) return std::nullopt;
      return found->second;
    };
    resolve_variables(*graph, lookup, diagnostics);
    CompileSettings settings;
    settings.metrics = &metrics_;
    settings.stand_ins = this;
    PluginContext::Surroundings& surroundings = settings.surroundings;
    surroundings.pipeline_id = file_.settings.text("pipeline.id");
    surroundings.ecs = file_.settings.text("pipeline.ecs_compatibility") == "disabled" ? EcsMode::Disabled : EcsMode::V1;
    surroundings.clock = &clock_;
    surroundings.support_escapes = file_.settings.boolean("config.support_escapes");
    surroundings.has_dead_letter_queue = file_.settings.boolean("dead_letter_queue.enable");
    if (!diagnostics.has_errors()) plan_ = compile_plan(std::move(*graph), settings, diagnostics);
    if (plan_ != nullptr) return {};
    Diagnostics errors;
    for (const Diagnostic& item : diagnostics.items())
      if (item.severity == Severity::Error) errors.error(item.span, item.message, item.hint);
    return Error{ErrorCode::InvalidArgument, errors.render()};
  }

  void add_ends() {
    add_end(plan_->output_block, "");
    for (PlannedLabel& label : plan_->labels) add_end(label.outputs, label.name);
  }
  void add_end(Block& block, const std::string& label) {
    PluginSite site;
    site.id = site.name = "end of filters";
    site.count_in(metrics_.child("ends").child(label));
    block.steps.insert(block.steps.begin(), OutputStep{plan_->outputs.size()});
    plan_->outputs.push_back(std::make_unique<EndOfFilters>(label, caught_));
    plan_->output_sites.push_back(std::move(site));
  }

  Result<std::size_t> find_input() const {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < plan_->inputs.size(); ++i) {
      const auto& input = static_cast<const InputStandIn&>(*plan_->inputs[i]);
      if (test_.from.empty() || input.is_called(test_.from)) return i;
      ids.push_back(input.id());
    }
    return Error{ErrorCode::NotFound,
                 fmt::format("from: there is no input \"{}\" (there are {})", test_.from, fmt::join(ids, ", "))};
  }

  Result<ChunkPtr> make_chunk() {
    const auto number = find_input();
    if (!number) return number.error();
    const auto& input = static_cast<const InputStandIn&>(*plan_->inputs[*number]);
    const Timestamp now = Timestamp::now(clock_);
    std::string text;
    for (const std::string& piece : test_.has_lines ? test_.lines : test_.events) text += piece + '\n';
    auto chunk = std::make_shared<Chunk>(Buffer::copy_of(text), now);
    if (test_.has_lines) {
      if (auto decoded = decode(input, *chunk); !decoded) return decoded.error();
    } else {
      JsonReader reader;
      std::size_t at = 0;
      for (const std::string& event : test_.events) {
        auto value = reader.parse(chunk->received().view().substr(at, event.size()), chunk->arena());
        if (!value) return value.error();
        chunk->new_event().adopt_fields(&value->as_object(), now);
        at += event.size() + 1;
      }
    }
    input.decorations().apply(*chunk);
    if (const auto label = plan_->input_labels[*number]) note_input_label(*chunk, plan_->labels[*label].name);
    return chunk;
  }

  Result<void> decode(const InputStandIn& input, Chunk& chunk) {
    CodecPtr codec = input.codec();
    if (!test_.codec.empty()) {
      auto own = codec_of(test_.codec);
      if (!own) return own.error();
      codec = *own;
    }
    const std::unique_ptr<Decoder> decoder = codec != nullptr ? codec->make_decoder() : nullptr;
    if (decoder == nullptr) return Error{ErrorCode::InvalidArgument, "codec: cannot read"};
    std::size_t at = 0;
    for (const std::string& line : test_.lines) {
      decoder->decode_message(chunk.received().view().substr(at, line.size()), chunk);
      at += line.size() + 1;
    }
    decoder->flush(chunk);
    return {};
  }

  Result<CodecPtr> codec_of(const std::string& text) {
    Diagnostics diagnostics;
    const auto source = std::make_shared<SourceText>("codec", "input { stdin { codec => " + text + " } }");
    parse_logstash(source, {}, codec_graph_, diagnostics);
    CodecPtr codec;
    if (!diagnostics.has_errors()) {
      SharedSlot slot;
      PluginContext::Surroundings surroundings;
      surroundings.ecs = file_.settings.text("pipeline.ecs_compatibility") == "disabled" ? EcsMode::Disabled : EcsMode::V1;
      surroundings.clock = &clock_;
      PluginContext context(codec_graph_.inputs.at(0), "test", surroundings, metrics_.child("codec"), slot, diagnostics);
      CodecChoice choice;
      if (OptionReader("codec", diagnostics).read(codec_graph_.inputs.at(0).find("codec")->value, choice))
        codec = context.make_codec(choice);
    }
    if (diagnostics.has_errors()) return Error{ErrorCode::InvalidArgument, diagnostics.render()};
    return codec;
  }

  /// As a pipeline with one worker does, but for the threads.
  void send(const ChunkPtr& chunk) {
    const PipelineLedger ledger(metrics_);
    ThreadedRetryTimer timer;
    DeadLetterSink* letters = file_.settings.boolean("dead_letter_queue.enable") ? &letters_ : nullptr;
    std::unique_ptr<ErrorRoute> errors;
    if (plan_->error_label) errors = std::make_unique<ErrorRoute>(file_.settings.text("pipeline.id"), ledger);
    std::vector<std::shared_ptr<OutputBuffer>> buffers;
    for (std::size_t i = 0; i < plan_->outputs.size(); ++i)
      buffers.push_back(std::make_shared<OutputBuffer>(*plan_->outputs[i], plan_->output_sites[i], OutputBufferLimits{},
                                                       timer, letters, &ledger));
    chunk->token().arm(chunk->events().size());
    auto batch = std::make_shared<Batch>();
    for (Event* event : chunk->events()) batch->take(chunk, event);
    kept_.push_back(batch);
    PlanRunner(plan_, 0, buffers, true, metrics_, letters, errors.get()).run(batch, FlushKind::Final);
    if (errors == nullptr) return;
    errors->queue().close();
    PlanRunner runner(plan_, kErrorWorker, buffers, true, metrics_, letters, errors.get());
    for (auto failed = std::make_shared<Batch>();
         errors->queue().pop(*failed, 1000, std::chrono::milliseconds(0), std::chrono::steady_clock::now());
         failed = std::make_shared<Batch>()) {
      kept_.push_back(failed);
      runner.run(failed);
    }
    kept_.push_back(std::make_shared<Batch>());
    runner.run(kept_.back(), FlushKind::Final);
  }

  const CaseFile& file_;
  const TestCase& test_;
  const StoppedClock clock_;
  MetricScope metrics_;
  Graph codec_graph_;
  CaughtEvents caught_;
  CaughtLetters letters_;
  std::shared_ptr<Plan> plan_;
  std::vector<BatchPtr> kept_;  // events are told apart by where they are
};

}  // namespace

Result<TrialResult> run_trial(const CaseFile& file, const TestCase& test, Coverage* coverage) {
  return Trial(file, test).run(coverage);
}

}  // namespace logboom
