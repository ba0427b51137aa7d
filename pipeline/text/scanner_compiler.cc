// Builds a Scanner's steps from the tree of an expression.
#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "pipeline/text/scanner.h"
#include "pipeline/text/scanner_row.h"

namespace logboom {
namespace {

constexpr std::size_t kMostSteps = 2000;

struct CannotFollow {};

}  // namespace

class ScannerCompiler {
 public:
  explicit ScannerCompiler(const RegexTree& tree) : tree_(tree) {}

  std::unique_ptr<const Scanner> compile(const std::vector<std::string>& required_literals) {
    scanner_->group_count_ = tree_.group_count;
    scanner_->required_literals_ = required_literals;
    try {
      add_row(*tree_.root, any_symbol(), any_symbol());
    } catch (const CannotFollow&) {
      return nullptr;
    }
    add({.code = Code::Done});
    if (deepest_ > Scanner::kDeepest) return nullptr;
    note_beginnings();
    return std::move(scanner_);
  }

 private:
  using Code = Scanner::Code;
  using Step = Scanner::Step;

  Step& add(Step step) {
    if (scanner_->steps_.size() >= kMostSteps) throw CannotFollow();
    scanner_->steps_.push_back(std::move(step));
    return scanner_->steps_.back();
  }

  void note_beginnings() {
    const SymbolSet first = first_symbols(*tree_.root, any_symbol());
    if (!first[kSubjectBorder]) {
      std::bitset<128> others;
      for (std::size_t byte = 0; byte < 128; ++byte) others[byte] = !first[byte];
      if (others.any()) scanner_->not_first_.emplace_back(others);
    }
    const RegexNode* node = tree_.root.get();
    while (!node->children.empty() && (node->kind == RegexNodeKind::Concat || node->kind == RegexNodeKind::Group))
      node = node->children[0].get();
    if (node->kind != RegexNodeKind::Assertion) return;
    scanner_->begins_at_line_ = node->assertion == AssertionKind::LineStart;
    scanner_->begins_at_text_ = node->assertion == AssertionKind::TextStart;
  }

  void add_row(const RegexNode& node, const SymbolSet& before, const SymbolSet& after) {
    std::vector<RowItem> items;
    flatten(node, items);
    note_what_follows(items, after);
    note_what_precedes(items, before);
    std::erase_if(items, [](const RowItem& item) { return item.kind == RowItem::Kind::Node && is_border_that_holds(item); });
    for (std::size_t i = 0; i < items.size();) {
      if (items[i].kind == RowItem::Kind::Node) {
        std::size_t last = i;
        while (last < items.size() && items[last].kind == RowItem::Kind::Node && !records(*items[last].node)) ++last;
        if (last == i) {
          add_choice(items[i]);
          ++i;
        } else {
          add_silent(std::span(items).subspan(i, last - i));
          i = last;
        }
        continue;
      }
      add_group_border(items[i]);
      ++i;
    }
  }

  static void flatten(const RegexNode& node, std::vector<RowItem>& items) {
    if (node.kind == RegexNodeKind::Concat) {
      for (const auto& child : node.children) flatten(*child, items);
      return;
    }
    if (node.kind == RegexNodeKind::Group) {
      const bool is_recording = node.group == GroupKind::Capture && node.group_index != 0;
      const bool is_atomic = node.group == GroupKind::Atomic;
      if (is_recording) items.push_back({.kind = RowItem::Kind::Open, .group = node.group_index});
      if (is_atomic) items.push_back({.kind = RowItem::Kind::Atomic, .node = &node});
      flatten(*node.children[0], items);
      if (is_atomic) items.push_back({.kind = RowItem::Kind::Committed, .node = &node});
      if (is_recording) items.push_back({.kind = RowItem::Kind::Close, .group = node.group_index});
      return;
    }
    if (node.kind == RegexNodeKind::Empty) return;
    items.push_back({.kind = RowItem::Kind::Node, .node = &node});
  }

