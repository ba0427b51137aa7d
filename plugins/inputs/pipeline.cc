// pipeline: events that another pipeline of this process sends.
// Tested by tests/plugins/inputs/pipeline_test.cc and tests/end_to_end/pipeline_to_pipeline_test.cc. Reference page:
// generated from the declarations below.
#include <fmt/core.h>

#include "pipeline/plugin/pipeline_bus.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct PipelineInputOptions {
  std::string address;
};

OptionTable<PipelineInputOptions> pipeline_input_options() {
  OptionTable<PipelineInputOptions> table;
  table.required("address", &PipelineInputOptions::address, "What send_to of the other pipelines' outputs names.");
  return table;
}

class PipelineInput final : public Input {
 public:
  PipelineInput(const PipelineInputOptions& options, const PluginContext& context)
      : decorations_(std::make_shared<const InputDecorations>(context)) {
    if (options.address.empty()) context.error("address", "address: is empty");
    if (PipelineBus* bus = context.surroundings().pipelines) address_ = bus->address(options.address);
  }

  Result<void> run(EventSink& sink, StopSignal& stop) override {
    if (!address_) return Error{ErrorCode::Unavailable, "there are no other pipelines in this process"};
    auto receiver = std::make_shared<PipelineAddress::Receiver>();
    receiver->sink = sink.share();
    if (!receiver->sink) receiver->sink = std::shared_ptr<EventSink>(std::shared_ptr<void>(), &sink);
    receiver->decorate = [decorations = decorations_](Chunk& chunk) { decorations->apply(chunk); };
    if (auto opened = address_->open(std::move(receiver)); !opened) return opened.error();
    while (!stop.wait_for(std::chrono::hours(1))) continue;
    address_->wait_for_last_senders();
    address_->close();
    return {};
  }

 private:
  std::shared_ptr<PipelineAddress> address_;
  std::shared_ptr<const InputDecorations> decorations_;
};

const RegisterInput registered({.name = "pipeline",
                                .summary = "Events that another pipeline of this process sends.",
                                .make = make_input<PipelineInput, pipeline_input_options>,
                                .details =
                                    R"(Takes what outputs [pipeline](output-pipeline.md) of other pipelines send to its
`address`, which one input alone may have. Events come as they left the other pipeline, `@metadata` included; nothing is
written and read again on the way, and the texts of the events are not copied.

**Acknowledged** to the other pipeline, and through it to the sender, when this pipeline's outputs have the events, or its
persisted queue does. A full queue holds the other pipeline up.

When the process ends, the input takes events until the pipelines that send to it have ended. [Between pipelines](../routing.md)
shows what to do with it.)"});

}  // namespace
}  // namespace logboom
