#include "pipeline/text/literal_order.h"

#include <cstring>

#include "pipeline/text/byte_search.h"

namespace logboom {
namespace {

constexpr std::size_t kSetUpPays = 512;  // bytes to search from which on memmem()'s preparations do

/// The first place of `wanted` in [at, end), or end.
const char* find(const char* at, const char* end, const std::string& wanted) {
  const auto room = static_cast<std::size_t>(end - at);
  if (room < kSetUpPays) return find_near(at, end, wanted);
  const void* const place = memmem(at, room, wanted.data(), wanted.size());
  return place == nullptr ? end : static_cast<const char*>(place);
}

}  // namespace

bool holds_in_order(std::string_view text, const std::vector<std::string>& literals) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (const std::string& literal : literals) {
    at = find(at, end, literal);
    if (at == end) return false;
    at += literal.size();
  }
  return true;
}

std::optional<std::size_t> last_start_before(std::string_view text, const std::vector<std::string>& literals) {
  const char* const begin = text.data();
  const char* end = begin + text.size();
  for (auto literal = literals.rbegin(); literal != literals.rend(); ++literal) {
    const std::size_t size = literal->size();
    for (;;) {
      const auto room = static_cast<std::size_t>(end - begin);
      if (room < size) return std::nullopt;
      end = static_cast<const char*>(memrchr(begin, literal->front(), room - size + 1));
      if (end == nullptr) return std::nullopt;
      if (std::memcmp(end, literal->data(), size) == 0) break;
      end += size - 1;  // a place one byte further in front has room again
    }
  }
  return static_cast<std::size_t>(end - begin);
}

}  // namespace logboom
