// Hostile bytes where dead letters are read: an entry's record, its failure's shape, the control channel, a keystore. An
// entry that is read, written and read again is the same entry.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pipeline/dead_letter/entry.h"
#include "pipeline/dead_letter/failure_shape.h"
#include "pipeline/event/json.h"
#include "server/control/control_server.h"
#include "server/keystore/sealed_secrets.h"

namespace {

using namespace logboom;

std::string event_text(const DeadLetter& entry, Chunk& chunk, Event*& event) {
  event = add_dead_letter(entry, "main", chunk);
  std::string text;
  if (event != nullptr) write_json(event->fields(), text);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (failure_shape(bytes).size() > 500) std::abort();
  static const ControlHandlers handlers = {{"x", [](const std::string& line) { return Result<std::string>(line); }}};
  if (ControlServer::answer(handlers, std::string(bytes)).empty()) std::abort();
  (void)unseal_secrets(bytes, std::nullopt).has_value();
  auto entry = read_dead_letter(7, Buffer::copy_of(bytes));
  if (!entry) return 0;
  Chunk chunk({}, {});
  Event* event = nullptr;
  const std::string text = event_text(*entry, chunk, event);
  if (event == nullptr) return 0;
  std::string again;
  write_dead_letter(*event, {entry->plugin_type, entry->plugin_id, entry->reason, entry->code}, entry->entry_time, again);
  auto reread = read_dead_letter(7, Buffer::copy_of(again));
  if (!reread || reread->reason != entry->reason || reread->plugin_id != entry->plugin_id || reread->code != entry->code)
    std::abort();
  if (reread->replays != entry->replays + 1 && entry->replays != UINT32_MAX) std::abort();
  Chunk second({}, {});
  Event* same = nullptr;
  if (event_text(*reread, second, same) != text || same == nullptr) std::abort();
  return 0;
}
