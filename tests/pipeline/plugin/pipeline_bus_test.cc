#include "pipeline/plugin/pipeline_bus.h"

#include <catch2/catch.hpp>
#include <thread>

namespace logboom {

using Catch::Contains;

TEST_CASE("an address belongs to one input at a time", "[pipeline_bus]") {
  PipelineBus bus;
  const auto address = bus.address("a");
  CHECK(bus.address("a") == address);
  REQUIRE(address->open(std::make_shared<PipelineAddress::Receiver>()));
  const auto refused = address->open(std::make_shared<PipelineAddress::Receiver>());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::AlreadyExists);
  CHECK_THAT(refused.error().message, Contains("\"a\""));
  address->close();
  CHECK(address->receiver() == nullptr);
  CHECK(address->open(std::make_shared<PipelineAddress::Receiver>()).has_value());
}

TEST_CASE("whoever waits for another receiver is called once, at once when it is there already", "[pipeline_bus]") {
  PipelineAddress address("a");
  int calls = 0;
  address.call_when_changed(nullptr, [&] { ++calls; });
  CHECK(calls == 0);
  REQUIRE(address.open(std::make_shared<PipelineAddress::Receiver>()));
  CHECK(calls == 1);
  address.call_when_changed(nullptr, [&] { ++calls; });
  CHECK(calls == 2);
  address.call_when_changed(address.receiver().get(), [&] { ++calls; });
  CHECK(calls == 2);
  address.close();
  CHECK(calls == 3);
  REQUIRE(address.open(std::make_shared<PipelineAddress::Receiver>()));
  CHECK(calls == 3);
}

TEST_CASE("an input waits for its last sender when the process ends, and only then", "[pipeline_bus]") {
  PipelineBus bus;
  const auto address = bus.address("a");
  auto sender = address->register_sender();
  address->wait_for_last_senders();  // a reload: the senders stay
  bus.begin_shutdown();
  const auto late = bus.address("late");
  auto late_sender = late->register_sender();
  std::thread leaving([&] {
    sender.reset();
    late_sender.reset();
  });
  address->wait_for_last_senders();
  late->wait_for_last_senders();
  leaving.join();
  CHECK(sender == nullptr);
}

}  // namespace logboom
