// The dead-letter queues of this machine, as plugins see them.
#pragma once

#include "pipeline/plugin/dead_letters.h"
#include "pipeline/store/payload_seal.h"

namespace logboom {

/// Any thread.
class DeadLetterFiles final : public DeadLetterAccess {
 public:
  explicit DeadLetterFiles(StoreKeys keys = {}) : keys_(std::move(keys)) {}
  Result<std::unique_ptr<DeadLetterReader>> open(const std::string& directory, const std::string& pipeline_id,
                                                 std::uint64_t first, bool cleans) override;

 private:
  const StoreKeys keys_;
};

}  // namespace logboom
