// Settings: what the command line and the YAML files say.
#include "server/settings.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using Catch::Contains;

namespace logboom {
namespace {

/// A YAML file that goes away with the test.
struct YamlFile {
  explicit YamlFile(const std::string& text) {
    std::string name = (std::filesystem::temp_directory_path() / "logboom-settings-XXXXXX").string();
    const int descriptor = mkstemp(name.data());
    REQUIRE(descriptor >= 0);
    close(descriptor);
    path = name;
    std::ofstream(path) << text;
  }
  ~YamlFile() { std::filesystem::remove(path); }
  std::string path;
};

VariableLookup no_variables() {
  return [](std::string_view) { return std::nullopt; };
}

}  // namespace

TEST_CASE("a setting that was not given has its default and says so", "[settings]") {
  const Settings settings;
  CHECK(settings.text("pipeline.id") == "main");
  CHECK(settings.number("pipeline.batch.size") == 500);
  CHECK(settings.bytes("output.buffer.max_bytes") == 64 * 1024 * 1024);
  CHECK(settings.origin("pipeline.id") == "default");
}

TEST_CASE("sizes in settings are binary, as in logstash.yml", "[settings]") {
  Settings settings;
  REQUIRE(settings.set("queue.max_bytes", "2kb", "test"));
  CHECK(settings.bytes("queue.max_bytes") == 2048);
  REQUIRE(settings.set("queue.max_bytes", "2KiB", "test"));
  CHECK(settings.bytes("queue.max_bytes") == 2048);
  REQUIRE(settings.set("queue.max_bytes", "300", "test"));
  CHECK(settings.bytes("queue.max_bytes") == 300);
}

TEST_CASE("a value that does not fit its setting is refused with what is wanted", "[settings]") {
  Settings settings;
  CHECK_THAT(settings.set("pipeline.workers", "many", "command line").error().message,
             Contains("wants a whole number, not \"many\""));
  CHECK_THAT(settings.set("pipeline.ordered", "yes", "command line").error().message, Contains("one of auto|true|false"));
  CHECK_THAT(settings.set("queue.max_bytes", "big", "command line").error().message, Contains("a size"));
  CHECK(settings.number("pipeline.workers") == 0);
}

TEST_CASE("an unknown setting is refused with the nearest name", "[settings]") {
  Settings settings;
  const auto result = settings.set("pipeline.batch.sise", "1", "test.yml:1:1");
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::InvalidArgument);
  CHECK_THAT(result.error().message, Contains("did you mean \"pipeline.batch.size\"?"));
}

TEST_CASE("every setting of Logstash 8 is known: taken, or passed over with a reason", "[settings]") {
  const char* name = GENERATE(
      "allow_superuser", "node.name", "path.config", "path.data", "config.string", "config.test_and_exit",
      "config.reload.automatic", "config.reload.interval", "ssl.reload.automatic", "config.support_escapes",
      "config.field_reference.escape_style", "event_api.tags.illegal", "metric.collect", "pipeline.id", "pipeline.system",
      "pipeline.workers", "pipeline.batch.size", "pipeline.batch.delay",
      "pipeline.batch.output_chunking.growth_threshold_factor", "pipeline.unsafe_shutdown", "pipeline.reloadable",
      "pipeline.recoverable", "pipeline.plugin_classloaders", "pipeline.separate_logs", "pipeline.ordered",
      "pipeline.ecs_compatibility", "path.plugins", "interactive", "config.debug", "log.level", "version", "help",
      "enable-local-plugin-development", "log.format", "log.format.json.fix_duplicate_message_fields", "api.enabled",
      "api.http.host", "api.http.port", "api.environment", "api.auth.type", "api.auth.basic.username",
      "api.auth.basic.password", "api.auth.basic.password_policy.mode", "api.auth.basic.password_policy.length.minimum",
      "api.auth.basic.password_policy.include.upper", "api.auth.basic.password_policy.include.lower",
      "api.auth.basic.password_policy.include.digit", "api.auth.basic.password_policy.include.symbol", "api.ssl.enabled",
      "api.ssl.keystore.path", "api.ssl.keystore.password", "api.ssl.supported_protocols", "http.enabled", "http.host",
      "http.port", "http.environment", "pipeline.batch.metrics.sampling_mode", "queue.type", "queue.drain",
      "queue.page_capacity", "queue.max_bytes", "queue.max_events", "queue.checkpoint.acks", "queue.checkpoint.writes",
      "queue.checkpoint.interval", "queue.checkpoint.retry", "queue.compression", "dead_letter_queue.enable",
      "dead_letter_queue.max_bytes", "dead_letter_queue.flush_interval", "dead_letter_queue.flush_check_interval",
      "dead_letter_queue.storage_policy", "dead_letter_queue.retain.age", "slowlog.threshold.warn", "slowlog.threshold.info",
      "slowlog.threshold.debug", "slowlog.threshold.trace", "keystore.classname", "keystore.file", "monitoring.cluster_uuid",
      "pipeline.buffer.type", "otel.metrics.enabled", "otel.metrics.endpoint", "otel.metrics.interval",
      "otel.metrics.protocol", "otel.metrics.authorization_header", "otel.service.name", "otel.resource.attributes",
      "path.queue", "path.dead_letter_queue", "path.settings", "path.logs", "cloud.id", "cloud.auth", "modules",
      "xpack.monitoring.enabled", "xpack.monitoring.elasticsearch.hosts", "xpack.management.enabled",
      "xpack.management.pipeline.id", "xpack.geoip.downloader.enabled");
  INFO(name);
  CHECK((find_setting(name) != nullptr || !why_not_there(name).empty()));
}

