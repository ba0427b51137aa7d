// ExportLogsServiceRequest in both of its encodings, and the answers to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "plugins/inputs/otlp/log_event.h"

namespace logboom {

/// Log records in one request: memory grows with them, not with their bytes.
constexpr std::size_t kMaxLogRecords = 100'000;

/// What could not be taken of a request that was read.
struct Rejections {
  std::int64_t records = 0;
  std::string reason;  // of the first one
  void add(std::string_view why) {
    if (records++ == 0) reason = why;
  }
};

// Both read a whole body, which lies in chunk.received(), into events of the chunk.
// Errors: InvalidArgument - cannot be read, nothing was added. TooLarge - more than kMaxLogRecords.

Result<void> read_protobuf_logs(std::string_view body, std::string_view peer_ip, const LogEventMaker& maker, Chunk& chunk);
Result<void> read_json_logs(std::string_view body, std::string_view peer_ip, const LogEventMaker& maker, Chunk& chunk,
                            Rejections& rejections);

enum class OtlpEncoding { Protobuf, Json };

/// ExportLogsServiceResponse.
std::string render_response(OtlpEncoding encoding, const Rejections& rejections);
/// google.rpc.Status for a refusal with this HTTP status.
std::string render_status(OtlpEncoding encoding, int http_status, std::string_view message);

}  // namespace logboom
