// GrowingBuffer: output of unknown size, never past a limit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "pipeline/base/bytes.h"

namespace logboom {

/// Memory doubles with what is really written. One byte past the limit is allowed for, to tell "full" from "too much".
class GrowingBuffer {
 public:
  GrowingBuffer(std::size_t first_bytes, std::size_t limit_bytes)
      : limit_(limit_bytes), buffer_(Buffer::allocate(std::min(first_bytes, limit_bytes + 1))) {}
  char* free_data() { return buffer_.writable_data() + used_; }
  std::size_t free_bytes() const { return buffer_.size() - used_; }
  /// Says how much of free_data() was written.
  void use(std::size_t bytes) { used_ += bytes; }
  bool is_over_limit() const { return used_ > limit_; }
  /// Doubles the memory; what free_data() gave before is no longer valid.
  void grow() {
    Buffer larger = Buffer::allocate(std::min(buffer_.size() * 2, limit_ + 1));
    std::memcpy(larger.writable_data(), buffer_.data(), used_);
    buffer_ = std::move(larger);
  }
  Buffer take() { return buffer_.slice(0, used_); }

 private:
  std::size_t limit_;
  std::size_t used_ = 0;
  Buffer buffer_;
};

}  // namespace logboom
