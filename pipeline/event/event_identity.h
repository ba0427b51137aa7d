// EventIdentity: a name for an event that is the same when the event is delivered again.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "pipeline/event/ack.h"
#include "pipeline/event/event.h"

namespace logboom {

/// 128 bits as 22 letters, digits, '-' and '_'.
struct EventIdentity {
  static constexpr std::size_t kLetters = 22;
  std::array<char, kLetters> letters;
  /// True when another process that reads the event again gives it the same name, because it follows from source stream and
  /// position or is kept on disk with the event. False when it follows from this process and the order of arrival: it holds
  /// for retries, not for a restart.
  bool is_lasting = false;

  std::string_view text() const { return {letters.data(), letters.size()}; }
};

/// Inputs note positions only when somebody wants names of them: an output says so when it is made, before inputs start. Any
/// thread.
void want_event_identities();
bool are_event_identities_wanted();

/// The name of an event. Copies that split, clone and labels made have names of their own, by the way that they took:
/// another configuration may give them other names. nullopt for events that stem from no received one (aggregate). Any
/// thread.
std::optional<EventIdentity> event_identity(const Event& event);

/// The same as a number, for what keeps events on disk. None for events that stem from no received one.
EventName event_name(const Event& event);
/// A name that no event has: for events that stem from no received one. Any thread.
EventName new_event_name();

}  // namespace logboom
