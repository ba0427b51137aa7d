#include <filesystem>
#include <fstream>

#include "tests/plugins/plugin_harness.h"

using namespace logboom;

namespace {
const std::string kIndented = R"(multiline { pattern => "^\s" what => "previous" })";
}

TEST_CASE("multiline joins lines to the one before", "[codec][multiline]") {
  CHECK(CodecHarness(kIndented).decode_messages({"alpha", "   more", "", "beta"}) ==
        "{\"message\":\"alpha\\n   more\",\"tags\":[\"multiline\"]}\n{\"message\":\"\"}\n{\"message\":\"beta\"}");
}

TEST_CASE("multiline gives the same events however the stream is cut", "[codec][multiline]") {
  const std::string text = "a\n b\n c\nd\n\n e";
  const std::string whole = CodecHarness(kIndented, EcsMode::V1).decode({text});
  CHECK(whole.find(R"("event":{"original":"a\n b\n c"})") != std::string::npos);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    INFO("cut at " << at);
    CHECK(CodecHarness(kIndented, EcsMode::V1).decode({text.substr(0, at), text.substr(at)}) == whole);
  }
}

TEST_CASE("multiline joins lines to the next one", "[codec][multiline]") {
  CHECK(CodecHarness(R"(multiline { pattern => "\\$" what => "next" multiline_tag => "joined" })")
            .decode_messages({"a \\", "b", "c", "d \\"}) ==
        "{\"message\":\"a \\\\\\nb\",\"tags\":[\"joined\"]}\n{\"message\":\"c\"}\n{\"message\":\"d \\\\\"}");
}

TEST_CASE("multiline lets an event of max_lines lines take one more", "[codec][multiline]") {
  CHECK(
      CodecHarness(R"(multiline { pattern => "^-" what => "previous" max_lines => 2 })")
          .decode_messages({"-1", "-2", "-3", "-4"}) ==
      "{\"message\":\"-1\\n-2\\n-3\",\"tags\":[\"multiline\",\"multiline_codec_max_lines_reached\"]}\n{\"message\":\"-4\"}");
}

TEST_CASE("multiline ends an event whose lines reach max_bytes", "[codec][multiline]") {
  CHECK(CodecHarness(R"(multiline { pattern => "^-" what => "previous" max_bytes => 4 })")
            .decode_messages({"-1", "-2", "-3"}) ==
        "{\"message\":\"-1\\n-2\",\"tags\":[\"multiline\",\"multiline_codec_max_bytes_reached\"]}\n{\"message\":\"-3\"}");
}

TEST_CASE("multiline knows grok names, its own and those of a folder", "[codec][multiline]") {
  CHECK(CodecHarness(R"(multiline { pattern => "^%{NUMBER} %{TIME}" negate => true what => "previous" })")
            .decode_messages({"120913 12:04:33 begin", "go on"}) ==
        R"({"message":"120913 12:04:33 begin\ngo on","tags":["multiline"]})");
  const auto folder = std::filesystem::temp_directory_path() / "logboom_multiline_patterns";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "own") << "LEAD <<\n";
  CHECK(CodecHarness("multiline { pattern => \"^%{LEAD}\" negate => true what => \"previous\" patterns_dir => [\"" +
                     folder.string() + "\"] }")
            .decode_messages({"<<a", "b"}) == R"({"message":"<<a\nb","tags":["multiline"]})");
  std::filesystem::remove_all(folder);
}

TEST_CASE("multiline gives lines that wait back as they came", "[codec][multiline]") {
  CodecHarness codec(kIndented);
  CHECK(codec.decode({"a\n b\nhalf"}, false).empty());
  CHECK(codec.decoder().take_unfinished() == "a\n b\nhalf");
  CHECK(codec.decoder().held_bytes() == 0);
}

TEST_CASE("multiline refuses what it cannot use", "[codec][multiline]") {
  for (const std::string bad : {R"(multiline { pattern => "x" })", R"(multiline { pattern => "x" what => "both" })",
                                R"(multiline { pattern => "%{NO_SUCH_PATTERN_NAME}" what => "next" })",
                                R"(multiline { pattern => "(" what => "next" })",
                                R"(multiline { pattern => "x" what => "next" charset => "NOPE-8" })"}) {
    INFO(bad);
    CodecHarness codec(bad);
    CHECK(codec.codec == nullptr);
    CHECK(codec.diagnostics.has_errors());
  }
}

TEST_CASE("multiline tells after how much silence it wants to be flushed", "[codec][multiline]") {
  CHECK(CodecHarness(R"(multiline { pattern => "x" what => "next" auto_flush_interval => 2 })")
            .decoder()
            .auto_flush_seconds() == 2);
  CHECK(CodecHarness(kIndented).decoder().auto_flush_seconds() == 0);
}
