#include "pipeline/text/pattern_candidates.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <map>
#include <set>

namespace logboom {
namespace {

std::uint32_t window_at(const char* at) {
  std::uint32_t window = 0;
  std::memcpy(&window, at, sizeof window);
  return window;
}

using Patterns = std::set<std::uint32_t>;
constexpr std::size_t kMostPieces = 3;

Patterns common(const Patterns& a, const Patterns& b) {
  Patterns out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.end()));
  return out;
}

}  // namespace

PatternCandidates::PatternCandidates(const std::vector<std::vector<std::string>>& required)
    : pattern_count_(required.size()), wanted_(required.size(), 0), filter_(kFilterBits / 64, 0) {
  // The farther apart the looks, the longer a text must be to be seen by one of them: as far as costs no pattern its text.
  const auto with_text_of = [&](std::size_t bytes) {
    return std::count_if(required.begin(), required.end(), [&](const std::vector<std::string>& texts) {
      return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return text.size() >= bytes; });
    });
  };
  for (stride_ = kLargestStride; stride_ > 1; stride_ /= 2)
    if (with_text_of(kWindowBytes + stride_ - 1) == with_text_of(kWindowBytes)) break;

  std::map<std::uint32_t, Patterns> users;  // of each window
  for (std::uint32_t pattern = 0; pattern < required.size(); ++pattern)
    for (const std::string& text : required[pattern])
      for (std::size_t i = 0; i + kWindowBytes <= text.size(); ++i) users[window_at(text.data() + i)].insert(pattern);

  std::map<std::uint32_t, std::vector<Mark>> marks;
  for (std::uint32_t pattern = 0; pattern < required.size(); ++pattern) {
    // A piece of text is seen by one look at the least, at one of its windows. Each piece chosen is the one that leaves the
    // fewest patterns with all pieces chosen so far.
    Patterns sharing;
    for (std::size_t i = 0; i < kMostPieces && sharing.size() != 1; ++i) {
      const char* best = nullptr;
      Patterns left;
      for (const std::string& text : required[pattern]) {
        for (std::size_t at = 0; at + kWindowBytes + stride_ - 1 <= text.size(); ++at) {
          Patterns both;
          for (std::size_t k = 0; k < stride_; ++k) {
            const Patterns& some = users[window_at(text.data() + at + k)];
            both.insert(some.begin(), some.end());
          }
          if (i > 0) both = common(sharing, both);
          if (best != nullptr && both.size() >= left.size()) continue;
          best = text.data() + at;
          left = std::move(both);
        }
      }
      if (best == nullptr || (i > 0 && left.size() == sharing.size())) break;
      sharing = std::move(left);
      const auto bit = static_cast<std::uint8_t>(1U << i);
      for (std::size_t k = 0; k < stride_; ++k) marks[window_at(best + k)].push_back({pattern, bit});
      wanted_[pattern] |= bit;
    }
    if (wanted_[pattern] == 0) {
      always_.push_back(pattern);
    } else {
      ++chosen_count_;
    }
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
    for (std::uint32_t i = 0; i < windows_[place].mark_count; ++i, ++mark) {
      std::uint8_t& found = scratch.found[mark->pattern];
      if ((found & mark->bit) != 0) continue;
      found |= mark->bit;
      if (found == wanted_[mark->pattern]) scratch.candidates.push_back(mark->pattern);
    }
    return;
  }
}

const std::vector<std::uint32_t>& PatternCandidates::find(std::string_view text, Scratch& scratch) const {
  scratch.found.assign(pattern_count_, 0);
  scratch.candidates = always_;
  const std::uint64_t* const filter = filter_.data();
  for (std::size_t i = 0; i + kWindowBytes <= text.size(); i += stride_) {
    const std::uint32_t window = window_at(text.data() + i);
    const std::uint32_t bit = hash_of(window) / (0x1'0000'0000ULL / kFilterBits);
    if (((filter[bit / 64] >> (bit % 64)) & 1) != 0) mark_window(window, scratch);
  }
  if (scratch.candidates.size() > 1) std::sort(scratch.candidates.begin(), scratch.candidates.end());
  return scratch.candidates;
}

}  // namespace logboom
