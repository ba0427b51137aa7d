// The text of an event for the plain and line codecs: the `format`, or time, host and message.
#pragma once

#include <optional>
#include <string>

#include "pipeline/event/event.h"
#include "pipeline/event/field_template.h"

namespace logboom {

/// Immutable, any thread.
class TextEncoder {
 public:
  explicit TextEncoder(std::optional<FieldTemplate> format)
      : format_(std::move(format)),
        with_time_(FieldTemplate::parse("%{@timestamp} %{host} %{message}")),
        without_time_(FieldTemplate::parse("%{host} %{message}")) {}

  void append(const Event& event, std::string& out) const {
    if (format_) {
      format_->append_to(event, out);
    } else {
      (event.timestamp() ? with_time_ : without_time_).append_to(event, out);
    }
  }

 private:
  std::optional<FieldTemplate> format_;
  FieldTemplate with_time_;
  FieldTemplate without_time_;
};

}  // namespace logboom
