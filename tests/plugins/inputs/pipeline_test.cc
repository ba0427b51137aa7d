#include <thread>

#include "pipeline/plugin/pipeline_bus.h"
#include "tests/plugins/plugin_harness.h"
#include "tests/support/collecting_sink.h"
#include "tests/support/json_events.h"

namespace logboom {
namespace {

using Catch::Contains;

/// A pipeline input at work, with the test as its pipeline.
class Receiving {
 public:
  Receiving(PipelineBus& bus, std::string_view text) : harness_("input", text, bus) {
    INFO(harness_.diagnostics.render());
    REQUIRE(harness_.plugin != nullptr);
    thread_ = std::thread([this] { result_ = harness_.plugin->run(sink, stop_); });
  }
  ~Receiving() { join(); }
  Result<void> end() {
    join();
    return result_;
  }
  CollectingSink sink;

 private:
  void join() {
    stop_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  PluginHarness<Input> harness_;
  StopSignal stop_;
  Result<void> result_;
  std::thread thread_;
};

std::shared_ptr<const PipelineAddress::Receiver> wait_for_receiver(PipelineBus& bus, const std::string& name) {
  for (;;) {
    if (auto receiver = bus.address(name)->receiver()) return receiver;
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("a pipeline input has its address while it runs, and decorates what comes", "[input][pipeline]") {
  PipelineBus bus;
  Receiving input(bus, R"(pipeline { address => "a" type => "web" tags => ["seen"] })");
  const auto receiver = wait_for_receiver(bus, "a");
  ChunkPtr chunk = numbered_chunk(1, 1);
  receiver->decorate(*chunk);
  CHECK(receiver->sink->try_push(chunk));
  CHECK(input.sink.wait_for(1) == std::vector<std::string>{R"({"n":1,"tags":["seen"],"type":"web"})"});
  CHECK(input.end().has_value());
  CHECK(bus.address("a")->receiver() == nullptr);
}

TEST_CASE("a second input with the address is told so", "[input][pipeline]") {
  PipelineBus bus;
  Receiving first(bus, R"(pipeline { address => "a" })");
  wait_for_receiver(bus, "a");
  Receiving second(bus, R"(pipeline { address => "a" })");
  const auto ended = second.end();
  REQUIRE_FALSE(ended);
  CHECK_THAT(ended.error().message, Contains("another pipeline has the address \"a\""));
}

TEST_CASE("a pipeline input needs an address", "[input][pipeline]") {
  PipelineBus bus;
  CHECK_THAT(PluginHarness<Input>("input", "pipeline { }", bus).diagnostics.render(),
             Contains("needs the option \"address\""));
  CHECK_THAT(PluginHarness<Input>("input", "pipeline { address => \"\" }", bus).diagnostics.render(),
             Contains("address: is empty"));
}

}  // namespace logboom
