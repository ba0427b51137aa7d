// Buffer: received bytes that many events point into, shared by reference count.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace logboom {

/// Bytes that may be read past the end of every Buffer: simdjson loads whole vectors.
constexpr std::size_t kBufferPadding = 64;

/// A shared, once-written piece of memory. Copying shares; slice() shares too. A Buffer is written only by its maker,
/// before it is handed on. Readable (with undefined content) for kBufferPadding bytes past its capacity.
class Buffer {
 public:
  Buffer() = default;

  /// Uninitialised memory of this size.
  static Buffer allocate(std::size_t bytes) {
    Buffer buffer;
    buffer.owner_ = std::shared_ptr<char[]>(new char[bytes + kBufferPadding]);
    buffer.data_ = buffer.owner_.get();
    buffer.size_ = bytes;
    buffer.owned_bytes_ = bytes + kBufferPadding;
    std::memset(buffer.data_ + bytes, 0, kBufferPadding);
    return buffer;
  }
  static Buffer copy_of(std::string_view bytes) {
    Buffer buffer = allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(buffer.data_, bytes.data(), bytes.size());
    return buffer;
  }

  char* writable_data() { return data_; }
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }
  /// Bytes of memory kept alive by this Buffer, whatever its slice.
  std::size_t owned_bytes() const { return owned_bytes_; }

  Buffer slice(std::size_t offset, std::size_t length) const {
    Buffer part = *this;
    part.data_ += offset;
    part.size_ = length;
    return part;
  }

 private:
  std::shared_ptr<char[]> owner_;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t owned_bytes_ = 0;
};

}  // namespace logboom
