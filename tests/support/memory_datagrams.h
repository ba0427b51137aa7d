// A DatagramBatch from texts, each with the address that it came from.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/net/datagram.h"

namespace logboom {

class MemoryDatagrams final : public DatagramBatch {
 public:
  /// Pairs of sender's address and bytes.
  explicit MemoryDatagrams(const std::vector<std::pair<std::string, std::string>>& sent) {
    std::string all;
    for (const auto& [ip, bytes] : sent) all += bytes;
    received_ = Buffer::copy_of(all);
    std::size_t at = 0;
    for (const auto& [ip, bytes] : sent) {
      if (peers_.empty() || peers_.back().ip != ip) {
        peers_.emplace_back();
        peers_.back().ip = ip;
        peers_.back().port = 4711;
      }
      datagrams_.push_back({received_.view().substr(at, bytes.size()), &peers_.back()});
      at += bytes.size();
    }
  }
  std::span<const Datagram> datagrams() const override { return datagrams_; }
  const Buffer& received() const override { return received_; }
  const PeerAddress& local() const override { return local_; }
  void reply(const Datagram& to, std::string_view bytes) override { replies.emplace_back(to.peer->ip, bytes); }

  std::vector<std::pair<std::string, std::string>> replies;

 private:
  Buffer received_;
  std::deque<PeerAddress> peers_;  // datagrams point into it
  std::vector<Datagram> datagrams_;
  PeerAddress local_;
};

}  // namespace logboom
