#include "server/pipeline_queue.h"

#include <fmt/format.h>

#include "pipeline/base/file_name.h"
#include "pipeline/base/log.h"
#include "pipeline/queue/gated_queue.h"
#include "pipeline/queue/memory_queue.h"
#include "pipeline/queue/persistent_queue.h"

namespace logboom {
namespace {

constexpr std::uint64_t kMemoryQueueBytes = 64 * 1024 * 1024;
constexpr std::uint64_t kPersistedQueueBytes = 1024 * 1024 * 1024;
constexpr std::uint64_t kNoCheckpoint = ~std::uint64_t{0};

std::uint64_t checkpoint(const Settings& settings, std::string_view name) {
  const auto number = static_cast<std::uint64_t>(settings.number(name));
  return number > 0 ? number : kNoCheckpoint;
}

/// What all stores of a pipeline have in common: not where they are.
Result<StoreOptions> store_options(const Settings& settings) {
  StoreOptions made;
  made.segment_bytes = settings.bytes("queue.page_capacity");
  made.sync = store_sync_named(settings.text("queue.sync"));
  made.checkpoint_interval =
      std::chrono::milliseconds(std::max<std::int64_t>(10, settings.number("queue.checkpoint.interval")));
  made.checkpoint_writes = checkpoint(settings, "queue.checkpoint.writes");
  made.checkpoint_acks = checkpoint(settings, "queue.checkpoint.acks");
  made.compression = store_compression_named(settings.text("queue.compression"));
  auto keys = StoreKeys::parse(settings.text("queue.encryption"));
  if (!keys) return Error{ErrorCode::InvalidArgument, fmt::format("queue.encryption: {}", keys.error().message)};
  made.keys = std::move(*keys);
  return made;
}

}  // namespace

std::uint64_t queue_max_bytes(const Settings& settings) {
  if (settings.has("queue.max_bytes")) return settings.bytes("queue.max_bytes");
  return is_persisted(settings) ? kPersistedQueueBytes : kMemoryQueueBytes;
}

bool is_persisted(const Settings& settings) { return settings.text("queue.type") == "persisted"; }

std::string queue_directory(const Settings& settings, const std::string& id) {
  const std::string own = settings.text("path.queue");
  return (own.empty() ? settings.text("path.data") + "/queue" : own) + "/" + file_name_of(id);
}

Result<DiskBufferDefaults> disk_buffer_defaults(const Settings& settings) {
  auto store = store_options(settings);
  if (!store) return store.error();
  return DiskBufferDefaults{settings.text("path.data") + "/buffers", std::move(*store)};
}

Result<std::unique_ptr<PipelineQueue>> make_pipeline_queue(const std::string& id, const Settings& settings,
                                                           std::size_t events_in_work, MetricScope& pipeline) {
  const auto max_events = static_cast<std::size_t>(settings.number("queue.max_events"));
  if (!is_persisted(settings)) {
    MemoryQueueLimits limits;
    limits.max_events = max_events > 0 ? max_events : events_in_work;
    limits.max_bytes = queue_max_bytes(settings);
    return std::unique_ptr<PipelineQueue>(std::make_unique<GatedQueue>(std::make_unique<MemoryQueue>(limits)));
  }
  auto store = store_options(settings);
  if (!store) return store.error();
  PersistentQueueOptions options;
  options.store = std::move(*store);
  options.store.directory = queue_directory(settings, id);
  options.store.name = id;
  options.max_bytes = queue_max_bytes(settings);
  options.max_events = max_events;
  auto queue = PersistentQueue::open(std::move(options), pipeline.child("queue"));
  if (!queue && queue.error().code == ErrorCode::AlreadyExists)
    return Error{ErrorCode::AlreadyExists,
                 fmt::format("the queue in {} is used by another process or pipeline", queue_directory(settings, id))};
  if (!queue) return queue.error();
  const auto waiting = (*queue)->fill().events;
  if (waiting > 0) log_info(id, "{} events wait in the queue", waiting);
  return std::unique_ptr<PipelineQueue>(std::make_unique<GatedQueue>(std::move(*queue)));
}

GatedQueue* gate_of(Pipeline& pipeline) { return dynamic_cast<GatedQueue*>(&pipeline.queue()); }

std::string promise(const Settings& settings, bool when_delivered) {
  if (!is_persisted(settings))
    return fmt::format("senders are told \"received\" when events are {}", when_delivered ? "delivered" : "queued");
  switch (store_sync_named(settings.text("queue.sync"))) {
    case StoreSync::Always:
      return "senders are told \"received\" when events are in the queue and synced: they survive a power cut";
    case StoreSync::Interval:
      return fmt::format(
          "senders are told \"received\" when the system has events: they survive the end of the process, of the last {} "
          "before a "
          "power cut some may be lost",
          settings.text("queue.checkpoint.interval"));
    case StoreSync::Never: break;
  }
  return "senders are told \"received\" when the system has events: they survive the end of the process, a power cut may "
         "lose some";
}

std::chrono::milliseconds end_limit(const Settings& settings) {
  if (settings.has("pipeline.shutdown.timeout"))
    return std::chrono::milliseconds(settings.number("pipeline.shutdown.timeout"));
  if (!is_persisted(settings)) return std::chrono::seconds(25);
  return settings.boolean("queue.drain") ? std::chrono::milliseconds(std::chrono::minutes(5)) : std::chrono::seconds(3);
}

}  // namespace logboom
