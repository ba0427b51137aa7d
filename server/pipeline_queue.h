// A pipeline's queue as its settings want it, and what is promised with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "pipeline/base/metrics.h"
#include "pipeline/queue/gated_queue.h"
#include "pipeline/run/disk_buffer.h"
#include "pipeline/run/pipeline.h"
#include "server/settings.h"

namespace logboom {

bool is_persisted(const Settings& settings);
/// queue.max_bytes, or what holds without it.
std::uint64_t queue_max_bytes(const Settings& settings);

/// `events_in_work` is what all workers take at once. `pipeline` is the pipeline's scope.
/// Errors: InvalidArgument - settings that do not fit; AlreadyExists, Io, Full - the queue's directory cannot be used.
Result<std::unique_ptr<PipelineQueue>> make_pipeline_queue(const std::string& id, const Settings& settings,
                                                           std::size_t events_in_work, MetricScope& pipeline);

/// What disk buffers of a pipeline's outputs are unless their options say otherwise. Errors: InvalidArgument.
Result<DiskBufferDefaults> disk_buffer_defaults(const Settings& settings);
/// The entrance of a running pipeline's queue; nullptr when its queue has none (tests).
GatedQueue* gate_of(Pipeline& pipeline);

/// When senders are told "received", for the log.
std::string promise(const Settings& settings, bool when_delivered);

/// How long an asked-for end may take.
std::chrono::milliseconds end_limit(const Settings& settings);

/// The directory of a pipeline's persisted queue: the id as a file name, what is no letter, digit, `-`, `_` or `.` as %XX.
std::string queue_directory(const Settings& settings, const std::string& id);

}  // namespace logboom
