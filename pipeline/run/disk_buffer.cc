#include "pipeline/run/disk_buffer.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>

#include "pipeline/base/file_name.h"
#include "pipeline/base/log.h"
#include "pipeline/event/event_identity.h"
#include "pipeline/store/segment_list.h"

namespace logboom {
namespace {

constexpr std::uint64_t kMostBytes = 1024 * 1024 * 1024;
constexpr std::size_t kMemoryBytes = 16 * 1024 * 1024;  // of events that wait for the output in memory as well as on disk
constexpr auto kGiveCheckInterval = std::chrono::milliseconds(500);

std::string folder_of(const DiskBufferDefaults& defaults, const std::string& pipeline_id) {
  return defaults.directory + "/" + file_name_of(pipeline_id);
}

/// Copies that need nothing of their batch: it is gone long before the output has them.
ChunkPtr copies_of(std::span<Event* const> events) {
  auto chunk = std::make_shared<Chunk>(Buffer(), Timestamp{});
  Arena& arena = chunk->arena();
  const bool are_named = are_event_identities_wanted();
  auto source = std::make_unique<EventSource>();
  for (const Event* event : events) {
    Event& copy = chunk->new_event();
    copy.fields() = *copy_object(event->fields(), arena, CopyStrings::Copy);
    if (const Object* metadata = event->metadata_if_any())
      copy.metadata() = *copy_object(*metadata, arena, CopyStrings::Copy);
    if (!are_named) continue;
    const EventName name = event_name(*event);
    source->names.push_back(name ? name : new_event_name());
  }
  if (are_named) chunk->token().set_source(std::move(source));
  return chunk;
}

}  // namespace

/// What callbacks of the queue may still need when the buffer is gone.
struct DiskBuffer::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t unsafe_events = 0;
  std::uint64_t rooms = 0;  // how often room was told of
  bool is_closed = false;
  bool has_given_all = false;
  std::atomic<bool> gives{true};
};

/// Hears of a chunk of copies that it is on disk.
class DiskBuffer::Receipt final : public AckReceiver {
 public:
  Receipt(std::shared_ptr<Shared> shared, std::size_t events, std::function<void()> on_safe)
      : shared_(std::move(shared)), events_(events), on_safe_(std::move(on_safe)) {}
  void finished(AckResult result) override {
    if (result == AckResult::Delivered) on_safe_();
    on_safe_ = nullptr;
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->unsafe_events -= events_;
    }
    shared_->changed.notify_all();
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::size_t events_;
  std::function<void()> on_safe_;
};

std::string disk_buffer_directory(const DiskBufferDefaults& defaults, const std::string& pipeline_id,
                                  const PluginSite& site) {
  return site.delivery.buffer.path.value_or(folder_of(defaults, pipeline_id) + "/" + file_name_of(site.id));
}

Result<std::unique_ptr<DiskBuffer>> DiskBuffer::open(const DiskBufferDefaults& defaults, const std::string& pipeline_id,
                                                     const PluginSite& site, std::size_t batch_size) {
  const BufferOptions& given = site.delivery.buffer;
  PersistentQueueOptions options;
  options.store = defaults.store;
  options.store.directory = disk_buffer_directory(defaults, pipeline_id, site);
  options.store.name = site.id;
  if (given.sync) options.store.sync = store_sync_named(*given.sync);
  if (given.compression) options.store.compression = store_compression_named(*given.compression);
  options.max_bytes = given.max_bytes ? given.max_bytes->bytes : kMostBytes;
  options.max_events = given.max_events.value_or(0);
  options.memory_bytes = kMemoryBytes;
  const std::string directory = options.store.directory;
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);  // what is wrong with it, opening says
  auto queue = PersistentQueue::open(std::move(options), site.metrics->child("buffer"));
  if (!queue && queue.error().code == ErrorCode::AlreadyExists)
    return Error{
        ErrorCode::AlreadyExists,
        fmt::format("its disk buffer {} is used by another output or process: give it a path of its own", directory)};
  if (!queue) return Error{queue.error().code, fmt::format("its disk buffer cannot be opened: {}", queue.error().message)};
  std::unique_ptr<DiskBuffer> made(new DiskBuffer(std::move(*queue), site.id, given, batch_size));
  if (const auto waiting = made->queue_->fill().events; waiting > 0)
    log_info(site.id, "{} events wait in the disk buffer {}", waiting, directory);
  return made;
}

DiskBuffer::DiskBuffer(std::unique_ptr<PersistentQueue> queue, std::string output_id, const BufferOptions& options,
                       std::size_t batch_size)
    : queue_(std::move(queue)),
      output_id_(std::move(output_id)),
      batch_size_(batch_size),
      flushes_at_shutdown_(options.flush_at_shutdown),
      shared_(std::make_shared<Shared>()) {}

DiskBuffer::~DiskBuffer() {
  close();
  finish(std::chrono::milliseconds(0));
}

