// drop: ends the way of events.
// Tested by tests/plugins/filters/drop_test.cc. Reference page: generated from the declarations below.
#include <random>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct DropOptions {
  double percentage = 100;
};

OptionTable<DropOptions> drop_options() {
  OptionTable<DropOptions> table;
  table.optional("percentage", &DropOptions::percentage, "How many of a hundred events are dropped, chosen by chance.");
  return table;
}

class Drop {
 public:
  Drop(DropOptions options, const PluginContext&) : percentage_(options.percentage), chance_(std::random_device{}()) {}

  Verdict apply(Event&) {
    if (percentage_ >= 100) return Verdict::Drop;
    return std::uniform_real_distribution<double>(0, 100)(chance_) < percentage_ ? Verdict::Drop : Verdict::Pass;
  }

 private:
  double percentage_;
  std::minstd_rand chance_;
};

const RegisterFilter registered({
    .name = "drop",
    .summary = "Ends the way of events.",
    .make = make_filter<Drop, drop_options>,
    .details =
        R"(A dropped event counts as handled: its sender is told that it was received. With `percentage` below 100 the
events that stay get add_field, add_tag and so on.)",
});

}  // namespace
}  // namespace logboom
