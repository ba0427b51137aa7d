#include "pipeline/text/byte_class.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace logboom {
namespace {

TEST_CASE("a run ends at the first byte that is no member, however long it is and wherever it lies", "[text]") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::bitset<128> members;
    for (std::size_t i = 0; i < 128; ++i) members[i] = random() % 8 != 0;
    members['a'] = true;
    const ByteClass byte_class(members);
    std::string text(random() % 200, 'a');
    for (char& c : text)
      if (random() % 2 == 0) c = static_cast<char>(random() % 128);
    for (std::size_t place = 0; place < text.size(); ++place)  // long runs
      if (random() % 60 != 0 && !byte_class.contains(text[place])) text[place] = 'a';
    if (!text.empty() && random() % 4 == 0) text[random() % text.size()] = static_cast<char>(128 + random() % 128);
    const std::size_t start = text.empty() ? 0 : random() % text.size();
    std::size_t expected = start;
    while (expected < text.size() && static_cast<unsigned char>(text[expected]) < 128 &&
           members[static_cast<unsigned char>(text[expected])])
      ++expected;
    CAPTURE(text.size(), start);
    REQUIRE(byte_class.skip(text.data() + start, text.data() + text.size()) == text.data() + expected);
  }
}

}  // namespace
}  // namespace logboom
