// Decoders that are used again: a request's decoder is empty when it is done.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "pipeline/plugin/codec.h"

namespace logboom {

/// Any thread.
class DecoderPool {
 public:
  /// `name`: of the codec; plain makes an event even of an empty body, as a request may say all in its path.
  DecoderPool(CodecPtr codec, std::string_view name) : codec_(std::move(codec)), is_plain_(name == "plain") {}

  /// Cuts one whole body, which lies in the chunk, into events.
  void decode(std::string_view body, Chunk& chunk) {
    std::unique_ptr<Decoder> decoder = take();
    if (body.empty() && is_plain_) {
      decoder->decode_message(body, chunk);
    } else {
      decoder->decode(body, chunk);
      decoder->flush(chunk);
    }
    give_back(std::move(decoder), body.size());
  }

 private:
  std::unique_ptr<Decoder> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto decoder = std::move(idle_.back());
        idle_.pop_back();
        return decoder;
      }
    }
    return codec_->make_decoder();
  }
  /// `used_bytes`: what it decoded last. One that saw a large body is let go of, with the memory that it needed.
  void give_back(std::unique_ptr<Decoder> decoder, std::size_t used_bytes) {
    if (used_bytes > kLargestKept || decoder->held_bytes() != 0) return;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMostKept) idle_.push_back(std::move(decoder));
  }

  static constexpr std::size_t kLargestKept = 1024 * 1024;
  static constexpr std::size_t kMostKept = 16;
  CodecPtr codec_;
  const bool is_plain_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Decoder>> idle_;
};

}  // namespace logboom
