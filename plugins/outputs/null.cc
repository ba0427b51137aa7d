// null: takes events and forgets them.
// Tested by tests/plugins/outputs/null_test.cc. Reference page: generated from the declarations below.
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct NullOptions {};

OptionTable<NullOptions> null_options() { return {}; }

class Null final : public Output {
 public:
  Null(const NullOptions&, const PluginContext&) {}
  void deliver(DeliveryPtr delivery) override { delivery->report_all(Outcome::delivered()); }
};

const RegisterOutput registered({.name = "null",
                                 .summary = "Forgets events.",
                                 .make = make_output<Null, null_options>,
                                 .details = "**Delivered** at once. For measurements, and to swallow what nobody wants."});

}  // namespace
}  // namespace logboom
