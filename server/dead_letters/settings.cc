#include "server/dead_letters/settings.h"

#include "server/pipeline_queue.h"

namespace logboom {

std::string dead_letter_root(const Settings& settings) {
  const std::string given = settings.text("path.dead_letter_queue");
  return given.empty() ? settings.text("path.data") + "/dead_letter_queue" : given;
}

std::string dead_letter_directory(const Settings& settings, const std::string& pipeline_id) {
  const std::string as_queue = queue_directory(settings, pipeline_id);
  return dead_letter_root(settings) + as_queue.substr(as_queue.rfind('/'));
}

StoreKeys dead_letter_keys(const Settings& settings) {
  auto keys = StoreKeys::parse(settings.text("queue.encryption"));
  return keys ? std::move(*keys) : StoreKeys();
}

Result<DeadLetterOptions> dead_letter_options(const Settings& settings, const std::string& pipeline_id) {
  auto keys = StoreKeys::parse(settings.text("queue.encryption"));
  if (!keys) return keys.error();
  DeadLetterOptions options;
  options.keys = std::move(*keys);
  options.directory = dead_letter_directory(settings, pipeline_id);
  options.pipeline_id = pipeline_id;
  options.max_bytes = settings.bytes("dead_letter_queue.max_bytes");
  options.policy = settings.text("dead_letter_queue.storage_policy") == "drop_older" ? DeadLetterPolicy::DropOlder
                                                                                     : DeadLetterPolicy::DropNewer;
  options.retain_age = std::chrono::milliseconds(settings.number("dead_letter_queue.retain.age"));
  return options;
}

}  // namespace logboom
