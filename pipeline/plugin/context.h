// PluginContext: what a plugin may know and use while it is made.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/clock.h"
#include "pipeline/base/metrics.h"
#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"

namespace logboom {

class Codec;
class DeadLetterAccess;
class PipelineBus;
struct CodecChoice;

/// pipeline.ecs_compatibility, or the plugin's own ecs_compatibility. v1 and v8 name fields alike.
enum class EcsMode { Disabled, V1 };

/// What the instances of one plugin (one per worker) share: made by the first, seen by all. Any thread.
class SharedSlot {
 public:
  template <class T, class Make>
  std::shared_ptr<T> get_or_make(Make&& make) {
    const std::lock_guard lock(mutex_);
    if (!content_) content_ = std::shared_ptr<T>(make());
    return std::static_pointer_cast<T>(content_);
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<void> content_;
};

/// Handed to a plugin's constructor. References stay valid as long as the plugin.
class PluginContext {
 public:
  struct Surroundings {
    std::string pipeline_id = "main";
    EcsMode ecs = EcsMode::V1;                 // the pipeline's setting
    std::string data_directory;                // path.data; empty when the process has none (tests)
    const Clock* clock = nullptr;              // nullptr: the machine's
    bool support_escapes = false;              // config.support_escapes
    bool has_dead_letter_queue = false;        // of this pipeline
    bool has_error_label = false;              // the pipeline has a label @ERROR; the compiler says so
    DeadLetterAccess* dead_letters = nullptr;  // of all pipelines; nullptr: the process has none (tests)
    PipelineBus* pipelines = nullptr;          // between all pipelines; nullptr: the process has none (tests)

    /// A plugin that was made in the same surroundings of the same configuration would be the same.
    bool operator==(const Surroundings&) const = default;
  };

  PluginContext(const PluginNode& node, std::string id, const Surroundings& surroundings, MetricScope& metrics,
                SharedSlot& shared, Diagnostics& diagnostics);

  const std::string& pipeline_id() const { return surroundings_.pipeline_id; }
  /// The `id` option, or one made from the plugin's kind, name and place; unique in the pipeline.
  const std::string& id() const { return id_; }
  EcsMode ecs() const { return ecs_; }
  bool is_ecs() const { return ecs_ == EcsMode::V1; }
  const std::string& data_directory() const { return surroundings_.data_directory; }
  /// The machine's name: what inputs put into [host].
  std::string host_name() const;
  const Clock& clock() const { return surroundings_.clock != nullptr ? *surroundings_.clock : system_clock(); }
  MetricScope& metrics() const { return metrics_; }
  const Surroundings& surroundings() const { return surroundings_; }

  /// Refuses the configuration at the value of this option (at the plugin's name when the option was not given).
  void error(std::string_view option, std::string message, std::string hint = {}) const;
  void error(SourceSpan span, std::string message, std::string hint = {}) const;
  void warning(std::string_view option, std::string message, std::string hint = {}) const;
  /// Refuses on_failure => "dlq" in a pipeline without a label @ERROR or a dead-letter queue.
  void require_place_for_failures() const;
  /// The value of an option as written, or nullptr.
  const ConfigValue* written(std::string_view option) const;

  /// State or compiled resources that all workers' instances of this plugin use together.
  template <class T, class Make>
  std::shared_ptr<T> shared(Make&& make) const {
    return shared_.get_or_make<T>(std::forward<Make>(make));
  }

  /// Makes the codec that an option chose; problems are reported and give nullptr.
  std::shared_ptr<const Codec> make_codec(const CodecChoice& choice) const;

 private:
  SourceSpan place_of(std::string_view option) const;
  const PluginNode& node_;
  std::string id_;
  Surroundings surroundings_;
  EcsMode ecs_;
  MetricScope& metrics_;
  SharedSlot& shared_;
  Diagnostics& diagnostics_;
};

}  // namespace logboom
