// The reference pages in docs/reference/: written from the plugins' own declarations.
#pragma once

#include <map>
#include <string>

namespace logboom {

/// Page text by file name ("filter-grok.md"), for every registered plugin, and "settings.md".
std::map<std::string, std::string> reference_pages();

/// Writes all pages to a directory; pages of plugins that are gone are removed. False (with a message on standard error)
/// when a file cannot be written.
bool write_reference_pages(const std::string& directory);

}  // namespace logboom
