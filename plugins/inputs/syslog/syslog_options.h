// The options of the syslog input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/plugin/options.h"
#include "pipeline/plugin/tls_options.h"

namespace logboom {

struct SyslogInputOptions : TlsServerOptions {
  std::string host = "0.0.0.0";
  std::uint64_t port = 514;
  CodecChoice codec{"plain", nullptr, {}};
  FieldRef syslog_field = FieldRef::of_name("message");
  std::string grok_pattern;
  bool proxy_protocol = false;
  bool use_labels = true;
  std::vector<std::string> facility_labels = {"kernel",
                                              "user-level",
                                              "mail",
                                              "system",
                                              "security/authorization",
                                              "syslogd",
                                              "line printer",
                                              "network news",
                                              "UUCP",
                                              "clock",
                                              "security/authorization",
                                              "FTP",
                                              "NTP",
                                              "log audit",
                                              "log alert",
                                              "clock",
                                              "local0",
                                              "local1",
                                              "local2",
                                              "local3",
                                              "local4",
                                              "local5",
                                              "local6",
                                              "local7"};
  std::vector<std::string> severity_labels = {"Emergency", "Alert",  "Critical",      "Error",
                                              "Warning",   "Notice", "Informational", "Debug"};
  std::string timezone;
  std::string locale;
  std::string service_type = "system";
  ByteSize decode_size_limit_bytes{1024 * 1024};
  std::uint64_t receive_buffer_bytes = 0;
  std::uint64_t max_connections = 65536;
};

}  // namespace logboom
