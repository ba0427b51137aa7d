#include <fcntl.h>
#include <unistd.h>

#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_delivery.h"
#include "tests/plugins/recording_sink.h"

using namespace logboom;

namespace {
/// Standard output as a descriptor of the test's choice while it lives.
class StandardOutputAs {
 public:
  explicit StandardOutputAs(int descriptor) : saved_(dup(STDOUT_FILENO)) {
    fflush(stdout);
    dup2(descriptor, STDOUT_FILENO);
  }
  ~StandardOutputAs() {
    dup2(saved_, STDOUT_FILENO);
    close(saved_);
  }

 private:
  int saved_;
};
}  // namespace

TEST_CASE("stdout writes a batch with its codec", "[output][stdout]") {
  TemporaryFolder folder;
  PluginHarness<Output> output("output", R"(stdout { codec => line { format => "%{a}" } })");
  REQUIRE(output.plugin != nullptr);
  auto delivery = std::make_shared<RecordingDelivery>(std::vector<std::string>{R"({"a":"x"})", R"({"a":"y"})"});
  const int file = open(folder.at("out").c_str(), O_WRONLY | O_CREAT, 0600);
  {
    const StandardOutputAs redirected(file);
    output.plugin->deliver(delivery);
  }
  close(file);
  CHECK(folder.read("out") == "x\ny\n");
  CHECK(delivery->is_all(OutcomeKind::Delivered));
}

TEST_CASE("stdout asks to try again when it cannot write", "[output][stdout]") {
  PluginHarness<Output> output("output", "stdout {}");
  auto delivery = std::make_shared<RecordingDelivery>(std::vector<std::string>{"{}"});
  const int full = open("/dev/full", O_WRONLY);
  {
    const StandardOutputAs redirected(full);
    output.plugin->deliver(delivery);
  }
  close(full);
  CHECK(delivery->is_all(OutcomeKind::Retry));
  CHECK(delivery->outcomes[0].reason.find("No space left") != std::string::npos);
}

TEST_CASE("stdout refuses a codec that cannot write", "[output][stdout]") {
  PluginHarness<Output> output("output", R"(stdout { codec => multiline { pattern => "x" what => "next" } })");
  CHECK(output.plugin == nullptr);
}
