#include "pipeline/plugin/ack_frontier.h"

#include <catch2/catch.hpp>
#include <vector>

namespace logboom {
namespace {

struct TellingFrontier {
  std::vector<std::uint64_t> positions;
  std::shared_ptr<AckFrontier> frontier =
      std::make_shared<AckFrontier>([this](std::uint64_t position) { positions.push_back(position); });
};

}  // namespace

TEST_CASE("a position is told when it and all before it are delivered, whatever the order", "[ack]") {
  TellingFrontier told;
  const auto first = told.frontier->expect(10);
  const auto second = told.frontier->expect(20);
  told.frontier->note(21);
  const auto third = told.frontier->expect(30);
  third->finished(AckResult::Delivered);
  second->finished(AckResult::Delivered);
  CHECK(told.positions.empty());
  CHECK_FALSE(told.frontier->is_settled());
  first->finished(AckResult::Delivered);
  CHECK(told.positions == std::vector<std::uint64_t>{30});
  CHECK(told.frontier->position() == 30);
  CHECK(told.frontier->is_settled());
}

TEST_CASE("nothing is told past what was not delivered, and nothing after it was abandoned", "[ack]") {
  TellingFrontier told;
  const auto first = told.frontier->expect(10);
  const auto second = told.frontier->expect(20);
  const auto third = told.frontier->expect(30);
  first->finished(AckResult::Delivered);
  second->finished(AckResult::NotDelivered);
  third->finished(AckResult::Delivered);
  CHECK(told.positions == std::vector<std::uint64_t>{10});
  CHECK(told.frontier->is_settled());

  TellingFrontier gone;
  const auto late = gone.frontier->expect(5);
  gone.frontier->abandon();
  late->finished(AckResult::Delivered);
  CHECK(gone.positions.empty());
}

}  // namespace logboom
