#include "server/listen/datagram_reader.h"

#include <fmt/core.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include "pipeline/net/address.h"

namespace logboom {
namespace {

struct ControlBytes {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint32_t))> bytes;
};

/// The kernel's count of drops up to this datagram; nullopt when there was none.
std::optional<std::uint32_t> drops_before(const msghdr& message) {
  auto* header = const_cast<msghdr*>(&message);
  for (cmsghdr* control = CMSG_FIRSTHDR(header); control != nullptr; control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SO_RXQ_OVFL) continue;
    std::uint32_t drops = 0;
    std::memcpy(&drops, CMSG_DATA(control), sizeof drops);
    return drops;
  }
  return std::nullopt;
}

bool is_same_peer(const sockaddr_storage& left, const sockaddr_storage& right, socklen_t size) {
  return std::memcmp(&left, &right, size) == 0;
}

}  // namespace

/// What recvmmsg(2) fills: for each datagram a place of the largest size, of which only touched pages exist.
struct DatagramReader::Slots {
  explicit Slots(std::size_t bytes) : slot_bytes(bytes), memory(new char[bytes * kBatch]) {
    std::memset(headers.data(), 0, sizeof headers);
    for (std::size_t i = 0; i < kBatch; ++i) {
      places[i] = {memory.get() + i * slot_bytes, slot_bytes};
      headers[i].msg_hdr.msg_iov = &places[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      headers[i].msg_hdr.msg_name = &senders[i];
      headers[i].msg_hdr.msg_control = controls[i].bytes.data();
    }
    reset(kBatch);
  }
  void reset(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      headers[i].msg_hdr.msg_namelen = sizeof senders[i];
      headers[i].msg_hdr.msg_controllen = controls[i].bytes.size();
    }
  }

  std::size_t slot_bytes;
  std::unique_ptr<char[]> memory;
  std::size_t used = 0;
  std::array<mmsghdr, kBatch> headers;
  std::array<iovec, kBatch> places;
  std::array<sockaddr_storage, kBatch> senders;
  std::array<ControlBytes, kBatch> controls;
};

DatagramReader::DatagramReader(int descriptor, PeerAddress local) : descriptor_(descriptor), local_(std::move(local)) {
  const int on = 1;
  setsockopt(descriptor_, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  datagrams_.reserve(kBatch);
  peers_.reserve(kBatch);  // datagrams point into it
}

DatagramReader::~DatagramReader() = default;

void DatagramReader::prepare(std::size_t max_datagram_bytes) {
  release();
  const std::size_t bytes = std::clamp<std::size_t>(max_datagram_bytes, 1, kMaxDatagramBytes);
  if (slots_ && slots_->slot_bytes == bytes) {
    slots_->reset(slots_->used);
  } else {
    slots_.reset();
    slots_ = std::make_unique<Slots>(bytes);
  }
  slots_->used = 0;
}

void DatagramReader::release() {
  datagrams_.clear();
  peers_.clear();
  received_ = Buffer();
  truncated_ = 0;
}

Result<std::size_t> DatagramReader::receive(std::size_t max_datagram_bytes) {
  prepare(max_datagram_bytes);
  int count = 0;
  do {
    count = recvmmsg(descriptor_, slots_->headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOMEM || errno == ENOBUFS) return std::size_t{0};
    return Error{ErrorCode::Io, fmt::format("cannot receive: {}", std::strerror(errno))};
  }
  slots_->used = static_cast<std::size_t>(count);
  pack(slots_->used);
  return slots_->used;
}

void DatagramReader::pack(std::size_t count) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += slots_->headers[i].msg_len;
  received_ = Buffer::allocate(total);
  char* to = received_.writable_data();
  for (std::size_t i = 0; i < count; ++i) {
    const mmsghdr& header = slots_->headers[i];
    std::memcpy(to, slots_->places[i].iov_base, header.msg_len);
    if (i == 0 || !is_same_peer(slots_->senders[i], slots_->senders[i - 1], header.msg_hdr.msg_namelen))
      peers_.push_back(to_peer_address(reinterpret_cast<const sockaddr&>(slots_->senders[i])));
    datagrams_.push_back({{to, header.msg_len}, &peers_.back()});
    if ((header.msg_hdr.msg_flags & MSG_TRUNC) != 0) ++truncated_;
    to += header.msg_len;
  }
  if (count == 0) return;
  if (const auto drops = drops_before(slots_->headers[count - 1].msg_hdr)) seen_drops_ = *drops;
}

std::uint64_t DatagramReader::new_drops(DropsSource source) {
  if (source == DropsSource::Socket) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t size = sizeof memory;
    if (getsockopt(descriptor_, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) == 0 &&
        size > SK_MEMINFO_DROPS * sizeof memory[0])
      seen_drops_ = memory[SK_MEMINFO_DROPS];
  }
  const std::uint32_t fresh = seen_drops_ - counted_drops_;             // the kernel's count wraps at 32 bits
  if (fresh > std::numeric_limits<std::uint32_t>::max() / 2) return 0;  // an older figure than the one before
  counted_drops_ = seen_drops_;
  return fresh;
}

void DatagramReader::reply(const Datagram& to, std::string_view bytes) {
  const auto number = static_cast<std::size_t>(&to - datagrams_.data());
  if (number >= datagrams_.size()) return;
  const msghdr& header = slots_->headers[number].msg_hdr;
  if (sendto(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
             static_cast<const sockaddr*>(header.msg_name), header.msg_namelen) < 0)
    return;  // an answer that gets lost is what UDP is about
}

std::size_t set_receive_buffer(int descriptor, std::size_t wished, bool only_grows) {
  const auto given = [descriptor] {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, &size);
    return static_cast<std::size_t>(bytes) / 2;  // the kernel doubles what is asked for, for its own book-keeping
  };
  const int bytes = static_cast<int>(std::min<std::size_t>(wished, std::numeric_limits<int>::max() / 2));
  if (only_grows && given() >= wished) return given();
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (given() < wished) setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  return given();
}

}  // namespace logboom
