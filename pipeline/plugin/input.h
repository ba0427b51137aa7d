// Inputs: where events come from. A reading input has a thread of its own; a listening one declares endpoints, and the
// server owns their sockets.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/event/batch.h"
#include "pipeline/net/byte_stream.h"
#include "pipeline/net/datagram.h"
#include "pipeline/net/http_exchange.h"
#include "pipeline/plugin/codec.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

/// Tells a thread to stop, and lets it wait for that. Any thread.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void request_stop();
  bool is_stopping() const { return is_stopping_.load(std::memory_order_acquire); }
  /// Waits at most this long; true when stopping.
  bool wait_for(std::chrono::nanoseconds time);
  /// A descriptor that becomes readable when stopping, for poll(2) beside others.
  int descriptor() const { return descriptor_; }

 private:
  std::atomic<bool> is_stopping_{false};
  int descriptor_ = -1;
  std::mutex mutex_;
  std::condition_variable stopped_;
};

/// The pipeline's side of an input. Any thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// An empty chunk over received bytes, with the current time.
  virtual ChunkPtr new_chunk(Buffer received) = 0;
  /// Hands a chunk over; waits while the queue is full. False when stopping: the chunk was not taken, and letting go of it
  /// tells its receiver NotDelivered. The chunk's receiver is told when DESIGN's contract for the queue type is met.
  virtual bool push(ChunkPtr chunk, StopSignal& stop) = 0;
  /// The same without waiting: false when there is no room, and the chunk stays with the caller.
  virtual bool try_push(ChunkPtr& chunk) = 0;
  /// Calls back once, on any thread, when a later try_push() may succeed or the sink is stopping.
  virtual void call_when_room(std::function<void()> callback) = 0;
  virtual bool is_stopping() const = 0;
  /// The same sink for others to keep, longer than the call that it was handed to: when the pipeline has ended it is
  /// stopping. nullptr when it cannot be kept (a test's own).
  virtual std::shared_ptr<EventSink> share() { return nullptr; }
};

/// Common input options: type, tags, add_field.
class InputDecorations {
 public:
  /// Reads them from the plugin that the context stands for.
  explicit InputDecorations(const PluginContext& context);
  /// Decorates the events of a chunk from number `first` on.
  void apply(Chunk& chunk, std::size_t first = 0) const;

 private:
  std::string type_;
  std::vector<std::string> tags_;
  std::vector<std::pair<FieldRef, std::vector<FieldTemplate>>> add_fields_;
};

/// Serves one connection at a time per call; calls for several connections overlap.
class StreamService {
 public:
  virtual ~StreamService() = default;
  virtual Awaitable<void> serve(ByteStream& peer, EventSink& sink) = 0;
};

/// Answers one request per call; calls overlap.
class HttpService {
 public:
  virtual ~HttpService() = default;
  /// Looks at a request whose body has not been read: an answer refuses it, and the body is thrown away or the connection
  /// closed. Must not block. Counts as the request's answer; nullopt goes on to answer().
  virtual std::optional<HttpResponse> refuse_early(const HttpRequest& head) {
    (void)head;
    return std::nullopt;
  }
  virtual Awaitable<HttpResponse> answer(HttpRequest request, EventSink& sink) = 0;
};

/// Takes datagrams; one call at a time per address. While it waits (a full queue) the kernel's buffer fills, then drops.
class DatagramService {
 public:
  virtual ~DatagramService() = default;
  virtual Awaitable<void> take(DatagramBatch& batch, EventSink& sink) = 0;
};

/// An address that the server listens on (or connects to) for an input. Exactly one service is set.
struct Endpoint {
  enum class Mode { Listen, Connect };
  Mode mode = Mode::Listen;
  std::string host = "0.0.0.0";
  std::uint16_t port = 0;
  std::string unix_path;              // a socket file instead of host and port (stream services)
  std::string unix_mode;              // octal permissions of the socket file; empty: as the umask says
  bool takes_unix_path_over = false;  // replaces a socket file that another program still answers on
  std::size_t max_connections = 65536;
  double idle_seconds = 0;       // 0: no limit
  double reconnect_seconds = 1;  // Connect: the pause after a failure
  bool has_tcp_keep_alive = false;
  std::uint64_t max_request_bytes = 100 * 1024 * 1024;    // HTTP: body as received and as inflated; 413 beyond
  std::uint64_t max_receiving_bytes = 256 * 1024 * 1024;  // HTTP: bodies on their way in, over all listeners; 503 beyond
  double request_seconds = 60;                            // HTTP: a request must be complete by then
  double handshake_seconds = 10;                          // TLS: the handshake must be complete by then
  std::shared_ptr<const TlsContext> tls;                  // TLS from the first byte; nullptr: plain
  std::size_t max_datagram_bytes = 65536;                 // datagrams: longer ones are cut
  std::size_t receive_buffer_bytes = 0;                   // datagrams: wished for; 0: four megabytes if the kernel lets
  std::shared_ptr<StreamService> stream;
  std::shared_ptr<HttpService> http;
  std::shared_ptr<DatagramService> datagram;
};

/// One input of a pipeline.
class Input {
 public:
  virtual ~Input() = default;
  /// What it wants to listen on; empty for a reading input. Called once, before the pipeline starts.
  virtual std::vector<Endpoint> endpoints() { return {}; }
  /// Reads until there is nothing more (Result without value) or `stop` says so. Runs on a thread of its own; not called
  /// for inputs with endpoints. An error is logged, and run() is called again after a second.
  virtual Result<void> run(EventSink& sink, StopSignal& stop) {
    (void)sink;
    (void)stop;
    return {};
  }
  /// Another instance reads on from here, after a reload: what was handed over is acknowledged or given up, and run() is
  /// over for good. Saves the position and lets go of what others want (the partitions of a consumer group). May take a few
  /// seconds. Not called at the end of a pipeline, where the destructor does it.
  virtual void hand_over() {}
};

}  // namespace logboom