  /// From the end to the front. An atomic group decides without regard to what is behind it, unless that makes no
  /// difference: then its borders are dropped.
  static void note_what_follows(std::vector<RowItem>& items, const SymbolSet& behind) {
    struct Place {
      SymbolSet after;
      std::string literal;
    };
    Place place{behind, {}};
    std::vector<std::size_t> dropped;
    std::vector<bool> is_kept;
    for (std::size_t i = items.size(); i-- > 0;) {
      RowItem& item = items[i];
      item.after = place.after;
      item.literal_behind = place.literal;
      switch (item.kind) {
        case RowItem::Kind::Open:
        case RowItem::Kind::Close: break;
        case RowItem::Kind::Committed:
          is_kept.push_back(records(*item.node) || !is_same_when_atomic(*item.node->children[0], place.after));
          if (is_kept.back()) {
            place = {any_symbol(), {}};
          } else {
            dropped.push_back(i);
          }
          break;
        case RowItem::Kind::Atomic:
          if (!is_kept.back()) dropped.push_back(i);
          is_kept.pop_back();
          break;
        case RowItem::Kind::Node: {
          const RegexNode& node = *item.node;
          place.after = first_symbols(node, place.after);
          if (is_plain_literal(node)) {
            place.literal = node.text + place.literal;
          } else if (!border_rules(node)) {
            place.literal.clear();
          }
        }
      }
    }
    for (const std::size_t i : dropped) items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));  // descending
  }

  static void note_what_precedes(std::vector<RowItem>& items, SymbolSet before) {
    for (RowItem& item : items) {
      item.before = before;
      if (item.kind == RowItem::Kind::Node) before = last_symbols(*item.node, before);
    }
  }

  /// A border that what stands around it fulfils already.
  static bool is_border_that_holds(const RowItem& item) {
    const auto rules = border_rules(*item.node);
    return rules && std::any_of(rules->begin(), rules->end(), [&](const BorderRule& rule) {
             return (item.before & ~rule.before).none() && (item.after & ~rule.after).none();
           });
  }

  void add_group_border(const RowItem& item) {
    switch (item.kind) {
      case RowItem::Kind::Open:
        opened_groups_ = static_cast<std::uint32_t>(item.group);
        add({.code = Code::Open, .index = opened_groups_});
        return;
      case RowItem::Kind::Close: close_group(static_cast<std::uint32_t>(item.group)); return;
      case RowItem::Kind::Atomic:
        deepest_ = std::max(deepest_, ++depth_);
        add({.code = Code::Atomic});
        return;
      case RowItem::Kind::Committed:
        --depth_;
        add({.code = Code::Committed});
        return;
      case RowItem::Kind::Node: return;
    }
  }

  /// A group around a single step is noted in that step.
  void close_group(std::uint32_t group) {
    std::vector<Step>& steps = scanner_->steps_;
    const std::size_t size = steps.size();
    if (size >= 2 && steps[size - 2].code == Code::Open && steps[size - 2].index == group && steps[size - 1].group == 0 &&
        steps[size - 1].passed == 0 && steps[size - 1].code < Code::Open && !is_target(size - 1)) {
      steps[size - 1].group = group;
      steps.erase(steps.end() - 2);
    } else {
      add({.code = Code::Close, .index = group});
    }
  }
  bool is_target(std::size_t place) const {
    return std::any_of(scanner_->steps_.begin(), scanner_->steps_.end(), [&](const Step& step) {
      return (step.code == Code::Branch || step.code == Code::Join) && step.target >= place;
    });
  }

  /// A row without captures: literals, runs and borders as steps of their own, what is between them as automata.
  void add_silent(std::span<const RowItem> row) {
    std::size_t first = 0;
    while (first < row.size()) {
      if (is_simple(row[first]) || stands_alone(row, first)) {
        add_one(row[first++]);
        continue;
      }
      std::size_t last = first;
      while (last < row.size() && !stands_alone(row, last)) ++last;
      while (last > first + 1 && is_simple(row[last - 1])) --last;
      add_part(row.subspan(first, last - first));
      first = last;
    }
  }

  static bool is_simple(const RowItem& item) { return is_plain_literal(*item.node) || border_rules(*item.node); }

  /// Runs whose end is a matter of choice, and runs with nothing but simple things around.
  static bool stands_alone(std::span<const RowItem> row, std::size_t i) {
    const RegexNode& node = without_plain_groups(*row[i].node);
    if (!is_run(node)) return false;
    if (node.greed == Greed::Lazy || !is_final_run(node, row[i].after)) return true;
    const bool is_simple_before = i == 0 || is_simple(row[i - 1]);
    const bool is_simple_behind = i + 1 == row.size() || is_simple(row[i + 1]);
    return is_simple_before && is_simple_behind;
  }

  static bool is_final_run(const RegexNode& run, const SymbolSet& after) {
    return run.greed == Greed::Possessive || (first_symbols(*run.children[0], any_symbol()) & after).none();
  }

  void add_one(const RowItem& item) {
    const RegexNode& node = without_plain_groups(*item.node);
    if (is_plain_literal(node)) {
      add_literal(node.text);
    } else if (const auto rules = border_rules(node)) {
      add_border(*rules);
    } else {
      add_run(node, item);
    }
  }

  void add_literal(const std::string& text) {
    std::vector<Step>& steps = scanner_->steps_;
    const bool is_first = steps.empty();
    const std::size_t known = is_first || is_target(steps.size()) ? 0 : known_behind(steps.back(), text);
    if (known > 0) steps.back().passed = static_cast<std::uint32_t>(known);
    if (known < text.size()) {
      Step step{.code = Code::Literal, .text = text.substr(known)};
      const std::size_t size = std::min(step.text.size(), sizeof step.text_word);
      std::memcpy(&step.text_word, step.text.data(), size);
      std::memset(&step.text_mask, 0xff, size);
      add(std::move(step));
    }
    // Behind the first text that all ways lead through, unless the expression begins with it.
    if (depth_ == 0 && checkpoint_count_ == 0 && !is_first) {
      const auto first = static_cast<unsigned char>(text[0]);
      if (!bytes_before_[first]) scanner_->fresh_text_size_ = text.size();
      add_checkpoint();
    }
    note_bytes(all_bytes_of(text));
  }

  /// How many bytes of a literal fit for sure where a step has fitted in front of it.
  static std::size_t known_behind(const Step& step, const std::string& literal) {
    switch (step.code) {
      case Code::Part:
      case Code::Run:
      case Code::Lazy: return step.symbols.count() == 1 && step.symbols[static_cast<unsigned char>(literal[0])] ? 1 : 0;
      case Code::RunTo:
      case Code::LazyTo: return step.text.starts_with(literal) ? literal.size() : 0;
      default: return 0;
    }
  }

  static std::bitset<128> all_bytes_of(const std::string& text) {
    std::bitset<128> found;
    for (const char c : text) found.set(static_cast<unsigned char>(c));
    return found;
  }
  void note_bytes(const std::bitset<128>& bytes) {
    if (checkpoint_count_ == 0) bytes_before_ |= bytes;
  }

  void add_checkpoint() { add({.code = Code::Checkpoint, .index = checkpoint_count_++}); }

  void add_border(const std::vector<BorderRule>& rules) {
    Scanner::Border border;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      for (std::size_t symbol = 0; symbol < 129; ++symbol) {
        border.before[symbol] |= static_cast<std::uint8_t>(rules[i].before[symbol] << i);
        border.after[symbol] |= static_cast<std::uint8_t>(rules[i].after[symbol] << i);
      }
    }
    add({.code = Code::Border, .index = static_cast<std::uint32_t>(scanner_->borders_.size())});
    scanner_->borders_.push_back(border);
  }

  void add_run(const RegexNode& node, const RowItem& item) {
    note_bytes(all_bytes(node));
    const std::bitset<128> members = *single_byte_set(*node.children[0]);
    Step step;
    step.index = static_cast<std::uint32_t>(scanner_->classes_.size());
    scanner_->classes_.emplace_back(members);
    step.min = node.min;
    step.symbols = item.after;
    step.is_final = is_final_run(node, item.after);
    const bool can_look_for_text = !step.is_final && !item.literal_behind.empty();
    if (can_look_for_text) step.text = item.literal_behind;
    if (node.greed == Greed::Lazy) {
      step.code = can_look_for_text ? Code::LazyTo : Code::Lazy;
    } else {
      step.code = can_look_for_text ? Code::RunTo : Code::Run;
    }
    add(std::move(step));
  }

  void add_part(std::span<const RowItem> row) {
    const SymbolSet& after = row.back().after;
    std::vector<const RegexNode*> nodes;
    bool is_longest_first = true;
    bool is_possible = true;
    for (const RowItem& item : row) {
      nodes.push_back(item.node);
      is_possible = is_possible && !has_hard_commitment(*item.node, item.after);
    }
    // Several nodes in a row: each must be settled by what follows it, only the last may choose.
    is_longest_first = row.size() == 1 ? prefers_longest(*row[0].node) : false;
    if (is_possible) {
      if (auto automaton = ByteAutomaton::build(nodes, after)) {
        add({.code = Code::Part,
             .may_choose = is_longest_first,
             .index = static_cast<std::uint32_t>(scanner_->automata_.size()),
             .symbols = after});
        scanner_->automata_.push_back(std::move(automaton));
        for (const RegexNode* node : nodes) note_bytes(all_bytes(*node));
        return;
      }
    }
    if (row.size() > 1) {
      for (const RowItem& item : row) add_alone(item);
      return;
    }
    add_choice(row[0]);
  }

  void add_alone(const RowItem& item) {
    if (is_simple(item) || is_run(without_plain_groups(*item.node))) {
      add_one(item);
    } else {
      add_part(std::span(&item, 1));
    }
  }

  /// Branches that are tried one after the other.
  void add_choice(const RowItem& item) {
    const RegexNode& node = without_plain_groups(*item.node);
    if (node.kind == RegexNodeKind::Alternate) {
      std::vector<const RegexNode*> branches;
      for (const auto& child : node.children) branches.push_back(child.get());
      add_branches(branches, item);
    } else if (node.kind == RegexNodeKind::Repeat && node.max == 1 && node.min == 0 && node.greed != Greed::Possessive) {
      static const RegexNode nothing;
      const RegexNode* const inside = node.children[0].get();
      if (can_be_empty(*inside)) throw CannotFollow();
      if (node.greed == Greed::Lazy) {
        add_branches({&nothing, inside}, item);
      } else {
        add_branches({inside, &nothing}, item);
      }
    } else if (node.kind == RegexNodeKind::Repeat && node.min == 1 && node.max == 1) {
      add_row(*node.children[0], item.before, item.after);
    } else {
      throw CannotFollow();
    }
  }

  void add_branches(const std::vector<const RegexNode*>& branches, const RowItem& item) {
    const SymbolSet& after = item.after;
    const bool is_outermost = depth_ == 0;
    const std::uint32_t next_group = opened_groups_ + 1;
    deepest_ = std::max(deepest_, ++depth_);
    std::vector<std::size_t> joins;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      const bool is_last = i + 1 == branches.size();
      if (is_last) --depth_;
      const std::size_t branch = scanner_->steps_.size();
      if (!is_last) {
        const auto [first, last] = groups_in(*branches[i]);
        add({.code = Code::Branch,
             .first_group = first,
             .last_group = last,
             .next_group = next_group,
             .symbols = first_symbols(*branches[i], after)});
      }
      add_row(*branches[i], item.before, after);
      if (is_last) break;
      SymbolSet others;
      for (std::size_t other = i + 1; other < branches.size(); ++other) others |= first_symbols(*branches[other], after);
      joins.push_back(scanner_->steps_.size());
      add({.code = Code::Join, .is_final = (first_symbols(*branches[i], after) & others).none()});
      scanner_->steps_[branch].target = static_cast<std::uint32_t>(scanner_->steps_.size());
    }
    std::vector<Step>& steps = scanner_->steps_;
    const bool has_choice = std::any_of(joins.begin(), joins.end(), [&](std::size_t join) { return !steps[join].is_final; });
    const bool may_return = is_outermost && has_choice && checkpoint_count_ < Scanner::kMostCheckpoints;
    for (const std::size_t join : joins) {
      steps[join].target = static_cast<std::uint32_t>(steps.size());
      steps[join].may_choose = may_return;
      steps[join].index = checkpoint_count_;
    }
    if (may_return) add_checkpoint();
  }

  /// First group that records in the node, and the one behind the last.
  static std::pair<std::uint32_t, std::uint32_t> groups_in(const RegexNode& node) {
    std::pair<std::uint32_t, std::uint32_t> range{0, 0};
    if (node.kind == RegexNodeKind::Group && node.group == GroupKind::Capture && node.group_index != 0) {
      range = {static_cast<std::uint32_t>(node.group_index), static_cast<std::uint32_t>(node.group_index) + 1};
    }
    for (const auto& child : node.children) {
      const auto inside = groups_in(*child);
      if (inside.second == 0) continue;
      if (range.second == 0) range = inside;
      range = {std::min(range.first, inside.first), std::max(range.second, inside.second)};
    }
    return range;
  }

  const RegexTree& tree_;
  std::unique_ptr<Scanner> scanner_ = std::make_unique<Scanner>();
  std::size_t depth_ = 0;  // of branches and atomic groups around
  std::uint32_t checkpoint_count_ = 0;
  std::bitset<128> bytes_before_;    // that may be passed in front of the first checkpoint
  std::uint32_t opened_groups_ = 0;  // the highest group so far
  std::size_t deepest_ = 0;
};

std::unique_ptr<const Scanner> Scanner::compile(const RegexTree& tree, const std::vector<std::string>& required_literals) {
  return ScannerCompiler(tree).compile(required_literals);
}

}  // namespace logboom
