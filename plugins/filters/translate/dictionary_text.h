// Dictionary files: YAML, JSON and CSV.
#pragma once

#include <cstdint>
#include <string>

#include "pipeline/base/result.h"
#include "plugins/filters/translate/dictionary.h"

namespace logboom {

enum class DictionaryFormat { Yaml, Json, Csv };

/// The format that a file's ending says, or NotFound (with what may be written).
Result<DictionaryFormat> dictionary_format_of(const std::string& path);

/// Reads a whole file and adds its entries. Values keep their types; keys are taken as text. A byte order mark is passed
/// over, invalid UTF-8 becomes U+FFFD, an empty file has no entries.
/// `yaml_code_points`: the longest YAML document, in characters. Blocks for the file; takes as much memory as it.
/// Errors: Io - cannot be read. TooLarge - longer than the limit, or more than 1 GiB. Corrupt - no document of that format,
/// with the place. `into` may hold some entries then.
Result<void> read_dictionary_file(const std::string& path, DictionaryFormat format, std::uint64_t yaml_code_points,
                                  Dictionary& into);

}  // namespace logboom
