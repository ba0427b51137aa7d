#define PCRE2_CODE_UNIT_WIDTH 8
#include "pipeline/text/pcre2_program.h"

#include <fmt/core.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <new>

namespace logboom {
namespace {

constexpr std::size_t kFirstStackBytes = 64 * 1024;
constexpr std::size_t kMostStackBytes = 16 * 1024 * 1024;
constexpr std::uint32_t kDeepestNesting = 2000;
constexpr std::uint32_t kMostHeapKibibytes = 20'000;  // only without machine code

struct StackCloser {
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

// Asked for at each run, so that a workspace may move between threads.
pcre2_jit_stack* stack_of_this_thread(void*) {
  thread_local const std::unique_ptr<pcre2_jit_stack, StackCloser> stack(
      pcre2_jit_stack_create(kFirstStackBytes, kMostStackBytes, nullptr));
  return stack.get();
}

struct ContextCloser {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};

std::string engine_message(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

Pcre2Workspace::Pcre2Workspace() : context_(pcre2_match_context_create(nullptr)) {
  if (context_ == nullptr) throw std::bad_alloc();
  pcre2_jit_stack_assign(context_, stack_of_this_thread, nullptr);
  pcre2_set_heap_limit(context_, kMostHeapKibibytes);
}

Pcre2Workspace::~Pcre2Workspace() {
  pcre2_match_data_free(match_data_);
  pcre2_match_context_free(context_);
}

void Pcre2Workspace::reserve(std::size_t groups) {
  if (groups <= capacity_) return;
  pcre2_match_data_free(match_data_);
  match_data_ = pcre2_match_data_create(static_cast<std::uint32_t>(groups), nullptr);
  if (match_data_ == nullptr) throw std::bad_alloc();
  capacity_ = groups;
}

Result<std::unique_ptr<Pcre2Program>> Pcre2Program::compile(const Pcre2Expression& expression, SubjectAlphabet alphabet) {
  const std::unique_ptr<pcre2_compile_context, ContextCloser> context(pcre2_compile_context_create(nullptr));
  if (context == nullptr) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), kDeepestNesting);
  const std::uint32_t options = PCRE2_MULTILINE | PCRE2_DOTALL | PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C |
                                (alphabet == SubjectAlphabet::Utf8 ? PCRE2_UTF : 0);
  int problem = 0;
  PCRE2_SIZE offset = 0;
  std::unique_ptr<Pcre2Program> program(new Pcre2Program);
  program->code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.text.data()), expression.text.size(), options,
                                 &problem, &offset, context.get());
  if (program->code_ == nullptr) {
    const bool is_too_large = problem == PCRE2_ERROR_PATTERN_TOO_LARGE || problem == PCRE2_ERROR_PATTERN_TOO_COMPLICATED;
    return Error{is_too_large ? ErrorCode::TooLarge : ErrorCode::InvalidArgument,
                 fmt::format("near offset {}: {}", expression.source_offset(offset), engine_message(problem))};
  }
  std::uint32_t groups = 0;
  pcre2_pattern_info(program->code_, PCRE2_INFO_CAPTURECOUNT, &groups);
  program->group_count_ = groups + 1;
  return program;
}

Pcre2Program::~Pcre2Program() { pcre2_code_free(code_); }

void Pcre2Program::prepare() const {
  // Refused where memory may not be executable; the interpreter then does the work.
  has_machine_code_ = pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE) == 0;
}

Pcre2Program::Outcome Pcre2Program::run(const Run& run, Pcre2Workspace& workspace) const {
  std::call_once(prepared_, [this] { prepare(); });
  workspace.reserve(group_count_);
  pcre2_set_match_limit(workspace.context_, run.step_limit);
  pcre2_set_offset_limit(workspace.context_, run.last_start >= run.subject.size() ? PCRE2_UNSET : run.last_start);
  const auto* bytes = reinterpret_cast<PCRE2_SPTR>(run.subject.data());
  static constexpr PCRE2_UCHAR kNoBytes = 0;
  if (bytes == nullptr) bytes = &kNoBytes;
  const int code = has_machine_code_ ? pcre2_jit_match(code_, bytes, run.subject.size(), run.first_start, 0,
                                                       workspace.match_data_, workspace.context_)
                                     : pcre2_match(code_, bytes, run.subject.size(), run.first_start, PCRE2_NO_UTF_CHECK,
                                                   workspace.match_data_, workspace.context_);
  if (code >= 0) return Outcome::Matched;
  return code == PCRE2_ERROR_NOMATCH ? Outcome::NoMatch : Outcome::OverLimit;
}

const std::size_t* Pcre2Program::offsets(const Pcre2Workspace& workspace) const {
  return pcre2_get_ovector_pointer(workspace.match_data_);
}

}  // namespace logboom
