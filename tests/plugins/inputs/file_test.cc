#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <sstream>

#include "tests/plugins/plugin_harness.h"
#include "tests/plugins/recording_sink.h"

using namespace logboom;

namespace {

using Messages = std::vector<std::string>;

struct FileInputTest {
  TemporaryFolder folder;
  RecordingSink sink;
  std::unique_ptr<PluginHarness<Input>> input;
  std::unique_ptr<RunningInput> running;

  Input& make(const std::string& pattern, const std::string& options, EcsMode ecs = EcsMode::V1) {
    running.reset();
    input = std::make_unique<PluginHarness<Input>>(
        "input",
        "file { path => \"" + folder.at(pattern) + "\" stat_interval => 0.005 discover_interval => 1 sincedb_path => \"" +
            folder.at("since.db") + "\" " + options + " }",
        ecs);
    INFO(input->diagnostics.render());
    REQUIRE(input->plugin != nullptr);
    return *input->plugin;
  }
  void start(const std::string& pattern, const std::string& options = "start_position => beginning",
             EcsMode ecs = EcsMode::V1) {
    Input& made = make(pattern, options, ecs);
    running = std::make_unique<RunningInput>(made, sink);
  }
  void stop() {
    running.reset();
    input.reset();
  }
  /// Reads once and returns.
  void read(const std::string& pattern, const std::string& options = {}) {
    Input& made = make(pattern, "mode => read exit_after_read => true " + options);
    StopSignal stop_signal;
    REQUIRE(made.run(sink, stop_signal).has_value());
    input.reset();
  }
  /// Waits for these messages, no more and no fewer.
  void expect(const Messages& messages) {
    sink.wait_for_events(messages.size());
    CHECK(sink.messages() == messages);
  }
  /// The position in the only entry of the sincedb.
  std::uint64_t saved_position() const {
    std::istringstream entry(folder.read("since.db"));
    std::uint64_t inode = 0, major = 0, minor = 0, position = 0;
    entry >> inode >> major >> minor >> position;
    return position;
  }
  std::uint64_t metric(const std::string& name) const {
    for (const auto& sample : input->metrics.samples())
      if (sample.path == name) return sample.value;
    return 0;
  }
};

std::string packed(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("file reads complete files and ends with exit_after_read", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n\ntwo\r\nlast");
  test.folder.write("b.log", "b\n");
  test.read("*.log", "file_sort_by => path");
  CHECK(test.sink.messages() == Messages{"one", "", "two\r", "last", "b"});
  CHECK_FALSE(test.folder.has("a.log"));  // deleting is the default
}

TEST_CASE("file logs completed files instead of deleting them, and does not read them again", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  const std::string options = "file_completed_action => log file_completed_log_path => \"" + test.folder.at("done") + "\"";
  test.read("*.log", options);
  CHECK(test.folder.read("done") == test.folder.at("a.log") + "\n");
  test.folder.append("a.log", "two\n");
  test.read("*.log", options);
  test.read("*.log", options);
  CHECK(test.sink.messages() == Messages{"one", "two"});
}

TEST_CASE("file deletes a file only when all its events are delivered", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  test.sink.acknowledges_at_once = false;
  test.start("*.log", "mode => read exit_after_read => true");
  test.sink.wait_for_events(1);
  CHECK(test.folder.has("a.log"));
  test.sink.acknowledge(1);
  CHECK(test.running->join());
  CHECK_FALSE(test.folder.has("a.log"));
}

TEST_CASE("file reads again what was not delivered", "[input][file]") {
  FileInputTest test;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "line " + std::to_string(i) + "\n";
  test.folder.write("a.log", text);
  test.sink.acknowledges_at_once = false;
  test.start("a.log", "start_position => beginning file_chunk_size => 1024");
  test.sink.wait_for_events(1000);
  const std::size_t chunks = test.sink.held_chunks();
  REQUIRE(chunks >= 8);
  test.sink.acknowledge_only(5);  // out of turn: counts for nothing yet
  test.sink.acknowledge(3);
  test.stop();
  const std::size_t seen = test.sink.messages().size();
  // What is read again begins behind the three chunks, at a line's start.
  const std::size_t position = test.saved_position();
  REQUIRE(position > 2000);
  REQUIRE(position < 3100);
  const std::size_t done =
      static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
  test.start("a.log");
  test.sink.wait_for_events(seen + 1000 - done);
  CHECK(test.sink.messages()[seen] == "line " + std::to_string(done));
  CHECK(test.sink.messages().back() == "line 999");
}

TEST_CASE("file follows a file that grows, with lines in pieces", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "old\n");
  test.start("a.log");
  test.expect({"old"});
  test.folder.append("a.log", "ne");
  test.folder.append("a.log", "w\nhalf");
  test.expect({"old", "new"});
  test.folder.append("a.log", " done\n");
  test.expect({"old", "new", "half done"});
}

TEST_CASE("file begins at the end unless told otherwise, but reads later files from the beginning", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "old\n");
  test.start("*.log", "sincedb_write_interval => 0.001");
  while (!test.folder.has("since.db")) std::this_thread::yield();  // the first look at the folder is over
  test.folder.append("a.log", "new\n");
  test.expect({"new"});
  test.folder.write("b.log", "later\n");
  test.expect({"new", "later"});
}

