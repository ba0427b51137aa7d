// pipeline: sends events to other pipelines of this process.
// Tested by tests/plugins/outputs/pipeline_test.cc and tests/end_to_end/pipeline_to_pipeline_test.cc. Reference page:
// generated from the declarations below.
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "pipeline/plugin/registry.h"
#include "plugins/outputs/pipeline/lane.h"

namespace logboom {
namespace {

struct PipelineOutputOptions {
  std::vector<std::string> send_to;
  bool ensure_delivery = true;
};

OptionTable<PipelineOutputOptions> pipeline_output_options() {
  OptionTable<PipelineOutputOptions> table;
  table.required("send_to", &PipelineOutputOptions::send_to, "Addresses of pipeline inputs; each of them gets every event.");
  table.optional("ensure_delivery", &PipelineOutputOptions::ensure_delivery,
                 "Whether events wait for an address that is not there or takes nothing; else they are thrown away, and "
                 "counted.");
  return table;
}

class PipelineOutput final : public Output {
 public:
  PipelineOutput(PipelineOutputOptions options, const PluginContext& context) {
    std::vector<std::string>& names = options.send_to;
    if (names.empty()) context.error("send_to", "send_to: names no address");
    for (auto name = names.begin(); name != names.end(); ++name)
      if (std::find(names.begin(), name, *name) != name)
        context.error("send_to", fmt::format("send_to: names \"{}\" twice", *name), "each event is sent once");
    PipelineBus* bus = context.surroundings().pipelines;
    if (bus == nullptr) return;
    for (const std::string& name : names)
      lanes_.push_back(
          std::make_shared<Lane>(bus->address(name), LaneOptions{context.id(), options.ensure_delivery}, context.metrics()));
  }
  ~PipelineOutput() override { stop(); }

  Result<void> start() override {
    if (lanes_.empty()) return Error{ErrorCode::Unavailable, "there are no other pipelines in this process"};
    for (const auto& lane : lanes_) lane->open();
    return {};
  }

  void deliver(DeliveryPtr delivery) override {
    const auto shipment = std::make_shared<Shipment>(std::move(delivery), lanes_.size());
    for (const auto& lane : lanes_) lane->send(shipment);
  }

  void stop() override {
    for (const auto& lane : lanes_) lane->close();
  }

 private:
  std::vector<std::shared_ptr<Lane>> lanes_;
};

const RegisterOutput registered({.name = "pipeline",
                                 .summary = "Sends events to other pipelines of this process.",
                                 .make = make_output<PipelineOutput, pipeline_output_options>,
                                 .details =
                                     R"(Each address in `send_to` is that of an [input pipeline](input-pipeline.md) and
gets every event, `@metadata` included, as an event of its own: what one pipeline changes the others do not see. Nothing is
written and read again on the way; the texts of events are shared, their tables copied.

**Delivered** when every pipeline that was sent to has delivered the event itself, or has it in its persisted queue. Until then the
event counts as undelivered here: a pipeline that takes nothing holds this one up once the output's buffer is full.

With `ensure_delivery => true` events wait for an address that nobody has so far, whose pipeline is stopped or being reloaded,
or whose queue is full. A pipeline that is stopped in the middle (its time for ending is over) has not delivered what it had:
these events are sent again when it is back, those that it did deliver a second time.

With `ensure_delivery => false` an event counts as delivered when the other pipeline's queue has taken it, and events that an address does not
take at once are thrown away and counted as `discarded`. That keeps this pipeline going whatever becomes of the other, also when the
other's queue is only full for a moment: give that one a persisted queue or a larger batch.

Pipelines that send to each other in a circle are refused at the start.)"});

}  // namespace
}  // namespace logboom
