#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string_view>

#include "pipeline/base/allocator.h"
#include "pipeline/base/redaction.h"
#include "server/application.h"
#include "server/cli/dlq_command.h"
#include "server/cli/queue_command.h"
#include "server/command_line.h"
#include "server/grok/grok_command.h"
#include "server/keystore/keystore_command.h"
#include "server/pipelines/process_settings.h"
#include "server/reference_pages.h"
#include "server/test_command/test_command.h"

namespace logboom {
namespace {

int explain(const Settings& command_line) {
  auto process = load_process_settings(command_line);
  if (!process) {
    std::fprintf(stderr, "logboom: %s\n", redacted(process.error().message).c_str());
    return kExitRefused;
  }
  std::string text = process->settings.explain();
  const bool has_own_text = process->settings.has("config.string") || !process->settings.text("path.config").empty();
  if (!has_own_text && has_pipelines(*process)) {
    const auto entries = configured_pipelines(*process);
    if (!entries) {
      std::fprintf(stderr, "logboom: %s\n", redacted(entries.error().message).c_str());
      return kExitRefused;
    }
    for (const PipelineEntry& entry : *entries)
      text += "\npipeline " + entry.id + ":\n" + process->settings.with(entry.own).explain_pipeline();
  }
  std::fputs(redacted(text).c_str(), stdout);
  return kExitOk;
}

/// As many open files as the process may have: shells and systemd start it with 1024, which is that many connections.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "grok") {
    std::ios::sync_with_stdio(false);
    return run_grok_command({argv + 2, argv + argc}, std::cin, std::cout, std::cerr, isatty(STDOUT_FILENO) == 1);
  }
  if (argc > 1 && std::string_view(argv[1]) == "dlq")
    return run_dlq_command({argv + 2, argv + argc}, {std::cout, std::cerr});
  if (argc > 1 && std::string_view(argv[1]) == "queue")
    return run_queue_command({argv + 2, argv + argc}, {std::cout, std::cerr});
  if (argc > 1 && std::string_view(argv[1]) == "test")
    return run_test_command({argv + 2, argv + argc}, {std::cout, std::cerr});
  if (argc > 1 && std::string_view(argv[1]) == "keystore")
    return run_keystore_command({argv + 2, argv + argc}, {std::cin, std::cout, std::cerr, isatty(STDIN_FILENO) == 1});
  raise_descriptor_limit();
  CommandLine line = read_command_line({argv + 1, argv + argc});
  if (line.exit_status) {
    std::fputs(line.text.c_str(), *line.exit_status == kExitOk ? stdout : stderr);
    return *line.exit_status;
  }
  std::fputs(line.remarks.c_str(), stderr);
  if (!line.reference_directory.empty()) return write_reference_pages(line.reference_directory) ? kExitOk : kExitRefused;
  if (line.explains_settings) return explain(line.settings);
  return Application(std::move(line.settings)).run();
}

}  // namespace
}  // namespace logboom

int main(int argc, char** argv) {
  logboom::keep_freed_memory();
  return logboom::run(argc, argv);
}
