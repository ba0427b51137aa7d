// One connection of the beats input: a reader of frames and a writer of acknowledgements, side by side on one strand.
#pragma once

#include <memory>

#include "pipeline/plugin/input.h"
#include "plugins/inputs/beats/shared.h"

namespace logboom::beats {

class BeatsService final : public StreamService {
 public:
  explicit BeatsService(std::unique_ptr<BeatsShared> shared) : shared_(std::move(shared)) {}
  Awaitable<void> serve(ByteStream& peer, EventSink& sink) override;

 private:
  std::unique_ptr<BeatsShared> shared_;
};

}  // namespace logboom::beats
