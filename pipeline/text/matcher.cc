#include "pipeline/text/matcher.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

#include "pipeline/base/utf8.h"
#include "pipeline/text/linear_engine.h"
#include "pipeline/text/literal_order.h"
#include "pipeline/text/pcre2_program.h"
#include "pipeline/text/regex_dialect.h"
#include "pipeline/text/regex_facts.h"
#include "pipeline/text/regex_parser.h"
#include "pipeline/text/scanner.h"

namespace logboom {
namespace {

// A search over many start offsets first tries each with few steps: a line that almost fits costs most at the starts behind
// the first, and there the linear engine's "no" is cheaper. Which way suits a pattern is learnt from its lines.
constexpr std::uint64_t kProbeSteps = 100;
constexpr int kBalanceLimit = 64;
constexpr int kPriceOfWrongProbe = 8;
constexpr int kPriceOfVainScan = 32;
constexpr int kPriceOfMiss = 6;  // in looks for the required literals
constexpr int kPriceOfVainLook = 24;
constexpr int kPriceOfHardLine = 8;
constexpr int kPriceOfLateNo = 2;
constexpr std::size_t kFewestBytesForLinear = 128;  // shorter texts are cheap however hard
constexpr std::size_t kFewTries = 16;               // of the scanner, beside one per
constexpr std::size_t kBytesPerTry = 16;            // so many bytes: more are a hard text
constexpr std::size_t kLongText = 512;              // from here on a look for literals costs little beside anything else
constexpr std::uint64_t kLastBudgetFactor = 100;
constexpr std::size_t kStartsWithoutClock = 512;
constexpr std::uint64_t kStepsPerSlice = 4'000'000;
constexpr std::uint64_t kMostStepsPerSlice = 64'000'000;
constexpr std::int64_t kFirstPhaseNanoseconds = 1'000'000;
constexpr std::int64_t kFirstPhaseNanosecondsPerByte = 20;
constexpr std::int64_t kLastPhaseNanoseconds = 250'000'000;
constexpr std::size_t kFewestLiteralBytes = 2;  // PCRE2 looks for single bytes itself

std::int64_t thread_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::size_t next_character(std::string_view subject, std::size_t offset) {
  ++offset;
  while (offset < subject.size() && is_continuation(subject[offset])) ++offset;
  return offset;
}

}  // namespace

struct MatchScratch::Storage {
  Pcre2Workspace workspace;
  std::vector<std::size_t> scanned;  // what a Scanner found
};

MatchScratch::MatchScratch() : storage_(std::make_unique<Storage>()) {}
MatchScratch::~MatchScratch() = default;
MatchScratch::MatchScratch(MatchScratch&& other) noexcept = default;
MatchScratch& MatchScratch::operator=(MatchScratch&& other) noexcept = default;

// What one alphabet needs; the one for ASCII subjects has no multi-byte characters to care for.
struct Matcher::Side {
  SubjectAlphabet alphabet = SubjectAlphabet::Ascii;
  std::unique_ptr<Pcre2Program> program;
  mutable std::once_flag linear_made;
  mutable std::unique_ptr<LinearEngine> linear;
};

struct Matcher::Engine {
  struct Search {
    std::string_view subject;
    std::size_t first_start = 0;
    std::size_t last_start = 0;
    std::uint64_t step_limit = 0;
    std::int64_t nanoseconds = 0;
  };

  std::string pattern;
  RegexTree tree;
  RegexFacts facts;
  std::vector<NamedGroup> groups;
  mutable std::atomic<int> probe_balance{0};  // below zero: probing has cost more than it saved
  mutable std::atomic<int> scan_balance{0};   // the same of the scanner
  mutable std::atomic<int> miss_balance{0};   // below zero: nearly every text matches, no need to look for literals first
  mutable std::atomic<int> hard_balance{0};   // above zero: the linear engine has had to say no to hard texts
  mutable std::once_flag scanner_made;
  mutable std::unique_ptr<const Scanner> scanner;
  bool may_scan = true;
  Side ascii;
  Side utf8;

  static void note(std::atomic<int>& balance, int change) {
    const int old = balance.load(std::memory_order_relaxed);
    const int next = std::clamp(old + change, -kBalanceLimit, kBalanceLimit);
    if (next != old) balance.store(next, std::memory_order_relaxed);
  }
  void note_probe(int change) const { note(probe_balance, change); }

  /// The scanner, unless this expression has none. Where it has mostly left the work to PCRE2, it is asked once in a while.
  const Scanner* useful_scanner() const {
    if (!may_scan) return nullptr;
    if (scan_balance.load(std::memory_order_relaxed) < 0) {
      note(scan_balance, 1);
      return nullptr;
    }
    std::call_once(scanner_made, [this] { scanner = Scanner::compile(tree, facts.required_literals); });
    return scanner.get();
  }

