#include "pipeline/text/byte_automaton.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace logboom {
namespace {

constexpr std::size_t kMostPositions = 4000;
constexpr std::size_t kMostStates = 2000;
constexpr std::size_t kFewestRunMembers = 24;

}  // namespace

// Positions of the expression (Thompson's construction) are joined to states as they are reached (subset construction).
// Borders are decided by the symbols on both sides, so a state also knows what kind of symbol came before it.
class AutomatonBuilder {
 public:
  explicit AutomatonBuilder(const SymbolSet& after) : after_(after) {}

  std::shared_ptr<const ByteAutomaton> build(std::span<const RegexNode* const> nodes) {
    std::uint32_t next = add({.kind = Position::Kind::End});
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      const auto entry = place(**node, next);
      if (!entry) return nullptr;
      next = *entry;
    }
    first_ = next;
    sort_symbols();
    auto made = std::make_shared<ByteAutomaton>();
    if (!make_states(*made)) return nullptr;
    join_equal_states();
    write_table(*made);
    return made;
  }

 private:
  struct Position {
    enum class Kind { Byte, Border, Fork, End };
    Kind kind = Kind::End;
    std::bitset<128> bytes;  // Byte
    BorderRule rule;         // Border
    std::vector<std::uint32_t> next;
  };
  struct State {
    std::vector<std::uint32_t> positions;  // sorted; where reading may go on
    std::size_t before = 0;                // kind of the symbol before, as far as borders ask for it
    auto operator<=>(const State&) const = default;
  };
  struct Cell {
    std::uint32_t next = 0;
    bool is_end = false;
    auto operator<=>(const Cell&) const = default;
  };

  std::uint32_t add(Position position) {
    positions_.push_back(std::move(position));
    return static_cast<std::uint32_t>(positions_.size() - 1);
  }

  /// The position where the node begins when `next` comes behind it; nothing when the node is beyond an automaton.
  std::optional<std::uint32_t> place(const RegexNode& node, std::uint32_t next) {
    if (positions_.size() > kMostPositions) return std::nullopt;
    if (const auto bytes = single_byte_set(node))
      return add({.kind = Position::Kind::Byte, .bytes = *bytes, .next = {next}});
    if (const auto rules = border_rules(node)) {
      Position fork{.kind = Position::Kind::Fork};
      for (const BorderRule& rule : *rules)
        fork.next.push_back(add({.kind = Position::Kind::Border, .rule = rule, .next = {next}}));
      return add(std::move(fork));
    }
    switch (node.kind) {
      case RegexNodeKind::Empty: return next;
      case RegexNodeKind::Literal: return place_literal(node, next);
      case RegexNodeKind::Group: return place(*node.children[0], next);
      case RegexNodeKind::Concat: {
        for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
          const auto entry = place(**child, next);
          if (!entry) return entry;
          next = *entry;
        }
        return next;
      }
      case RegexNodeKind::Alternate: {
        Position fork{.kind = Position::Kind::Fork};
        for (const auto& child : node.children) {
          const auto entry = place(*child, next);
          if (!entry) return entry;
          fork.next.push_back(*entry);
        }
        return add(std::move(fork));
      }
      case RegexNodeKind::Repeat: return place_repeat(node, next);
      default: return std::nullopt;
    }
  }

  std::optional<std::uint32_t> place_literal(const RegexNode& node, std::uint32_t next) {
    for (auto byte = node.text.rbegin(); byte != node.text.rend(); ++byte) {
      const auto value = static_cast<unsigned char>(*byte);
      std::bitset<128> bytes;
      if (value < 0x80) bytes.set(value);  // else nothing fits
      if (node.ignore_case && value >= 0x80) return std::nullopt;
      if (node.ignore_case) bytes = with_both_cases(bytes);
      next = add({.kind = Position::Kind::Byte, .bytes = bytes, .next = {next}});
    }
    return next;
  }

  std::optional<std::uint32_t> place_repeat(const RegexNode& node, std::uint32_t next) {
    const RegexNode& item = *node.children[0];
    if (node.max > 1 && can_be_empty(item)) return std::nullopt;  // Ruby ends such loops by rules of its own
    if (node.max == RegexNode::kUnlimited) {
      const std::uint32_t loop = add({.kind = Position::Kind::Fork, .next = {next}});
      const auto entry = place(item, loop);
      if (!entry) return entry;
      positions_[loop].next.push_back(*entry);
      next = loop;
    } else {
      const std::uint32_t behind = next;
      for (std::uint32_t count = node.min; count < node.max; ++count) {
        const auto entry = place(item, next);
        if (!entry) return entry;
        next = add({.kind = Position::Kind::Fork, .next = {*entry, behind}});
      }
    }
    for (std::uint32_t count = 0; count < node.min; ++count) {
      const auto entry = place(item, next);
      if (!entry) return entry;
      next = *entry;
    }
    return next;
  }

  /// Symbols that no position tells apart share a column; symbols before a place that no border tells apart share a kind.
  void sort_symbols() {
    std::array<std::vector<bool>, 129> all;
    std::array<std::vector<bool>, 129> before;
    for (std::size_t symbol = 0; symbol < 129; ++symbol) {
      for (const Position& position : positions_) {
        if (position.kind == Position::Kind::Byte) all[symbol].push_back(symbol < 128 && position.bytes[symbol]);
        if (position.kind != Position::Kind::Border) continue;
        all[symbol].push_back(position.rule.after[symbol]);
        before[symbol].push_back(position.rule.before[symbol]);
      }
      all[symbol].push_back(after_[symbol]);
      all[symbol].push_back(symbol == kSubjectBorder);
      all[symbol].insert(all[symbol].end(), before[symbol].begin(), before[symbol].end());
    }
    std::map<std::vector<bool>, std::size_t> columns;
    std::map<std::vector<bool>, std::size_t> kinds;
    for (std::size_t symbol = 0; symbol < 129; ++symbol) {
      column_[symbol] = columns.emplace(all[symbol], columns.size()).first->second;
      kind_[symbol] = kinds.emplace(before[symbol], kinds.size()).first->second;
      if (column_[symbol] == symbol_of_column_.size()) symbol_of_column_.push_back(symbol);
      if (kind_[symbol] == symbol_of_kind_.size()) symbol_of_kind_.push_back(symbol);
    }
  }

  /// Everything that is reached from the state without reading, when `next` is the symbol to come.
  void reach(const State& state, std::size_t next) {
    seen_.assign(positions_.size(), false);
    reached_.clear();
    const std::size_t before = symbol_of_kind_[state.before];
    std::vector<std::uint32_t> open = state.positions;
    while (!open.empty()) {
      const std::uint32_t at = open.back();
      open.pop_back();
      if (seen_[at]) continue;
      seen_[at] = true;
      const Position& position = positions_[at];
      switch (position.kind) {
        case Position::Kind::Fork: open.insert(open.end(), position.next.begin(), position.next.end()); break;
        case Position::Kind::Border:
          if (position.rule.before[before] && position.rule.after[next]) open.push_back(position.next[0]);
          break;
        case Position::Kind::Byte:
        case Position::Kind::End: reached_.push_back(at);
      }
    }
  }

  std::uint32_t number_of(State state) {
    const auto [found, is_new] = numbers_.emplace(std::move(state), static_cast<std::uint32_t>(states_.size()));
    if (is_new) states_.push_back(found->first);
    return found->second;
  }

  bool make_states(ByteAutomaton& made) {
    states_.emplace_back();  // state 0: nothing fits any more
    for (std::size_t symbol = 0; symbol < 129; ++symbol) made.starts_[symbol] = number_of({{first_}, kind_[symbol]});
    for (std::size_t number = 1; number < states_.size(); ++number) {
      if (states_.size() > kMostStates) return false;
      std::vector<Cell> row;
      for (const std::size_t symbol : symbol_of_column_) row.push_back(cell(states_[number], symbol));
      rows_.push_back(std::move(row));
    }
    rows_.insert(rows_.begin(), std::vector<Cell>(symbol_of_column_.size()));
    starts_.assign(made.starts_.begin(), made.starts_.end());
    return true;
  }

  Cell cell(const State& state, std::size_t symbol) {
    reach(state, symbol);
    Cell made;
    State next;
    for (const std::uint32_t at : reached_) {
      const Position& position = positions_[at];
      if (position.kind == Position::Kind::End) {
        made.is_end = after_[symbol];
      } else if (symbol != kSubjectBorder && position.bytes[symbol]) {
        next.positions.push_back(position.next[0]);
      }
    }
    if (next.positions.empty()) return made;
    std::sort(next.positions.begin(), next.positions.end());
    next.positions.erase(std::unique(next.positions.begin(), next.positions.end()), next.positions.end());
    next.before = kind_[symbol];
    made.next = number_of(std::move(next));
    return made;
  }

  /// Moore's refinement: states stay apart as long as some symbol leads them apart.
  void join_equal_states() {
    std::vector<std::uint32_t> group(rows_.size(), 0);
    std::size_t groups = 0;
    for (;;) {
      std::map<std::pair<std::uint32_t, std::vector<Cell>>, std::uint32_t> found;
      std::vector<std::uint32_t> next(rows_.size());
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        std::vector<Cell> row = rows_[i];
        for (Cell& cell : row)
          cell.next = cell.next == 0 ? 0 : group[cell.next] + 1;  // the end of a run is no state to be in
        next[i] = found.emplace(std::make_pair(i == 0 ? 0U : 1U, std::move(row)), static_cast<std::uint32_t>(found.size()))
                      .first->second;
      }
      group = std::move(next);
      if (found.size() == groups) break;
      groups = found.size();
    }
    std::vector<std::vector<Cell>> joined(groups);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      joined[group[i]] = rows_[i];
      for (Cell& cell : joined[group[i]]) cell.next = group[cell.next];
    }
    rows_ = std::move(joined);
    for (std::uint32_t& start : starts_) start = group[start];
  }

  void write_table(ByteAutomaton& made) {
    const std::size_t width = (symbol_of_column_.size() + 1) / 2 * 2;  // keeps the flags' bits of offsets free
    made.row_bytes_ = static_cast<std::uint32_t>(width * sizeof(std::uint32_t));
    for (std::size_t symbol = 0; symbol < 129; ++symbol) {
      made.columns_[symbol] = static_cast<std::uint16_t>(column_[symbol] * sizeof(std::uint32_t));
      made.starts_[symbol] = starts_[symbol] * made.row_bytes_;
    }
    std::vector<bool> is_run(rows_.size(), false);
    made.run_of_row_.assign(rows_.size(), 0);
    for (std::size_t number = 1; number < rows_.size(); ++number) {
      std::bitset<128> members;
      for (std::size_t byte = 0; byte < 128; ++byte) {
        const Cell& cell = rows_[number][column_[byte]];
        members[byte] = cell.next == number && !cell.is_end;
      }
      if (members.count() < kFewestRunMembers) continue;
      is_run[number] = true;
      made.run_of_row_[number] = static_cast<std::uint32_t>(made.runs_.size());
      made.runs_.emplace_back(members);
    }
    made.table_.assign(rows_.size() * width, 0);
    for (std::size_t number = 0; number < rows_.size(); ++number) {
      for (std::size_t column = 0; column < rows_[number].size(); ++column) {
        const Cell& cell = rows_[number][column];
        made.table_[number * width + column] = (cell.next * made.row_bytes_) | (cell.is_end ? ByteAutomaton::kIsEnd : 0) |
                                               (is_run[cell.next] ? ByteAutomaton::kIsRun : 0) |
                                               (cell.next == 0 ? ByteAutomaton::kIsOver : 0);
      }
    }
  }

  const SymbolSet& after_;
  std::vector<Position> positions_;
  std::uint32_t first_ = 0;
  std::array<std::size_t, 129> column_{};
  std::array<std::size_t, 129> kind_{};
  std::vector<std::size_t> symbol_of_column_;
  std::vector<std::size_t> symbol_of_kind_;
  std::map<State, std::uint32_t> numbers_;
  std::vector<State> states_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<std::uint32_t> starts_;
  std::vector<bool> seen_;
  std::vector<std::uint32_t> reached_;
};

