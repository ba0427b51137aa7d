// What a syslog line makes of its event: the fields of Logstash's syslog input in both ECS modes, and those of RFC 5424.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "pipeline/event/batch.h"
#include "pipeline/plugin/context.h"
#include "plugins/inputs/syslog/grok_line.h"
#include "plugins/inputs/syslog/syslog_line.h"
#include "plugins/inputs/syslog/syslog_options.h"
#include "plugins/inputs/syslog/syslog_time.h"

namespace logboom {

/// Names of the fields, interned once.
struct SyslogKeys {
  Key code = intern_key("code");
  Key event = intern_key("event");
  Key facility = intern_key("facility");
  Key facility_label = intern_key("facility_label");
  Key host = intern_key("host");
  Key hostname = intern_key("hostname");
  Key ip = intern_key("ip");
  Key log = intern_key("log");
  Key logsource = intern_key("logsource");
  Key message_id = intern_key("msgid");
  Key name = intern_key("name");
  Key original = intern_key("original");
  Key pid = intern_key("pid");
  Key priority = intern_key("priority");
  Key process = intern_key("process");
  Key process_id = intern_key("procid");
  Key program = intern_key("program");
  Key service = intern_key("service");
  Key severity = intern_key("severity");
  Key severity_label = intern_key("severity_label");
  Key structured_data = intern_key("structured_data");
  Key syslog = intern_key("syslog");
  Key timestamp = intern_key("timestamp");
  Key timestamp8601 = intern_key("timestamp8601");
  Key type = intern_key("type");
  Key version = intern_key("version");
};

/// What all connections of one input share. Immutable but for its counters; any thread.
struct SyslogSettings {
  SyslogSettings(const SyslogInputOptions& options, const PluginContext& context);

  bool is_ecs;
  bool has_own_pattern;  // grok_pattern was given: the straight walk is not taken
  bool use_labels;
  FieldRef syslog_field;
  std::vector<std::string> facility_labels;
  std::vector<std::string> severity_labels;
  std::string service_type;
  const TimeZone* zone;
  TimeLocale locale;
  std::unique_ptr<const GrokLine> pattern;
  SyslogKeys keys;
  Counter& unknown_messages;  // tagged _grokparsefailure_sysloginput
  Counter& bad_times;         // tagged _dateparsefailure
};

/// Fills events. One thread at a time, so one per connection.
class SyslogEventFiller {
 public:
  explicit SyslogEventFiller(const SyslogSettings& settings)
      : settings_(settings), times_(*settings.zone, settings.locale) {}

  /// `event` is as the codec made it; `ip` is whom it came from.
  void fill(Event& event, Value ip, Timestamp now);

 private:
  enum class Outcome { Parsed, Unknown, OverBudget };
  Outcome parse(std::string_view text, Event& event, Timestamp now);
  void store(const SyslogLine& line, Event& event, Timestamp now);
  void store_rfc5424(const SyslogLine& line, Event& event);
  Outcome match_pattern(std::string_view text, Event& event, Timestamp now);
  void set_priority(std::int64_t priority, Event& event);
  void set_time(std::string_view text, Event& event, Timestamp now);

  const SyslogSettings& settings_;
  SyslogTimeReader times_;
  std::optional<MatchScratch> scratch_;
};

}  // namespace logboom
