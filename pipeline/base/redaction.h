// Secrets that must not be printed: the log and the diagnostics pass through here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace logboom {

/// From now on redacted() hides these texts. Those of fewer than four bytes are not looked for: they stand in every line.
/// Any thread; a later call replaces what was said before.
void hide_secrets(std::vector<std::string> secrets);

/// `text` with "***" in place of every hidden secret.
std::string redacted(std::string text);

}  // namespace logboom