namespace {

/// Everything about a node that build() looks at.
void describe(const RegexNode& node, std::string& out) {
  if (const auto bytes = single_byte_set(node)) {
    out += 'B' + bytes->to_string();
    return;
  }
  out += '(' + std::to_string(static_cast<int>(node.kind));
  if (const auto rules = border_rules(node)) {
    for (const BorderRule& rule : *rules) out += ' ' + rule.before.to_string() + rule.after.to_string();
  } else {
    out += ' ' + std::to_string(node.min) + ' ' + std::to_string(node.max) + (node.ignore_case ? 'i' : 'c') +
           std::to_string(node.text.size()) + ':' + node.text;
    for (const RegexNodePtr& child : node.children) describe(*child, out);
  }
  out += ')';
}

}  // namespace

std::shared_ptr<const ByteAutomaton> ByteAutomaton::build(std::span<const RegexNode* const> nodes, const SymbolSet& after) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const ByteAutomaton>> known;
  std::string name = after.to_string();
  for (const RegexNode* node : nodes) describe(*node, name);
  const std::lock_guard lock(mutex);
  std::weak_ptr<const ByteAutomaton>& place = known[std::move(name)];
  if (auto found = place.lock()) return found;
  std::shared_ptr<const ByteAutomaton> made = AutomatonBuilder(after).build(nodes);
  std::erase_if(known, [&](const auto& entry) { return entry.second.expired() && &entry.second != &place; });
  place = made;
  return made;
}

}  // namespace logboom
