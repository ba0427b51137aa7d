// Where a file's bytes come from: the file itself, or what a gzip archive unpacks to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/base/result.h"

namespace logboom {

/// One open file. One thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to `size` bytes to `to`; 0 at the end. Errors: Io; Corrupt - the archive is damaged or cut short.
  virtual Result<std::size_t> read(char* to, std::size_t size) = 0;
  /// Bytes of the file that were used up.
  virtual std::uint64_t file_offset() const = 0;
  virtual int descriptor() const = 0;
};

/// The file's own bytes from `offset` on. Errors: NotFound, Io.
Result<std::unique_ptr<ByteSource>> open_plain(const std::string& path, std::uint64_t offset);
/// What all members of a gzip archive unpack to. Errors: NotFound, Io.
Result<std::unique_ptr<ByteSource>> open_gzip(const std::string& path);

/// True for names that end in .gz or .gzip.
bool is_gzip_name(const std::string& path);

}  // namespace logboom
