#include "pipeline/text/pattern_candidates.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace logboom {
namespace {

using Required = std::vector<std::vector<std::string>>;

std::vector<std::uint32_t> found(const Required& required, const std::string& text) {
  PatternCandidates::Scratch scratch;
  return PatternCandidates(required).find(text, scratch);
}

TEST_CASE("an expression whose texts are all there is a candidate, one that lacks a text is not", "[candidates]") {
  const Required required = {{"Built ", "connection"}, {"Teardown "}, {"Deny "}, {"Built ", "outbound"}};
  CHECK(found(required, "Built inbound connection 5") == std::vector<std::uint32_t>{0});
  CHECK(found(required, "Built outbound connection 5") == std::vector<std::uint32_t>{0, 3});
  CHECK(found(required, "nothing of it").empty());
  CHECK(found(required, "").empty());
  CHECK(found(required, "Den").empty());
}

TEST_CASE("an expression without a text of four bytes is always a candidate", "[candidates]") {
  const Required required = {{"abcd"}, {}, {"abc", "x"}, {"efgh"}};
  CHECK(found(required, "zzz") == std::vector<std::uint32_t>{1, 2});
  CHECK(found(required, "abcd") == std::vector<std::uint32_t>{0, 1, 2});
}

TEST_CASE("asking is not worth it for a few expressions", "[candidates]") {
  CHECK_FALSE(PatternCandidates({{"abcd"}, {"efgh"}, {"ijkl"}}).is_useful());
  CHECK_FALSE(PatternCandidates({{}, {}, {}, {}, {}}).is_useful());
  CHECK(PatternCandidates({{"abcd"}, {"efgh"}, {"ijkl"}, {"mnop"}}).is_useful());
}

TEST_CASE("no expression that may match is left out, and most others are, on random texts", "[candidates]") {
  std::mt19937 random(11);
  const auto word = [&](std::size_t most) {
    std::string out;
    for (std::size_t left = 1 + random() % most; left > 0; --left) out += "abcde \xc3"[random() % 7];
    return out;
  };
  std::size_t kept = 0;
  std::size_t right = 0;
  for (int round = 0; round < 200; ++round) {
    Required required(1 + random() % 60);
    for (auto& texts : required)
      for (std::size_t left = random() % 4; left > 0; --left) texts.push_back(word(9));
    const PatternCandidates candidates(required);
    PatternCandidates::Scratch scratch;
    for (int i = 0; i < 10; ++i) {
      std::string text = word(20);
      for (std::size_t left = random() % 3; left > 0; --left)
        for (const std::string& part : required[random() % required.size()]) text += part + word(3);
      const std::vector<std::uint32_t>& got = candidates.find(text, scratch);
      REQUIRE(std::is_sorted(got.begin(), got.end()));
      for (std::uint32_t place = 0; place < required.size(); ++place) {
        const bool may_match = std::all_of(required[place].begin(), required[place].end(),
                                           [&](const std::string& part) { return text.find(part) != std::string::npos; });
        const bool is_candidate = std::binary_search(got.begin(), got.end(), place);
        const bool has_window = std::any_of(required[place].begin(), required[place].end(),
                                            [](const std::string& part) { return part.size() >= 4; });
        if (may_match) REQUIRE(is_candidate);
        if (!has_window) REQUIRE(is_candidate);
        if (has_window && is_candidate) {
          ++kept;
          right += may_match ? 1 : 0;
        }
      }
    }
  }
  CHECK(right * 10 > kept * 8);
}

}  // namespace
}  // namespace logboom
