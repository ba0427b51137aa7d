#include <algorithm>
#include <charconv>
#include <optional>

#include "pipeline/event/json.h"
#include "pipeline/net/http_text.h"
#include "plugins/inputs/otlp/log_request.h"

namespace logboom {
namespace {

struct Keys {
  Key resource_logs = intern_key("resourceLogs");
  Key scope_logs = intern_key("scopeLogs");
  Key log_records = intern_key("logRecords");
  Key resource = intern_key("resource");
  Key scope = intern_key("scope");
  Key schema_url = intern_key("schemaUrl");
  Key attributes = intern_key("attributes");
  Key name = intern_key("name");
  Key version = intern_key("version");
  Key time = intern_key("timeUnixNano");
  Key observed = intern_key("observedTimeUnixNano");
  Key severity_number = intern_key("severityNumber");
  Key severity_text = intern_key("severityText");
  Key body = intern_key("body");
  Key dropped = intern_key("droppedAttributesCount");
  Key flags = intern_key("flags");
  Key trace_id = intern_key("traceId");
  Key span_id = intern_key("spanId");
  Key event_name = intern_key("eventName");
  Key key = intern_key("key");
  Key value = intern_key("value");
  Key values = intern_key("values");
  Key string_value = intern_key("stringValue");
  Key bool_value = intern_key("boolValue");
  Key int_value = intern_key("intValue");
  Key double_value = intern_key("doubleValue");
  Key array_value = intern_key("arrayValue");
  Key kvlist_value = intern_key("kvlistValue");
  Key bytes_value = intern_key("bytesValue");
};
const Keys& keys() {
  static const Keys made;
  return made;
}

constexpr std::size_t kTraceIdBytes = 16;
constexpr std::size_t kSpanIdBytes = 8;

/// Reads one document. What is of the wrong kind sets a problem, which costs its log record; around log records it costs
/// the request.
class Reader {
 public:
  Reader(std::string_view peer_ip, const LogEventMaker& maker, Chunk& chunk, Rejections& rejections)
      : peer_ip_(peer_ip), maker_(maker), chunk_(chunk), arena_(chunk.arena()), rejections_(rejections) {}

  Result<void> read(const Value& request) {
    if (!request.is_object()) return Error{ErrorCode::InvalidArgument, "the body is no ExportLogsServiceRequest"};
    if (count_records(request.as_object()) > kMaxLogRecords)
      return Error{ErrorCode::TooLarge,
                   "more than " + std::to_string(kMaxLogRecords) + " log records: send smaller batches"};
    for (const Object* resource_logs : objects_of(list_at(request.as_object(), keys().resource_logs))) {
      LogOrigin origin;
      if (const Object* resource = object_at(*resource_logs, keys().resource))
        origin.resource_attributes = attributes_of(*resource);
      origin.resource_schema_url = text_at(*resource_logs, keys().schema_url);
      for (const Object* scope_logs : objects_of(list_at(*resource_logs, keys().scope_logs))) {
        read_scope(*scope_logs, origin);
        if (!problem_.empty()) return Error{ErrorCode::InvalidArgument, std::string(problem_)};
        const Array* records = list_at(*scope_logs, keys().log_records);
        for (std::uint32_t i = 0; records != nullptr && i < records->size(); ++i) add((*records)[i], origin);
      }
    }
    if (!problem_.empty()) return Error{ErrorCode::InvalidArgument, std::string(problem_)};
    return {};
  }

 private:
  std::size_t count_records(const Object& request) {
    std::size_t count = 0;
    for (const Object* resource_logs : objects_of(list_at(request, keys().resource_logs)))
      for (const Object* scope_logs : objects_of(list_at(*resource_logs, keys().scope_logs)))
        if (const Array* records = list_at(*scope_logs, keys().log_records)) count += records->size();
    problem_ = {};
    return count;
  }

  void read_scope(const Object& scope_logs, LogOrigin& origin) {
    origin.scope_name = origin.scope_version = {};
    origin.scope_attributes = nullptr;
    const Object* scope = object_at(scope_logs, keys().scope);
    if (scope == nullptr) return;
    origin.scope_name = text_at(*scope, keys().name);
    origin.scope_version = text_at(*scope, keys().version);
    origin.scope_attributes = attributes_of(*scope);
  }

  void add(const Value& value, const LogOrigin& origin) {
    LogRecord record;
    if (value.is_object()) {
      record = log_record(value.as_object());
    } else {
      problem_ = "a log record is no object";
    }
    if (problem_.empty()) {
      maker_.add(record, origin, peer_ip_, chunk_);
    } else {
      rejections_.add(problem_);
      problem_ = {};
    }
  }

  LogRecord log_record(const Object& from) {
    LogRecord made;
    made.time_nanoseconds = unsigned_at(from, keys().time);
    made.observed_nanoseconds = unsigned_at(from, keys().observed);
    made.severity_number = static_cast<std::int64_t>(unsigned_at(from, keys().severity_number));
    made.severity_text = text_at(from, keys().severity_text);
    if (const Value* body = present(from, keys().body)) made.body = any_value(*body);
    made.attributes = attributes_of(from);
    made.dropped_attributes = static_cast<std::int64_t>(unsigned_at(from, keys().dropped));
    made.flags = static_cast<std::int64_t>(unsigned_at(from, keys().flags));
    made.trace_id = id_at(from, keys().trace_id, kTraceIdBytes);
    made.span_id = id_at(from, keys().span_id, kSpanIdBytes);
    made.event_name = text_at(from, keys().event_name);
    return made;
  }

