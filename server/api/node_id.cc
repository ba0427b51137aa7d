#include "server/api/node_id.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include "pipeline/base/log.h"
#include "pipeline/base/replace_file.h"

namespace logboom {
namespace {

constexpr std::size_t kUuidLength = 36;

}  // namespace

std::string random_uuid() {
  unsigned char bytes[16] = {};
  RAND_bytes(bytes, sizeof bytes);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3F) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

std::string kept_node_id(const std::string& directory) {
  const std::string path = directory + "/uuid";
  auto kept = read_whole_file(path, 4096);
  if (kept && kept->size() >= kUuidLength) return kept->substr(0, kUuidLength);
  const std::string made = random_uuid();
  if (auto written = replace_file(path, made, 0644); !written)
    log_warn("api", "the id of this node is a new one after each start: {}", written.error().message);
  return made;
}

}  // namespace logboom
