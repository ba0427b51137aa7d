#include "pipeline/event/undecoded.h"

#include <string>

namespace logboom {
namespace {

struct Keys {
  Key undecoded = intern_key("undecoded");
  Key raw = intern_key("raw_base64");
  Key codec = intern_key("codec");
  Key id = intern_key("id");
  Key reason = intern_key("reason");
};
const Keys& keys() {
  static const Keys all;
  return all;
}

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return at + i < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) : 0u;
    };
    const std::uint32_t three = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (std::size_t digit = 0; digit < 4; ++digit)
      out += at + digit <= bytes.size() ? kDigits[three >> (18 - 6 * digit) & 63] : '=';
  }
  return out;
}

std::string_view text_at(const Object& object, const Key& key) {
  const Value* value = object.find(key);
  return value != nullptr && value->is_string() ? value->as_string() : std::string_view();
}

}  // namespace

void mark_undecoded(Event& event, const Undecoded& why, std::string_view raw, std::string_view text) {
  Arena& arena = event.arena();
  Object* mark = Object::make(arena, 4);
  mark->set(arena, keys().codec, Value::string(arena.copy(why.codec)));
  mark->set(arena, keys().id, Value::string(arena.copy(why.id)));
  mark->set(arena, keys().reason, Value::string(arena.copy(why.reason)));
  event.metadata().set(arena, keys().undecoded, Value::object(mark));
  if (raw != text) event.metadata().set(arena, keys().raw, Value::string(arena.copy(base64(raw))));
}

std::optional<Undecoded> take_undecoded(Event& event) {
  if (event.metadata_if_any() == nullptr) return std::nullopt;
  const Value* mark = event.metadata_if_any()->find(keys().undecoded);
  if (mark == nullptr || !mark->is_object()) return std::nullopt;
  const Undecoded why{text_at(mark->as_object(), keys().codec), text_at(mark->as_object(), keys().id),
                      text_at(mark->as_object(), keys().reason)};
  event.metadata().erase(keys().undecoded);
  return why;
}

}  // namespace logboom
