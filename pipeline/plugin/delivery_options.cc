#include "pipeline/plugin/delivery_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace logboom {
namespace {

const OptionTable<BufferOptions>& buffer_table() {
  using O = BufferOptions;
  static const OptionTable<O> made = [] {
    OptionTable<O> table;
    table
        .optional("type", &O::type,
                  "memory, or disk: events are done for their sender when they are in the buffer and synced.")
        .one_of({"memory", "disk"});
    table
        .optional("max_events", &O::max_events,
                  "Most events in it; memory: output.buffer.max_events, disk: no limit when not given.")
        .at_least(1);
    table
        .optional("max_bytes", &O::max_bytes,
                  "Most room that it takes; memory: output.buffer.max_bytes, disk: 1gb when not given.")
        .at_least(1);
    table.optional("path", &O::path, "Disk: its directory; path.data/buffers/<pipeline>/<id> when not given.");
    table.optional("sync", &O::sync, "Disk: as queue.sync, whose value counts when not given.")
        .one_of({"always", "interval", "never"});
    table.optional("compression", &O::compression, "Disk: as queue.compression, whose value counts when not given.")
        .one_of({"none", "zstd", "speed", "balanced", "size"});
    table.optional("flush_at_shutdown", &O::flush_at_shutdown, "Disk: an asked-for end waits until it is empty.");
    return table;
  }();
  return made;
}

const OptionTable<RetryOptions>& retry_table() {
  using O = RetryOptions;
  static const OptionTable<O> made = [] {
    OptionTable<O> table;
    table
        .optional("initial_interval", &O::initial_interval,
                  "Pause before the second attempt; it doubles from attempt to attempt.")
        .at_least(0.001);
    table.optional("max_interval", &O::max_interval, "Longest pause.").at_least(0.001);
    table.optional("max_attempts", &O::max_attempts,
                   "After so many attempts an event is given up as if the destination had refused it; 0: never.");
    return table;
  }();
  return made;
}

std::chrono::milliseconds milliseconds_of(const Duration& duration) {
  constexpr double kLongestSeconds = 30.0 * 24 * 3600;
  return std::chrono::milliseconds(std::llround(std::min(duration.seconds, kLongestSeconds) * 1000));
}

/// Reads a hash as if its entries were a plugin's options.
template <class Options>
Options read_hash(const PluginNode& node, std::string_view name, const OptionTable<Options>& table,
                  Diagnostics& diagnostics) {
  const Attribute* given = node.find(name);
  if (given == nullptr) return {};
  ConfigHash entries;
  if (!OptionReader(std::string(name), diagnostics).read(given->value, entries)) return {};
  std::vector<std::string> known;
  for (const OptionDeclaration& declaration : table.declarations()) known.push_back(declaration.name);
  PluginNode inner;
  inner.kind = node.kind;
  inner.name = node.name;
  inner.name_span = given->name_span;
  for (const auto& [key, value] : entries) {
    if (std::find(known.begin(), known.end(), key.text) != known.end()) {
      inner.attributes.push_back({key.text, key.span, value});
      continue;
    }
    const std::string_view near = nearest_name(key.text, {known.begin(), known.end()});
    diagnostics.error(
        key.span, fmt::format("{}: there is no \"{}\"", name, key.text),
        near.empty() ? fmt::format("({}: {})", name, fmt::join(known, ", ")) : fmt::format("did you mean \"{}\"?", near));
  }
  return table.read(inner, diagnostics);
}

void check_buffer(const PluginNode& node, const BufferOptions& buffer, Diagnostics& diagnostics) {
  const Attribute* given = node.find("buffer");
  if (given == nullptr) return;
  if (buffer.is_on_disk()) {
    const Attribute* id = node.find("id");
    if (!buffer.path && (id == nullptr || id->value.text.empty()))
      diagnostics.error(given->name_span, "buffer: a disk buffer needs the output's id",
                        "add id => \"…\": what waits on disk is found again under it; or give a path");
    if (buffer.path && buffer.path->empty())
      diagnostics.error(given->name_span, "buffer: path is empty", "give the directory of the buffer");
    return;
  }
  const std::pair<const char*, bool> of_disk[] = {{"path", buffer.path.has_value()},
                                                  {"sync", buffer.sync.has_value()},
                                                  {"compression", buffer.compression.has_value()},
                                                  {"flush_at_shutdown", buffer.flush_at_shutdown}};
  for (const auto& [name, is_given] : of_disk)
    if (is_given)
      diagnostics.error(given->name_span, fmt::format("buffer: {} is for a disk buffer", name), "add type => \"disk\"");
}

}  // namespace

RetryPolicy RetryOptions::over(RetryPolicy own) const {
  if (initial_interval) own.first_pause = milliseconds_of(*initial_interval);
  if (max_interval) own.longest_pause = milliseconds_of(*max_interval);
  if (max_attempts > 0) own.max_attempts = max_attempts;
  return own;
}

DeliveryOptions DeliveryOptions::read(const PluginNode& node, Diagnostics& diagnostics) {
  DeliveryOptions made;
  const std::size_t problems = diagnostics.error_count();
  made.buffer = read_hash(node, "buffer", buffer_table(), diagnostics);
  if (diagnostics.error_count() == problems) check_buffer(node, made.buffer, diagnostics);
  made.retry = read_hash(node, "retry", retry_table(), diagnostics);
  const auto& first = made.retry.initial_interval;
  const auto& longest = made.retry.max_interval;
  if (first && longest && first->seconds > longest->seconds)
    diagnostics.error(node.find("retry")->name_span, "retry: initial_interval is longer than max_interval");
  return made;
}

void DeliveryOptions::refuse(const PluginNode& node, Diagnostics& diagnostics) {
  for (const char* name : {"buffer", "retry"})
    if (const Attribute* given = node.find(name))
      diagnostics.error(given->name_span, fmt::format("output \"{}\" has no {} of its own", node.name, name),
                        "give it to the outputs that events are led to");
}

std::vector<OptionDeclaration> buffer_option_declarations() { return buffer_table().declarations(); }
std::vector<OptionDeclaration> retry_option_declarations() { return retry_table().declarations(); }

}  // namespace logboom
