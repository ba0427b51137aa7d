// JSON from hostile bytes: the fast reader says what the tolerant one says, whatever stands behind the document in memory.
// The first byte fills the memory behind.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "pipeline/base/bytes.h"
#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"

namespace {

using namespace logboom;

std::string printed(const Value& value) {
  std::string text;
  write_json(value, text);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Buffer received = Buffer::allocate(text.size());
  std::copy(text.begin(), text.end(), received.writable_data());
  std::memset(received.writable_data() + text.size(), data[0], kBufferPadding);
  static JsonReader reader;
  Arena arena;
  const auto fast = reader.parse(received.view(), arena);
  const auto tolerant = parse_json_tolerant(text, arena);
  if (fast.has_value() != tolerant.has_value()) std::abort();
  if (!fast) return 0;
  const std::string answer = printed(*fast);
  if (answer != printed(*tolerant) || !is_valid_utf8(answer)) std::abort();
  Arena other;
  const auto again = reader.parse_unpadded(answer, other);
  if (!again || printed(*again) != answer) std::abort();
  return 0;
}
