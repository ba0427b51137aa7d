#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <otlp_logs.pb.h>

#include <limits>
#include <optional>

#include "pipeline/event/json.h"
#include "plugins/inputs/otlp/log_request.h"

namespace logboom {
namespace {

namespace pb = google::protobuf;

constexpr std::size_t kTraceIdBytes = 16;
constexpr std::size_t kSpanIdBytes = 8;
constexpr std::size_t kMaxBytes = std::numeric_limits<int>::max();  // protobuf counts in int

// Where log records are: request.resource_logs = 1 / scope_logs = 2 / log_records = 2.
constexpr std::uint32_t kPath[] = {1, 2, 2};

/// Counts log records without making anything of them; nullopt: broken, or with groups, which OTLP does not have.
std::optional<std::size_t> count_records(pb::io::CodedInputStream& in, std::size_t depth) {
  std::size_t count = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    std::uint32_t length = 0;
    std::uint64_t ignored = 0;
    const std::uint32_t wire_type = tag & 7;
    if (wire_type == 0 && in.ReadVarint64(&ignored)) continue;
    if (wire_type == 1 && in.Skip(8)) continue;
    if (wire_type == 5 && in.Skip(4)) continue;
    if (wire_type != 2 || !in.ReadVarint32(&length) || length > kMaxBytes) return std::nullopt;
    const bool is_on_path = tag >> 3 == kPath[depth];
    if (!is_on_path || depth + 1 == std::size(kPath)) {
      if (!in.Skip(static_cast<int>(length))) return std::nullopt;
      if (is_on_path) ++count;
      continue;
    }
    const auto limit = in.PushLimit(static_cast<int>(length));
    const std::optional<std::size_t> inside = count_records(in, depth + 1);
    if (!inside || in.BytesUntilLimit() != 0) return std::nullopt;
    in.PopLimit(limit);
    count += *inside;
  }
  return count;
}

class Reader {
 public:
  Reader(std::string_view peer_ip, const LogEventMaker& maker, Chunk& chunk)
      : peer_ip_(peer_ip), maker_(maker), chunk_(chunk), arena_(chunk.arena()) {}

  void read(const otlp::ExportLogsServiceRequest& request) {
    for (const otlp::ResourceLogs& resource : request.resource_logs()) {
      LogOrigin origin;
      origin.resource_attributes = attributes(resource.resource().attributes());
      origin.resource_schema_url = text(resource.schema_url());
      for (const otlp::ScopeLogs& scope : resource.scope_logs()) {
        origin.scope_name = text(scope.scope().name());
        origin.scope_version = text(scope.scope().version());
        origin.scope_attributes = attributes(scope.scope().attributes());
        for (const otlp::LogRecord& record : scope.log_records()) maker_.add(log_record(record), origin, peer_ip_, chunk_);
      }
    }
  }

 private:
  std::string_view text(const std::string& bytes) { return bytes.empty() ? std::string_view() : keep_text(bytes, arena_); }

  LogRecord log_record(const otlp::LogRecord& record) {
    LogRecord made;
    made.time_nanoseconds = record.time_unix_nano();
    made.observed_nanoseconds = record.observed_time_unix_nano();
    made.severity_number = record.severity_number();
    made.severity_text = text(record.severity_text());
    made.body = value(record.body());
    made.attributes = attributes(record.attributes());
    made.dropped_attributes = record.dropped_attributes_count();
    made.flags = record.flags();
    made.trace_id = hex_id(record.trace_id(), kTraceIdBytes, arena_);
    made.span_id = hex_id(record.span_id(), kSpanIdBytes, arena_);
    made.event_name = text(record.event_name());
    return made;
  }

  Object* attributes(const pb::RepeatedPtrField<otlp::KeyValue>& pairs) { return pairs.empty() ? nullptr : object(pairs); }

  Object* object(const pb::RepeatedPtrField<otlp::KeyValue>& pairs) {
    Object* made = Object::make(arena_, static_cast<std::uint32_t>(pairs.size()));
    for (const otlp::KeyValue& pair : pairs) made->set(arena_, make_key(keep_text(pair.key(), arena_)), value(pair.value()));
    return made;
  }

