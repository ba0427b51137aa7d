#include "server/reference_pages.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "pipeline/plugin/delivery_options.h"
#include "pipeline/plugin/registry.h"
#include "server/api/openapi.h"
#include "server/settings.h"

namespace logboom {
namespace {

std::string table_cell(std::string text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string option_rows(const std::vector<OptionDeclaration>& options) {
  std::string out = "| option | type | default | what it does |\n| --- | --- | --- | --- |\n";
  for (const OptionDeclaration& option : options) {
    if (!option.obsolete.empty()) continue;
    std::string doc = option.doc;
    if (!option.choices.empty()) doc += fmt::format(" One of: {}.", fmt::join(option.choices, ", "));
    if (!option.deprecated.empty()) doc += " Deprecated: " + option.deprecated + ".";
    const std::string value = option.is_required            ? "**required**"
                              : option.default_text.empty() ? ""
                                                            : "`" + option.default_text + "`";
    out += fmt::format("| `{}` | {} | {} | {} |\n", option.name, option.type, table_cell(value), table_cell(doc));
  }
  return out;
}

template <class Interface>
void add_pages(PluginKind kind, std::map<std::string, std::string>& pages) {
  for (const auto& descriptor : Registry<Interface>::instance().all()) {
    const auto options = descriptor.make.options();
    std::string page = fmt::format("<!-- Generated from the plugin's declarations: run `make docs`. -->\n# {} {}\n\n{}\n",
                                   plugin_kind_name(kind), descriptor.name, descriptor.summary);
    if (!descriptor.details.empty()) page += fmt::format("\n{}\n", descriptor.details);
    page += "\n## Options\n\n" + (options.empty() ? std::string("None of its own.\n") : option_rows(options));
    page += fmt::format("\n## Common options of every {}\n\n", plugin_kind_name(kind)) + option_rows(common_options(kind));
    if (kind == PluginKind::Output)
      page += "\n`buffer` holds:\n\n" + option_rows(buffer_option_declarations()) + "\n`retry` holds:\n\n" +
              option_rows(retry_option_declarations()) + "\nSee [buffers and retries](../buffers.md).\n";
    pages.emplace(fmt::format("{}-{}.md", plugin_kind_name(kind), descriptor.name), std::move(page));
  }
}

}  // namespace

std::map<std::string, std::string> reference_pages() {
  std::map<std::string, std::string> pages;
  add_pages<Input>(PluginKind::Input, pages);
  add_pages<Codec>(PluginKind::Codec, pages);
  add_pages<Filter>(PluginKind::Filter, pages);
  add_pages<Output>(PluginKind::Output, pages);
  std::string settings =
      "<!-- Generated from the settings' declarations: run `make docs`. -->\n# Settings\n\nOn the command line as `--name "
      "value`, in "
      "`logboom.yml` (or `logstash.yml`) flat or nested; those marked also per pipeline in `pipelines.yml`.\n\n"
      "| setting | flag | default | per pipeline | what it does |\n| --- | --- | --- | --- | --- |\n";
  for (const SettingDeclaration& declaration : setting_declarations())
    settings += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", declaration.name,
                            declaration.short_flag.empty() ? "" : fmt::format("`-{}`", declaration.short_flag),
                            declaration.default_text.empty() ? "" : fmt::format("`{}`", declaration.default_text),
                            declaration.is_per_pipeline ? "yes" : "", declaration.doc,
                            declaration.choices.empty() ? "" : table_cell(fmt::format(" One of: {}.", declaration.choices)));
  pages.emplace("settings.md", std::move(settings));
  pages.emplace("openapi.json", openapi_description());
  return pages;
}

bool write_reference_pages(const std::string& directory) {
  namespace fs = std::filesystem;
  const auto pages = reference_pages();
  std::error_code problem;
  fs::create_directories(directory, problem);
  for (const auto& entry : fs::directory_iterator(directory, problem))
    if (entry.path().extension() == ".md" && pages.count(entry.path().filename().string()) == 0)
      fs::remove(entry.path(), problem);
  for (const auto& [name, text] : pages) {
    std::ofstream file(directory + "/" + name, std::ios::binary);
    file << text;
    if (file) continue;
    std::fprintf(stderr, "logboom: %s/%s cannot be written\n", directory.c_str(), name.c_str());
    return false;
  }
  return true;
}

}  // namespace logboom