  /// What is null counts as not given.
  static const Value* present(const Object& object, const Key& key) {
    const Value* value = object.find(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  const Array* list_at(const Object& object, const Key& key) {
    const Value* value = present(object, key);
    if (value == nullptr) return nullptr;
    if (value->is_array()) return &value->as_array();
    problem_ = "something that should be a list is none";
    return nullptr;
  }
  std::vector<const Object*> objects_of(const Array* list) {
    std::vector<const Object*> found;
    if (list == nullptr) return found;
    for (const Value& item : *list) {
      if (item.is_object()) {
        found.push_back(&item.as_object());
      } else {
        problem_ = "something in a list should be an object and is none";
      }
    }
    return found;
  }
  const Object* object_at(const Object& object, const Key& key) {
    const Value* value = present(object, key);
    if (value == nullptr) return nullptr;
    if (value->is_object()) return &value->as_object();
    problem_ = "something that should be an object is none";
    return nullptr;
  }
  std::string_view text_at(const Object& object, const Key& key) {
    const Value* value = present(object, key);
    if (value == nullptr) return {};
    if (value->is_string()) return value->as_string();
    problem_ = "something that should be a text is none";
    return {};
  }
  /// Numbers of 64 bits come as texts, most others as numbers; both are taken everywhere.
  std::uint64_t unsigned_at(const Object& object, const Key& key) {
    const Value* value = present(object, key);
    if (value == nullptr) return 0;
    if (value->is_integer() && value->as_integer() >= 0) return static_cast<std::uint64_t>(value->as_integer());
    std::uint64_t number = 0;
    if ((value->is_string() || value->kind() == ValueKind::BigNumber) && read_number(value->as_string(), number))
      return number;
    problem_ = "something that should be a number without a sign is none";
    return 0;
  }
  template <class Number>
  static bool read_number(std::string_view text, Number& out) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
    return problem == std::errc() && end == text.data() + text.size();
  }

  std::string_view id_at(const Object& object, const Key& key, std::size_t bytes) {
    const std::string_view text = text_at(object, key);
    if (text.empty()) return {};
    const bool is_hex = text.size() == bytes * 2 && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
    if (!is_hex) {
      problem_ = "a trace or span id is not hexadecimal or has a wrong length";
      return {};
    }
    if (text.find_first_not_of('0') == text.npos) return {};
    return text.find_first_of("ABCDEF") == text.npos ? text : arena_.copy(lower_case(text));
  }

  Object* attributes_of(const Object& holder) {
    const Array* pairs = list_at(holder, keys().attributes);
    return pairs == nullptr || pairs->empty() ? nullptr : object_of(*pairs);
  }
  Object* object_of(const Array& pairs) {
    Object* made = Object::make(arena_, pairs.size());
    for (const Object* pair : objects_of(&pairs)) {
      const Value* value = present(*pair, keys().value);
      made->set(arena_, make_key(text_at(*pair, keys().key)), value == nullptr ? Value::null() : any_value(*value));
    }
    return made;
  }

  Value any_value(const Value& any) {
    if (!any.is_object()) {
      problem_ = "a value is no object that names its kind";
      return {};
    }
    const Object& object = any.as_object();
    if (object.empty()) return {};
    const Key& kind = object.begin()->key;
    const Value& value = object.begin()->value;
    if (value.is_null()) return {};
    if (kind == keys().string_value && value.is_string()) return value;
    if (kind == keys().bool_value && value.is_boolean()) return value;
    if (kind == keys().int_value) return integer_value(value);
    if (kind == keys().double_value) return real_value(value);
    if (kind == keys().bytes_value && value.is_string()) return value;  // base64 stays what it is
    if (kind == keys().kvlist_value && value.is_object()) {
      const Array* pairs = list_at(value.as_object(), keys().values);
      return Value::object(pairs == nullptr ? Object::make(arena_, 0) : object_of(*pairs));
    }
    if (kind == keys().array_value && value.is_object()) {
      const Array* items = list_at(value.as_object(), keys().values);
      Array* made = Array::make(arena_, items == nullptr ? 0 : items->size());
      for (std::uint32_t i = 0; items != nullptr && i < items->size(); ++i) made->push(arena_, any_value((*items)[i]));
      return Value::array(made);
    }
    problem_ = "a value is of an unknown kind, or not what its kind says";
    return {};
  }
  Value integer_value(const Value& value) {
    std::int64_t number = 0;
    if (value.is_integer()) return value;
    if (value.is_string() && read_number(value.as_string(), number)) return Value::integer(number);
    problem_ = "an intValue is no number of 64 bits";
    return {};
  }
  Value real_value(const Value& value) {
    double number = 0;
    if (value.is_double()) return value;
    if (value.is_integer()) return Value::real(static_cast<double>(value.as_integer()));
    if (value.is_string()) {
      const std::string_view text = value.as_string();
      if (text == "NaN" || text == "Infinity" || text == "-Infinity") return value;
      if (read_number(text, number)) return double_value(number);
    }
    problem_ = "a doubleValue is no number";
    return {};
  }

  std::string_view peer_ip_;
  const LogEventMaker& maker_;
  Chunk& chunk_;
  Arena& arena_;
  Rejections& rejections_;
  std::string_view problem_;
};

}  // namespace

Result<void> read_json_logs(std::string_view body, std::string_view peer_ip, const LogEventMaker& maker, Chunk& chunk,
                            Rejections& rejections) {
  JsonReader reader;
  const auto request = reader.parse(body, chunk.arena());
  if (!request) return Error{request.error().code, "the body is no JSON: " + request.error().message};
  if (const auto read = Reader(peer_ip, maker, chunk, rejections).read(*request); !read) {
    chunk.events().clear();
    return read.error();
  }
  return {};
}

}  // namespace logboom
