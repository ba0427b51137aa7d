#include "pipeline/plugin/registry.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <string>

namespace logboom {
namespace {

namespace fs = std::filesystem;

/// Plugins are plugins/<kinds>/<name>.cc or plugins/<kinds>/<name>/<name>.cc; other folders hold what plugins of a kind
/// share.
std::set<std::string> names_in_tree(const std::string& kinds) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path("plugins") / kinds)) {
    const fs::path& path = entry.path();
    if (entry.is_directory()) {
      if (fs::exists(path / (path.filename().string() + ".cc"))) names.insert(path.filename().string());
    } else if (path.extension() == ".cc") {
      names.insert(path.stem().string());
    }
  }
  return names;
}

template <class Interface>
std::set<std::string> names_in_registry() {
  std::set<std::string> names;
  for (const auto& descriptor : Registry<Interface>::instance().all())
    if (descriptor.another_name_of.empty()) names.emplace(descriptor.name);
  return names;
}

TEST_CASE("the registry holds exactly the plugins whose files are in the tree", "[registry]") {
  CHECK(names_in_registry<Input>() == names_in_tree("inputs"));
  CHECK(names_in_registry<Codec>() == names_in_tree("codecs"));
  CHECK(names_in_registry<Filter>() == names_in_tree("filters"));
  CHECK(names_in_registry<Output>() == names_in_tree("outputs"));
  CHECK(names_in_registry<Filter>().count("mutate") == 1);
}

template <class Interface>
void check_descriptors(PluginKind kind) {
  const auto& all = Registry<Interface>::instance().all();
  CHECK(std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const auto& descriptor : all) {
    CAPTURE(plugin_kind_name(kind), descriptor.name);
    if (!descriptor.another_name_of.empty())
      CHECK(Registry<Interface>::instance().find(descriptor.another_name_of) != nullptr);
    CHECK(Registry<Interface>::instance().find(descriptor.name) == &descriptor);
    CHECK_FALSE(descriptor.summary.empty());
    CHECK(descriptor.summary.find('\n') == std::string_view::npos);
    CHECK(descriptor.make.make != nullptr);
    REQUIRE(descriptor.make.options != nullptr);
    std::set<std::string> seen;
    for (const OptionDeclaration& option : descriptor.make.options()) {
      CAPTURE(option.name);
      CHECK(seen.insert(option.name).second);
      if (!option.obsolete.empty()) continue;
      CHECK_FALSE(option.doc.empty());
      CHECK(option.doc.find('\n') == std::string::npos);
      CHECK_FALSE(option.type.empty());
      CHECK_FALSE((option.is_required && !option.default_text.empty()));
    }
  }
}

TEST_CASE("every plugin can be found, documents itself and each option once", "[registry]") {
  check_descriptors<Input>(PluginKind::Input);
  check_descriptors<Codec>(PluginKind::Codec);
  check_descriptors<Filter>(PluginKind::Filter);
  check_descriptors<Output>(PluginKind::Output);
}

TEST_CASE("a name that no plugin has is not found", "[registry]") {
  CHECK(Registry<Filter>::instance().find("no_such_filter") == nullptr);
  CHECK(Registry<Filter>::instance().find("") == nullptr);
  CHECK(Registry<Filter>::instance().find("Mutate") == nullptr);
}

}  // namespace
}  // namespace logboom
