#include "pipeline/base/file_name.h"

#include <fmt/format.h>

#include <cctype>

namespace logboom {

std::string file_name_of(std::string_view id) {
  std::string name;
  const bool is_special = id == "." || id == "..";
  for (const char letter : id) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool is_plain = byte < 0x80 && (std::isalnum(byte) != 0 || letter == '-' || letter == '_' || letter == '.');
    name += is_plain && !is_special ? std::string(1, letter) : fmt::format("%{:02X}", byte);
  }
  return name;
}

}  // namespace logboom
