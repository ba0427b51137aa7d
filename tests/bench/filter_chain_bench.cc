// End to end on one worker: a batch of 125 received lines through a compiled plan, encoded as JSON at its end. Counts the
// memory allocations of each event; the events that come out are checked before anything is timed.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/run/plan_runner.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

void* counted_allocation(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// Replaced for the whole benchmark program.
void* operator new(std::size_t bytes) { return counted_allocation(bytes); }
void* operator new[](std::size_t bytes) { return counted_allocation(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace logboom {
namespace {

constexpr std::size_t kBatchEvents = 125;

constexpr const char* kApache = R"(
  grok { match => { "message" => "%{COMBINEDAPACHELOG}" } }
  date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] }
  mutate { remove_field => ["message", "timestamp"] add_field => { "[service][name]" => "web" } })";
constexpr const char* kDissect = R"(
  dissect { mapping => { "message" => '%{clientip} %{ident} %{auth} [%{timestamp}] "%{verb} %{request} HTTP/%{httpversion}" %{response} %{bytes} "%{referrer}" "%{agent}"' } }
  mutate { convert => { "response" => "integer" "bytes" => "integer" } remove_field => ["message"] })";
constexpr const char* kConditions = R"(
  if [message] =~ /"GET / and [message] !~ /favicon/ { mutate { add_tag => "get" } }
  else if "HEAD" in [message] { mutate { add_tag => "head" } }
  if "get" in [tags] { mutate { add_field => { "kind" => "read" } } })";

std::string access_log_line(std::mt19937& random) {
  const auto number = [&](std::uint32_t below) { return std::to_string(random() % below); };
  return number(224) + "." + number(256) + "." + number(256) + "." + number(256) +
         " - - [17/May/2015:10:05:" + std::to_string(10 + random() % 50) + " +0000] \"GET /images/" + number(100'000) +
         ".png HTTP/1.1\" 200 " + number(300'000) +
         " \"http://example.org/blog/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:27.0) Gecko/20100101 Firefox/27.0\"";
}

/// Encodes what reaches it and forgets it.
class EncodingOutput final : public Output {
 public:
  void deliver(DeliveryPtr delivery) override {
    encoded.clear();
    for (const Event* event : delivery->events()) {
      write_json(event->fields(), encoded);
      encoded += '\n';
    }
    events += delivery->events().size();
    delivery->report_all(Outcome::delivered());
  }
  std::string encoded;
  std::size_t events = 0;
};

/// A plan with one output, ready to run.
class Chain {
 public:
  explicit Chain(const std::string& filters) {
    Graph graph;
    Diagnostics diagnostics;
    parse_logstash(std::make_shared<SourceText>("bench.conf", "filter {" + filters + "}"), {}, graph, diagnostics);
    CompileSettings settings;
    settings.metrics = &metrics_;
    settings.surroundings.ecs = EcsMode::Disabled;
    if (!diagnostics.has_errors()) plan_ = compile_plan(std::move(graph), settings, diagnostics);
    problems_ = diagnostics.render();
    if (plan_ == nullptr) return;
    plan_->output_block.steps.emplace_back(OutputStep{0});
    PluginSite site;
    site.id = "encoder";
    site.count_in(metrics_.child("encoder"));
    plan_->output_sites.push_back(site);
    buffer_ = std::make_shared<OutputBuffer>(output_, site, OutputBufferLimits{}, timer_);
    runner_ = std::make_unique<PlanRunner>(plan_, 0, std::vector<std::shared_ptr<OutputBuffer>>{buffer_}, true, metrics_);
    std::mt19937 random(20150517);
    std::string text;
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (std::size_t i = 0; i < kBatchEvents; ++i) {
      const std::string line = access_log_line(random);
      places.emplace_back(text.size(), line.size());
      text += line + "\n";
    }
    received_ = Buffer::copy_of(text);
    for (const auto& [at, length] : places) lines_.push_back(received_.view().substr(at, length));
  }

  bool is_ready() const { return runner_ != nullptr; }
  const std::string& problems() const { return problems_; }
  std::size_t received_bytes() const { return received_.size(); }

  /// One batch from received bytes to encoded events.
  void run() {
    const auto chunk = std::make_shared<Chunk>(received_, Timestamp{1'443'657'600, 0});
    for (const std::string_view line : lines_) {
      Event& event = chunk->new_event();
      event.fields().append(chunk->arena(), well_known().message, Value::string(line));
      event.add_defaults(chunk->now());
    }
    chunk->token().arm(chunk->events().size());
    auto batch = std::make_shared<Batch>();
    for (Event* event : chunk->events()) batch->take(chunk, event);
    runner_->run(batch);
  }
  EncodingOutput& output() { return output_; }

 private:
  MetricScope metrics_;
  std::shared_ptr<Plan> plan_;
  std::string problems_;
  EncodingOutput output_;
  ThreadedRetryTimer timer_;
  std::shared_ptr<OutputBuffer> buffer_;
  std::unique_ptr<PlanRunner> runner_;
  Buffer received_;
  std::vector<std::string_view> lines_;
};

void filter_chain(benchmark::State& state, const char* filters, const char* expected) {
  Chain chain(filters);
  if (!chain.is_ready()) return state.SkipWithError(chain.problems().c_str());
  chain.run();
  std::size_t right = 0;
  const std::string& encoded = chain.output().encoded;
  for (std::size_t at = 0; at < encoded.size(); at = encoded.find('\n', at) + 1)
    right += encoded.substr(at, encoded.find('\n', at) - at).find(expected) != std::string::npos ? 1 : 0;
  if (chain.output().events != kBatchEvents || right != kBatchEvents) return state.SkipWithError("wrong answer");
  const std::uint64_t before = allocations.load();
  for (auto _ : state) chain.run();
  const auto events = static_cast<double>(state.iterations()) * kBatchEvents;
  state.counters["allocations_per_event"] = static_cast<double>(allocations.load() - before) / events;
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * chain.received_bytes()));
}
BENCHMARK_CAPTURE(filter_chain, nothing, "", "\"message\":\"");
BENCHMARK_CAPTURE(filter_chain, grok_date_mutate, kApache, "\"@timestamp\":\"2015-05-17T10:05:");
BENCHMARK_CAPTURE(filter_chain, dissect_mutate, kDissect, "\"response\":200,");
BENCHMARK_CAPTURE(filter_chain, conditions, kConditions, "\"kind\":\"read\"");

}  // namespace
}  // namespace logboom
