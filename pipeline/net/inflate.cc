#include "pipeline/net/inflate.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <new>

namespace logboom {
namespace {

constexpr std::size_t kSmallestOutput = 1024;

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* made) const { libdeflate_free_decompressor(made); }
};
using Decompressor = std::unique_ptr<libdeflate_decompressor, FreeDecompressor>;

libdeflate_decompressor* decompressor_of_thread() {
  static thread_local const Decompressor made(libdeflate_alloc_decompressor());
  if (!made) throw std::bad_alloc();
  return made.get();
}

}  // namespace

Result<Buffer> inflate_zlib(std::string_view bytes, std::size_t limit_bytes, std::size_t expected_bytes) {
  std::size_t room = std::min(std::max(expected_bytes, kSmallestOutput), limit_bytes);
  for (;;) {
    Buffer out = Buffer::allocate(room);
    std::size_t read = 0;
    std::size_t written = 0;
    const libdeflate_result outcome = libdeflate_zlib_decompress_ex(decompressor_of_thread(), bytes.data(), bytes.size(),
                                                                    out.writable_data(), room, &read, &written);
    if (outcome == LIBDEFLATE_SUCCESS) {
      if (read != bytes.size()) return Error{ErrorCode::Corrupt, "something follows the compressed body"};
      return out.slice(0, written);
    }
    if (outcome != LIBDEFLATE_INSUFFICIENT_SPACE)
      return Error{ErrorCode::Corrupt, "the compressed body is damaged or cut short"};
    if (room == limit_bytes)
      return Error{ErrorCode::TooLarge, fmt::format("the body inflates to more than {} bytes", limit_bytes)};
    room = std::min(room * 2, limit_bytes);
  }
}

}  // namespace logboom
