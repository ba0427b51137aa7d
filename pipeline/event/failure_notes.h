// Failure notes: which failure tags this thread has put on events, for whoever wants to know whether a filter failed.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace logboom {

/// Written by Event::add_failure_tag(). Of one thread.
struct FailureNotes {
  std::size_t count = 0;                    // tags, those that the event had already too
  std::array<std::string_view, 4> added{};  // that the event did not have; as long as the tags' own texts
  std::size_t added_count = 0;
  std::string_view last;

  void reset() { count = added_count = 0; }
  void note(std::string_view tag, bool is_new) {
    ++count;
    last = tag;
    if (is_new && added_count < added.size()) added[added_count++] = tag;
  }
};

inline FailureNotes& failure_notes() {
  static thread_local FailureNotes notes;
  return notes;
}

}  // namespace logboom
