// stdout: events on standard output.
// Tested by tests/plugins/outputs/stdout_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct StdoutOptions {
  CodecChoice codec{"rubydebug", nullptr, {}};
};

OptionTable<StdoutOptions> stdout_options() {
  OptionTable<StdoutOptions> table;
  table.optional("codec", &StdoutOptions::codec, "How an event is written.");
  return table;
}

/// Standard output belongs to the whole process: deliveries of all pipelines take turns.
std::mutex& stdout_turn() {
  static std::mutex turn;
  return turn;
}

/// errno of the write that failed, or 0.
int write_whole(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd waiting{STDOUT_FILENO, POLLOUT, 0};
      poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

class Stdout final : public Output {
 public:
  Stdout(const StdoutOptions& options, const PluginContext& context) : codec_(context.make_codec(options.codec)) {
    if (codec_ != nullptr && !codec_->can_encode())
      context.error("codec", fmt::format("codec: {} cannot write", options.codec.name),
                    "choose rubydebug, json_lines or line");
  }

  void deliver(DeliveryPtr delivery) override {
    thread_local std::string text;
    text.clear();
    for (const Event* event : delivery->events()) codec_->encode(*event, text);
    int problem = 0;
    {
      const std::lock_guard lock(stdout_turn());
      problem = write_whole(text);
    }
    if (text.capacity() > kKeptBytes) std::string().swap(text);
    delivery->report_all(problem == 0 ? Outcome::delivered()
                                      : Outcome::retry(fmt::format("standard output: {}", std::strerror(problem)), problem));
  }

 private:
  static constexpr std::size_t kKeptBytes = 4 * 1024 * 1024;

  CodecPtr codec_;
};

const RegisterOutput registered({.name = "stdout",
                                 .summary = "Standard output.",
                                 .make = make_output<Stdout, stdout_options>,
                                 .details = R"(**Delivered**: written by write(2). Events of one batch are written in
one go; those of several workers never mix within a line. A write that fails is tried again, so events may be doubled
behind a pipe that broke in the middle.)"});

}  // namespace
}  // namespace logboom
