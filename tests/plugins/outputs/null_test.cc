#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_delivery.h"

using namespace logboom;

TEST_CASE("null delivers everything", "[output][null]") {
  PluginHarness<Output> output("output", "null {}");
  REQUIRE(output.plugin != nullptr);
  auto delivery = std::make_shared<RecordingDelivery>(std::vector<std::string>{"{}", "{}"});
  output.plugin->deliver(delivery);
  CHECK(delivery->is_all(OutcomeKind::Delivered));
}