TEST_CASE("true and false may be written as YAML of old has them", "[settings]") {
  const YamlFile file(
      "queue.drain: yes\ndead_letter_queue.enable: On\nconfig:\n  reload.automatic: False\nnode.name: yes\n");
  Settings settings;
  REQUIRE(settings.load_yaml(file.path, no_variables()));
  CHECK(settings.boolean("queue.drain"));
  CHECK(settings.boolean("dead_letter_queue.enable"));
  CHECK_FALSE(settings.boolean("config.reload.automatic"));
  CHECK(settings.text("node.name") == "yes");
}

TEST_CASE("what is switched off anyway is not worth a word, what is relied on is refused", "[settings]") {
  Settings settings;
  CHECK(settings.set("xpack.monitoring.enabled", "false", "test"));
  CHECK(settings.set("xpack.monitoring.enabled", "true", "test").error().code == ErrorCode::NotFound);
  CHECK(settings.set("xpack.management.enabled", "true", "test").error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("a pipeline's own settings are explained with its origins", "[settings]") {
  Settings process;
  REQUIRE(process.set("pipeline.workers", "3", "logboom.yml:1:1"));
  REQUIRE(process.set("log.level", "warn", "command line"));
  Settings own;
  REQUIRE(own.set("pipeline.batch.size", "7", "pipelines.yml:2:1"));
  REQUIRE(own.set("config.string", "input { }\noutput { }", "pipelines.yml:3:1"));
  const std::string text = process.with(own).explain_pipeline();
  CHECK_THAT(text, Contains("  pipeline.workers: 3  (logboom.yml:1:1)\n"));
  CHECK_THAT(text, Contains("  pipeline.batch.size: 7  (pipelines.yml:2:1)\n"));
  CHECK_THAT(text, Contains("  config.string: input { }\\noutput { }  (pipelines.yml:3:1)\n"));
  CHECK_THAT(text, Contains("  queue.type: memory  (default)\n"));
  CHECK_THAT(text, !Contains("log.level"));
}

TEST_CASE("an unknown key of a settings file is passed over, the others are taken", "[settings]") {
  const YamlFile file("pipeline.batch.size: 5\npipeline:\n  wrokers: 2\nsome:\n  plugin.of: [1, 2]\n");
  Settings settings;
  REQUIRE(settings.load_yaml(file.path, no_variables()));
  CHECK(settings.number("pipeline.batch.size") == 5);
  CHECK_FALSE(settings.has("pipeline.wrokers"));
  const YamlFile pipelines("- pipeline.id: a\n  pipeline.wrokers: 2\n");
  const auto loaded = load_pipelines_yaml(pipelines.path, no_variables());
  REQUIRE(loaded);
  CHECK(loaded->at(0).id == "a");
  const YamlFile wrong("pipeline.workers: many\n");
  CHECK_FALSE(Settings().load_yaml(wrong.path, no_variables()));
}

TEST_CASE("what a reload takes of new settings is what may differ between pipelines", "[settings]") {
  Settings running;
  REQUIRE(running.set("pipeline.workers", "2", "old"));
  REQUIRE(running.set("path.data", "here", "old"));
  REQUIRE(running.set("pipeline.batch.size", "7", "old"));
  Settings newer;
  REQUIRE(newer.set("pipeline.workers", "3", "new"));
  REQUIRE(newer.set("path.data", "there", "new"));
  const Settings both = running.with_pipelines_defaults_of(newer);
  CHECK(both.number("pipeline.workers") == 3);
  CHECK(both.number("pipeline.batch.size") == 500);
  CHECK(both.text("path.data") == "here");
  CHECK(running.process_differences(newer) == std::vector<std::string>{"path.data"});
}

TEST_CASE("what a full logstash.yml sets is taken or passed over", "[settings]") {
  const YamlFile file(
      "node.name: test\npath.data: /var/lib/logstash\npath.logs: /var/log/logstash\npath.plugins: []\n"
      "pipeline.id: main\npipeline.workers: 2\npipeline.batch.size: 125\npipeline.batch.delay: 50\n"
      "pipeline.batch.output_chunking.growth_threshold_factor: 1000\npipeline.unsafe_shutdown: false\npipeline.ordered: "
      "auto\n"
      "pipeline.ecs_compatibility: v8\nconfig.test_and_exit: false\nconfig.reload.automatic: false\nconfig.reload.interval: "
      "3s\n"
      "config.debug: false\nconfig.support_escapes: false\napi.enabled: true\napi.http.host: 127.0.0.1\n"
      "api.http.port: 9600-9700\napi.auth.type: none\nqueue.type: memory\nqueue.page_capacity: 64mb\nqueue.max_events: 0\n"
      "queue.max_bytes: 1024mb\nqueue.checkpoint.acks: 1024\ndead_letter_queue.enable: false\nlog.level: info\n"
      "log.format: plain\nallow_superuser: false\nxpack.monitoring.enabled: false\npipeline:\n  reloadable: true\n"
      "  recoverable: auto\n  separate_logs: false\nmetric.collect: true\n");
  Settings settings;
  const auto loaded = settings.load_yaml(file.path, no_variables());
  INFO((loaded ? "" : loaded.error().message));
  REQUIRE(loaded);
  CHECK(settings.number("pipeline.batch.size") == 125);
  const auto refused = settings.set("xpack.management.enabled", "true", "test");  // somebody relies on it
  CHECK(refused.error().code == ErrorCode::InvalidArgument);
  CHECK_THAT(refused.error().message, Contains("it belongs to Elastic's commercial extensions"));
}

TEST_CASE("YAML keys may be flat or nested, and the command line wins over the file", "[settings]") {
  const YamlFile file("pipeline:\n  batch:\n    size: 7\n    delay: 2s\npipeline.workers: 3\n");
  Settings settings;
  REQUIRE(settings.set("pipeline.workers", "5", "command line"));
  REQUIRE(settings.load_yaml(file.path, no_variables()));
  CHECK(settings.number("pipeline.batch.size") == 7);
  CHECK(settings.number("pipeline.batch.delay") == 2000);
  CHECK(settings.number("pipeline.workers") == 5);
  CHECK_THAT(settings.origin("pipeline.batch.size"), Contains(":3:11"));
}

TEST_CASE("YAML values take variables, and a missing one names its place", "[settings]") {
  const VariableLookup lookup = [](std::string_view name) {
    return name == "SIZE" ? std::optional<std::string>("9") : std::nullopt;
  };
  const YamlFile good("pipeline.batch.size: ${SIZE}\npath.data: ${NOWHERE:/var/x}\n");
  Settings settings;
  REQUIRE(settings.load_yaml(good.path, lookup));
  CHECK(settings.number("pipeline.batch.size") == 9);
  CHECK(settings.text("path.data") == "/var/x");
  const YamlFile bad("\npath.data: ${NOWHERE}\n");
  const auto refused = Settings().load_yaml(bad.path, lookup);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Contains(":2:12") && Contains("NOWHERE"));
}

TEST_CASE("a YAML file that cannot be parsed is refused with its place", "[settings]") {
  const YamlFile file("a: [1\nb: 2\n");
  const auto refused = Settings().load_yaml(file.path, no_variables());
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Contains(file.path + ":"));
}

