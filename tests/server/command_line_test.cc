#include "server/command_line.h"

#include <catch2/catch.hpp>

namespace logboom {
namespace {

using Catch::Contains;
using Catch::StartsWith;

TEST_CASE("flags are Logstash's, and the last of several counts", "[command line]") {
  const CommandLine line = read_command_line({"-f",
                                              "a.conf",
                                              "-f",
                                              "b.conf",
                                              "-w",
                                              "3",
                                              "-b250",
                                              "--pipeline.batch.delay",
                                              "5",
                                              "--path.data=/d",
                                              "-l",
                                              "/logs",
                                              "-n",
                                              "node",
                                              "--pipeline.ordered",
                                              "false",
                                              "--log.level=debug",
                                              "--api.http.port",
                                              "9601",
                                              "-r"});
  INFO(line.text);
  REQUIRE_FALSE(line.exit_status);
  const Settings& settings = line.settings;
  CHECK(settings.text("path.config") == "b.conf");
  CHECK(settings.number("pipeline.workers") == 3);
  CHECK(settings.number("pipeline.batch.size") == 250);
  CHECK(settings.number("pipeline.batch.delay") == 5);
  CHECK(settings.text("path.data") == "/d");
  CHECK(settings.text("path.logs") == "/logs");
  CHECK(settings.text("node.name") == "node");
  CHECK(settings.text("pipeline.ordered") == "false");
  CHECK(settings.text("log.level") == "debug");
  CHECK(settings.text("api.http.port") == "9601");
  CHECK(settings.boolean("config.reload.automatic"));
}

TEST_CASE("a switch alone means true, repeated too, and takes a value", "[command line]") {
  CHECK(read_command_line({"-t"}).settings.boolean("config.test_and_exit"));
  CHECK(read_command_line({"-t", "--config.test_and_exit"}).settings.boolean("config.test_and_exit"));
  CHECK_FALSE(read_command_line({"--api.enabled", "false"}).settings.boolean("api.enabled"));
  CHECK_FALSE(read_command_line({"--api.enabled=false"}).settings.boolean("api.enabled"));
  CHECK(read_command_line({"-t", "-f", "x"}).settings.text("path.config") == "x");
}

TEST_CASE("an empty -e is given, so that Logstash's default input and output apply", "[command line]") {
  const CommandLine line = read_command_line({"-e", ""});
  REQUIRE_FALSE(line.exit_status);
  CHECK(line.settings.has("config.string"));
}

TEST_CASE("what Logstash's command line knows beside settings is understood", "[command line]") {
  const CommandLine line = read_command_line(
      {"-S", "pipeline.workers=2", "--setting", "log.level=warn", "--plugin-classloaders", "--field-reference-escape-style",
       "none", "--config.debug", "--pipeline.batch.output_chunking.growth_threshold_factor", "10"});
  INFO(line.text);
  REQUIRE_FALSE(line.exit_status);
  CHECK(line.settings.number("pipeline.workers") == 2);
  CHECK(line.settings.text("log.level") == "warn");
  const CommandLine old = read_command_line({"--debug"});
  CHECK(old.settings.text("log.level") == "debug");
  CHECK_THAT(old.remarks, Contains("--debug is deprecated; write --log.level debug"));
}

TEST_CASE("wrong use has status 2 and says what is wrong and what is meant", "[command line]") {
  const auto [words, message] = GENERATE(table<std::vector<std::string>, const char*>({
      {{"--pipline.workers", "2"}, "there is no flag --pipline.workers; did you mean --pipeline.workers?"},
      {{"--pipline.workers=2"}, "there is no flag --pipline.workers; did you mean --pipeline.workers?"},
      {{"--verson"}, "did you mean --version?"},
      {{"-t", "-x"}, "there is no flag -x\n"},
      {{"foo.conf"}, "\"foo.conf\" belongs to no flag; a configuration file is given with -f"},
      {{"-w"}, "-w wants a value"},
      {{"--pipeline.workers", "-t"}, "pipeline.workers wants a whole number, not \"-t\""},
      {{"-w", "many"}, "pipeline.workers wants a whole number, not \"many\""},
      {{"--log.level", "chatty"}, "log.level wants one of trace|debug|info|warn|error|fatal, not \"chatty\""},
      {{"-t", "maybe"}, "config.test_and_exit wants true or false, not \"maybe\""},
      {{"-e", "x", "-f", "y"}, "give either -e or -f, not both"},
      {{"--slowlog.threshold.warn", "1s"}, "there is no slow log in this version"},
      {{"-p", "/plugins"}, "--path.plugins: Logboom's plugins are built in"},
      {{"-i", "irb"}, "--interactive: Logboom's plugins are built in"},
      {{"--field-reference-escape-style", "percent"}, "wants one of none, not \"percent\""},
      {{"-S", "novalue"}, "--setting wants NAME=VALUE"},
      {{"-S", "pipeline.wokers=1"}, "did you mean \"pipeline.workers\"?"},
  }));
  const CommandLine line = read_command_line(words);
  CAPTURE(words);
  REQUIRE(line.exit_status == 2);
  CHECK_THAT(line.text, StartsWith("logboom: ") && Contains(message));
}

TEST_CASE("-V and --help end at once with status 0", "[command line]") {
  const CommandLine version = read_command_line({"-V"});
  CHECK(version.exit_status == 0);
  CHECK_THAT(version.text, StartsWith("logboom "));
  const CommandLine help = read_command_line({"--help"});
  CHECK(help.exit_status == 0);
  for (const char* flag : {"-f,--path.config", "-e,--config.string", "-w,--pipeline.workers", "-V,--version"})
    CHECK_THAT(help.text, Contains(flag));
}

}  // namespace
}  // namespace logboom
