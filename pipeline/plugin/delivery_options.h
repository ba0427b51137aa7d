// The common options `buffer` and `retry` of every output: where events wait for it, and how they are tried again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pipeline/plugin/options.h"
#include "pipeline/plugin/output.h"

namespace logboom {

struct BufferOptions {
  std::string type = "memory";
  std::optional<std::uint64_t> max_events;
  std::optional<ByteSize> max_bytes;
  std::optional<std::string> path;         // disk: its directory
  std::optional<std::string> sync;         // disk: always, interval, never; as queue.sync when not given
  std::optional<std::string> compression;  // disk: as queue.compression when not given
  bool flush_at_shutdown = false;          // disk: an asked-for end waits until it is empty

  bool is_on_disk() const { return type == "disk"; }
};

struct RetryOptions {
  std::optional<Duration> initial_interval;
  std::optional<Duration> max_interval;
  std::uint64_t max_attempts = 0;  // 0: no limit

  /// An output's own policy with what is given here in its place.
  RetryPolicy over(RetryPolicy own) const;
};

struct DeliveryOptions {
  BufferOptions buffer;
  RetryOptions retry;

  /// Reads the two options of an output's node; every problem is reported at its place.
  static DeliveryOptions read(const PluginNode& node, Diagnostics& diagnostics);
  /// Reports both as having no effect on a step that delivers nothing itself.
  static void refuse(const PluginNode& node, Diagnostics& diagnostics);
};

/// What may stand in the two hashes, for the reference pages.
std::vector<OptionDeclaration> buffer_option_declarations();
std::vector<OptionDeclaration> retry_option_declarations();

}  // namespace logboom
