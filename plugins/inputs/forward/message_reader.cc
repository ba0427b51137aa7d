#include "plugins/inputs/forward/message_reader.h"

namespace logboom {
namespace {

bool is_text(const MsgpackItem& item) { return item.kind == MsgpackKind::String || item.kind == MsgpackKind::Binary; }

/// Reads entries from a reader that stands before them.
class EntryReader {
 public:
  EntryReader(MsgpackReader& reader, EventMaker& maker, EntryCounts& counts)
      : reader_(reader), maker_(maker), counts_(counts) {}

  /// [time, record] or [[time, metadata], record]. Read also when the entry was invalid and passed over.
  MsgpackStatus read_entry() {
    const MsgpackReader start = reader_;
    MsgpackItem head;
    if (const auto status = reader_.next(head); status != MsgpackStatus::Read) return status;
    if (head.kind != MsgpackKind::Array || head.size < 2) return pass_over(start, "an entry that is no pair");
    EntryTime time;
    Object* metadata = nullptr;
    if (const auto status = read_time(time, metadata); status != MsgpackStatus::Read) return past_limits(start, status);
    if (const auto status = read_record(time, metadata); status != MsgpackStatus::Read) return past_limits(start, status);
    if (is_invalid_) return pass_over(start, problem_);
    for (std::uint32_t more = head.size - 2; more > 0; --more)
      if (const auto status = reader_.skip(); status != MsgpackStatus::Read) return status;
    return MsgpackStatus::Read;
  }

  /// The record behind a time that was read already.
  MsgpackStatus read_record(const EntryTime& time, Object* metadata) {
    is_invalid_ = false;
    MsgpackItem record;
    if (const auto status = reader_.next(record); status != MsgpackStatus::Read) return status;
    if (time.kind == EntryTime::Kind::Invalid) return call_invalid("a time that is neither number nor EventTime");
    if (record.kind == MsgpackKind::Nil) return MsgpackStatus::Read;  // dropped silently, as Fluentd does
    if (record.kind != MsgpackKind::Map) return call_invalid("a record that is no map");
    if (time.kind == EntryTime::Kind::GroupStart) return begin_group(record.size, metadata);
    if (time.kind == EntryTime::Kind::GroupEnd) {
      maker_.end_group();
      Object* ignored = Object::make(maker_.arena(), 0);
      return reader_.read_fields(record.size, maker_.arena(), *ignored);
    }
    Event& event = maker_.begin();
    const auto status = reader_.read_fields(record.size, maker_.arena(), event.fields());
    if (status != MsgpackStatus::Read) {
      maker_.discard();
      return status;
    }
    maker_.finish(event, event.fields(), time, metadata);
    return MsgpackStatus::Read;
  }
  bool is_invalid() const { return is_invalid_; }
  std::string_view problem() const { return problem_; }
  void count_invalid(std::string_view problem) {
    ++counts_.invalid;
    counts_.example = problem;
  }

 private:
  MsgpackStatus call_invalid(std::string_view problem) {
    is_invalid_ = true;
    problem_ = problem;
    return MsgpackStatus::Read;
  }
  MsgpackStatus pass_over(const MsgpackReader& start, std::string_view problem) {
    reader_ = start;
    const auto status = reader_.skip();
    if (status == MsgpackStatus::Read) count_invalid(problem);
    return status;
  }
  /// One entry that is too deep or too large must not stop the others.
  MsgpackStatus past_limits(const MsgpackReader& start, MsgpackStatus status) {
    const bool is_limit = status == MsgpackStatus::TooDeep || status == MsgpackStatus::TooLarge;
    return is_limit ? pass_over(start, msgpack_problem(status)) : status;
  }

  MsgpackStatus read_time(EntryTime& time, Object*& metadata) {
    MsgpackItem item;
    if (const auto status = reader_.next(item); status != MsgpackStatus::Read) return status;
    if (item.kind == MsgpackKind::Array && item.size == 2) {  // wrapped: [time, metadata]
      if (const auto status = reader_.next(item); status != MsgpackStatus::Read) return status;
      MsgpackItem about;
      if (const auto status = reader_.next(about); status != MsgpackStatus::Read) return status;
      if (about.kind != MsgpackKind::Map) return MsgpackStatus::Read;  // the time stays invalid
      if (about.size > 0) {
        metadata = Object::make(maker_.arena(), 0);
        if (const auto status = reader_.read_fields(about.size, maker_.arena(), *metadata); status != MsgpackStatus::Read)
          return status;
      }
    }
    if (item.kind == MsgpackKind::Array || item.kind == MsgpackKind::Map) return MsgpackStatus::Read;
    time = EntryTime::of(item);
    return MsgpackStatus::Read;
  }

  MsgpackStatus begin_group(std::uint32_t pairs, Object* metadata) {
    Object* attributes = Object::make(maker_.arena(), 0);
    const auto status = reader_.read_fields(pairs, maker_.arena(), *attributes);
    if (status == MsgpackStatus::Read) maker_.begin_group(attributes, metadata);
    return status;
  }

