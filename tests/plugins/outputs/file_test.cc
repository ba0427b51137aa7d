#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#include <csignal>
#include <sstream>

#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_delivery.h"
#include "tests/plugins/recording_sink.h"

using namespace logboom;

namespace {

const std::string kText = R"(codec => line { format => "%{m}" })";

struct FileOutputTest {
  TemporaryFolder folder;
  std::unique_ptr<PluginHarness<Output>> output;

  void make(const std::string& path, const std::string& options = {}) {
    output = std::make_unique<PluginHarness<Output>>(
        "output", "file { path => \"" + folder.at(path) + "\" " + kText + " " + options + " }");
    INFO(output->diagnostics.render());
    REQUIRE(output->plugin != nullptr);
  }
  std::shared_ptr<RecordingDelivery> deliver(const std::vector<std::string>& events) {
    auto delivery = std::make_shared<RecordingDelivery>(events);
    output->plugin->deliver(delivery);
    return delivery;
  }
};

std::string unpacked(const std::string& packed) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  std::string out(1 << 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  while (stream.avail_in > 0) {
    REQUIRE(inflate(&stream, Z_NO_FLUSH) == Z_STREAM_END);
    inflateReset(&stream);
  }
  out.resize(out.size() - stream.avail_out);
  inflateEnd(&stream);
  return out;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("file does not glue events to the half line that a killed process left", "[output][file]") {
  FileOutputTest test;
  test.folder.write("torn", "whole\nhal");
  test.folder.write("whole", "whole\n");
  for (const std::string name : {"torn", "whole", "new"}) {
    test.make(name);
    test.deliver({R"({"m":"one"})"});
    test.deliver({R"({"m":"two"})"});
  }
  CHECK(test.folder.read("torn") == "whole\nhal\none\ntwo\n");
  CHECK(test.folder.read("whole") == "whole\none\ntwo\n");
  CHECK(test.folder.read("new") == "one\ntwo\n");
}

TEST_CASE("file appends batches and makes folders", "[output][file]") {
  FileOutputTest test;
  test.make("a/b/out.log");
  CHECK(test.deliver({R"({"m":"1"})", R"({"m":"2"})"})->is_all(OutcomeKind::Delivered));
  CHECK(test.deliver({R"({"m":"3"})"})->is_all(OutcomeKind::Delivered));
  CHECK(test.folder.read("a/b/out.log") == "1\n2\n3\n");
}

TEST_CASE("file writes JSON lines when no codec is given", "[output][file]") {
  TemporaryFolder folder;
  PluginHarness<Output> output("output", "file { path => \"" + folder.at("x") + "\" }");
  output.plugin->deliver(std::make_shared<RecordingDelivery>(std::vector<std::string>{R"({"m":1})"}));
  CHECK(folder.read("x") == "{\"m\":1,\"@timestamp\":\"2023-11-14T22:13:20.000Z\",\"@version\":\"1\"}\n");
}

TEST_CASE("file names files by fields and time", "[output][file]") {
  FileOutputTest test;
  test.make("%{app}/%{+YYYY-MM-dd}.log");
  CHECK(test.deliver({R"({"m":"1","app":"a"})", R"({"m":"2","app":"b"})", R"({"m":"3","app":"a"})"})
            ->is_all(OutcomeKind::Delivered));
  CHECK(test.folder.read("a/2023-11-14.log") == "1\n3\n");
  CHECK(test.folder.read("b/2023-11-14.log") == "2\n");
}

TEST_CASE("file sends events whose path escapes or is none to the failure file", "[output][file]") {
  FileOutputTest test;
  test.make("root/%{p}");
  CHECK(test.deliver({R"({"m":"up","p":"../../x"})", R"({"m":"in","p":"y"})", R"({"m":"nul","p":"a\u0000b"})",
                      R"({"m":"itself","p":"."})", "{\"m\":\"long\",\"p\":\"" + std::string(300, 'n') + "\"}"})
            ->is_all(OutcomeKind::Delivered));
  CHECK(test.folder.read("root/y") == "in\n");
  const std::string failed = test.folder.read("root/_filepath_failures");
  for (const std::string text : {"up\n", "nul\n", "itself\n", "long\n"}) CHECK(failed.find(text) != std::string::npos);
}

TEST_CASE("file refuses a path whose first part depends on the event", "[output][file]") {
  for (const std::string path : {"/%{a}/x", "/x%{a}", "%{a}"}) {
    INFO(path);
    PluginHarness<Output> output("output", "file { path => \"" + path + "\" }");
    CHECK(output.plugin == nullptr);
  }
}

TEST_CASE("file makes a file that was moved or deleted anew", "[output][file]") {
  FileOutputTest test;
  test.make("out");
  test.deliver({R"({"m":"1"})"});
  std::filesystem::rename(test.folder.at("out"), test.folder.at("out.1"));
  test.deliver({R"({"m":"2"})"});
  CHECK(test.folder.read("out.1") == "1\n");
  CHECK(test.folder.read("out") == "2\n");
}

TEST_CASE("file sends events of a missing file to the failure file when it may not make it", "[output][file]") {
  FileOutputTest test;
  test.make("out", "create_if_deleted => false");
  CHECK(test.deliver({R"({"m":"1"})"})->is_all(OutcomeKind::Delivered));
  CHECK_FALSE(test.folder.has("out"));
  CHECK(test.folder.read("_filepath_failures") == "1\n");
}

TEST_CASE("file keeps a gzip archive readable after every batch", "[output][file]") {
  FileOutputTest test;
  test.make("out.gz", "gzip => true");
  test.deliver({R"({"m":"1"})"});
  CHECK(unpacked(test.folder.read("out.gz")) == "1\n");
  test.deliver({R"({"m":"2"})"});
  CHECK(unpacked(test.folder.read("out.gz")) == "1\n2\n");
}

TEST_CASE("file holds the last event alone when it overwrites", "[output][file]") {
  FileOutputTest test;
  test.make("out", "write_behavior => overwrite");
  CHECK(test.deliver({R"({"m":"a longer one"})", R"({"m":"2"})"})->is_all(OutcomeKind::Delivered));
  test.deliver({R"({"m":"3"})"});
  CHECK(test.folder.read("out") == "3\n");
}

TEST_CASE("file gives new files and folders the modes it is told", "[output][file]") {
  FileOutputTest test;
  test.make("d/out", "file_mode => 0666 dir_mode => 0777 fsync => true");
  CHECK(test.deliver({R"({"m":"1"})"})->is_all(OutcomeKind::Delivered));
  CHECK(mode_of(test.folder.at("d/out")) == 0666);
  CHECK(mode_of(test.folder.at("d")) == 0777);
}

TEST_CASE("file asks to try again when the disk is full", "[output][file]") {
  PluginHarness<Output> output("output", "file { path => \"/dev/full\" }");
  auto delivery = std::make_shared<RecordingDelivery>(std::vector<std::string>{"{}"});
  output.plugin->deliver(delivery);
  CHECK(delivery->is_all(OutcomeKind::Retry));
  CHECK(delivery->outcomes[0].reason.find("No space left") != std::string::npos);
}

TEST_CASE("file cuts off what it wrote of a batch that did not fit", "[output][file]") {
  FileOutputTest test;
  test.make("out");
  test.deliver({R"({"m":"1"})"});
  // The kernel writes as far as the limit and then refuses: a disk that fills up in the middle of a batch.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  rlimit limit = old_limit;
  limit.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &limit);
  auto delivery = test.deliver({"{\"m\":\"" + std::string(2000, 'x') + "\"}"});
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);
  CHECK(delivery->is_all(OutcomeKind::Retry));
  CHECK(test.folder.read("out") == "1\n");
  CHECK(test.deliver({R"({"m":"2"})"})->is_all(OutcomeKind::Delivered));
  CHECK(test.folder.read("out") == "1\n2\n");
}

TEST_CASE("file never mixes the lines of several workers", "[output][file]") {
  FileOutputTest test;
  test.make("out");
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker)
    workers.emplace_back([&test, worker] {
      const std::string line(500, static_cast<char>('a' + worker));
      for (int i = 0; i < 50; ++i)
        test.output->plugin->deliver(
            std::make_shared<RecordingDelivery>(std::vector<std::string>(3, "{\"m\":\"" + line + "\"}")));
    });
  for (std::thread& worker : workers) worker.join();
  std::istringstream text(test.folder.read("out"));
  std::string line;
  int lines = 0;
  while (std::getline(text, line)) {
    ++lines;
    REQUIRE(line == std::string(500, line[0]));
  }
  CHECK(lines == 600);
}
