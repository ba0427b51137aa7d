#include "plugins/inputs/forward/event_maker.h"

#include <cmath>

namespace logboom {
namespace {

constexpr std::int64_t kGroupStart = 0xffffffff;  // seconds of an EventTime that Fluent Bit writes around groups
constexpr std::int64_t kGroupEnd = 0xfffffffe;

struct ForwardKeys {
  Key fluent = intern_key("fluent");
  Key tag = intern_key("tag");
  Key metadata = intern_key("metadata");
  Key group = intern_key("group");
  Key group_metadata = intern_key("group_metadata");
  Key tls_peer = intern_key("tls_peer");
  Key subject = intern_key("subject");
  Key moved_timestamp = intern_key("_@timestamp");
};
const ForwardKeys& keys() {
  static const ForwardKeys known;
  return known;
}

bool is_in_range(std::int64_t seconds) { return seconds >= Timestamp::kMinSeconds && seconds <= Timestamp::kMaxSeconds; }

}  // namespace

EntryTime EntryTime::of_integer(std::int64_t seconds) {
  if (seconds == 0) return {Kind::Now, {}, {}};
  if (!is_in_range(seconds)) return {Kind::OutOfRange, {}, Value::integer(seconds)};
  return {Kind::Instant, {seconds, 0}, {}};
}

EntryTime EntryTime::of_double(double seconds) {
  if (!std::isfinite(seconds)) return {};
  if (seconds == 0) return {Kind::Now, {}, {}};
  const double whole = std::floor(seconds);
  if (whole < static_cast<double>(Timestamp::kMinSeconds) || whole > static_cast<double>(Timestamp::kMaxSeconds))
    return {Kind::OutOfRange, {}, Value::real(seconds)};
  const auto nanoseconds = static_cast<std::int64_t>((seconds - whole) * 1e9);
  return {Kind::Instant, {static_cast<std::int64_t>(whole), static_cast<std::uint32_t>(nanoseconds)}, {}};
}

EntryTime EntryTime::of(const MsgpackItem& item) {
  if (item.kind == MsgpackKind::Integer) return of_integer(item.integer);
  if (item.kind == MsgpackKind::Double) return of_double(item.real);
  EntryTime time;
  if (!msgpack_timestamp(item, time.instant)) return time;
  time.kind = Kind::Instant;
  if (time.instant.seconds == 0) time.kind = Kind::Now;
  if (time.instant.seconds == kGroupStart) time.kind = Kind::GroupStart;
  if (time.instant.seconds == kGroupEnd) time.kind = Kind::GroupEnd;
  return time;
}

EventMaker::EventMaker(const ForwardFields& fields, const ForwardSource& source, Chunk& chunk, std::string_view tag)
    : fields_(fields), chunk_(chunk), first_event_(chunk.events().size()) {
  Arena& memory = chunk.arena();
  std::string whole = fields.tag_prefix;
  whole += fields.fixed_tag ? std::string_view(*fields.fixed_tag) : tag;
  tag_ = Value::string(msgpack_text(memory.copy(whole), memory));
  if (fields.source_address_field) source_address_ = Value::string(memory.copy(source.address));
  if (!source.tls_subject.empty()) tls_subject_ = msgpack_text(memory.copy(source.tls_subject), memory);
  if (fields.source_hostname_field) source_hostname_ = Value::string(memory.copy(source.hostname));
}

void EventMaker::finish(Event& event, Object& record, const EntryTime& time, Object* metadata) {
  Arena& memory = chunk_.arena();
  // What the message says of the time counts more than a field of the record, as in Logstash's codec for this protocol.
  record.set(memory, well_known().timestamp,
             Value::timestamp(time.kind == EntryTime::Kind::Instant ? time.instant : chunk_.now()));
  event.adopt_fields(&record, chunk_.now());
  if (time.kind == EntryTime::Kind::OutOfRange) {
    event.fields().set(memory, keys().moved_timestamp, time.as_written);
    event.add_failure_tag("_timestampparsefailure");
  }
  Object* about = Object::make(memory, 1);
  about->append(memory, keys().tag, tag_);
  if (metadata != nullptr && !metadata->empty()) about->append(memory, keys().metadata, Value::object(metadata));
  if (group_ != nullptr)
    about->append(memory, keys().group, Value::object(copy_object(*group_, memory, CopyStrings::Share)));
  if (group_metadata_ != nullptr && !group_metadata_->empty())
    about->append(memory, keys().group_metadata, Value::object(copy_object(*group_metadata_, memory, CopyStrings::Share)));
  event.metadata().set(memory, keys().fluent, Value::object(about));
  if (!tls_subject_.empty()) {
    Object* peer = Object::make(memory, 1);
    peer->append(memory, keys().subject, Value::string(tls_subject_));
    event.metadata().set(memory, keys().tls_peer, Value::object(peer));
  }
  if (fields_.tag_field) event.set(*fields_.tag_field, tag_);
  if (fields_.source_address_field) event.set(*fields_.source_address_field, source_address_);
  if (fields_.source_hostname_field) event.set(*fields_.source_hostname_field, source_hostname_);
}

}  // namespace logboom