TEST_CASE("pipelines.yml gives each pipeline its own settings", "[settings]") {
  const YamlFile file("- pipeline.id: a\n  pipeline.workers: 2\n- pipeline.id: b\n  path.config: /b.conf\n");
  const auto pipelines = load_pipelines_yaml(file.path, no_variables());
  REQUIRE(pipelines);
  REQUIRE(pipelines->size() == 2);
  Settings process;
  REQUIRE(process.set("pipeline.workers", "8", "command line"));
  CHECK(process.with((*pipelines)[0].own).number("pipeline.workers") == 2);
  CHECK(process.with((*pipelines)[1].own).number("pipeline.workers") == 8);
  CHECK((*pipelines)[1].own.text("path.config") == "/b.conf");
}

TEST_CASE("pipelines.yml refuses an id twice, and settings of the whole process", "[settings]") {
  const YamlFile twice("- pipeline.id: a\n- pipeline.id: a\n");
  CHECK_THAT(load_pipelines_yaml(twice.path, no_variables()).error().message, Contains("\"a\" is used twice"));
  const YamlFile foreign("- pipeline.id: a\n  log.level: debug\n");
  CHECK_THAT(load_pipelines_yaml(foreign.path, no_variables()).error().message,
             Contains("log.level is a setting of the whole process"));
}

}  // namespace logboom
