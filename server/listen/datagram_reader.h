// DatagramReader: a UDP socket read in batches, with the kernel's own count of what it dropped. System calls only; who waits
// for the socket is udp_listener.cc.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/net/datagram.h"

namespace logboom {

/// One thread at a time. The batch is what the last receive() brought; datagrams are received into memory that stays and
/// packed into one Buffer of their size, so that a batch of short ones keeps little alive.
class DatagramReader final : public DatagramBatch {
 public:
  static constexpr std::size_t kBatch = 128;               // datagrams per system call
  static constexpr std::size_t kMaxDatagramBytes = 65536;  // UDP's own limit

  /// `descriptor` is a bound socket that somebody else closes.
  DatagramReader(int descriptor, PeerAddress local);
  ~DatagramReader() override;

  /// Reads what is there without waiting; how many datagrams came, 0 when none is there. Longer ones than
  /// `max_datagram_bytes` are cut. Io: the socket is broken.
  Result<std::size_t> receive(std::size_t max_datagram_bytes);
  /// Datagrams of the last receive() that were cut.
  std::size_t truncated() const { return truncated_; }
  /// Lets go of the batch's memory.
  void release();
  /// Datagrams that the kernel dropped since the last call: there was no room in the receive buffer. Costs a system call
  /// with DropsSource::Socket; the other one is as fresh as the last datagram that was received.
  enum class DropsSource { LastDatagram, Socket };
  std::uint64_t new_drops(DropsSource source);

  std::span<const Datagram> datagrams() const override { return datagrams_; }
  const Buffer& received() const override { return received_; }
  const PeerAddress& local() const override { return local_; }
  void reply(const Datagram& to, std::string_view bytes) override;

 private:
  struct Slots;
  void prepare(std::size_t max_datagram_bytes);
  void pack(std::size_t count);

  const int descriptor_;
  const PeerAddress local_;
  std::unique_ptr<Slots> slots_;
  std::vector<Datagram> datagrams_;
  std::vector<PeerAddress> peers_;  // of this batch, neighbours share one
  Buffer received_;
  std::size_t truncated_ = 0;
  std::uint32_t seen_drops_ = 0;     // by the last datagram
  std::uint32_t counted_drops_ = 0;  // told by new_drops()
};

/// Sets a socket's receive buffer to `wished` bytes, past net.core.rmem_max where the process may. With `only_grows` a
/// larger one is left alone. Returns what the kernel gave.
std::size_t set_receive_buffer(int descriptor, std::size_t wished, bool only_grows);

}  // namespace logboom
