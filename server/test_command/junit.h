// JUnit XML, as continuous integration reads it.
#pragma once

#include <chrono>
#include <ostream>
#include <string>
#include <vector>

namespace logboom {

struct TestOutcome {
  std::string file;
  std::string name;
  int line = 0;
  std::vector<std::string> failures;  // lines; empty: passed
  bool is_error = false;              // it could not run
  std::chrono::nanoseconds time{0};
};

void write_junit(const std::vector<TestOutcome>& outcomes, std::ostream& out);

}  // namespace logboom
