#include "server/test_command/junit.h"

#include <fmt/ostream.h>

#include <algorithm>

namespace logboom {
namespace {

/// Text for an attribute or an element; what XML 1.0 cannot hold becomes U+FFFD.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\n': out += "&#10;"; break;
      case '\t': out += "&#9;"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\xEF\xBF\xBD";
        } else {
          out += c;
        }
    }
  }
  return out;
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

struct Sums {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::chrono::nanoseconds time{0};

  void add(const TestOutcome& outcome) {
    ++tests;
    if (!outcome.failures.empty()) ++(outcome.is_error ? errors : failures);
    time += outcome.time;
  }
  std::string text() const {
    return fmt::format(R"(tests="{}" failures="{}" errors="{}" time="{:.6f}")", tests, failures, errors, seconds(time));
  }
};

void write_case(const TestOutcome& outcome, std::ostream& out) {
  fmt::print(out, R"(    <testcase classname="{0}" name="{1}" file="{0}" line="{2}" time="{3:.6f}")", escaped(outcome.file),
             escaped(outcome.name), outcome.line, seconds(outcome.time));
  if (outcome.failures.empty()) {
    out << "/>\n";
    return;
  }
  const char* element = outcome.is_error ? "error" : "failure";
  fmt::print(out, ">\n      <{} message=\"{}\">", element, escaped(outcome.failures.front()));
  for (const std::string& line : outcome.failures) out << escaped(line + "\n");
  fmt::print(out, "</{}>\n    </testcase>\n", element);
}

}  // namespace

void write_junit(const std::vector<TestOutcome>& outcomes, std::ostream& out) {
  Sums all;
  for (const TestOutcome& outcome : outcomes) all.add(outcome);
  fmt::print(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"logboom test\" {}>\n", all.text());
  for (auto first = outcomes.begin(); first != outcomes.end();) {
    const auto end = std::find_if(first, outcomes.end(), [&](const auto& outcome) { return outcome.file != first->file; });
    Sums sums;
    for (auto it = first; it != end; ++it) sums.add(*it);
    fmt::print(out, "  <testsuite name=\"{}\" {}>\n", escaped(first->file), sums.text());
    for (; first != end; ++first) write_case(*first, out);
    out << "  </testsuite>\n";
  }
  out << "</testsuites>\n";
}

}  // namespace logboom
