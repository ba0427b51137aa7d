#include "server/pipelines/stored_pipelines.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "pipeline/base/replace_file.h"

namespace logboom {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLongestId = 100;
constexpr std::size_t kMostBytes = 16 * 1024 * 1024;

Result<void> remove_file(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return Error{ErrorCode::Io, fmt::format("{} cannot be removed: {}", path, strerror(errno))};
}

}  // namespace

bool StoredPipelines::is_possible_id(std::string_view id) {
  if (id.empty() || id.size() > kLongestId || id.front() == '.') return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
}

std::vector<std::string> StoredPipelines::ids() const {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const std::string id = entry.path().stem().string();
    if (entry.path().extension() == ".conf" && is_possible_id(id)) found.push_back(id);
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool StoredPipelines::has(const std::string& id) const {
  std::error_code ignored;
  return is_possible_id(id) && fs::exists(text_path(id), ignored);
}

Result<StoredPipelines::Text> StoredPipelines::read(const std::string& id) const {
  if (!has(id)) return Error{ErrorCode::NotFound, fmt::format("no text is stored for \"{}\"", id)};
  auto text = read_whole_file(text_path(id), kMostBytes);
  if (!text) return text.error();
  auto settings = read_whole_file(settings_path(id), kMostBytes);
  if (!settings && settings.error().code != ErrorCode::NotFound) return settings.error();
  return Text{std::move(*text), settings ? std::move(*settings) : std::string()};
}

Result<void> StoredPipelines::write(const std::string& id, const Text& text) const {
  if (!is_possible_id(id)) return Error{ErrorCode::InvalidArgument, fmt::format("\"{}\" cannot be a pipeline's id", id)};
  std::error_code problem;
  fs::create_directories(directory_, problem);
  if (problem) return Error{ErrorCode::Io, fmt::format("{} cannot be made: {}", directory_, problem.message())};
  const auto before = read(id);
  const auto of_settings =
      text.settings.empty() ? remove_file(settings_path(id)) : replace_file(settings_path(id), text.settings, 0600);
  if (!of_settings) return of_settings;
  auto of_text = replace_file(text_path(id), text.text, 0600);
  if (of_text) return {};
  // The pair stays as it was.
  const bool had_settings = before && !before->settings.empty();
  const auto restored =
      had_settings ? replace_file(settings_path(id), before->settings, 0600) : remove_file(settings_path(id));
  if (restored) return of_text;
  return Error{ErrorCode::Io, fmt::format("{}; and its settings could not be put back: {}", of_text.error().message,
                                          restored.error().message)};
}

Result<void> StoredPipelines::remove(const std::string& id) const {
  if (!has(id)) return Error{ErrorCode::NotFound, fmt::format("no text is stored for \"{}\"", id)};
  if (auto removed = remove_file(text_path(id)); !removed) return removed;
  return remove_file(settings_path(id));
}

Result<void> StoredPipelines::merge_into(std::vector<PipelineEntry>& entries, const VariableLookup& variables) const {
  for (const std::string& id : ids()) {
    PipelineEntry stored;
    stored.id = id;
    std::error_code ignored;
    if (fs::exists(settings_path(id), ignored))
      if (auto loaded = stored.own.load_yaml(settings_path(id), variables); !loaded) return loaded;
    for (const auto& [name, value] : {std::pair("pipeline.id", id), std::pair("path.config", text_path(id))})
      if (auto set = stored.own.set(name, value, "stored through the API"); !set) return set;
    const auto known = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.id == id; });
    if (known == entries.end()) {
      entries.push_back(std::move(stored));
    } else {
      known->own.unset("config.string");
      known->own = known->own.with(stored.own);
    }
  }
  return {};
}

}  // namespace logboom