  Value value(const otlp::AnyValue& any) {
    switch (any.value_case()) {
      case otlp::AnyValue::kStringValue: return Value::string(keep_text(any.string_value(), arena_));
      case otlp::AnyValue::kBoolValue: return Value::boolean(any.bool_value());
      case otlp::AnyValue::kIntValue: return Value::integer(any.int_value());
      case otlp::AnyValue::kDoubleValue: return double_value(any.double_value());
      case otlp::AnyValue::kBytesValue: return Value::string(base64_text(any.bytes_value(), arena_));
      case otlp::AnyValue::kKvlistValue: return Value::object(object(any.kvlist_value().values()));
      case otlp::AnyValue::kArrayValue: {
        const auto& items = any.array_value().values();
        Array* made = Array::make(arena_, static_cast<std::uint32_t>(items.size()));
        for (const otlp::AnyValue& item : items) made->push(arena_, value(item));
        return Value::array(made);
      }
      default: return Value::null();
    }
  }

  std::string_view peer_ip_;
  const LogEventMaker& maker_;
  Chunk& chunk_;
  Arena& arena_;
};

/// The code of google.rpc that goes with an HTTP status.
int rpc_code(int http_status) {
  switch (http_status) {
    case 401: return 16;  // unauthenticated
    case 403: return 7;   // permission denied
    case 404: return 5;   // not found
    case 405: return 12;  // unimplemented
    case 413:
    case 429: return 8;                          // resource exhausted
    case 503: return 14;                         // unavailable
    default: return http_status < 500 ? 3 : 13;  // invalid argument, internal
  }
}

}  // namespace

Result<void> read_protobuf_logs(std::string_view body, std::string_view peer_ip, const LogEventMaker& maker, Chunk& chunk) {
  const Error unreadable{ErrorCode::InvalidArgument, "the body is no ExportLogsServiceRequest"};
  if (body.size() > kMaxBytes) return Error{ErrorCode::TooLarge, "the request is too large"};
  pb::io::CodedInputStream scan(reinterpret_cast<const std::uint8_t*>(body.data()), static_cast<int>(body.size()));
  const std::optional<std::size_t> records = count_records(scan, 0);
  if (!records) return unreadable;
  if (*records > kMaxLogRecords)
    return Error{ErrorCode::TooLarge, "more than " + std::to_string(kMaxLogRecords) + " log records: send smaller batches"};
  pb::Arena arena;
  auto* request = pb::Arena::CreateMessage<otlp::ExportLogsServiceRequest>(&arena);
  if (!request->ParseFromArray(body.data(), static_cast<int>(body.size()))) return unreadable;
  Reader(peer_ip, maker, chunk).read(*request);
  return {};
}

std::string render_response(OtlpEncoding encoding, const Rejections& rejections) {
  if (encoding == OtlpEncoding::Protobuf) {
    otlp::ExportLogsServiceResponse response;
    if (rejections.records != 0) {
      response.mutable_partial_success()->set_rejected_log_records(rejections.records);
      response.mutable_partial_success()->set_error_message(rejections.reason);
    }
    return response.SerializeAsString();
  }
  if (rejections.records == 0) return "{}";
  std::string out =
      R"({"partialSuccess":{"rejectedLogRecords":")" + std::to_string(rejections.records) + R"(","errorMessage":)";
  write_json_string(rejections.reason, out);
  return out + "}}";
}

std::string render_status(OtlpEncoding encoding, int http_status, std::string_view message) {
  if (encoding == OtlpEncoding::Protobuf) {
    otlp::Status status;
    status.set_code(rpc_code(http_status));
    status.set_message(std::string(message));
    return status.SerializeAsString();
  }
  std::string out = R"({"code":)" + std::to_string(rpc_code(http_status)) + R"(,"message":)";
  write_json_string(message, out);
  return out + "}";
}

}  // namespace logboom
