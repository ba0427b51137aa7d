// What a pipeline is told beside its plan, and what it asks of the server.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "pipeline/base/metrics.h"
#include "pipeline/dead_letter/dead_letter_sink.h"
#include "pipeline/plugin/input.h"
#include "pipeline/run/output_buffer.h"

namespace logboom {

enum class AcknowledgeWhen {
  Delivered,  // every event reached its outputs (or was dropped, or is dead-lettered)
  Queued,     // the queue took the chunk, as Logstash does
};

struct PipelineSettings {
  std::string id = "main";
  std::size_t workers = 1;
  std::size_t batch_size = 500;
  std::chrono::milliseconds batch_delay{50};
  bool is_ordered = false;
  bool drains_queue = true;  // an asked-for end delivers what is queued; false: a queue that keeps events keeps them
  AcknowledgeWhen acknowledge = AcknowledgeWhen::Delivered;
  std::chrono::milliseconds flush_interval{5000};
  std::chrono::milliseconds hand_over_patience{3000};  // for what a replaced output has on the wire
  OutputBufferLimits output_limits;
  DiskBufferDefaults disk_buffers;
  std::shared_ptr<DeadLetterSink> dead_letters;  // nullptr: the pipeline has no dead-letter queue
};

/// A listening input's wish: the server opens the socket and serves it into `sink`.
struct WantedEndpoint {
  std::string input_id;
  const Input* input = nullptr;
  MetricScope* metrics = nullptr;
  Endpoint endpoint;
  std::shared_ptr<EventSink> sink;
};

}  // namespace logboom
