// Decoders that are used again: a request's decoder is empty when it is done.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "pipeline/plugin/codec.h"

namespace logboom {

/// Any thread.
class DecoderPool {
 public:
  explicit DecoderPool(CodecPtr codec) : codec_(std::move(codec)) {}

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

 private:
  static constexpr std::size_t kLargestKept = 1024 * 1024;
  static constexpr std::size_t kMostKept = 16;
  CodecPtr codec_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Decoder>> idle_;
};

}  // namespace logboom
