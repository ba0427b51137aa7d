// File name patterns: which files exist that fit, and what they are.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logboom {

/// What a file is, whatever it is called: survives a rename.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

struct FoundFile {
  std::string path;
  FileIdentity identity;
  std::uint64_t size = 0;
  double modified = 0;  // seconds since 1970
};

/// Regular files whose names fit one of the absolute patterns: * ? [a-z] {a,b}, and ** for folders at any depth (links to
/// folders are not followed by **, at most 64 levels). A file found twice is given once. In order of path. Blocks on the
/// file system; folders that cannot be read are passed over. `excluded`: patterns for the last part of the name.
std::vector<FoundFile> find_files(const std::vector<std::string>& patterns, const std::vector<std::string>& excluded);

/// "a{b,c}d" as "abd" and "acd"; at most 1,000 results.
std::vector<std::string> expand_braces(std::string_view pattern);

}  // namespace logboom
