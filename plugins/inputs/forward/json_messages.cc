#include "plugins/inputs/forward/json_messages.h"

namespace logboom {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

EntryTime time_of(const Value& value) {
  if (value.is_integer()) return EntryTime::of_integer(value.as_integer());
  if (value.is_double()) return EntryTime::of_double(value.as_double());
  return {};
}

}  // namespace

JsonScanner::Outcome JsonScanner::scan(std::string_view bytes, std::size_t& used) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (is_in_text_) {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (c == '\\') {
        is_escaped_ = true;
      } else if (c == '"') {
        is_in_text_ = false;
      }
      continue;
    }
    if (c == '[' || c == '{') {
      ++depth_;
    } else if (depth_ == 0) {
      if (is_blank(c)) continue;
      used = i;
      return Outcome::Corrupt;
    } else if (c == '"') {
      is_in_text_ = true;
    } else if ((c == ']' || c == '}') && --depth_ == 0) {
      used = i + 1;
      reset();
      return Outcome::Complete;
    }
  }
  used = bytes.size();
  return Outcome::NeedsMore;
}

MessageProblem JsonMessage::open(std::string_view text, JsonReader& reader, Arena& arena) {
  const auto parsed = reader.parse(text, arena);
  if (!parsed) return MessageProblem::Corrupt;
  if (!parsed->is_array() || parsed->as_array().size() < 2) return MessageProblem::NotAMessage;
  items_ = &parsed->as_array();
  const Array& items = *items_;
  has_tag_ = items[0].is_string();
  if (has_tag_) tag_ = items[0].as_string();
  const bool is_forward = items[1].is_array();
  if (!is_forward && items.size() < 3) return MessageProblem::NotAMessage;
  const std::uint32_t at = is_forward ? 2 : 3;
  if (items.size() > at && items[at].is_object()) {
    static const Key chunk = intern_key("chunk");
    const Value* wanted = items[at].as_object().find(chunk);
    if (wanted != nullptr && !wanted->is_null()) write_json(*wanted, ack_);
  }
  return MessageProblem::None;
}

void JsonMessage::read_events(EventMaker& maker, EntryCounts& counts) const {
  const Array& items = *items_;
  if (!items[1].is_array()) {
    read_entry(items[1], items[2], maker, counts);
    return;
  }
  for (const Value& entry : items[1].as_array()) {
    if (entry.is_array() && entry.as_array().size() >= 2) {
      read_entry(entry.as_array()[0], entry.as_array()[1], maker, counts);
    } else {
      ++counts.invalid;
      counts.example = "an entry that is no pair";
    }
  }
}

void JsonMessage::read_entry(const Value& time, const Value& record, EventMaker& maker, EntryCounts& counts) {
  const EntryTime when = time_of(time);
  if (record.is_null() && when.kind != EntryTime::Kind::Invalid) return;
  if (when.kind == EntryTime::Kind::Invalid || !record.is_object()) {
    ++counts.invalid;
    counts.example = when.kind == EntryTime::Kind::Invalid ? "a time that is no number" : "a record that is no map";
    return;
  }
  maker.finish(maker.begin(), record.as_object(), when, nullptr);
}

}  // namespace logboom
