// clone: copies events, one copy for each name of a list.
// Tested by tests/plugins/filters/clone_test.cc. Reference page: generated from the declarations below.
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct CloneOptions {
  std::vector<std::string> clones;
};

OptionTable<CloneOptions> clone_options() {
  OptionTable<CloneOptions> table;
  table.required("clones", &CloneOptions::clones, "Names of the copies to make.");
  return table;
}

class Clone {
 public:
  Clone(CloneOptions options, const PluginContext& context)
      : names_(std::move(options.clones)), is_ecs_(context.is_ecs()), type_(FieldRef::of_name("type")) {
    if (names_.empty()) context.warning("clones", "clones is empty: no event is copied");
  }

  Verdict apply(Event& event, NewEvents& made) {
    for (const std::string& name : names_) {
      Event& copy = made.clone(event);
      if (is_ecs_) {
        copy.add_tag(name);
      } else {
        copy.set(type_, Value::string(name));
      }
      made.decorate(copy);
    }
    return Verdict::Unmatched;
  }

 private:
  std::vector<std::string> names_;
  bool is_ecs_;
  FieldRef type_;
};

const RegisterFilter registered({
    .name = "clone",
    .summary = "Copies events.",
    .make = make_filter<Clone, clone_options>,
    .details =
        R"(Copies follow their original and run through the filters behind this one. A copy is told apart by its name:
in `tags`, or in `type` when `ecs_compatibility` is disabled. add_field, add_tag and so on are done on the copies, not
on the original.)",
});

}  // namespace
}  // namespace logboom
