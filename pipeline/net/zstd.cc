#include "pipeline/net/zstd.h"

#include <zstd.h>

#include <memory>
#include <new>

#include "pipeline/net/growing_buffer.h"

namespace logboom {
namespace {

constexpr int kLevel = 1;
constexpr int kMaxWindowLog = 23;  // 8 MiB

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error damaged() { return Error{ErrorCode::Corrupt, "the compressed body is damaged or cut short"}; }

/// Kept by each thread: making one costs more than a small body.
ZSTD_DCtx* thread_context() {
  static thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  return context.get();
}

}  // namespace

std::string zstd_compress(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), kLevel);
  if (ZSTD_isError(size)) throw std::bad_alloc();
  out.resize(size);
  return out;
}

Result<Buffer> zstd_decompress_body(std::string_view bytes, std::size_t limit_bytes) {
  ZSTD_DCtx* context = thread_context();
  GrowingBuffer out(std::max<std::size_t>(4096, std::min<std::size_t>(bytes.size() * 4, 1 << 20)), limit_bytes);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (;;) {
    if (out.free_bytes() == 0) out.grow();
    ZSTD_outBuffer piece{out.free_data(), out.free_bytes(), 0};
    const std::size_t wanted = ZSTD_decompressStream(context, &piece, &in);
    out.use(piece.pos);
    if (out.is_over_limit()) return Error{ErrorCode::TooLarge, "the body decompresses to more than is allowed"};
    if (ZSTD_isError(wanted)) return damaged();
    const bool is_at_end = in.pos == in.size;
    if (wanted == 0 && is_at_end) return out.take();
    if (is_at_end && piece.pos < piece.size) return damaged();  // a frame is not complete and nothing more comes
  }
}

}  // namespace logboom