  bool has_single_start(std::string_view subject, std::size_t start) const {
    return facts.is_anchored ||
           (facts.is_line_anchored && memchr(subject.data() + start, '\n', subject.size() - start) == nullptr);
  }

  const LinearEngine& linear(const Side& side) const {
    std::call_once(side.linear_made, [&] { side.linear = std::make_unique<LinearEngine>(tree, side.alphabet); });
    return *side.linear;
  }

  bool looks_for_literals() const {
    return facts.required_literals.size() > 1 || facts.required_literal.size() >= kFewestLiteralBytes;
  }
  /// False when one of the texts that every match holds is missing, or stands in front of the one before it. Looked at
  /// in long texts and where texts miss often: then it spares the search over all start offsets.
  bool may_contain_match(std::string_view subject, std::size_t start) const {
    return !is_look_worth_it(subject, start) || holds_in_order(subject.substr(start), facts.required_literals);
  }
  bool is_look_worth_it(std::string_view subject, std::size_t start) const {
    if (!looks_for_literals()) return false;
    return subject.size() - start >= kLongText || miss_balance.load(std::memory_order_relaxed) >= 0;
  }
  /// False when the expression wants the end of a line and an ASCII subject, of one line, ends with another byte than any
  /// match does.
  bool may_end(std::string_view subject) const {
    if (!facts.before_line_end || subject.empty()) return true;
    const auto last = static_cast<unsigned char>(subject.back());
    return last >= 0x80 || facts.before_line_end->test(last) || memchr(subject.data(), '\n', subject.size()) != nullptr;
  }
  /// Lines that miss although they hold the literals (cut ones, ones of a newer format) make looks as vain as matches do.
  void note_look(bool has_looked, bool was_of_use, MatchStatus status) const {
    if (!looks_for_literals()) return;
    const bool is_vain = has_looked && !was_of_use && status == MatchStatus::NoMatch;
    note(miss_balance, status == MatchStatus::Matched ? -1 : is_vain ? -kPriceOfVainLook : kPriceOfMiss);
  }
  /// True when the linear engine says no. It is asked first only where texts have been hard for the others.
  bool is_ruled_out(const Side& side, std::string_view subject, std::size_t start) const {
    if (hard_balance.load(std::memory_order_relaxed) <= 0 || subject.size() - start < kFewestBytesForLinear) return false;
    if (!linear(side).is_available()) return false;
    const bool is_out = !linear(side).earliest_start(subject, start);
    note(hard_balance, is_out ? 1 : -1);
    return is_out;
  }

