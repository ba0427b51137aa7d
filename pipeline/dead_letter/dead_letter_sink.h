// DeadLetterSink: where outputs and filters put the events that they cannot deal with.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "pipeline/event/event.h"

namespace logboom {

/// Why an event is given up.
struct DeadLetterCause {
  std::string_view plugin_type;  // "http", "grok", "if-statement"
  std::string_view plugin_id;
  std::string_view reason;  // for a person
  int code = 0;             // the destination's status, 0 when there is none
};

/// Any thread.
class DeadLetterSink {
 public:
  enum class Taken {
    Taken,    // on_safe will be called
    Dropped,  // it is full and its policy keeps what is there: the event is gone, and counted
    Refused,  // it cannot be written now: nothing was taken, wait and try again
  };
  /// `on_safe` is called once: true - the entry is as safe as the store makes it; false - it was closed before. On another
  /// thread; must not block. The event may change or go as soon as put() has returned.
  using OnSafe = std::function<void(bool)>;

  virtual ~DeadLetterSink() = default;
  virtual Taken put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) = 0;
  /// Why the last put() was refused.
  virtual std::string problem() const = 0;
  /// Waits until a put() may be taken, at most this long. False when nobody should wait any more.
  virtual bool wait_until_writable(std::chrono::milliseconds limit) = 0;
  /// Whoever waits comes back, now and later.
  virtual void give_up() = 0;
  /// What comes here goes on through the pipeline as an event of its own (the label @ERROR), and is no dead letter yet.
  virtual bool leads_on() const { return false; }
};

}  // namespace logboom
