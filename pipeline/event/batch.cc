#include "pipeline/event/batch.h"

#include <algorithm>

namespace logboom {

Event* Batch::adopt_copy(const Event& event, const Batch& from) {
  Event* made = event.copy_into(arena_, CopyStrings::Copy);
  if (AckToken* token = made->token()) {
    token->add_child(made->origin());
    const auto is_it = [token](const std::shared_ptr<AckToken>& known) { return known.get() == token; };
    if (std::none_of(tokens_.begin(), tokens_.end(), is_it)) {
      for (const ChunkPtr& chunk : from.chunks_)
        if (&chunk->token() == token) tokens_.push_back(chunk->shared_token());
      for (const auto& known : from.tokens_)
        if (known.get() == token) tokens_.push_back(known);
    }
  }
  events_.push_back(made);
  return made;
}

void Batch::complete(std::span<Event* const> events) {
  for (std::size_t at = 0; at < events.size();) {
    AckToken* token = events[at]->token();
    std::size_t end = at + 1;
    while (end < events.size() && events[end]->token() == token) ++end;
    if (token != nullptr) {
      if (token->tracks_events()) {
        for (std::size_t i = at; i < end; ++i) token->complete(events[i]->origin());
      } else {
        token->complete_many(end - at);
      }
    }
    at = end;
  }
}

}  // namespace logboom
