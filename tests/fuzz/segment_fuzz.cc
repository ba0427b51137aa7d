// Hostile bytes in a queue's directory. The first byte chooses: a segment file, a state slot, or the payload of a record
// whose checksums are right. Whatever it is: the queue opens by itself, gives valid events, and drains.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pipeline/base/log.h"
#include "pipeline/queue/persistent_queue.h"
#include "tests/support/memory_files.h"

namespace {

using namespace logboom;

void drain(PersistentQueue& queue) {
  queue.close();
  while (!queue.is_drained()) {
    Batch batch;
    queue.pop(batch, 100, std::chrono::milliseconds(0), std::chrono::steady_clock::now() + std::chrono::seconds(10));
    Batch::complete(batch.events());
  }
  if (queue.fill().events != 0) std::abort();
}

PersistentQueueOptions options_for(MemoryFiles& files) {
  PersistentQueueOptions options;
  options.store.directory = "/queue";
  options.store.files = &files;
  options.store.sync = StoreSync::Never;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_log_level(LogLevel::Off);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  MemoryFiles files;
  MetricScope metrics;
  const std::string content(bytes.substr(1));
  switch (bytes[0] % 3) {
    case 0: files.set_content("/queue/" + segment_file_name(1), content); break;
    case 1: files.set_content("/queue/state.0", content); break;
    default: {
      auto store = SegmentStore::open(options_for(files).store);
      if (!store) std::abort();
      (*store)->append(content, 1 + static_cast<std::uint32_t>(content.size() % 7),
                       content.size() % 2 == 0 ? 0 : kRecordIsZstd, nullptr);
      (*store)->close(std::chrono::seconds(10));
      break;
    }
  }
  // A state may say that the next number is near the end of all numbers; nothing can be taken then, and nothing is here.
  auto queue = PersistentQueue::open(options_for(files), metrics);
  if (!queue) {
    if (queue.error().code != ErrorCode::InvalidArgument) std::abort();  // a key that nobody has
    return 0;
  }
  drain(**queue);
  return 0;
}
