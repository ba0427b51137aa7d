#include "server/pipeline_queue.h"

#include <fmt/format.h>

#include <cctype>

#include "pipeline/base/log.h"
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

StoreSync sync_of(const Settings& settings) {
  const std::string name = settings.text("queue.sync");
  if (name == "interval") return StoreSync::Interval;
  return name == "never" ? StoreSync::Never : StoreSync::Always;
}

StoreCompression compression_of(const Settings& settings) {
  const std::string name = settings.text("queue.compression");
  if (name == "zstd" || name == "speed") return StoreCompression::Speed;
  if (name == "balanced") return StoreCompression::Balanced;
  return name == "size" ? StoreCompression::Size : StoreCompression::None;
}

std::uint64_t max_bytes(const Settings& settings) {
  if (settings.has("queue.max_bytes")) return settings.bytes("queue.max_bytes");
  return is_persisted(settings) ? kPersistedQueueBytes : kMemoryQueueBytes;
}

}  // namespace

bool is_persisted(const Settings& settings) { return settings.text("queue.type") == "persisted"; }

std::string queue_directory(const Settings& settings, const std::string& id) {
  const std::string own = settings.text("path.queue");
  std::string directory = (own.empty() ? settings.text("path.data") + "/queue" : own) + "/";
  const bool is_special = id == "." || id == "..";
  for (const char letter : id) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool is_plain = byte < 0x80 && (std::isalnum(byte) != 0 || letter == '-' || letter == '_' || letter == '.');
    directory += is_plain && !is_special ? std::string(1, letter) : fmt::format("%{:02X}", byte);
  }
  return directory;
}

Result<std::unique_ptr<PipelineQueue>> make_pipeline_queue(const std::string& id, const Settings& settings,
                                                           std::size_t events_in_work, MetricScope& pipeline) {
  const auto max_events = static_cast<std::size_t>(settings.number("queue.max_events"));
  if (!is_persisted(settings)) {
    MemoryQueueLimits limits;
    limits.max_events = max_events > 0 ? max_events : events_in_work;
    limits.max_bytes = max_bytes(settings);
    return std::unique_ptr<PipelineQueue>(std::make_unique<MemoryQueue>(limits));
  }
  PersistentQueueOptions options;
  options.store.directory = queue_directory(settings, id);
  options.store.name = id;
  options.store.segment_bytes = settings.bytes("queue.page_capacity");
  options.store.sync = sync_of(settings);
  options.store.checkpoint_interval =
      std::chrono::milliseconds(std::max<std::int64_t>(10, settings.number("queue.checkpoint.interval")));
  options.store.checkpoint_writes = checkpoint(settings, "queue.checkpoint.writes");
  options.store.checkpoint_acks = checkpoint(settings, "queue.checkpoint.acks");
  options.store.compression = compression_of(settings);
  auto keys = StoreKeys::parse(settings.text("queue.encryption"));
  if (!keys) return Error{ErrorCode::InvalidArgument, fmt::format("queue.encryption: {}", keys.error().message)};
  options.store.keys = std::move(*keys);
  options.max_bytes = max_bytes(settings);
  options.max_events = max_events;
  auto queue = PersistentQueue::open(std::move(options), pipeline.child("queue"));
  if (!queue && queue.error().code == ErrorCode::AlreadyExists)
    return Error{ErrorCode::AlreadyExists,
                 fmt::format("the queue in {} is used by another process or pipeline", queue_directory(settings, id))};
  if (!queue) return queue.error();
  const auto waiting = (*queue)->fill().events;
  if (waiting > 0) log_info(id, "{} events wait in the queue", waiting);
  return std::unique_ptr<PipelineQueue>(std::move(*queue));
}

std::string promise(const Settings& settings, bool when_delivered) {
  if (!is_persisted(settings))
    return fmt::format("senders are told \"received\" when events are {}", when_delivered ? "delivered" : "queued");
  switch (sync_of(settings)) {
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
