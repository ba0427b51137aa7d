#include "pipeline/text/scanner.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "pipeline/text/literal_order.h"

namespace logboom {
namespace {

constexpr std::size_t kMostReadPerByte = 8;
constexpr std::size_t kAlwaysRead = 1000;
constexpr std::size_t kTriesBeforeLook = 6;
constexpr std::size_t kReadBeforeLook = 64;  // bytes, of fewer tries

std::size_t symbol_at(std::string_view subject, const char* at) {
  return at == subject.data() + subject.size() ? kSubjectBorder : static_cast<unsigned char>(*at);
}
std::size_t symbol_before(std::string_view subject, const char* at) {
  return at == subject.data() ? kSubjectBorder : static_cast<unsigned char>(at[-1]);
}

}  // namespace

Scanner::Outcome Scanner::try_at(std::string_view subject, const char* at, std::size_t* offsets, Memory& memory) const {
  struct Return {
    const Step* branch;  // nullptr: an atomic group
    const char* at;
    bool has_choices;
  };
  std::array<Return, kDeepest> returns;  // not initialised
  std::size_t depth = 0;
  bool has_choices = false;  // left behind since the innermost return was noted
  struct Alternative {
    const Step* branch;
    const char* at;
    std::uint32_t checkpoint;  // behind the branches
  };
  std::array<Alternative, kMostReturns> alternatives;  // not tried yet, outside of other branches; not initialised
  std::size_t alternative_count = 0;

  const char* const begin = subject.data();
  const char* const end = begin + subject.size();
  std::memset(offsets, 0xff, 2 * (group_count_ + 1) * sizeof *offsets);
  offsets[0] = static_cast<std::size_t>(at - begin);

  const Step* step = steps_.data();
  for (;;) {
    bool fits = true;
    const char* const from = at;
    switch (step->code) {
      case Code::Literal: {
        const std::size_t size = step->text.size();
        const auto left = static_cast<std::size_t>(end - at);
        if (left >= sizeof step->text_word) {
          std::uint64_t word = 0;
          std::memcpy(&word, at, sizeof word);
          fits = (word & step->text_mask) == step->text_word;
          if (size > sizeof word) fits = fits && left >= size && std::memcmp(at, step->text.data(), size) == 0;
        } else {
          fits = left >= size && std::memcmp(at, step->text.data(), size) == 0;
        }
        at += fits ? size : 0;
        break;
      }
      case Code::Border: {
        const Border& border = borders_[step->index];
        fits = (border.before[symbol_before(subject, at)] & border.after[symbol_at(subject, at)]) != 0;
        break;
      }
      case Code::Run:
      case Code::RunTo: {
        const char* stop = classes_[step->index].skip(at, end);
        memory.read += static_cast<std::size_t>(stop - at);
        if (static_cast<std::size_t>(stop - at) < step->min) {
          fits = false;
          break;
        }
        const char* const shortest = at + step->min;
        if (step->code == Code::Run) {
          if (!step->is_final)
            while (stop > shortest && !step->symbols[symbol_at(subject, stop)]) --stop;
          fits = step->symbols[symbol_at(subject, stop)];
        } else {
          const std::string_view reach(shortest,
                                       std::min<std::size_t>(static_cast<std::size_t>(end - shortest),
                                                             static_cast<std::size_t>(stop - shortest) + step->text.size()));
          const std::size_t found = reach.rfind(step->text);
          fits = found != std::string_view::npos;
          if (fits) stop = shortest + found;
        }
        if (!fits) break;
        if (!step->is_final && stop > shortest) has_choices = true;
        at = stop;
        break;
      }
      case Code::Lazy:
      case Code::LazyTo: {
        const ByteClass& members = classes_[step->index];
        const char* const shortest = at + std::min<std::size_t>(step->min, static_cast<std::size_t>(end - at));
        fits = static_cast<std::size_t>(end - at) >= step->min && members.skip(at, shortest) == shortest;
        if (!fits) break;
        const char* stop = shortest;
        if (step->code == Code::Lazy) {
          while (!step->symbols[symbol_at(subject, stop)] && stop != end && members.contains(*stop)) ++stop;
          fits = step->symbols[symbol_at(subject, stop)];
        } else {
          const void* found = memmem(stop, static_cast<std::size_t>(end - stop), step->text.data(), step->text.size());
          fits = found != nullptr;
          if (fits) {
            const auto* const place = static_cast<const char*>(found);
            fits = members.skip(stop, place) == place;
            stop = place;
          }
        }
        memory.read += static_cast<std::size_t>(stop - at);
        if (!fits) break;
        if (!step->is_final) has_choices = true;
        at = stop;
        break;
      }
      case Code::Part: {
        const ByteAutomaton::Ends ends = automata_[step->index]->run(subject, at, memory.read);
        fits = ends.count > 0;
        if (!fits) break;
        if (ends.count > 1) {
          if (!step->may_choose) return Outcome::Undecided;
          has_choices = true;
        }
        at = ends.last;
        break;
      }
      case Code::Open: offsets[2 * step->index] = static_cast<std::size_t>(at - begin); break;
      case Code::Close: offsets[2 * step->index + 1] = static_cast<std::size_t>(at - begin); break;
      case Code::Branch:
        if (!step->symbols[symbol_at(subject, at)]) {
          step = &steps_[step->target];
          continue;
        }
        returns[depth++] = {step, at, has_choices};
        has_choices = false;
        break;
      case Code::Join: {
        const Return& from = returns[--depth];
        has_choices = has_choices || from.has_choices;
        if (!step->is_final) {
          if (step->may_choose && !has_choices && alternative_count < kMostReturns) {
            alternatives[alternative_count++] = {from.branch, from.at, step->index};
          } else {
            has_choices = true;
          }
        }
        step = &steps_[step->target];
        continue;
      }
      case Code::Atomic:
        returns[depth++] = {nullptr, nullptr, has_choices};
        has_choices = false;
        break;
      case Code::Committed: has_choices = returns[--depth].has_choices; break;
      case Code::Checkpoint:
        fits = at != memory.failed[step->index];
        if (!fits) break;
        memory.reached[step->index] = at;
        memory.behind_reached = std::max<std::size_t>(memory.behind_reached, step->index + 1);
        break;
      case Code::Done: offsets[1] = static_cast<std::size_t>(at - begin); return Outcome::Matched;
      default: __builtin_unreachable();  // no check in front of the jump
    }
    if (fits) {
      if (step->group != 0) {
        offsets[2 * step->group] = static_cast<std::size_t>(from - begin);
        offsets[2 * step->group + 1] = static_cast<std::size_t>(at - begin);
      }
      at += step->passed;
      ++step;
      continue;
    }
    for (;;) {
      if (has_choices) return Outcome::Undecided;
      if (depth == 0) {
        if (alternative_count == 0) return Outcome::NoMatch;
        const Alternative& other = alternatives[--alternative_count];
        memory.note_failure(other.checkpoint);
        for (std::size_t i = 2 * other.branch->next_group; i < 2 * (group_count_ + 1); ++i) offsets[i] = kUnset;
        at = other.at;
        step = &steps_[other.branch->target];
        break;
      }
      const Return& back = returns[--depth];
      has_choices = back.has_choices;
      if (back.branch == nullptr) continue;
      const Step& branch = *back.branch;
      for (std::size_t i = 2 * branch.first_group; i < 2 * branch.last_group; ++i) offsets[i] = kUnset;
      at = back.at;
      step = &steps_[branch.target];
      break;
    }
  }
}

Scanner::Outcome Scanner::run(std::string_view subject, std::size_t& start, std::size_t* offsets, std::size_t& tries) const {
  const char* const end = subject.data() + subject.size();
  const std::size_t most = kAlwaysRead + kMostReadPerByte * (subject.size() - start);
  Memory memory;
  const std::size_t tries_before = tries;
  const char* at = subject.data() + start;
  const char* last = end;  // where a match may begin; looked for when some places have failed
  bool has_last = required_literals_.empty();
  for (;;) {
    if (begins_at_text_ && at != subject.data()) return Outcome::NoMatch;
    if (begins_at_line_ && at != subject.data() && at[-1] != '\n') {
      const void* const newline = memchr(at, '\n', static_cast<std::size_t>(end - at));
      if (newline == nullptr) return Outcome::NoMatch;
      at = static_cast<const char*>(newline) + 1;
    }
    if (!not_first_.empty()) {
      const char* const first = not_first_[0].skip(at, end);
      if (first == end) return Outcome::NoMatch;
      if (first != at && (begins_at_line_ || begins_at_text_)) {
        ++at;
        continue;
      }
      at = first;
    }
    if (at > last) return Outcome::NoMatch;
    ++tries;
    const Outcome outcome = try_at(subject, at, offsets, memory);
    if (outcome == Outcome::NoMatch && at == end) return outcome;
    if (outcome == Outcome::NoMatch) memory.note_failure(0);
    const bool has_cost_much = tries - tries_before >= kTriesBeforeLook || memory.read >= kReadBeforeLook;
    if (outcome == Outcome::NoMatch && !has_last && has_cost_much) {
      const auto place = last_start_before({at, static_cast<std::size_t>(end - at)}, required_literals_);
      if (!place) return outcome;
      last = at + *place;
      has_last = true;
    }
    if (outcome == Outcome::NoMatch && memory.read + static_cast<std::size_t>(at - subject.data()) - start <= most) {
      ++at;
      if (fresh_text_size_ != 0 && memory.failed[0] != nullptr) at = std::max(at, memory.failed[0] - fresh_text_size_);
      continue;
    }
    start = static_cast<std::size_t>(at - subject.data());
    return outcome == Outcome::NoMatch ? Outcome::Undecided : outcome;
  }
}

std::string Scanner::describe() const {
  static constexpr const char* kNames[] = {"literal", "border", "run",  "run to", "lazy",      "lazy to",    "part", "open",
                                           "close",   "branch", "join", "atomic", "committed", "checkpoint", "done"};
  std::string out;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    out += fmt::format("{:3} {}", i, kNames[static_cast<std::size_t>(step.code)]);
    if (!step.text.empty()) out += fmt::format(" \"{}\"", step.text);
    if (step.code == Code::Part) out += fmt::format(", {} states", automata_[step.index]->state_count());
    if (step.code == Code::Open || step.code == Code::Close) out += fmt::format(" group {}", step.index);
    if (step.group != 0) out += fmt::format(" of group {}", step.group);
    if (step.passed != 0) out += fmt::format(", passing {} more", step.passed);
    if (step.code == Code::Branch || step.code == Code::Join) out += fmt::format(" -> {}", step.target);
    if (step.is_final) out += ", no choice";
    if (step.may_choose) out += ", longest first";
    out += '\n';
  }
  return out;
}

}  // namespace logboom