TEST_CASE("file goes on after a restart where it was", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  test.start("a.log");
  test.expect({"one"});
  test.stop();
  test.folder.append("a.log", "two\n");
  test.start("a.log");
  test.expect({"one", "two"});
}

TEST_CASE("file follows a rotation by rename to the last line and reads the new file from its beginning", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  test.start("a.log");
  test.expect({"one"});
  std::filesystem::rename(test.folder.at("a.log"), test.folder.at("a.log.1"));
  test.folder.append("a.log.1", "two\n");  // the writer has not noticed yet
  test.expect({"one", "two"});
  test.folder.write("a.log", "three\n");
  test.expect({"one", "two", "three"});
}

TEST_CASE("file does not read a renamed file again when the pattern fits both names", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  test.start("a.log*");
  test.expect({"one"});
  std::filesystem::rename(test.folder.at("a.log"), test.folder.at("a.log.1"));
  test.folder.write("a.log", "two\n");
  test.expect({"one", "two"});
  test.folder.append("a.log", "three\n");
  test.expect({"one", "two", "three"});
}

TEST_CASE("file knows a file that was renamed while it was stopped", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  test.start("a.log*");
  test.expect({"one"});
  test.stop();
  std::filesystem::rename(test.folder.at("a.log"), test.folder.at("a.log.1"));
  test.folder.write("a.log", "two\n");
  test.start("a.log*");
  test.expect({"one", "two"});
}

TEST_CASE("file reads a truncated file from its beginning", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "a long first line\n");
  test.start("a.log");
  test.expect({"a long first line"});
  test.folder.write("a.log", "two\n");
  test.expect({"a long first line", "two"});
}

TEST_CASE("file notices that a file was truncated and filled past its old size", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  test.start("a.log");
  test.expect({"one"});
  // One write in place, so that no look finds the file short.
  const int file = open(test.folder.at("a.log").c_str(), O_WRONLY);
  REQUIRE(pwrite(file, "two\nthree\n", 10, 0) == 10);
  close(file);
  test.expect({"one", "two", "three"});
}

TEST_CASE("file emits the unfinished line of a file that was deleted", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\nhalf");
  test.start("a.log");
  test.expect({"one"});
  std::filesystem::remove(test.folder.at("a.log"));
  test.expect({"one", "half"});
}

TEST_CASE("file reads archives, several members and all", "[input][file]") {
  FileInputTest test;
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "line " + std::to_string(i) + "\n";
  test.folder.write("a.log.gz", packed(text) + packed("second\nlast"));
  test.read("*.gz");
  const Messages messages = test.sink.messages();
  REQUIRE(messages.size() == 20002);
  CHECK(messages[19999] == "line 19999");
  CHECK(messages[20001] == "last");
  CHECK_FALSE(test.folder.has("a.log.gz"));
}

TEST_CASE("file keeps a damaged archive", "[input][file]") {
  FileInputTest test;
  const std::string whole = packed("one\n" + std::string(100, 'x') + "\n");
  for (const std::string& damaged : {whole.substr(0, whole.size() - 6), std::string("no archive\n"), std::string()}) {
    test.folder.write("a.gz", damaged);
    test.read("*.gz");
    CHECK(test.folder.has("a.gz"));
  }
  const std::size_t before = test.sink.messages().size();
  test.folder.write("a.gz", whole.substr(0, whole.size() - 6));
  test.read("*.gz", "check_archive_validity => true");
  CHECK(test.folder.has("a.gz"));
  CHECK(test.sink.messages().size() == before);
}

TEST_CASE("file says where events come from, by ECS or as before", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n");
  SECTION("ECS") {
    test.start("a.log");
    test.expect({"one"});
    CHECK(test.sink.lines()[0].find("\"log\":{\"file\":{\"path\":\"" + test.folder.at("a.log") + "\"}}") !=
          std::string::npos);
    CHECK(test.sink.lines()[0].find("\"host\":{\"name\":\"") != std::string::npos);
  }
  SECTION("before") {
    test.start("a.log", "start_position => beginning", EcsMode::Disabled);
    test.expect({"one"});
    CHECK(test.sink.lines()[0].find("\"path\":\"" + test.folder.at("a.log") + "\"") != std::string::npos);
    CHECK(test.sink.lines()[0].find("\"host\":\"") != std::string::npos);
  }
  CHECK(test.sink.metadata()[0].find("\"path\":\"" + test.folder.at("a.log") + "\"") != std::string::npos);
}

