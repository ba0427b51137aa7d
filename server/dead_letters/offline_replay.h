// Replay without a server: a pipeline's filters and outputs run in this process, with chosen dead letters as their only
// input.
#pragma once

#include <chrono>
#include <string>

#include "pipeline/base/result.h"
#include "server/dead_letters/replay.h"
#include "server/settings.h"

namespace logboom {

struct OfflineReplay {
  std::string from;  // the pipeline whose dead letters are meant, as its directory is named
  std::string to;    // the one that they go through; its own when empty
  Replay::Order order;
  std::chrono::milliseconds patience{30'000};  // for deliveries; then what is under way is given up, and stays
};

/// `command_line` says where settings, data and configuration are, as the server's would. Holds the data directory's lock,
/// so that no server starts meanwhile. Queues are left alone: events go straight to the outputs, and are delivered when
/// these say so (or when they are in a disk buffer). Errors: AlreadyExists - a process has the data directory; NotFound -
/// there is no configuration, or none of these pipelines; InvalidArgument - the pipeline is refused, or needs others; what
/// opening says.
Result<Replay::Counts> replay_offline(const Settings& command_line, const OfflineReplay& wanted);

}  // namespace logboom
