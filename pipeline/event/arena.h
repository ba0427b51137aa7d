// Arena: memory that is given back all at once. One owner at a time; not for sharing between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace logboom {

/// Bump allocator. Nothing is destroyed, so only trivially destructible things may live in it.
/// Blocks double from 4 KiB to 256 KiB; a larger request gets a block of its own.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Never fails short of std::bad_alloc. `align` is a power of two, at most 16.
  void* allocate(std::size_t bytes, std::size_t align = 8) {
    auto at = (reinterpret_cast<std::uintptr_t>(next_) + align - 1) & ~(static_cast<std::uintptr_t>(align) - 1);
    if (at + bytes > reinterpret_cast<std::uintptr_t>(end_) || next_ == nullptr) return allocate_in_new_block(bytes, align);
    next_ = reinterpret_cast<char*>(at + bytes);
    return reinterpret_cast<void*>(at);
  }
  template <class T>
  T* allocate_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return std::string_view("", 0);  // never nullptr: an empty text is a text
    char* to = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  /// Bytes reserved from the system.
  std::size_t reserved_bytes() const { return reserved_bytes_; }

 private:
  static constexpr std::size_t kFirstBlockBytes = 4096;
  static constexpr std::size_t kLargestBlockBytes = 256 * 1024;

  void* allocate_in_new_block(std::size_t bytes, std::size_t align);

  char* next_ = nullptr;
  char* end_ = nullptr;
  std::size_t next_block_bytes_ = kFirstBlockBytes;
  std::size_t reserved_bytes_ = 0;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

}  // namespace logboom
