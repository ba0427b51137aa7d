// One syslog line taken apart in a single walk, without a regular expression: RFC 5424, and RFC 3164 as senders write it.
// Tested by tests/plugins/inputs/syslog_test.cc, which holds it against the grok pattern that Logstash uses.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "pipeline/event/arena.h"
#include "pipeline/event/value.h"

namespace logboom {

/// What a line says; views into it, empty where it says nothing.
struct SyslogLine {
  std::int32_t priority = 13;
  bool is_rfc5424 = false;
  bool has_iso_time = false;  // else "Oct 11 22:14:15"
  std::string_view timestamp;
  std::string_view host;
  std::string_view program;
  std::string_view process_id;
  std::string_view message;
  // RFC 5424 alone:
  std::string_view version;
  std::string_view message_id;
  std::string_view structured_data;  // whole: "[id name=\"value\"][…]"
};

/// A line of one of these forms, the whole of it:
///   <PRI>Mmm dd hh:mm:ss[.fraction] HOST [PROGRAM[[PID]]:] MESSAGE
///   <PRI>ISO-8601-TIME HOST [PROGRAM[[PID]]:] MESSAGE
///   <PRI>VERSION TIME HOST APP-NAME PROCID MSGID [STRUCTURED-DATA] [MESSAGE]     (RFC 5424; - stands for nothing)
/// nullopt for anything else, which may still be what Logstash's pattern finds: a header in the middle of a line, a month in
/// another language, an IPv6 host. Looks at each byte at most twice. Any thread.
std::optional<SyslogLine> parse_syslog_line(std::string_view line);

/// The elements of structured data as an object of objects in `arena`: {"id": {"name": "value"}}. A name that comes again
/// makes a list. `text` is what parse_syslog_line() found, and lives as long as the object.
Object* structured_data_object(std::string_view text, Arena& arena);

}  // namespace logboom
