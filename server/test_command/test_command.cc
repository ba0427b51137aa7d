#include "server/test_command/test_command.h"

#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "pipeline/base/log.h"
#include "server/test_command/junit.h"
#include "server/test_command/verdict.h"

namespace logboom {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> files;
  std::string junit;
  std::string only;
  bool shows_coverage = false;
  double least_coverage = -1;
  bool is_verbose = false;
};

/// Files as they are, and the *.yml and *.yaml of directories.
std::vector<std::string> files_of(const std::vector<std::string>& given) {
  std::vector<std::string> files;
  for (const std::string& path : given) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(path, ignored))
      if (entry.path().extension() == ".yml" || entry.path().extension() == ".yaml") found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

class TestCommand {
 public:
  TestCommand(const Arguments& arguments, CommandConsole console) : arguments_(arguments), console_(console) {}

  int run() {
    for (const std::string& path : files_of(arguments_.files)) run_file(path);
    report();
    if (!write_report_file()) return kCommandUsage;
    return std::max(status_, coverage_status());
  }

 private:
  void run_file(const std::string& path) {
    auto file = read_case_file(path);
    if (!file) {
      TestOutcome outcome;
      outcome.file = path;
      outcome.name = "(the file)";
      return add(std::move(outcome), file.error().message);
    }
    for (const TestCase& test : file->cases)
      if (test.name.find(arguments_.only) != std::string::npos) run_test(*file, test);
  }

  void run_test(const CaseFile& file, const TestCase& test) {
    TestOutcome outcome;
    outcome.file = file.path;
    outcome.name = test.name;
    outcome.line = test.line;
    const auto start = std::chrono::steady_clock::now();
    const auto result = run_trial(file, test, wants_coverage() ? &coverage_ : nullptr);
    outcome.time = std::chrono::steady_clock::now() - start;
    if (!result) return add(std::move(outcome), result.error().message);
    outcome.failures = judge(test, *result);
    if (!outcome.failures.empty()) status_ = std::max<int>(status_, kCommandRefused);
    show(outcome);
    outcomes_.push_back(std::move(outcome));
  }

  /// A test that could not run.
  void add(TestOutcome outcome, const std::string& problem) {
    outcome.failures = lines_of(problem);
    outcome.is_error = true;
    status_ = kCommandUsage;
    show(outcome);
    outcomes_.push_back(std::move(outcome));
  }

  void show(const TestOutcome& outcome) {
    const bool is_passed = outcome.failures.empty();
    if (is_passed && !arguments_.is_verbose) return;
    fmt::print(console_.out, "{} {}: {}", is_passed ? "ok  " : (outcome.is_error ? "ERROR" : "FAIL"), outcome.file,
               outcome.name);
    if (is_passed) fmt::print(console_.out, " ({:.1f} ms)", std::chrono::duration<double, std::milli>(outcome.time).count());
    console_.out << '\n';
    // A test that does not compile says the same for all tests of its file: once is enough.
    if (outcome.is_error && outcome.failures == last_error_) return;
    if (outcome.is_error) last_error_ = outcome.failures;
    for (const std::string& line : outcome.failures) fmt::print(console_.out, "    {}\n", line);
  }

  void report() {
    if (arguments_.shows_coverage) show_coverage();
    const auto passed =
        std::count_if(outcomes_.begin(), outcomes_.end(), [](const auto& it) { return it.failures.empty(); });
    const auto errors = std::count_if(outcomes_.begin(), outcomes_.end(), [](const auto& it) { return it.is_error; });
    const auto failed = static_cast<std::ptrdiff_t>(outcomes_.size()) - passed - errors;
    std::chrono::nanoseconds time{0};
    for (const TestOutcome& outcome : outcomes_) time += outcome.time;
    fmt::print(console_.out, "{} passed, {} failed{} in {:.1f} ms\n", passed, failed,
               errors > 0 ? fmt::format(", {} could not run", errors) : "",
               std::chrono::duration<double, std::milli>(time).count());
    if (!outcomes_.empty()) return;
    fmt::print(console_.err, "logboom test: no test ran\n");
    status_ = kCommandUsage;
  }

  struct Share {
    std::size_t used = 0;
    std::size_t all = 0;
    double percent() const { return all == 0 ? 100.0 : 100.0 * static_cast<double>(used) / static_cast<double>(all); }
  };
  static Share share_of(const std::vector<Coverage::Place>& places) {
    const auto is_used = [](const auto& place) { return place.events > 0; };
    return {static_cast<std::size_t>(std::count_if(places.begin(), places.end(), is_used)), places.size()};
  }

  void show_coverage() {
    for (const auto& [what, places] :
         {std::pair("branches of conditions", coverage_.branches()), std::pair("grok patterns", coverage_.patterns())}) {
      const Share share = share_of(places);
      fmt::print(console_.out, "{}: {} of {} used ({:.0f} %)\n", what, share.used, share.all, share.percent());
      for (const Coverage::Place& place : places)
        if (place.events == 0) fmt::print(console_.out, "    not used  {}  {}\n", place.name, place.written);
    }
  }

  int coverage_status() {
    if (arguments_.least_coverage < 0) return kCommandDone;
    Share sum = share_of(coverage_.branches());
    const Share patterns = share_of(coverage_.patterns());
    sum.used += patterns.used;
    sum.all += patterns.all;
    if (sum.percent() >= arguments_.least_coverage) return kCommandDone;
    fmt::print(console_.out, "coverage is {:.1f} %, asked for are {} %\n", sum.percent(), arguments_.least_coverage);
    return kCommandRefused;
  }
  bool wants_coverage() const { return arguments_.shows_coverage || arguments_.least_coverage >= 0; }

  bool write_report_file() {
    if (arguments_.junit.empty()) return true;
    std::ofstream file(arguments_.junit);
    write_junit(outcomes_, file);
    file.flush();
    if (file) return true;
    fmt::print(console_.err, "logboom test: {} cannot be written\n", arguments_.junit);
    return false;
  }

  const Arguments& arguments_;
  CommandConsole console_;
  std::vector<TestOutcome> outcomes_;
  std::vector<std::string> last_error_;
  Coverage coverage_;
  int status_ = kCommandDone;
};

}  // namespace

int run_test_command(const std::vector<std::string>& words, CommandConsole console) {
  Arguments arguments;
  CLI::App app{"Runs tests of pipelines: events go in, and what comes out is held against what is expected.",
               "logboom test"};
  app.add_option("files", arguments.files, "Files of tests, or directories with them")->required()->type_name("FILE");
  app.add_option("-k,--only", arguments.only, "Only tests with this text in their name")->type_name("TEXT");
  app.add_option("--junit", arguments.junit, "Write the results as JUnit XML")->type_name("FILE");
  app.add_flag("--coverage", arguments.shows_coverage, "Show which branches and grok patterns no test has used");
  app.add_option("--min-coverage", arguments.least_coverage, "Fail when fewer percent of them are used")
      ->type_name("PERCENT")
      ->check(CLI::Range(0, 100));
  app.add_flag("-v,--verbose", arguments.is_verbose, "Show passed tests too");
  if (const auto ended = parse_command(app, words, console)) return *ended;
  configure_log(LogLevel::Error, LogFormat::Plain, "");
  return TestCommand(arguments, console).run();
}

}  // namespace logboom