void DiskBuffer::start(std::function<bool(const BatchPtr&)> give) {
  shared_->gives = true;
  giver_ = std::thread([this, give = std::move(give)] {
    pthread_setname_np(pthread_self(), ("+" + output_id_).substr(0, 15).c_str());
    give_all(give);
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->has_given_all = queue_->is_drained();
    }
    shared_->changed.notify_all();
  });
}

void DiskBuffer::stop_giving() {
  shared_->gives = false;
  if (giver_.joinable()) giver_.join();
}

void DiskBuffer::give_all(const std::function<bool(const BatchPtr&)>& give) {
  while (shared_->gives && !queue_->is_drained()) {
    auto batch = std::make_shared<Batch>();
    const auto deadline = std::chrono::steady_clock::now() + kGiveCheckInterval;
    if (!queue_->pop(*batch, batch_size_, std::chrono::milliseconds(0), deadline)) continue;
    for (Event* event : batch->events()) event->open_outcomes.store(1, std::memory_order_relaxed);
    if (!give(batch)) return;
  }
}

bool DiskBuffer::put(std::span<Event* const> events, OutputHealth& health, std::function<void()> on_safe) {
  ChunkPtr chunk = copies_of(events);
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->is_closed) return false;
    shared_->unsafe_events += events.size();
  }
  chunk->token().set_receiver(std::make_shared<Receipt>(shared_, events.size(), std::move(on_safe)), AckTracking::Whole);
  queue_->adopt(*chunk, nullptr);
  chunk->token().arm(events.size());
  std::optional<OutputHealth::Waiting> waiting;
  for (;;) {
    std::uint64_t rooms = 0;
    {
      const std::lock_guard lock(shared_->mutex);
      rooms = shared_->rooms;
    }
    if (queue_->try_push(chunk)) return true;
    if (queue_->is_closed()) return false;  // the receipt hears of it when the chunk goes
    if (!waiting) waiting.emplace(health);
    queue_->call_when_room([shared = shared_] {
      {
        const std::lock_guard lock(shared->mutex);
        ++shared->rooms;
      }
      shared->changed.notify_all();
    });
    std::unique_lock lock(shared_->mutex);
    const auto has_changed = [&] { return shared_->is_closed || shared_->rooms != rooms; };
    while (!shared_->changed.wait_for(lock, std::chrono::seconds(1), has_changed)) waiting->is_long();
  }
}

bool DiskBuffer::drain(Until until, std::chrono::steady_clock::time_point deadline) {
  if (until == Until::Empty) queue_->close();
  bool is_done = false;
  {
    std::unique_lock lock(shared_->mutex);
    const auto is_over = [&] {
      return shared_->is_closed || (shared_->unsafe_events == 0 && (until == Until::Safe || shared_->has_given_all));
    };
    if (deadline == std::chrono::steady_clock::time_point::max()) {
      shared_->changed.wait(lock, is_over);
    } else {
      shared_->changed.wait_until(lock, deadline, is_over);
    }
    is_done = !shared_->is_closed && is_over();
  }
  if (until == Until::Safe) queue_->discard();
  return is_done;
}

void DiskBuffer::close() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->is_closed = true;
  }
  shared_->changed.notify_all();
  queue_->discard();
}

void DiskBuffer::finish(std::chrono::milliseconds limit) {
  if (giver_.joinable()) giver_.join();
  queue_->finish(limit);
}

std::size_t DiskBuffer::unsafe_events() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->unsafe_events;
}

DiskBuffer::Fill DiskBuffer::fill() {
  queue_->note_done();
  // What goes out before what came in.
  Fill fill;
  fill.lost = queue_->lost_events();
  fill.events = queue_->fill().events;
  fill.taken = queue_->taken_events();
  return fill;
}

void report_ownerless_buffers(const DiskBufferDefaults& defaults, const std::string& pipeline_id, const Plan& plan) {
  const std::string folder = folder_of(defaults, pipeline_id);
  std::set<std::string> owned;
  for (const PluginSite& site : plan.output_sites)
    if (site.delivery.buffer.is_on_disk()) owned.insert(disk_buffer_directory(defaults, pipeline_id, site));
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    const std::string directory = folder + "/" + entry.path().filename().string();
    if (owned.count(directory) > 0 || !entry.is_directory(problem)) continue;
    auto segments = DirectorySegments::read(local_files(), directory);
    if (!segments) continue;
    const StoreState& state = segments->state();
    const std::uint64_t waiting = state.next_sequence - state.frontier - state.done.size();
    if (waiting == 0) continue;
    log_warn(
        pipeline_id,
        "about {} events wait in {}, the disk buffer of an output that is not there any more; nobody delivers them. Give an "
        "output its id (or this path in buffer), look at them with `logboom queue export --path.queue {} --pipeline.id "
        "{}`, or remove the directory",
        waiting, directory, folder, entry.path().filename().string());
  }
}

}  // namespace logboom
