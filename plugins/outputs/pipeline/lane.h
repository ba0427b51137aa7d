// Lane: the way from a pipeline output to one address. What cannot go on now waits here, in order, without a thread.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/plugin/pipeline_bus.h"
#include "plugins/outputs/pipeline/shipment.h"

namespace logboom {

struct LaneOptions {
  std::string output_id;
  bool waits = true;  // for an address that is not there or takes nothing; false: events are thrown away then
};

/// Any thread. The engine bounds what waits: it is not delivered yet.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  Lane(std::shared_ptr<PipelineAddress> address, LaneOptions options, MetricScope& metrics);

  /// Before the first send().
  void open();
  void send(std::shared_ptr<Shipment> shipment);
  /// What has not been handed over fails; what has been is reported when the other pipeline is done with it.
  void close();

 private:
  class Receipt;
  /// A shipment, and its events as the receiver will own them.
  struct Parcel {
    std::shared_ptr<Shipment> shipment;
    int times_returned = 0;
    std::shared_ptr<const PipelineAddress::Receiver> receiver;  // that it was packed for
    std::shared_ptr<Receipt> receipt;
    ChunkPtr chunk;
  };
  void hand_over_or_throw_away(Parcel& parcel, std::shared_ptr<const PipelineAddress::Receiver> receiver);
  void pack(Parcel& parcel, std::shared_ptr<const PipelineAddress::Receiver> receiver);
  static void unpack(Parcel& parcel);
  bool offer(Parcel& parcel);
  void call_when_offer_may_succeed(const Parcel& parcel);
  void pump();
  void returned(Parcel parcel);

  const std::shared_ptr<PipelineAddress> address_;
  const LaneOptions options_;
  Counter& discarded_;
  LogRateLimit log_;
  std::shared_ptr<const void> registration_;

  std::mutex mutex_;
  std::deque<Parcel> waiting_;
  bool is_pumping_ = false;
  bool has_news_ = false;           // while somebody pumps
  bool is_expecting_call_ = false;  // it will be told when to offer again
  bool is_closed_ = false;
};

}  // namespace logboom
