#include "plugins/inputs/beats/frames.h"

#include <algorithm>
#include <cstring>

namespace logboom::beats {
namespace {

constexpr std::size_t kTypeBytes = 2;  // version and type
constexpr std::size_t kNumberBytes = 4;
constexpr std::size_t kFirstJoinBytes = 16 * 1024;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

void append_number(std::uint32_t number, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xFF);
}

}  // namespace

bool next_pair(std::string_view& payload, std::string_view& name, std::string_view& value) {
  if (payload.empty()) return false;
  for (std::string_view* part : {&name, &value}) {
    const std::size_t length = number_at(payload, 0);
    *part = payload.substr(kNumberBytes, length);
    payload.remove_prefix(kNumberBytes + length);
  }
  return true;
}

std::string window_frame(char version, std::uint32_t size) {
  std::string out{version, 'W'};
  append_number(size, out);
  return out;
}

void append_ack(char version, std::uint32_t sequence, std::string& out) {
  out += version;
  out += 'A';
  append_number(sequence, out);
}

void FrameCutter::feed(Buffer received) {
  input_ = std::move(received);
  at_ = 0;
}

FrameCutter::Step FrameCutter::next(Frame& frame) {
  frame_joined_ = Buffer();
  if (joined_bytes_ == 0) {
    const std::string_view rest = input_.view().substr(at_);
    if (rest.empty()) return Step::NeedsMore;
    const Step step = look(rest, frame);
    if (step == Step::Frame) {
      at_ += frame_bytes_;
    } else if (step == Step::NeedsMore) {
      grow_joined(rest.size());
      std::memcpy(joining_.writable_data(), rest.data(), rest.size());
      joined_bytes_ = rest.size();
      at_ = input_.size();
    }
    return step;
  }
  for (;;) {
    const std::size_t taken = std::min(wanted_bytes_ - joined_bytes_, input_.size() - at_);
    grow_joined(joined_bytes_ + taken);
    if (taken > 0) std::memcpy(joining_.writable_data() + joined_bytes_, input_.data() + at_, taken);
    joined_bytes_ += taken;
    at_ += taken;
    if (joined_bytes_ < wanted_bytes_) return Step::NeedsMore;
    const Step step = look(joining_.view().substr(0, joined_bytes_), frame);
    if (step == Step::NeedsMore) continue;
    if (step == Step::Frame) {
      frame_joined_ = std::move(joining_);
      joining_ = Buffer();
      joined_bytes_ = 0;
    }
    return step;
  }
}

std::string FrameCutter::take_unfinished() {
  std::string rest(joining_.view().substr(0, joined_bytes_));
  rest += input_.view().substr(at_);
  feed(Buffer());
  joining_ = Buffer();
  joined_bytes_ = scanned_bytes_ = 0;
  return rest;
}

void FrameCutter::grow_joined(std::size_t bytes) {
  if (bytes <= joining_.size()) return;
  // Twice what came, but not past the frame's known end: a length that a peer only claims costs nothing.
  const std::size_t room =
      std::max({bytes, std::min(wanted_bytes_, joining_.size() * 2), std::min(wanted_bytes_, kFirstJoinBytes)});
  Buffer larger = Buffer::allocate(room);
  if (joined_bytes_ > 0) std::memcpy(larger.writable_data(), joining_.data(), joined_bytes_);
  joining_ = std::move(larger);
}

FrameCutter::Step FrameCutter::look(std::string_view bytes, Frame& frame) {
  if (bytes[0] != '1' && bytes[0] != '2') return refuse(Refusal::WrongVersion);
  if (bytes.size() < kTypeBytes) return wants(kTypeBytes);
  frame.version = bytes[0];
  const bool is_with_sequence = bytes[1] == 'J' || bytes[1] == 'D';
  if (!is_with_sequence && bytes[1] != 'W' && bytes[1] != 'C') return refuse(Refusal::UnknownFrame);
  const std::size_t header_bytes = kTypeBytes + kNumberBytes * (is_with_sequence ? 2 : 1);
  if (bytes.size() < header_bytes) return wants(header_bytes);
  frame.number = number_at(bytes, kTypeBytes);
  if (bytes[1] == 'W') {
    if (frame.number > limits_.max_window_events) return refuse(Refusal::WindowTooLarge);
    frame.kind = Frame::Kind::Window;
    frame_bytes_ = header_bytes;
    return Step::Frame;
  }
  if (bytes[1] == 'D') return look_at_pairs(bytes, frame);
  const std::size_t length = number_at(bytes, header_bytes - kNumberBytes);
  if (length == 0) return refuse(Refusal::EmptyFrame);
  if (length > limits_.max_frame_bytes) return refuse(Refusal::FrameTooLarge);
  if (bytes.size() < header_bytes + length) return wants(header_bytes + length);
  frame.kind = bytes[1] == 'J' ? Frame::Kind::Json : Frame::Kind::Compressed;
  frame.payload = bytes.substr(header_bytes, length);
  frame_bytes_ = header_bytes + length;
  return Step::Frame;
}

/// A Data frame says its length only pair by pair. What was walked over once is not walked over again, so that a peer that
/// sends byte by byte costs no more than one that does not.
FrameCutter::Step FrameCutter::look_at_pairs(std::string_view bytes, Frame& frame) {
  constexpr std::size_t kHeaderBytes = kTypeBytes + 2 * kNumberBytes;
  if (scanned_bytes_ == 0) {
    const std::uint32_t pairs = number_at(bytes, kTypeBytes + kNumberBytes);
    if (pairs == 0) return refuse(Refusal::EmptyFrame);
    if (pairs > limits_.max_frame_bytes / (2 * kNumberBytes)) return refuse(Refusal::FrameTooLarge);
    pairs_left_ = pairs * 2;  // names and values alike
    scanned_bytes_ = kHeaderBytes;
  }
  while (pairs_left_ > 0) {
    if (bytes.size() < scanned_bytes_ + kNumberBytes) return wants(scanned_bytes_ + kNumberBytes);
    const std::size_t end = scanned_bytes_ + kNumberBytes + number_at(bytes, scanned_bytes_);
    if (end > limits_.max_frame_bytes) return refuse(Refusal::FrameTooLarge);
    if (bytes.size() < end) return wants(end);
    scanned_bytes_ = end;
    --pairs_left_;
  }
  frame.kind = Frame::Kind::Data;
  frame.payload = bytes.substr(kHeaderBytes, scanned_bytes_ - kHeaderBytes);
  frame_bytes_ = scanned_bytes_;
  scanned_bytes_ = 0;
  return Step::Frame;
}

}  // namespace logboom::beats
