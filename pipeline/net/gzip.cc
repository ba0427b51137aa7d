#include "pipeline/net/gzip.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "pipeline/net/growing_buffer.h"

namespace logboom {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kZlibWindow = 15;
constexpr int kRawWindow = -15;
constexpr std::size_t kLargestStep = 1 << 30;  // zlib counts in 32 bits

/// Window bits that make zlib expect the format that the bytes seem to be in.
int window_for(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[at])); };
  if (bytes.size() >= 2 && byte(0) == 0x1f && byte(1) == 0x8b) return kGzipWindow;
  if (bytes.size() >= 2 && (byte(0) & 0x0f) == Z_DEFLATED && (byte(0) << 8 | byte(1)) % 31 == 0) return kZlibWindow;
  return kRawWindow;
}

class InflateStream {
 public:
  explicit InflateStream(int window) { is_ready_ = inflateInit2(&stream_, window) == Z_OK; }
  ~InflateStream() {
    if (is_ready_) inflateEnd(&stream_);
  }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
  bool is_ready() const { return is_ready_; }
  z_stream& operator*() { return stream_; }

 private:
  z_stream stream_{};
  bool is_ready_ = false;
};

struct FreeCompressor {
  void operator()(libdeflate_compressor* made) const { libdeflate_free_compressor(made); }
};

/// libdeflate: whole bodies in half the time of zlib. One for each thread and level.
libdeflate_compressor* compressor_of_thread(int level) {
  static thread_local std::array<std::unique_ptr<libdeflate_compressor, FreeCompressor>, 10> made;
  auto& wanted = made.at(static_cast<std::size_t>(std::clamp(level, 1, 9)));
  if (!wanted) wanted.reset(libdeflate_alloc_compressor(std::clamp(level, 1, 9)));
  if (!wanted) throw std::bad_alloc();
  return wanted.get();
}

Error damaged() { return Error{ErrorCode::Corrupt, "the compressed body is damaged or cut short"}; }

/// Inflates one member from the front of `bytes`, which it shortens by what it read.
Result<void> inflate_member(std::string_view& bytes, GrowingBuffer& out) {
  InflateStream inflater(window_for(bytes));
  if (!inflater.is_ready()) return Error{ErrorCode::Io, "zlib has no memory"};
  z_stream& stream = *inflater;
  for (;;) {
    if (out.free_bytes() == 0) out.grow();
    const auto offered = static_cast<uInt>(std::min(bytes.size(), kLargestStep));
    const auto room = static_cast<uInt>(std::min(out.free_bytes(), kLargestStep));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = offered;
    stream.next_out = reinterpret_cast<Bytef*>(out.free_data());
    stream.avail_out = room;
    const int status = inflate(&stream, Z_NO_FLUSH);
    bytes.remove_prefix(offered - stream.avail_in);
    out.use(room - stream.avail_out);
    if (out.is_over_limit()) return Error{ErrorCode::TooLarge, "the body inflates to more than is allowed"};
    if (status == Z_STREAM_END) return {};
    if (status != Z_OK && status != Z_BUF_ERROR) return damaged();
    if (stream.avail_out != 0 && bytes.empty()) return damaged();
  }
}

}  // namespace

std::string gzip_compress(std::string_view text) { return gzip_compress_at_level(text, 1); }

std::string gzip_compress_at_level(std::string_view text, int level) {
  libdeflate_compressor* compressor = compressor_of_thread(level);
  std::string out(libdeflate_gzip_compress_bound(compressor, text.size()), '\0');
  out.resize(libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  return out;
}

Result<Buffer> inflate_body(std::string_view bytes, std::size_t limit_bytes) {
  GrowingBuffer out(std::max<std::size_t>(4096, std::min<std::size_t>(bytes.size() * 4, 1 << 20)), limit_bytes);
  const bool has_members = window_for(bytes) == kGzipWindow;
  do {
    if (auto member = inflate_member(bytes, out); !member) return member.error();
  } while (has_members && window_for(bytes) == kGzipWindow);
  if (!bytes.empty()) return damaged();
  return out.take();
}

}  // namespace logboom
