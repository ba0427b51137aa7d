// The registry: every plugin enters it before main() by one static object in its own file. Nothing else lists plugins.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/plugin/codec.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/filter.h"
#include "pipeline/plugin/input.h"
#include "pipeline/plugin/options.h"
#include "pipeline/plugin/output.h"

namespace logboom {

/// How to make a plugin and what options it has.
template <class Interface>
struct PluginMaker {
  std::unique_ptr<Interface> (*make)(const PluginNode& node, PluginContext& context, Diagnostics& diagnostics) = nullptr;
  std::vector<OptionDeclaration> (*options)() = nullptr;
};

template <class Interface>
struct PluginDescriptor {
  std::string_view name;
  std::string_view summary;  // one line for the reference page
  PluginMaker<Interface> make;
  std::string_view details = {};             // paragraphs for the page: what is promised, what is tagged; Markdown
  bool shares_state_across_filters = false;  // filters: batches of an ordered pipeline are run event by event (aggregate)
  std::string_view another_name_of = {};     // the plugin whose file registers this name too
  std::string_view decoration_failure_tag = "_decorationfailure";  // filters: add_field and the like could not be done
};
using InputDescriptor = PluginDescriptor<Input>;
using CodecDescriptor = PluginDescriptor<Codec>;
using FilterDescriptor = PluginDescriptor<Filter>;
using OutputDescriptor = PluginDescriptor<Output>;

/// All plugins of one kind, by name. A name that is taken twice ends the process at start: two files claim it.
template <class Interface>
class Registry {
 public:
  static Registry& instance();
  void add(const PluginDescriptor<Interface>& descriptor);
  const PluginDescriptor<Interface>* find(std::string_view name) const;
  /// Sorted by name.
  const std::vector<PluginDescriptor<Interface>>& all() const { return descriptors_; }

 private:
  std::vector<PluginDescriptor<Interface>> descriptors_;
};

struct RegisterInput {
  RegisterInput(const InputDescriptor& descriptor) { Registry<Input>::instance().add(descriptor); }
};
struct RegisterCodec {
  RegisterCodec(const CodecDescriptor& descriptor) { Registry<Codec>::instance().add(descriptor); }
};
struct RegisterFilter {
  RegisterFilter(const FilterDescriptor& descriptor) { Registry<Filter>::instance().add(descriptor); }
};
struct RegisterOutput {
  RegisterOutput(const OutputDescriptor& descriptor) { Registry<Output>::instance().add(descriptor); }
};

namespace registry_detail {

template <auto make_options>
std::vector<OptionDeclaration> declarations() {
  return make_options().declarations();
}

template <class Interface, class T, auto make_options>
std::unique_ptr<Interface> make_plugin(const PluginNode& node, PluginContext& context, Diagnostics& diagnostics) {
  const std::size_t problems = diagnostics.error_count();
  auto options = make_options().read(node, diagnostics);
  if (diagnostics.error_count() != problems) return nullptr;
  auto made = std::make_unique<T>(std::move(options), context);
  if (diagnostics.error_count() != problems) return nullptr;
  return made;
}

template <class T, auto make_options>
std::unique_ptr<Filter> make_filter_plugin(const PluginNode& node, PluginContext& context, Diagnostics& diagnostics) {
  const std::size_t problems = diagnostics.error_count();
  auto options = make_options().read(node, diagnostics);
  const FilterDescriptor* descriptor = Registry<Filter>::instance().find(node.name);
  auto decorations = Decorations::read(node, std::string(descriptor->decoration_failure_tag), diagnostics);
  if (decorations.diverts_failures()) context.require_place_for_failures();
  if (diagnostics.error_count() != problems) return nullptr;
  T impl(std::move(options), context);
  if (diagnostics.error_count() != problems) return nullptr;
  return std::make_unique<FilterOf<T>>(std::move(impl), std::move(decorations));
}

}  // namespace registry_detail

/// T(Options, const PluginContext&) with Verdict apply(Event&) or Verdict apply(Event&, NewEvents&), and, when it holds
/// events back, void flush(NewEvents&, FlushKind). `make_options` returns its OptionTable.
template <class T, auto make_options>
inline constexpr PluginMaker<Filter> make_filter{registry_detail::make_filter_plugin<T, make_options>,
                                                 registry_detail::declarations<make_options>};
/// T(Options, const PluginContext&) deriving from Input, Codec or Output.
template <class T, auto make_options>
inline constexpr PluginMaker<Input> make_input{registry_detail::make_plugin<Input, T, make_options>,
                                               registry_detail::declarations<make_options>};
template <class T, auto make_options>
inline constexpr PluginMaker<Codec> make_codec{registry_detail::make_plugin<Codec, T, make_options>,
                                               registry_detail::declarations<make_options>};
template <class T, auto make_options>
inline constexpr PluginMaker<Output> make_output{registry_detail::make_plugin<Output, T, make_options>,
                                                 registry_detail::declarations<make_options>};

}  // namespace logboom
