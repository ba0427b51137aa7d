#include "tests/plugins/plugin_harness.h"

using namespace logboom;

TEST_CASE("dots writes one point an event and cannot read", "[codec][dots]") {
  CodecHarness codec("dots");
  CHECK(codec.encode("{\"a\":1}") == ".");
  CHECK(codec.codec->make_decoder() == nullptr);
}
