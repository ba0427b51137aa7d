#include "pipeline/text/literal_order.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace logboom {
namespace {

TEST_CASE("literals in order are found, and the last place that has them all", "[text]") {
  std::mt19937 random(11);
  const auto text_of = [&](std::size_t size) {
    std::string text;
    for (; size > 0; --size) text += static_cast<char>('a' + random() % 3);
    return text;
  };
  int found = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string text = text_of(random() % 16);
    std::vector<std::string> literals;
    for (std::size_t left = random() % 4; left > 0; --left) literals.push_back(text_of(1 + random() % 3));
    // From every place, the earliest occurrences one behind the other.
    const auto holds_from = [&](std::size_t at) {
      for (const std::string& literal : literals) {
        at = text.find(literal, at);
        if (at == std::string::npos) return false;
        at += literal.size();
      }
      return true;
    };
    REQUIRE(holds_in_order(text, literals) == holds_from(0));
    const auto last = last_start_before(text, literals);
    REQUIRE(last.has_value() == holds_from(0));
    if (!last) continue;
    ++found;
    REQUIRE(holds_from(*last));
    REQUIRE((*last == text.size() || !holds_from(*last + 1)));
  }
  CHECK(found > 2000);
}

}  // namespace
}  // namespace logboom
