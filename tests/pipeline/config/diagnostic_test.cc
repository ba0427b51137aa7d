#include "pipeline/config/diagnostic.h"

#include <catch2/catch.hpp>

using namespace logboom;

namespace {

SourceSpan span_of(const SourceText& source, std::string_view piece) {
  const auto at = source.text().find(piece);
  REQUIRE(at != std::string_view::npos);
  return {&source, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(piece.size())};
}

std::string second_line(const std::string& text) {
  return text.substr(text.find('\n') + 1, text.find('\n', text.find('\n') + 1) - text.find('\n') - 1);
}
std::string third_line(const std::string& text) {
  const auto second = text.find('\n', text.find('\n') + 1);
  return text.substr(second + 1, text.find('\n', second + 1) - second - 1);
}

}  // namespace

TEST_CASE("a diagnostic reads like a compiler's", "[config][diagnostic]") {
  const SourceText source("web.conf", "filter {\n  truncate {\n    feilds => [\"message\"]\n  }\n}\n");
  const Diagnostic diagnostic{Severity::Error, span_of(source, "feilds"), "filter \"truncate\" has no option \"feilds\"",
                              "did you mean \"fields\"? (options: fields, length_bytes)"};
  CHECK(render_diagnostic(diagnostic) ==
        "web.conf:3:5: error: filter \"truncate\" has no option \"feilds\"\n"
        "    3 |     feilds => [\"message\"]\n"
        "      |     ^~~~~~ did you mean \"fields\"? (options: fields, length_bytes)\n");
}

TEST_CASE("a diagnostic without a place says only what is wrong", "[config][diagnostic]") {
  CHECK(render_diagnostic({Severity::Warning, {}, "no pipeline", ""}) == "warning: no pipeline\n");
  CHECK(render_diagnostic({Severity::Notice, {}, "no pipeline", "add one"}) == "notice: no pipeline\n      | add one\n");
}

TEST_CASE("tabs and wide encodings keep the caret under its text", "[config][diagnostic]") {
  const SourceText source("a.conf", "\tk\té€ => xyz");
  const std::string text = render_diagnostic({Severity::Error, span_of(source, "xyz"), "m", ""});
  CHECK(second_line(text) == "    1 | \tk\té€ => xyz");
  CHECK(third_line(text) == "      | \t \t      ^~~");
}

TEST_CASE("a span over several lines is underlined to the end of the first", "[config][diagnostic]") {
  const SourceText source("a.conf", "ab cd\nef");
  const std::string text = render_diagnostic({Severity::Error, span_of(source, "cd\nef"), "m", ""});
  CHECK(third_line(text) == "      |    ^~");
}

TEST_CASE("the end of the text can be pointed at", "[config][diagnostic]") {
  const SourceText source("a.conf", "ab\n");
  CHECK(render_diagnostic({Severity::Error, {&source, 3, 0}, "m", "h"}) == "a.conf:2:1: error: m\n    2 |\n      | ^ h\n");
  const SourceText open_end("a.conf", "ab");
  CHECK(render_diagnostic({Severity::Error, {&open_end, 2, 0}, "m", ""}) ==
        "a.conf:1:3: error: m\n    1 | ab\n      |   ^\n");
}

TEST_CASE("a long line is cut around the caret", "[config][diagnostic]") {
  const std::string text = std::string(1000, 'a') + "HERE" + std::string(1000, 'b');
  const SourceText source("a.conf", text);
  const std::string shown = render_diagnostic({Severity::Error, span_of(source, "HERE"), "m", ""});
  CHECK(second_line(shown).size() < 140);
  const auto here = second_line(shown).find("HERE");
  REQUIRE(here != std::string::npos);
  CHECK(third_line(shown).find("^~~~") == here);
  CHECK(second_line(shown).substr(0, 12) == "    1 | ...a");
  CHECK(third_line(shown).size() == here + 4);
  const std::string whole = render_diagnostic({Severity::Error, {&source, 990, 1014}, "m", ""});
  CHECK(third_line(whole).size() < 140);  // the underline is cut with the line
}

TEST_CASE("nothing in a diagnostic reaches the terminal as a control", "[config][diagnostic]") {
  const SourceText source("a\x1B.conf", "k \x1B[31m \xFF \xE2\x80\xAE x\x7F");
  const std::string text = render_diagnostic({Severity::Error, {&source, 0, 1}, "bad \n\x07", "hint\r"});
  CHECK(text == "a?.conf:1:1: error: bad ??\n    1 | k ?[31m ? ? x?\n      | ^ hint?\n");
}

TEST_CASE("diagnostics come in order of place and only errors count as errors", "[config][diagnostic]") {
  const SourceText a("a.conf", "one\ntwo\n");
  const SourceText b("b.conf", "one\n");
  Diagnostics diagnostics;
  diagnostics.notice({&b, 0, 1}, "fourth");
  diagnostics.warning({&a, 4, 1}, "third");
  diagnostics.warning({&a, 0, 1}, "second");
  diagnostics.notice({}, "first");
  CHECK_FALSE(diagnostics.has_errors());
  const std::string text = diagnostics.render();
  CHECK(text.find("first") < text.find("second"));
  CHECK(text.find("second") < text.find("third"));
  CHECK(text.find("third") < text.find("fourth"));
  diagnostics.error({&a, 0, 1}, "fifth");
  CHECK(diagnostics.has_errors());
  CHECK(diagnostics.items().size() == 5);
}

TEST_CASE("the nearest name is suggested, a far one is not", "[config][diagnostic]") {
  const std::vector<std::string_view> names{"fields", "length_bytes", "id", "add_tag", "add_field"};
  CHECK(nearest_name("feilds", names) == "fields");  // two letters swapped
  CHECK(nearest_name("field", names) == "fields");
  CHECK(nearest_name("Fields", names) == "fields");
  CHECK(nearest_name("add_tags", names) == "add_tag");
  CHECK(nearest_name("lenght_bytes", names) == "length_bytes");
  CHECK(nearest_name("xy", names).empty());
  CHECK(nearest_name("something_else", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name(std::string(100000, 'x'), names).empty());
  CHECK(nearest_name("fields", {}).empty());
}
