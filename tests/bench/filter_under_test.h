// What the benchmarks of filters share: a filter made as users write it, and events to send through it.
#pragma once

#include <benchmark/benchmark.h>
#include <time.h>

#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/allocator.h"
#include "pipeline/compile/compiler.h"
#include "pipeline/config/logstash_parser.h"

namespace logboom {

/// Processor time of this thread in seconds: what others do on the machine does not count.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The first filter of a configuration.
class FilterUnderTest {
 public:
  explicit FilterUnderTest(const std::string& filter) {
    keep_freed_memory();  // as the server does
    Graph graph;
    Diagnostics diagnostics;
    parse_logstash(std::make_shared<SourceText>("bench.conf", "filter {" + filter + "}"), {}, graph, diagnostics);
    CompileSettings settings;
    settings.metrics = &metrics_;
    settings.surroundings.ecs = EcsMode::Disabled;
    if (!diagnostics.has_errors()) plan_ = compile_plan(std::move(graph), settings, diagnostics);
    problems_ = diagnostics.render();
  }
  bool is_ready() const { return plan_ != nullptr; }
  const std::string& problems() const { return problems_; }
  Filter& filter() { return *plan_->filters[0][0]; }

 private:
  MetricScope metrics_;
  std::shared_ptr<Plan> plan_;
  std::string problems_;
};

/// Events with one line each, and what it takes to send them through a filter.
struct Work {
  explicit Work(const std::vector<std::string>& lines) : chunk(std::make_shared<Chunk>(Buffer::copy_of(""), Timestamp{})) {
    for (const std::string& line : lines) {
      Event& event = chunk->new_event();
      event.fields().append(chunk->arena(), well_known().message, Value::string(line));
      event.add_defaults(chunk->now());
    }
    chunk->token().arm(chunk->events().size());
    for (Event* event : chunk->events()) batch->take(chunk, event);
  }
  ~Work() { Batch::complete(batch->events()); }
  void run(Filter& filter) {
    FilterBatch work{*batch, batch->events(), dropped};
    filter.apply(work);
  }
  bool all_have(const char* field) const {
    const FieldRef reference = *FieldRef::parse(field);
    for (const Event* event : batch->events())
      if (!event->has(reference)) return false;
    return !batch->events().empty();
  }

  ChunkPtr chunk;
  BatchPtr batch = std::make_shared<Batch>();
  std::vector<Event*> dropped;
};

/// Times nothing but the filter; afterwards every event must have `field`.
inline void run_filter_bench(benchmark::State& state, const std::string& config, const std::vector<std::string>& lines,
                             const char* field) {
  FilterUnderTest made(config);
  if (!made.is_ready()) return state.SkipWithError(made.problems().c_str());
  Work(lines).run(made.filter());  // compiles
  for (auto _ : state) {
    Work work(lines);
    const double start = thread_seconds();
    work.run(made.filter());
    state.SetIterationTime(thread_seconds() - start);
    if (!work.all_have(field)) return state.SkipWithError("a line did not fit");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * lines.size()));
}

}  // namespace logboom
