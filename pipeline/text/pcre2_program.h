// Pcre2Program: one expression compiled by PCRE2, with JIT where the machine allows it, run under a step limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/text/regex_dialect.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

namespace logboom {

/// PCRE2's side of a MatchScratch.
class Pcre2Workspace {
 public:
  Pcre2Workspace();
  ~Pcre2Workspace();
  Pcre2Workspace(const Pcre2Workspace&) = delete;
  Pcre2Workspace& operator=(const Pcre2Workspace&) = delete;

 private:
  friend class Pcre2Program;
  void reserve(std::size_t groups);

  pcre2_real_match_data_8* match_data_ = nullptr;
  pcre2_real_match_context_8* context_ = nullptr;
  std::size_t capacity_ = 0;
};

/// Immutable after compile(); run() from any thread, each with its own workspace.
class Pcre2Program {
 public:
  enum class Outcome { Matched, NoMatch, OverLimit };

  struct Run {
    std::string_view subject;
    std::size_t first_start = 0;
    std::size_t last_start = 0;    // no match begins behind it
    std::uint32_t step_limit = 0;  // per start offset
  };

  /// Errors: InvalidArgument with the offset in the source expression; TooLarge.
  static Result<std::unique_ptr<Pcre2Program>> compile(const Pcre2Expression& expression, SubjectAlphabet alphabet);
  ~Pcre2Program();
  Pcre2Program(const Pcre2Program&) = delete;
  Pcre2Program& operator=(const Pcre2Program&) = delete;

  /// Searches from first_start on. The machine code is made on the first call. The thread keeps a stack of up to 16 MiB of
  /// address space for it; memory is used as far as a match needs it.
  Outcome run(const Run& run, Pcre2Workspace& workspace) const;

  /// Offsets of the last match in `workspace`: begin and end per group, ~0 where unset.
  const std::size_t* offsets(const Pcre2Workspace& workspace) const;

  std::size_t group_count() const { return group_count_; }  // the whole match included

 private:
  Pcre2Program() = default;
  void prepare() const;

  pcre2_real_code_8* code_ = nullptr;
  mutable std::once_flag prepared_;
  mutable bool has_machine_code_ = false;
  std::size_t group_count_ = 1;
};

}  // namespace logboom
