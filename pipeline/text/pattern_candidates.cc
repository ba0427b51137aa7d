#include "pipeline/text/pattern_candidates.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>

namespace logboom {
namespace {

std::uint32_t window_at(const char* at) {
  std::uint32_t window = 0;
  std::memcpy(&window, at, sizeof window);
  return window;
}

}  // namespace

PatternCandidates::PatternCandidates(const std::vector<std::vector<std::string>>& required)
    : pattern_count_(required.size()), wanted_(required.size(), 0), filter_(kFilterBits / 64, 0) {
  std::vector<std::set<std::uint32_t>> windows(required.size());
  std::map<std::uint32_t, std::size_t> users;
  for (std::size_t pattern = 0; pattern < required.size(); ++pattern) {
    for (const std::string& text : required[pattern])
      for (std::size_t i = 0; i + kWindowBytes <= text.size(); ++i) windows[pattern].insert(window_at(text.data() + i));
    for (const std::uint32_t window : windows[pattern]) ++users[window];
  }

  constexpr std::size_t kEnoughWindows = 3;
  std::map<std::uint32_t, std::vector<Mark>> marks;
  for (std::size_t pattern = 0; pattern < required.size(); ++pattern) {
    std::vector<std::uint32_t> by_rarity(windows[pattern].begin(), windows[pattern].end());
    std::stable_sort(by_rarity.begin(), by_rarity.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return users[a] < users[b]; });
    by_rarity.resize(std::min(by_rarity.size(), kEnoughWindows));
    for (std::size_t i = 0; i < by_rarity.size(); ++i) {
      const auto bit = static_cast<std::uint8_t>(1U << i);
      marks[by_rarity[i]].push_back({static_cast<std::uint32_t>(pattern), bit});
      wanted_[pattern] |= bit;
    }
    if (!by_rarity.empty()) ++chosen_count_;
  }

  windows_.resize(std::bit_ceil(std::max<std::size_t>(16, marks.size() * 4)));
  for (const auto& [window, list] : marks) {
    std::size_t place = hash_of(window) & (windows_.size() - 1);
    while (windows_[place].mark_count != 0) place = (place + 1) & (windows_.size() - 1);
    windows_[place] = {window, static_cast<std::uint32_t>(marks_.size()), static_cast<std::uint32_t>(list.size())};
    marks_.insert(marks_.end(), list.begin(), list.end());
    const std::uint32_t bit = hash_of(window) / (0x1'0000'0000ULL / kFilterBits);
    filter_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
}

void PatternCandidates::mark_window(std::uint32_t window, Scratch& scratch) const {
  for (std::size_t place = hash_of(window) & (windows_.size() - 1); windows_[place].mark_count != 0;
       place = (place + 1) & (windows_.size() - 1)) {
    if (windows_[place].bytes != window) continue;
    const Mark* mark = marks_.data() + windows_[place].first_mark;
    for (std::uint32_t i = 0; i < windows_[place].mark_count; ++i, ++mark) scratch.found[mark->pattern] |= mark->bit;
    return;
  }
}

const std::vector<std::uint32_t>& PatternCandidates::find(std::string_view text, Scratch& scratch) const {
  scratch.found.assign(pattern_count_, 0);
  const std::uint64_t* const filter = filter_.data();
  for (std::size_t i = 0; i + kWindowBytes <= text.size(); ++i) {
    const std::uint32_t window = window_at(text.data() + i);
    const std::uint32_t bit = hash_of(window) / (0x1'0000'0000ULL / kFilterBits);
    if (((filter[bit / 64] >> (bit % 64)) & 1) != 0) mark_window(window, scratch);
  }
  scratch.candidates.clear();
  for (std::uint32_t pattern = 0; pattern < pattern_count_; ++pattern)
    if (scratch.found[pattern] == wanted_[pattern]) scratch.candidates.push_back(pattern);
  return scratch.candidates;
}

}  // namespace logboom
