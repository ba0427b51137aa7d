// dots: a point for every event, to watch the flow.
// Tested by tests/plugins/codecs/dots_test.cc. Reference page: generated from the declarations below.
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct DotsOptions {};

OptionTable<DotsOptions> dots_options() { return {}; }

class Dots final : public Codec {
 public:
  Dots(const DotsOptions&, const PluginContext&) {}
  bool can_encode() const override { return true; }
  void encode(const Event&, std::string& out) const override { out += '.'; }
};

const RegisterCodec registered({.name = "dots",
                                .summary = "A point for every event.",
                                .make = make_codec<Dots, dots_options>,
                                .details = "For outputs only: every event is written as one `.`, without a line end."});

}  // namespace
}  // namespace logboom