  Pcre2Program::Outcome search(const Side& side, const Search& search, Pcre2Workspace& workspace) const;
  MatchStatus decide(const Side& side, std::string_view subject, std::size_t start, std::uint64_t budget,
                     Pcre2Workspace& workspace) const;
};

// One start offset costs at most step_limit, so a search is cut into slices of start offsets between which the thread's
// processor time is looked at. Short subjects are searched in one go.
Pcre2Program::Outcome Matcher::Engine::search(const Side& side, const Search& search, Pcre2Workspace& workspace) const {
  const std::string_view subject = search.subject;
  const auto step_limit = static_cast<std::uint32_t>(std::min(search.step_limit, kLargestBudget));
  const std::size_t starts = search.last_start - search.first_start + 1;
  const bool is_cheap = starts * static_cast<std::uint64_t>(step_limit) <= kStepsPerSlice && starts <= kStartsWithoutClock;
  Pcre2Program::Run run{subject, search.first_start, search.last_start, step_limit};
  if (has_single_start(subject, search.first_start)) {
    run.last_start = run.first_start;
    return side.program->run(run, workspace);
  }
  if (is_cheap || facts.has_search_start) return side.program->run(run, workspace);

  const std::int64_t deadline = thread_nanoseconds() + search.nanoseconds;
  const std::uint64_t most = std::max<std::uint64_t>(1, kMostStepsPerSlice / step_limit);
  std::uint64_t slice = std::clamp<std::uint64_t>(kStepsPerSlice / step_limit, 1, kStartsWithoutClock);
  for (;;) {
    run.last_start = std::min<std::uint64_t>(search.last_start, run.first_start + slice - 1);
    const Pcre2Program::Outcome outcome = side.program->run(run, workspace);
    if (outcome != Pcre2Program::Outcome::NoMatch || run.last_start >= search.last_start) return outcome;
    if (thread_nanoseconds() > deadline) return Pcre2Program::Outcome::OverLimit;
    run.first_start = next_character(subject, run.last_start);
    slice = std::min(slice * 2, most);
  }
}

MatchStatus Matcher::Engine::decide(const Side& side, std::string_view subject, std::size_t start, std::uint64_t budget,
                                    Pcre2Workspace& workspace) const {
  using Outcome = Pcre2Program::Outcome;
  const std::size_t length = subject.size() - start;
  const bool is_search = !facts.has_search_start && !has_single_start(subject, start);
  const bool is_probe = is_search && budget == kDefaultBudget && probe_balance.load(std::memory_order_relaxed) >= 0;
  const std::uint64_t full = budget != kDefaultBudget ? std::min(budget, kLargestBudget) : usual_budget(length);
  const std::optional<std::size_t> last =
      is_search ? last_start_before(subject.substr(start), facts.required_literals) : length;
  if (!last) return MatchStatus::NoMatch;
  Search next{subject, start, start + *last, is_probe ? kProbeSteps : full, 0};
  next.nanoseconds = kFirstPhaseNanoseconds + kFirstPhaseNanosecondsPerByte * static_cast<std::int64_t>(length);
  Outcome outcome = search(side, next, workspace);
  if (outcome == Outcome::NoMatch && is_search) note_probe(1);
  if (outcome == Outcome::OverLimit && linear(side).is_available()) {
    const std::optional<std::size_t> earliest = linear(side).earliest_start(subject, start);
    if (is_probe) note_probe(earliest ? -kPriceOfWrongProbe : 1);
    note(hard_balance, earliest ? -1 : kPriceOfHardLine);
    if (!earliest) return MatchStatus::NoMatch;
    if (*earliest > next.last_start) return MatchStatus::NoMatch;
    if (is_search) next.first_start = *earliest;
  }
  if (outcome == Outcome::OverLimit && is_probe) {
    next.step_limit = full;
    outcome = search(side, next, workspace);
  }
  if (outcome == Outcome::OverLimit) {
    next.step_limit = std::min(full * kLastBudgetFactor, kLargestBudget);
    next.nanoseconds = kLastPhaseNanoseconds;
    outcome = search(side, next, workspace);
  }
  if (outcome == Outcome::Matched) return MatchStatus::Matched;
  return outcome == Outcome::NoMatch ? MatchStatus::NoMatch : MatchStatus::OverBudget;
}

Matcher::Matcher(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Matcher::~Matcher() = default;

Result<std::shared_ptr<const Matcher>> Matcher::compile(std::string_view pattern, const MatcherOptions& options) {
  if (pattern.size() > kMaxPatternBytes) {
    return Error{ErrorCode::TooLarge,
                 fmt::format("the expression has {} bytes; at most {} are taken", pattern.size(), kMaxPatternBytes)};
  }
  if (!is_valid_utf8(pattern)) return Error{ErrorCode::InvalidArgument, "the expression is not valid UTF-8"};
  RegexParseOptions parse_options;
  parse_options.dot_matches_newline = options.dot_matches_newline;
  parse_options.ignore_case = options.ignore_case;
  parse_options.captures = options.captures;
  parse_options.captures_unnamed = options.captures_unnamed;
  Result<RegexTree> tree = parse_regex(pattern, parse_options);
  if (!tree) return tree.error();

  auto engine = std::make_unique<Engine>();
  engine->pattern = pattern;
  engine->tree = std::move(*tree);
  engine->facts = facts_of(engine->tree);
  engine->may_scan = options.may_scan;
  for (const RegexGroupName& name : engine->tree.names) engine->groups.push_back({name.name, name.index});
  engine->ascii.alphabet = SubjectAlphabet::Ascii;
  engine->utf8.alphabet = SubjectAlphabet::Utf8;
  for (Side* side : {&engine->utf8, &engine->ascii}) {
    auto program = Pcre2Program::compile(write_pcre2(engine->tree, side->alphabet), side->alphabet);
    if (!program) return program.error();
    side->program = std::move(*program);
  }
  return std::shared_ptr<const Matcher>(new Matcher(std::move(engine)));
}

MatchStatus Matcher::match(std::string_view subject, MatchScratch& scratch, std::size_t start, std::uint64_t budget) const {
  if (subject.data() == nullptr) subject = std::string_view("");
  if (start > subject.size()) return MatchStatus::NoMatch;
  const bool has_looked = engine_->is_look_worth_it(subject, start);
  if (!engine_->may_end(subject)) return MatchStatus::NoMatch;
  if (has_looked && !holds_in_order(subject.substr(start), engine_->facts.required_literals)) {
    engine_->note_look(true, true, MatchStatus::NoMatch);
    return MatchStatus::NoMatch;
  }
  const Side& side = is_ascii(subject) ? engine_->ascii : engine_->utf8;
  const MatchStatus status = match_on(side, subject, scratch, start, budget);
  engine_->note_look(has_looked, false, status);
  return status;
}

MatchStatus Matcher::match_on(const Side& side, std::string_view subject, MatchScratch& scratch, std::size_t start,
                              std::uint64_t budget) const {
  if (engine_->is_ruled_out(side, subject, start)) return MatchStatus::NoMatch;
  if (side.alphabet == SubjectAlphabet::Ascii && budget == kDefaultBudget) {
    if (const Scanner* scanner = engine_->useful_scanner()) {
      std::vector<std::size_t>& offsets = scratch.storage_->scanned;
      if (offsets.size() < 2 * side.program->group_count()) offsets.resize(2 * side.program->group_count());
      std::size_t tries = 0;
      const Scanner::Outcome outcome = scanner->run(subject, start, offsets.data(), tries);
      if (outcome == Scanner::Outcome::NoMatch && tries > kFewTries + (subject.size() - start) / kBytesPerTry)
        engine_->note(engine_->hard_balance, kPriceOfHardLine);
      engine_->note(engine_->scan_balance, outcome == Scanner::Outcome::Undecided ? -kPriceOfVainScan : 1);
      if (outcome == Scanner::Outcome::NoMatch) return MatchStatus::NoMatch;
      if (outcome == Scanner::Outcome::Matched) {
        scratch.offsets_ = offsets.data();
        scratch.group_count_ = side.program->group_count();
        scratch.subject_ = subject.data();
        return MatchStatus::Matched;
      }
    }
  }
  Pcre2Workspace& workspace = scratch.storage_->workspace;
  const MatchStatus status = engine_->decide(side, subject, start, budget, workspace);
  if (status == MatchStatus::NoMatch) engine_->note(engine_->hard_balance, kPriceOfLateNo);
  if (status == MatchStatus::Matched) {
    scratch.offsets_ = side.program->offsets(workspace);
    scratch.group_count_ = side.program->group_count();
    scratch.subject_ = subject.data();
  }
  return status;
}

MatchStatus Matcher::match_untrusted(std::string_view subject, MatchScratch& scratch, std::size_t start,
                                     std::uint64_t budget) const {
  if (!is_valid_utf8(subject)) return MatchStatus::NoMatch;
  if (start < subject.size() && is_continuation(subject[start])) return MatchStatus::NoMatch;
  return match(subject, scratch, start, budget);
}

MatchStatus Matcher::find_next(std::string_view subject, MatchScratch& scratch, MatchCursor& cursor,
                               std::uint64_t budget) const {
  if (cursor.is_exhausted) return MatchStatus::NoMatch;
  if (subject.data() == nullptr) subject = std::string_view("");
  if (cursor.alphabet == MatchCursor::Alphabet::Unknown) {
    cursor.alphabet = is_ascii(subject) ? MatchCursor::Alphabet::Ascii : MatchCursor::Alphabet::Utf8;
  }
  MatchStatus status = MatchStatus::NoMatch;
  if (cursor.offset <= subject.size() && engine_->may_contain_match(subject, cursor.offset)) {
    const Side& side = cursor.alphabet == MatchCursor::Alphabet::Ascii ? engine_->ascii : engine_->utf8;
    status = match_on(side, subject, scratch, cursor.offset, budget);
  }
  if (status != MatchStatus::Matched) {
    cursor.is_exhausted = true;
    return status;
  }
  cursor.offset = scratch.end(0);
  if (scratch.begin(0) == scratch.end(0)) cursor.offset = next_character(subject, cursor.offset);
  cursor.is_exhausted = cursor.offset > subject.size();
  return status;
}

const std::vector<NamedGroup>& Matcher::groups() const { return engine_->groups; }
std::size_t Matcher::highest_group() const { return engine_->utf8.program->group_count() - 1; }
const std::string& Matcher::pattern() const { return engine_->pattern; }
const std::string& Matcher::prefix_literal() const { return engine_->facts.prefix_literal; }
const std::string& Matcher::required_literal() const { return engine_->facts.required_literal; }
const std::vector<std::string>& Matcher::required_literals() const { return engine_->facts.required_literals; }
bool Matcher::is_anchored() const { return engine_->facts.is_anchored; }
std::string Matcher::engine_note() const { return engine_->linear(engine_->ascii).note(); }

std::string Matcher::scanner_note() const {
  std::call_once(engine_->scanner_made,
                 [this] { engine_->scanner = Scanner::compile(engine_->tree, engine_->facts.required_literals); });
  return engine_->scanner ? engine_->scanner->describe() : std::string();
}

std::optional<bool> Matcher::linear_says_maybe(std::string_view subject) const {
  const Side& side = is_ascii(subject) ? engine_->ascii : engine_->utf8;
  const LinearEngine& linear = engine_->linear(side);
  if (!linear.is_available()) return std::nullopt;
  return linear.earliest_start(subject, 0).has_value();
}

}  // namespace logboom
