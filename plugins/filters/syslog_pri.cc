// syslog_pri: takes the priority of a syslog message apart into facility and severity.
// Tested by tests/plugins/filters/syslog_pri_test.cc. Reference page: generated from the declarations below.
#include <algorithm>
#include <charconv>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct SyslogPriOptions {
  bool use_labels = true;
  std::optional<FieldRef> syslog_pri_field_name;
  std::vector<std::string> facility_labels = {"kernel",
                                              "user-level",
                                              "mail",
                                              "daemon",
                                              "security/authorization",
                                              "syslogd",
                                              "line printer",
                                              "network news",
                                              "uucp",
                                              "clock",
                                              "security/authorization",
                                              "ftp",
                                              "ntp",
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
  std::vector<std::string> severity_labels = {"emergency", "alert",  "critical",      "error",
                                              "warning",   "notice", "informational", "debug"};
};

OptionTable<SyslogPriOptions> syslog_pri_options() {
  using O = SyslogPriOptions;
  OptionTable<O> table;
  table.optional("syslog_pri_field_name", &O::syslog_pri_field_name,
                 "Field with the priority; syslog_pri, or [log][syslog][priority] with ECS, when not given.");
  table.optional("use_labels", &O::use_labels, "Adds names to the numbers.");
  table.optional("facility_labels", &O::facility_labels, "Names of the facilities, from 0 on.");
  table.optional("severity_labels", &O::severity_labels, "Names of the severities, from 0 on.");
  return table;
}

constexpr std::int64_t kDefaultPriority = 13;  // user.notice: RFC 3164, 4.3.3

/// The number that a value begins with, 0 for junk.
std::int64_t number_of(const Value& value) {
  if (value.is_integer()) return value.as_integer();
  if (value.is_double()) return static_cast<std::int64_t>(std::clamp(value.as_double(), -9e15, 9e15));
  if (value.is_array()) return value.as_array().empty() ? 0 : number_of(value.as_array()[0]);
  if (!value.is_string()) return 0;
  std::string_view text = value.as_string();
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

class SyslogPri {
 public:
  SyslogPri(SyslogPriOptions options, const PluginContext& context)
      : options_(std::move(options)),
        priority_(options_.syslog_pri_field_name.value_or(field(context, "syslog_pri", "[log][syslog][priority]"))),
        facility_code_(field(context, "syslog_facility_code", "[log][syslog][facility][code]")),
        severity_code_(field(context, "syslog_severity_code", "[log][syslog][severity][code]")),
        facility_name_(field(context, "syslog_facility", "[log][syslog][facility][name]")),
        severity_name_(field(context, "syslog_severity", "[log][syslog][severity][name]")) {}

  Verdict apply(Event& event) {
    const Value* value = event.get(priority_);
    const bool is_given = value != nullptr && !value->is_null() && !(value->is_boolean() && !value->as_boolean());
    const std::int64_t priority = is_given ? number_of(*value) : kDefaultPriority;
    const std::int64_t facility = priority >> 3;
    const std::int64_t severity = priority & 7;
    event.set(severity_code_, Value::integer(severity));
    event.set(facility_code_, Value::integer(facility));
    if (!options_.use_labels) return Verdict::Pass;
    if (facility < 0 || facility >= static_cast<std::int64_t>(options_.facility_labels.size())) {
      event.add_failure_tag("_syslogpriparsefailure");
      return Verdict::Pass;  // as in Logstash: the numbers are there
    }
    event.set(facility_name_, Value::string(options_.facility_labels[static_cast<std::size_t>(facility)]));
    if (severity < static_cast<std::int64_t>(options_.severity_labels.size()))
      event.set(severity_name_, Value::string(options_.severity_labels[static_cast<std::size_t>(severity)]));
    return Verdict::Pass;
  }

 private:
  static FieldRef field(const PluginContext& context, std::string_view legacy, std::string_view ecs) {
    return *FieldRef::parse(context.is_ecs() ? ecs : legacy);
  }

  SyslogPriOptions options_;
  FieldRef priority_;
  FieldRef facility_code_;
  FieldRef severity_code_;
  FieldRef facility_name_;
  FieldRef severity_name_;
};

const RegisterFilter registered({
    .name = "syslog_pri",
    .summary = "Takes the priority of a syslog message apart into facility and severity.",
    .make = make_filter<SyslogPri, syslog_pri_options>,
    .details =
        R"(A priority is eight times the facility plus the severity. The numbers go to `syslog_facility_code` and
`syslog_severity_code`, their names to `syslog_facility` and `syslog_severity`; with ECS to
`[log][syslog][facility][code]`, `[log][syslog][severity][code]`, `[log][syslog][facility][name]` and
`[log][syslog][severity][name]`. A text is read as far as it is a number, of a list the first item counts.

An event without a priority counts as 13 (user-level, notice). A facility without a name is tagged
`_syslogpriparsefailure`; its numbers are set, names are not, and `add_field` and the like happen.)",
});

}  // namespace
}  // namespace logboom