  MsgpackReader& reader_;
  EventMaker& maker_;
  EntryCounts& counts_;
  bool is_invalid_ = false;
  std::string_view problem_;
};

}  // namespace

MessageProblem MessageReader::open(std::string_view bytes) {
  reader_ = MsgpackReader(bytes);
  MsgpackItem item;
  if (reader_.next(item) != MsgpackStatus::Read) return MessageProblem::Corrupt;
  if (item.kind == MsgpackKind::Nil) return MessageProblem::Heartbeat;
  if (item.kind != MsgpackKind::Array || item.size < 2) return MessageProblem::NotAMessage;
  items_ = item.size - 2;
  if (reader_.next(item) != MsgpackStatus::Read) return MessageProblem::Corrupt;
  if (item.kind == MsgpackKind::Array || item.kind == MsgpackKind::Map) return MessageProblem::NotAMessage;
  has_tag_ = is_text(item);
  if (has_tag_) tag_ = item.bytes;
  if (reader_.next(second_) != MsgpackStatus::Read) return MessageProblem::Corrupt;
  switch (second_.kind) {
    case MsgpackKind::Array: mode_ = Mode::Forward; return MessageProblem::None;
    case MsgpackKind::String:
    case MsgpackKind::Binary:
      mode_ = Mode::Packed;
      entries_ = second_.bytes;
      return read_options();
    case MsgpackKind::Map: return MessageProblem::NotAMessage;
    default: mode_ = Mode::Message; return items_ > 0 ? MessageProblem::None : MessageProblem::NotAMessage;
  }
}

/// Takes the map that may follow; nil and nothing are no options, what is behind them is passed over.
MessageProblem MessageReader::read_options() {
  if (items_ == 0) return MessageProblem::None;
  --items_;
  MsgpackItem map;
  if (reader_.next(map) != MsgpackStatus::Read) return MessageProblem::Corrupt;
  if (map.kind != MsgpackKind::Map) return MessageProblem::None;
  for (std::uint32_t pair = 0; pair < map.size; ++pair) {
    MsgpackReader start = reader_;
    MsgpackItem name;
    if (reader_.next(name) != MsgpackStatus::Read) return MessageProblem::Corrupt;
    if (!is_text(name)) {
      reader_ = start;
      if (reader_.skip() != MsgpackStatus::Read) return MessageProblem::Corrupt;
    }
    start = reader_;
    if (reader_.skip() != MsgpackStatus::Read) return MessageProblem::Corrupt;
    if (!is_text(name)) continue;
    const std::string_view written = start.rest().substr(0, reader_.position() - start.position());
    MsgpackItem value;
    if (start.next(value) != MsgpackStatus::Read) return MessageProblem::Corrupt;
    if (name.bytes == "chunk" && value.kind != MsgpackKind::Nil) options_.ack = written;
    if (name.bytes == "compressed" && is_text(value)) options_.compressed = value.bytes;
    if (name.bytes == "fluent_signal" && value.kind == MsgpackKind::Integer) options_.signal = value.integer;
    if (name.bytes == "size" && value.kind == MsgpackKind::Integer && value.integer > 0 && value.integer <= UINT32_MAX)
      options_.size = static_cast<std::uint32_t>(value.integer);
    if (name.bytes == "metadata" && value.kind == MsgpackKind::Map && value.size > 0) options_.metadata = written;
  }
  return MessageProblem::None;
}

MessageProblem MessageReader::read_events(EventMaker& maker, MsgpackNames& names, EntryCounts& counts) {
  MsgpackReader reader(reader_.rest(), {}, &names);
  if (mode_ == Mode::Forward) {
    EntryReader entries(reader, maker, counts);
    for (std::uint32_t i = 0; i < second_.size; ++i)
      if (entries.read_entry() != MsgpackStatus::Read) return MessageProblem::Corrupt;
    reader_ = MsgpackReader(reader.rest());
    return read_options();
  }
  // Message mode: the options behind the record may bring metadata for it.
  const MsgpackReader record = reader;
  if (reader_.skip() != MsgpackStatus::Read) return MessageProblem::Corrupt;
  --items_;
  if (const auto problem = read_options(); problem != MessageProblem::None) return problem;
  Object* metadata = nullptr;
  if (!options_.metadata.empty()) {
    MsgpackReader about(options_.metadata);
    Value value;
    if (about.read(maker.arena(), value) == MsgpackStatus::Read && value.is_object()) metadata = &value.as_object();
  }
  reader = record;
  EntryReader entry(reader, maker, counts);
  const auto status = entry.read_record(EntryTime::of(second_), metadata);
  if (status == MsgpackStatus::TooDeep || status == MsgpackStatus::TooLarge) {
    entry.count_invalid(msgpack_problem(status));
  } else if (status != MsgpackStatus::Read) {
    return MessageProblem::Corrupt;
  } else if (entry.is_invalid()) {
    entry.count_invalid(entry.problem());
  }
  return MessageProblem::None;
}

MessageProblem MessageReader::pass_over_events() {
  if (mode_ == Mode::Packed) return MessageProblem::None;
  const std::uint32_t items = mode_ == Mode::Forward ? second_.size : 1;
  for (std::uint32_t i = 0; i < items; ++i)
    if (reader_.skip() != MsgpackStatus::Read) return MessageProblem::Corrupt;
  if (mode_ == Mode::Message) --items_;
  return read_options();
}

MessageProblem MessageReader::read_entries(std::string_view entries, EventMaker& maker, MsgpackNames& names,
                                           EntryCounts& counts) {
  MsgpackReader reader(entries, {}, &names);
  EntryReader entry(reader, maker, counts);
  while (!reader.at_end()) {
    const auto status = entry.read_entry();
    if (status == MsgpackStatus::Incomplete) break;
    if (status != MsgpackStatus::Read) return MessageProblem::Corrupt;
  }
  return MessageProblem::None;
}

}  // namespace logboom
