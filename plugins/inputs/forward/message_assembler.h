// Whole messages out of received pieces: one that lies in a piece is not copied, one that spans pieces is gathered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "pipeline/base/bytes.h"

namespace logboom {

/// `Scanner` finds where messages end (MsgpackScanner, JsonScanner). One connection; one thread at a time.
template <class Scanner>
class MessageAssembler {
 public:
  enum class Step {
    Message,    // `message` is one
    NeedsMore,  // add() the next piece
    TooLarge,   // one past the limit was passed over
    Corrupt,    // no message begins here
  };

  explicit MessageAssembler(std::size_t limit_bytes) : limit_(limit_bytes) {}
  void set_limit(std::size_t limit_bytes) { limit_ = limit_bytes; }

  /// Takes a piece; the one before must be used up (next() said NeedsMore).
  void add(Buffer piece) {
    piece_ = std::move(piece);
    at_ = 0;
  }
  /// The piece that next() works on, and whether the last message lies in it.
  const Buffer& piece() const { return piece_; }
  bool is_within_piece() const { return is_within_piece_; }

  Step next(Buffer& message) {
    const std::string_view rest = piece_.view().substr(at_);
    if (rest.empty()) return Step::NeedsMore;
    std::size_t used = 0;
    const auto outcome = scanner_.scan(rest, used);
    const std::size_t begin = at_;
    at_ += used;
    if (outcome == Scanner::Outcome::Corrupt) return Step::Corrupt;
    is_too_large_ = is_too_large_ || gathered_bytes_ + used > limit_;
    if (outcome == Scanner::Outcome::NeedsMore) {
      if (is_too_large_) {
        forget_gathered();
      } else {
        gather(rest.substr(0, used), scanner_.missing_bytes(), Growth::Ahead);
      }
      return Step::NeedsMore;
    }
    if (is_too_large_) {
      forget_gathered();
      is_too_large_ = false;
      return Step::TooLarge;
    }
    is_within_piece_ = gathered_bytes_ == 0;
    if (is_within_piece_) {
      message = piece_.slice(begin, used);
    } else {
      gather(rest.substr(0, used), 0, Growth::Exact);
      message = gathered_.slice(0, gathered_bytes_);
      forget_gathered();
    }
    return Step::Message;
  }

  /// True when a message has begun and is not complete.
  bool has_begun() const { return gathered_bytes_ > 0 || is_too_large_; }
  /// Whether the begun message was partly thrown away, so that nobody can finish it.
  bool has_thrown_away() const { return is_too_large_; }
  std::string_view begun() const { return {gathered_.data(), gathered_bytes_}; }

 private:
  static constexpr std::size_t kTrustedBytes = 1024 * 1024;  // made at once on the word of a sender

  enum class Growth { Ahead, Exact };

  void gather(std::string_view bytes, std::uint64_t missing_bytes, Growth growth) {
    const std::size_t needed = gathered_bytes_ + bytes.size();
    if (needed > gathered_.size()) {
      std::size_t capacity = needed;
      if (growth == Growth::Ahead) {
        const std::uint64_t wanted = std::max<std::uint64_t>(needed + missing_bytes, needed + needed / 2);
        capacity = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, std::max(kTrustedBytes, needed * 2)));
      }
      Buffer larger = Buffer::allocate(capacity);
      if (gathered_bytes_ > 0) std::memcpy(larger.writable_data(), gathered_.data(), gathered_bytes_);
      gathered_ = std::move(larger);
    }
    if (!bytes.empty()) std::memcpy(gathered_.writable_data() + gathered_bytes_, bytes.data(), bytes.size());
    gathered_bytes_ = needed;
  }
  void forget_gathered() {
    gathered_ = Buffer();
    gathered_bytes_ = 0;
  }

  std::size_t limit_;
  Scanner scanner_;
  Buffer piece_;
  std::size_t at_ = 0;
  Buffer gathered_;
  std::size_t gathered_bytes_ = 0;
  bool is_too_large_ = false;
  bool is_within_piece_ = false;
};

}  // namespace logboom
