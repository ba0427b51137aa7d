// Filters that want a whole batch at once: those that wait for somebody, so that they wait once and not for each event.
#pragma once

#include <utility>
#include <vector>

#include "pipeline/plugin/filter.h"
#include "pipeline/plugin/registry.h"

namespace logboom {

template <class T>
concept FiltersWholeBatch = requires(T filter, std::vector<Event*>& events, std::vector<Verdict>& verdicts) {
  filter.apply(events, verdicts);
};

/// T(Options, const PluginContext&) with `void apply(std::vector<Event*>& events, std::vector<Verdict>& verdicts)`, which
/// says of each event in its place what Filter's authors say in apply(Event&).
template <FiltersWholeBatch T>
class BatchFilterOf final : public Filter {
 public:
  template <class Options>
  BatchFilterOf(Options options, const PluginContext& context, Decorations decorations)
      : impl_(std::move(options), context), decorations_(std::move(decorations)) {}

  void apply(FilterBatch& work) override {
    verdicts_.assign(work.events.size(), Verdict::Pass);
    impl_.apply(work.events, verdicts_);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < work.events.size(); ++i) {
      Event* event = work.events[i];
      if (verdicts_[i] == Verdict::Drop) {
        work.dropped.push_back(event);
        continue;
      }
      if (verdicts_[i] == Verdict::Pass && !decorations_.empty()) decorations_.apply(*event);
      work.events[kept++] = event;
    }
    work.events.resize(kept);
  }

 private:
  T impl_;
  Decorations decorations_;
  std::vector<Verdict> verdicts_;
};

namespace registry_detail {

template <class T, auto make_options>
std::unique_ptr<Filter> make_batch_filter_plugin(const PluginNode& node, PluginContext& context, Diagnostics& diagnostics) {
  const std::size_t problems = diagnostics.error_count();
  auto options = make_options().read(node, diagnostics);
  const FilterDescriptor* descriptor = Registry<Filter>::instance().find(node.name);
  auto decorations = Decorations::read(node, std::string(descriptor->decoration_failure_tag), diagnostics);
  if (diagnostics.error_count() != problems) return nullptr;
  auto made = std::make_unique<BatchFilterOf<T>>(std::move(options), context, std::move(decorations));
  if (diagnostics.error_count() != problems) return nullptr;
  return made;
}

}  // namespace registry_detail

template <class T, auto make_options>
inline constexpr PluginMaker<Filter> make_batch_filter{registry_detail::make_batch_filter_plugin<T, make_options>,
                                                       registry_detail::declarations<make_options>};

}  // namespace logboom
