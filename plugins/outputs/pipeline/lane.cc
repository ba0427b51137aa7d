#include "plugins/outputs/pipeline/lane.h"

namespace logboom {
namespace {

constexpr int kMostReturns = 3;  // then the engine's pause between attempts is wanted

}  // namespace

/// Hears what became of a chunk that the other pipeline has taken.
class Lane::Receipt final : public AckReceiver {
 public:
  Receipt(std::shared_ptr<Lane> lane, std::shared_ptr<Shipment> shipment, int times_returned)
      : lane_(std::move(lane)), shipment_(std::move(shipment)), times_returned_(times_returned) {}

  /// The chunk is not handed over after all.
  void make_void() { is_void_ = true; }

  void finished(AckResult result) override {
    if (is_void_) return;
    if (result == AckResult::Delivered) return shipment_->arrived();
    Parcel parcel;
    parcel.shipment = shipment_;
    parcel.times_returned = times_returned_ + 1;
    lane_->returned(std::move(parcel));
  }

 private:
  const std::shared_ptr<Lane> lane_;
  const std::shared_ptr<Shipment> shipment_;
  const int times_returned_;
  bool is_void_ = false;
};

Lane::Lane(std::shared_ptr<PipelineAddress> address, LaneOptions options, MetricScope& metrics)
    : address_(std::move(address)), options_(std::move(options)), discarded_(metrics.counter("discarded")) {}

void Lane::open() { registration_ = address_->register_sender(); }

void Lane::send(std::shared_ptr<Shipment> shipment) {
  Parcel parcel;
  parcel.shipment = std::move(shipment);
  auto receiver = address_->receiver();
  if (!options_.waits) return hand_over_or_throw_away(parcel, std::move(receiver));
  if (receiver) pack(parcel, std::move(receiver));  // here, by the caller: several workers do it at the same time
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(parcel));
    if (is_expecting_call_) return;  // those before it are not taken now
  }
  pump();
}

/// What becomes of the events there is no longer this pipeline's business: a receiver that is stuck must not hold it up.
void Lane::hand_over_or_throw_away(Parcel& parcel, std::shared_ptr<const PipelineAddress::Receiver> receiver) {
  if (receiver) {
    pack(parcel, receiver);
    parcel.chunk->token().release_receiver();
  }
  if (!receiver || !receiver->sink->try_push(parcel.chunk)) {
    discarded_.add(parcel.shipment->size());
    if (log_.allow())
      log_warn(options_.output_id, "the pipeline at \"{}\" {}: {} events are thrown away (ensure_delivery is off; {} more)",
               address_->name(), receiver ? "takes nothing now" : "is not there", parcel.shipment->size(),
               log_.suppressed());
  }
  parcel.shipment->arrived();
}

/// The receiver changes its events, and ours must stay as they are until it has delivered them: tables are copied, texts
/// are not.
void Lane::pack(Parcel& parcel, std::shared_ptr<const PipelineAddress::Receiver> receiver) {
  const DeliveryPtr& delivery = parcel.shipment->delivery();
  parcel.chunk = receiver->sink->new_chunk(Buffer());
  parcel.chunk->keep(delivery, delivery->memory_bytes());
  for (const Event* event : delivery->events()) parcel.chunk->new_event().copy_fields_of(*event, CopyStrings::Share);
  receiver->decorate(*parcel.chunk);
  parcel.receipt = std::make_shared<Receipt>(shared_from_this(), parcel.shipment, parcel.times_returned);
  parcel.chunk->token().set_receiver(parcel.receipt, AckTracking::Whole);
  parcel.receiver = std::move(receiver);
}

void Lane::unpack(Parcel& parcel) {
  if (parcel.receipt) parcel.receipt->make_void();
  parcel.receipt.reset();
  parcel.chunk.reset();
  parcel.receiver.reset();
}

bool Lane::offer(Parcel& parcel) {
  auto receiver = address_->receiver();
  if (!receiver || receiver->sink->is_stopping()) {
    unpack(parcel);
    parcel.receiver = std::move(receiver);
    if (log_.allow())
      log_warn(options_.output_id, "no pipeline takes events at the address \"{}\" now; they wait for it ({} more)",
               address_->name(), log_.suppressed());
    return false;
  }
  if (!parcel.chunk || parcel.receiver != receiver) {
    unpack(parcel);
    pack(parcel, std::move(receiver));
  }
  return parcel.receiver->sink->try_push(parcel.chunk);
}

void Lane::call_when_offer_may_succeed(const Parcel& parcel) {
  auto callback = [lane = weak_from_this()] {
    const auto self = lane.lock();
    if (!self) return;
    {
      const std::lock_guard lock(self->mutex_);
      self->is_expecting_call_ = false;
    }
    self->pump();
  };
  if (parcel.chunk) {
    parcel.receiver->sink->call_when_room(std::move(callback));
  } else {
    address_->call_when_changed(parcel.receiver.get(), std::move(callback));
  }
}

/// One thread at a time offers what waits, the oldest first; others leave it to that one.
void Lane::pump() {
  std::unique_lock lock(mutex_);
  if (is_pumping_) {
    has_news_ = true;
    return;
  }
  is_pumping_ = true;
  while (!is_closed_ && !waiting_.empty()) {
    Parcel parcel = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const bool is_taken = offer(parcel);
    lock.lock();
    if (is_taken) continue;
    has_news_ = false;
    is_expecting_call_ = true;
    lock.unlock();
    call_when_offer_may_succeed(parcel);
    lock.lock();
    waiting_.push_front(std::move(parcel));
    if (!has_news_) break;
  }
  is_pumping_ = false;
  std::deque<Parcel> left;
  if (is_closed_) left.swap(waiting_);
  lock.unlock();
  for (Parcel& parcel : left) {
    unpack(parcel);
    parcel.shipment->failed("the output has ended");
  }
}

void Lane::returned(Parcel parcel) {
  if (parcel.times_returned > kMostReturns)
    return parcel.shipment->failed("the pipeline at \"" + address_->name() + "\" does not deliver them");
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_front(std::move(parcel));
  }
  pump();
}

void Lane::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  pump();
  registration_.reset();
}

}  // namespace logboom
