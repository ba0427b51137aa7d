#include "pipeline/text/linear_engine.h"

#include <fmt/core.h>
#include <re2/re2.h>

#include <array>
#include <cstdint>

namespace logboom {
namespace {

constexpr std::int64_t kMostMemoryBytes = 16 << 20;
constexpr std::array<std::uint32_t, 4> kCountLimits = {1000, 50, 5, 1};

}  // namespace

LinearEngine::LinearEngine(const RegexTree& tree, SubjectAlphabet alphabet) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMostMemoryBytes);
  options.set_never_capture(true);
  options.set_encoding(alphabet == SubjectAlphabet::Ascii ? re2::RE2::Options::EncodingLatin1
                                                          : re2::RE2::Options::EncodingUTF8);
  Re2Expression expression;
  for (const std::uint32_t limit : kCountLimits) {
    expression = write_re2(tree, alphabet, limit);
    re_ = std::make_unique<re2::RE2>(expression.text, options);
    if (re_->ok()) break;
    re_.reset();
  }
  if (re_ == nullptr) {
    note_ = "the expression is too large for the linear-time engine: hard lines end as timeouts instead of being decided";
    return;
  }
  // What says "maybe" to these says it to nearly everything.
  const bool says_maybe_to_all =
      re_->Match("", 0, 0, re2::RE2::UNANCHORED, nullptr, 0) && re_->Match("\x01", 0, 1, re2::RE2::UNANCHORED, nullptr, 0);
  if (expression.is_widened && says_maybe_to_all) {
    note_ = fmt::format("the linear-time engine has no equal for {}, so it cannot rule out hard lines: they end as timeouts",
                        expression.widest_part);
  }
}

LinearEngine::~LinearEngine() = default;

std::optional<std::size_t> LinearEngine::earliest_start(std::string_view subject, std::size_t start) const {
  const re2::StringPiece text(subject.data(), subject.size());
  re2::StringPiece match;
  if (!re_->Match(text, start, subject.size(), re2::RE2::UNANCHORED, &match, 1)) return std::nullopt;
  return static_cast<std::size_t>(match.data() - text.data());
}

}  // namespace logboom
