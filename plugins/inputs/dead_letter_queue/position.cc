#include "plugins/inputs/dead_letter_queue/position.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "pipeline/base/replace_file.h"

namespace logboom {
namespace {

constexpr std::string_view kHead = "logboom dead letters, next: ";
constexpr std::size_t kMostBytes = 4096;
constexpr unsigned kMode = 0640;

}  // namespace

Result<std::uint64_t> DeadLetterPosition::load() {
  if (path_.empty()) return std::uint64_t{0};
  auto text = read_whole_file(path_, kMostBytes);
  if (!text && text.error().code == ErrorCode::NotFound) return std::uint64_t{0};
  if (!text) return text.error();
  std::uint64_t next = 0;
  std::string_view rest = *text;
  if (rest.substr(0, kHead.size()) == kHead) {
    rest.remove_prefix(kHead.size());
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), next);
    if (problem == std::errc() && end + 1 == rest.data() + rest.size() && *end == '\n') {
      saved_ = next;
      return next;
    }
  }
  return Error{ErrorCode::Corrupt,
               fmt::format("{} holds no position; remove it to read the dead-letter queue from its start", path_)};
}

Result<void> DeadLetterPosition::save() {
  const auto next = frontier_->position();
  if (path_.empty() || !next || *next == saved_) return {};
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  if (auto written = replace_file(path_, fmt::format("{}{}\n", kHead, *next), kMode); !written) return written;
  saved_ = *next;
  return {};
}

}  // namespace logboom
