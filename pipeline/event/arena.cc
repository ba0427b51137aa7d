#include "pipeline/event/arena.h"

#include <algorithm>

namespace logboom {

void* Arena::allocate_in_new_block(std::size_t bytes, std::size_t align) {
  if (bytes > next_block_bytes_ / 2) {
    // A large thing gets its own block, and the rest of the current one stays in use.
    blocks_.push_back(std::unique_ptr<char[]>(new char[bytes + align]));
    reserved_bytes_ += bytes + align;
    const auto at =
        (reinterpret_cast<std::uintptr_t>(blocks_.back().get()) + align - 1) & ~(static_cast<std::uintptr_t>(align) - 1);
    return reinterpret_cast<void*>(at);
  }
  blocks_.push_back(std::unique_ptr<char[]>(new char[next_block_bytes_]));
  reserved_bytes_ += next_block_bytes_;
  next_ = blocks_.back().get();
  end_ = next_ + next_block_bytes_;
  next_block_bytes_ = std::min(next_block_bytes_ * 2, kLargestBlockBytes);
  return allocate(bytes, align);
}

}  // namespace logboom
