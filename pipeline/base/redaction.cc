#include "pipeline/base/redaction.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

namespace logboom {
namespace {

constexpr std::size_t kShortestHidden = 4;
constexpr std::string_view kMask = "***";

std::mutex mutex;
std::vector<std::string>& hidden() {
  static std::vector<std::string> secrets;
  return secrets;
}
std::atomic<bool> has_hidden{false};

}  // namespace

void hide_secrets(std::vector<std::string> secrets) {
  std::erase_if(secrets, [](const std::string& secret) { return secret.size() < kShortestHidden; });
  // The longest first: one secret may be the beginning of another.
  std::sort(secrets.begin(), secrets.end(),
            [](const std::string& left, const std::string& right) { return left.size() > right.size(); });
  const std::lock_guard lock(mutex);
  has_hidden = !secrets.empty();
  hidden() = std::move(secrets);
}

std::string redacted(std::string text) {
  if (!has_hidden.load(std::memory_order_acquire)) return text;
  const std::lock_guard lock(mutex);
  for (const std::string& secret : hidden())
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kMask.size()))
      text.replace(at, secret.size(), kMask);
  return text;
}

}  // namespace logboom