TEST_CASE("file reads lines that multiline still held again after a restart", "[input][file]") {
  FileInputTest test;
  const std::string options = R"(start_position => beginning codec => multiline { pattern => "^\s" what => "previous" })";
  test.folder.write("a.log", "one\n 1\ntwo\n");
  test.start("a.log", options);
  test.expect({"one\n 1"});
  test.stop();
  test.folder.append("a.log", " 2\nthree\n");
  test.start("a.log", options);
  test.expect({"one\n 1", "two\n 2"});
}

TEST_CASE("file flushes multiline after its silence", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\n 1\n");
  test.start(
      "a.log",
      R"(start_position => beginning codec => multiline { pattern => "^\s" what => previous auto_flush_interval => 0.01 })");
  test.expect({"one\n 1"});
}

TEST_CASE("file finds delimiters of several bytes across reads", "[input][file]") {
  FileInputTest test;
  std::string text;
  for (int i = 0; i < 500; ++i) text += "line " + std::to_string(i) + "<>";
  test.folder.write("a.log", text);
  test.read("a.log", "delimiter => \"<>\" file_chunk_size => 1025");
  REQUIRE(test.sink.messages().size() == 500);
  for (int i = 0; i < 500; ++i) CHECK(test.sink.messages()[static_cast<std::size_t>(i)] == "line " + std::to_string(i));
}

TEST_CASE("file cuts a line past the limit and goes on behind it", "[input][file]") {
  FileInputTest test;
  constexpr std::size_t kLimit = 64 * 1024 * 1024;
  test.folder.write("a.log", "one\n" + std::string(kLimit + 200'000, 'x') + "\ntwo\n");
  test.read("a.log");
  const Messages messages = test.sink.messages();
  REQUIRE(messages.size() == 3);
  CHECK(messages[1].size() >= kLimit);
  CHECK(messages[1].size() <= kLimit + 200'000);
  CHECK(messages[2] == "two");
  CHECK(test.sink.lines()[1].find("\"tags\":[\"_line_too_long\"]") != std::string::npos);
}

TEST_CASE("file closes quiet files and opens them again when they grow", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\nha");
  test.start("a.log", "start_position => beginning close_older => 0.001");
  test.expect({"one"});
  while (test.metric("files_open") != 0) std::this_thread::yield();
  test.folder.append("a.log", "lf\ntwo\n");
  test.expect({"one", "half", "two"});
}

TEST_CASE("file passes over files that are too old until they change", "[input][file]") {
  FileInputTest test;
  test.folder.write("old.log", "old\n");
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(utimensat(AT_FDCWD, test.folder.at("old.log").c_str(), times, 0) == 0);
  test.folder.write("young.log", "young\n");
  test.start("*.log", "start_position => beginning ignore_older => 3600");
  test.expect({"young"});
  test.folder.append("old.log", "new\n");
  test.expect({"young", "new"});
}

TEST_CASE("file reads on with fewer open files than there are", "[input][file]") {
  FileInputTest test;
  for (const std::string name : {"a", "b", "c"}) test.folder.write(name + ".log", name + "\n");
  test.start("*.log", "start_position => beginning max_open_files => 1 close_older => 0.001");
  test.sink.wait_for_events(3);
}

TEST_CASE("file counts what there is to read and what is read", "[input][file]") {
  FileInputTest test;
  test.folder.write("a.log", "one\ntwo\n");
  test.start("a.log");
  test.expect({"one", "two"});
  CHECK(test.metric("bytes_total") == 8);
  CHECK(test.metric("bytes_read") == 8);
  CHECK(test.metric("lines") == 2);
}

TEST_CASE("file refuses what cannot work", "[input][file]") {
  for (const std::string bad :
       {"path => \"relative.log\"", "path => \"/x\" sincedb_path => \"/tmp\"", "path => \"/x\" exit_after_read => true",
        "path => \"/x\" mode => read file_completed_action => log", "path => \"/x\" delimiter => \"\"",
        "path => \"/x\" codec => dots", "path => \"/x\" mode => follow"}) {
    INFO(bad);
    PluginHarness<Input> input("input", "file { " + bad + " }");
    CHECK(input.plugin == nullptr);
    CHECK(input.diagnostics.has_errors());
  }
}
