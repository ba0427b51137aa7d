#include <fcntl.h>
#include <unistd.h>

#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_sink.h"

using namespace logboom;

namespace {
/// A pipe as standard input while it lives.
class PipeAsStandardInput {
 public:
  PipeAsStandardInput() : saved_(dup(STDIN_FILENO)) {
    REQUIRE(pipe(ends_) == 0);
    dup2(ends_[0], STDIN_FILENO);
  }
  ~PipeAsStandardInput() {
    dup2(saved_, STDIN_FILENO);
    close(saved_);
    close(ends_[0]);
    finish();
  }
  void send(std::string_view text) {
    REQUIRE(write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void finish() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int saved_;
  int ends_[2] = {-1, -1};
};
}  // namespace

TEST_CASE("stdin reads lines to the end of input and returns", "[input][stdin]") {
  PipeAsStandardInput input_pipe;
  PluginHarness<Input> input("input", "stdin { codec => plain }", EcsMode::Disabled);
  REQUIRE(input.plugin != nullptr);
  RecordingSink sink;
  RunningInput running(*input.plugin, sink);
  input_pipe.send("one\ntw");
  sink.wait_for_events(1);
  input_pipe.send("o\nlast");
  input_pipe.finish();
  CHECK(running.join());
  CHECK(sink.messages() == std::vector<std::string>{"one", "two", "last"});
  CHECK(sink.lines()[0].find("\"host\":\"") != std::string::npos);
}

TEST_CASE("stdin stops while nothing is typed", "[input][stdin]") {
  PipeAsStandardInput input_pipe;
  PluginHarness<Input> input("input", "stdin {}");
  RecordingSink sink;
  {
    RunningInput running(*input.plugin, sink);
    input_pipe.send("a\n");
    sink.wait_for_events(1);
  }
  CHECK(sink.lines()[0].find("\"hostname\":") != std::string::npos);
}

TEST_CASE("stdin leaves the host of JSON documents alone", "[input][stdin]") {
  PipeAsStandardInput input_pipe;
  PluginHarness<Input> input("input", "stdin { codec => json }", EcsMode::Disabled);
  RecordingSink sink;
  RunningInput running(*input.plugin, sink);
  input_pipe.send("{\"a\":1}\n");
  sink.wait_for_events(1);
  CHECK(sink.lines()[0].find("host") == std::string::npos);
}

TEST_CASE("stdin flushes a codec that waits when its time is over", "[input][stdin]") {
  PipeAsStandardInput input_pipe;
  PluginHarness<Input> input(
      "input", R"(stdin { codec => multiline { pattern => "^\s" what => "previous" auto_flush_interval => 0.01 } })");
  RecordingSink sink;
  RunningInput running(*input.plugin, sink);
  input_pipe.send("one\n two\n");
  sink.wait_for_events(1);
  CHECK(sink.messages() == std::vector<std::string>{"one\n two"});
}
