// A grok pattern held against one line, for what the straight walk of syslog_line.h does not settle and for grok_pattern.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/event/event.h"
#include "pipeline/plugin/context.h"
#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_library.h"

namespace logboom {

/// Immutable, any thread, each with its own scratch.
class GrokLine {
 public:
  /// Compiles a pattern with the bundled names of the context's ECS mode. What is wrong with it is refused at the option
  /// grok_pattern; then nullptr.
  static std::unique_ptr<const GrokLine> compile(std::string_view pattern, const FieldRef& overwritten,
                                                 const PluginContext& context);

  /// Searches `text`; when it matches, the captures become fields as the grok filter makes them: `overwritten` is replaced,
  /// a text that is there becomes a list, captures of nothing are left out.
  MatchStatus apply(std::string_view text, MatchScratch& scratch, Event& event) const;

 private:
  struct Capture {
    std::size_t group = 0;
    CaptureType type = CaptureType::None;
    bool is_overwriting = false;
    FieldRef field;
  };

  std::shared_ptr<const Matcher> matcher_;
  std::vector<Capture> captures_;
};

}  // namespace logboom
