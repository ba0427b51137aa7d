#include "pipeline/config/logstash_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/config/logstash_conditions.h"
#include "pipeline/config/logstash_cursor.h"
#include "pipeline/config/logstash_literals.h"
#include "pipeline/config/logstash_plugin_body.h"

namespace logboom {
namespace {

constexpr std::size_t kMaxSourceBytes = 64 * 1024 * 1024;

/// Words that begin a condition in other languages.
struct ForeignWord {
  std::string_view word;
  std::string_view remedy;
};
constexpr ForeignWord kForeignWords[] = {
    {"unless", "write: if !( ... )"},
    {"IF", "keywords are lower case: if"},
    {"If", "keywords are lower case: if"},
    {"ELSE", "keywords are lower case: else"},
    {"Else", "keywords are lower case: else"},
    {"when", "conditions are: if ... { } else if ... { } else { }"},
    {"switch", "conditions are: if ... { } else if ... { } else { }"},
    {"case", "conditions are: if ... { } else if ... { } else { }"},
};

/// A block that is being read, for messages about its brace.
struct Block {
  std::string_view name;
  SourceSpan opened;
};

class LogstashParser {
 public:
  LogstashParser(LogstashCursor& cursor, Graph& graph) : cursor_(cursor), graph_(graph) {}

  void read_file() {
    while (cursor_.skip_space(), !cursor_.is_at_end()) {
      if (!read_section()) find_next_section();
    }
  }

 private:
  bool read_section() {
    const std::string word(cursor_.peek_word());
    const SourceSpan word_span = cursor_.next_span();
    if (word == "label") return read_label();
    const auto kind = section_kind(word);
    if (!kind) {
      refuse_outside(word);
      return false;
    }
    cursor_.advance(word.size());
    if (!read_opening_brace(fmt::format("\"{{\" after \"{}\"", word))) return false;
    std::vector<Statement> statements;
    const bool is_read = read_statements({word, word_span}, *kind, statements);
    append_section(*kind, std::move(statements));
    return is_read;
  }

  static std::optional<PluginKind> section_kind(std::string_view word) {
    if (word == "input") return PluginKind::Input;
    if (word == "filter") return PluginKind::Filter;
    if (word == "output") return PluginKind::Output;
    return std::nullopt;
  }

  static void append(std::vector<Statement>& to, std::vector<Statement> from) {
    for (Statement& statement : from) to.push_back(std::move(statement));
  }

  void append_section(PluginKind kind, std::vector<Statement> statements) {
    if (kind == PluginKind::Filter) return append(graph_.filters, std::move(statements));
    if (kind == PluginKind::Output) return append(graph_.outputs, std::move(statements));
    for (Statement& statement : statements)
      if (auto* plugin = std::get_if<PluginNode>(&statement.node)) graph_.inputs.push_back(std::move(*plugin));
  }

  /// label "@NAME" { filter { … } output { … } }
  bool read_label() {
    const SourceSpan word = cursor_.next_span();
    cursor_.advance(5);
    cursor_.skip_space();
    LabelNode label;
    const std::uint32_t begin = cursor_.offset();
    if (cursor_.looks_at_string()) {
      auto string = read_string(cursor_);
      if (!string) return false;
      label.name = std::move(string->text);
    } else {
      cursor_.accept("@");
      cursor_.advance(cursor_.peek_word().size());
      label.name = std::string(cursor_.text_between(begin, cursor_.offset()));
    }
    label.name_span = cursor_.span(begin, cursor_.offset());
    if (label.name.empty() || label.name == "@") {
      cursor_.error(label.name_span, "a label needs a name", "as in: label \"@AUDIT\" { filter { } output { } }");
      return false;
    }
    for (const LabelNode& other : graph_.labels) {
      if (other.name != label.name) continue;
      const SourceLocation first = other.name_span.source->locate(other.name_span.offset);
      cursor_.error(label.name_span, fmt::format("label {} exists already", quoted_excerpt(label.name)),
                    fmt::format("it is defined at {}:{}:{}", other.name_span.source->name(), first.line, first.column));
      break;
    }
    if (!read_opening_brace(fmt::format("\"{{\" after label {}", quoted_excerpt(label.name)))) return false;
    const bool is_read = read_label_sections({"label", word}, label);
    graph_.labels.push_back(std::move(label));
    return is_read;
  }

  bool read_label_sections(Block block, LabelNode& label) {
    for (;;) {
      cursor_.skip_space();
      if (cursor_.accept("}")) return true;
      if (cursor_.refuse_end(block.name, block.opened)) return false;
      const std::string word(cursor_.peek_word());
      const SourceSpan word_span = cursor_.next_span();
      if (word == "label" && refuse_section_inside(cursor_, block.name, block.opened)) return false;
      const auto kind = section_kind(word);
      if (!kind || *kind == PluginKind::Input) {
        cursor_.error_expected(
            "\"filter {\", \"output {\" or \"}\" in a label",
            kind ? "inputs stand outside of labels" : "plugins of a label stand in its filter { } or output { }");
        if (!cursor_.skip_to('{')) {
          if (cursor_.is_at_end()) cursor_.stop();
          continue;
        }
        cursor_.skip_block();
        continue;
      }
      cursor_.advance(word.size());
      if (!read_opening_brace(fmt::format("\"{{\" after \"{}\"", word))) return false;
      const bool is_filter = *kind == PluginKind::Filter;
      if (!read_statements({word, word_span}, *kind, is_filter ? label.filters : label.outputs)) return false;
    }
  }

  /// Reads up to the closing brace of a block. False when it has none, which has been reported.
  bool read_statements(Block block, PluginKind kind, std::vector<Statement>& statements) {
    if (!cursor_.enter(block.opened)) return false;
    bool is_read = false;
    for (;;) {
      cursor_.skip_space();
      if (cursor_.accept("}")) {
        cursor_.note_block(block.name, block.opened, cursor_.offset() - 1);
        is_read = true;
        break;
      }
      if (cursor_.refuse_end(block.name, block.opened) || refuse_section_inside(cursor_, block.name, block.opened)) break;
      if (!read_statement(kind, statements)) break;
    }
    cursor_.leave();
    return is_read;
  }

  /// Reads one plugin or if. False when the blocks around it have to be given up.
  bool read_statement(PluginKind kind, std::vector<Statement>& statements) {
    const std::string_view word = cursor_.peek_word();
    if (word == "if") return read_if(kind, statements);
    if (word == "else" || word == "elseif" || word == "elif" || word == "elsif") return refuse_else(kind);
    for (const ForeignWord& foreign : kForeignWords) {
      if (word != foreign.word || cursor_.is_word_followed_by("=>")) continue;
      cursor_.error(cursor_.next_span(), fmt::format("\"{}\" is no keyword", word), std::string(foreign.remedy));
      cursor_.advance(word.size());
      return read_ignored_body({"if", cursor_.next_span()}, kind);
    }
    if (word.empty() && !cursor_.looks_at_string()) {
      cursor_.error_expected("a plugin, \"if\" or \"}\"",
                             cursor_.looks_at("=>") ? "the plugin before it is closed already" : "");
      cursor_.skip_one();
      find_next_statement();
      return true;
    }
    return read_plugin(kind, statements);
  }

  bool read_plugin(PluginKind kind, std::vector<Statement>& statements) {
    PluginNode plugin;
    plugin.kind = kind;
    const std::uint32_t begin = cursor_.offset();
    if (cursor_.looks_at_string()) {
      auto string = read_string(cursor_);
      if (!string) return false;
      plugin.name = std::move(string->text);
    } else {
      plugin.name = std::string(cursor_.peek_word());
      cursor_.advance(plugin.name.size());
    }
    plugin.name_span = cursor_.span(begin, cursor_.offset());
    if (cursor_.peek() == '.' || cursor_.peek() == ':' || cursor_.peek() == '/') return refuse_name(begin);
    const std::uint32_t name_end = cursor_.offset();
    cursor_.skip_space();
    if (cursor_.looks_at("=>")) {
      cursor_.error(cursor_.span(cursor_.offset(), cursor_.offset() + 2), "no \"=>\" stands between a plugin and its brace",
                    fmt::format("write {} {{ ... }}", plugin.name));
      cursor_.advance(2);
      cursor_.skip_space();
      if (cursor_.peek() != '{') {
        find_next_statement();
        return true;
      }
    }
    if (cursor_.peek() != '{') {
      const bool is_on_this_line = cursor_.line_of(name_end) == cursor_.line_of(cursor_.offset());
      cursor_.error(plugin.name_span,
                    is_on_this_line ? fmt::format("expected \"{{\" after {}, found {}", quoted_excerpt(plugin.name),
                                                  cursor_.describe_next())
                                    : fmt::format("{} has no braces behind it", quoted_excerpt(plugin.name)),
                    fmt::format("a plugin is written {} {{ ... }}", quoted_excerpt(plugin.name)));
      find_next_statement();
      return true;
    }
    const bool is_read = read_plugin_body(cursor_, plugin);
    Statement statement;
    statement.node = std::move(plugin);
    statements.push_back(std::move(statement));
    return is_read;
  }

  bool refuse_name(std::uint32_t begin) {
    cursor_.advance(peek_loose_text(cursor_).size());
    const SourceSpan span = cursor_.span(begin, cursor_.offset());
    cursor_.error(span, fmt::format("{} is no plugin name", quoted_excerpt(cursor_.text_between(begin, cursor_.offset()))),
                  "plugin names are made of letters, digits, _ and -");
    if (cursor_.skip_to('{')) cursor_.skip_block();
    if (cursor_.is_at_end()) cursor_.stop();
    return true;
  }

  bool read_if(PluginKind kind, std::vector<Statement>& statements) {
    if (kind == PluginKind::Input) {
      cursor_.error(cursor_.next_span(), "conditions cannot stand in an input section",
                    "inputs always run; put the if into filter { }");
    }
    IfNode node;
    bool has_else = false;
    SourceSpan opened = cursor_.next_span();
    cursor_.advance(2);
    if (!read_branch({"if", opened}, kind, node)) return false;
    for (;;) {
      const std::uint32_t before = cursor_.offset();
      cursor_.skip_space();
      opened = cursor_.next_span();
      const std::string_view word = cursor_.peek_word();
      const bool is_foreign = word == "elif" || word == "elsif";
      if (word != "else" && word != "elseif" && !is_foreign) {
        cursor_.go_to(before);
        break;
      }
      if (has_else) return keep(std::move(node), statements) && refuse_else(kind);
      if (is_foreign) cursor_.error(opened, fmt::format("\"{}\" is no keyword", word), "write: else if");
      cursor_.advance(word.size());
      cursor_.skip_space();
      bool is_else_if = word != "else";
      if (!is_else_if && cursor_.peek_word() == "if") {
        is_else_if = true;
        cursor_.advance(2);
      }
      if (is_else_if) {
        if (!read_branch({"else if", opened}, kind, node)) return false;
        continue;
      }
      has_else = true;
      if (cursor_.peek() != '{') {
        cursor_.error_expected("\"{\" after \"else\"",
                               cursor_.peek() == '[' || cursor_.peek() == '(' || cursor_.peek() == '!'
                                   ? "a branch with a condition is written: else if ..."
                                   : "");
        if (!find_body()) return true;
      }
      cursor_.advance(1);
      if (!read_statements({"else", opened}, kind, node.otherwise)) return false;
    }
    return keep(std::move(node), statements);
  }

  static bool keep(IfNode node, std::vector<Statement>& statements) {
    Statement statement;
    statement.node = std::move(node);
    statements.push_back(std::move(statement));
    return true;
  }

  /// Reads a condition and its body.
  bool read_branch(Block block, PluginKind kind, IfNode& node) {
    Branch branch;
    if (!read_condition(cursor_, branch.condition) && !find_body()) return !cursor_.is_stopped();
    cursor_.advance(1);
    const bool is_read = read_statements(block, kind, branch.body);
    node.branches.push_back(std::move(branch));
    return is_read;
  }

  /// After a wrong condition: goes to the brace of its body, so that the body is checked too.
  bool find_body() {
    if (cursor_.skip_to('{')) return true;
    if (cursor_.is_at_end()) cursor_.stop();
    return false;
  }

  /// Reads the body of something that was refused, for the errors in it.
  bool read_ignored_body(Block block, PluginKind kind) {
    if (!find_body()) return !cursor_.is_stopped();
    cursor_.advance(1);
    std::vector<Statement> ignored;
    return read_statements(block, kind, ignored);
  }

  bool refuse_else(PluginKind kind) {
    const SourceSpan span = cursor_.next_span();
    const std::string_view word = cursor_.peek_word();
    cursor_.error(span, fmt::format("this \"{}\" belongs to no if", word),
                  "it follows the closing brace of an if or else if directly, and nothing follows an else");
    cursor_.advance(word.size());
    return read_ignored_body({"else", span}, kind);
  }

  bool read_opening_brace(std::string_view what) {
    cursor_.skip_space();
    if (cursor_.accept("{")) return true;
    cursor_.error_expected(what);
    return false;
  }

  void refuse_outside(std::string_view word) {
    static const std::vector<std::string_view> sections{"input", "filter", "output", "label"};
    std::string hint = "plugins and conditions stand inside input { }, filter { } or output { }";
    const std::string_view nearest = nearest_name(word, sections);
    if (!nearest.empty()) hint = fmt::format("did you mean \"{}\"?", nearest);
    if (cursor_.peek() == '}') hint = "a block before it was closed too early, or this brace is one too many";
    cursor_.error_expected("a section (input, filter, output or label)", std::move(hint));
  }

  /// Goes to the next section of the file; what stands before it has been reported as a whole.
  void find_next_section() {
    while (cursor_.skip_space(), !cursor_.is_at_end()) {
      if (looks_at_section(cursor_)) return;
      if (cursor_.looks_at_string()) {
        cursor_.skip_one();
      } else {
        cursor_.advance(std::max<std::size_t>(cursor_.peek_word().size(), 1));
      }
    }
    cursor_.stop();
  }

  /// Goes to the next plugin or if of a block, or to the block's end.
  void find_next_statement() {
    while (cursor_.skip_space(), !cursor_.is_at_end()) {
      if (cursor_.peek() == '}' || cursor_.peek_word() == "if" || cursor_.is_word_followed_by("{")) return;
      cursor_.skip_one();
    }
  }

  LogstashCursor& cursor_;
  Graph& graph_;
};

}  // namespace

void parse_logstash(std::shared_ptr<const SourceText> source, const LogstashParserOptions& options, Graph& graph,
                    Diagnostics& diagnostics) {
  const SourceText& text = *source;
  graph.sources.push_back(std::move(source));
  if (text.text().size() > kMaxSourceBytes) {
    diagnostics.error({&text, 0, 1},
                      fmt::format("a configuration text is limited to {} MiB", kMaxSourceBytes / (1024 * 1024)));
    return;
  }
  if (const auto place = text.first_invalid_utf8()) {
    diagnostics.error({&text, *place, 1}, "a configuration must be UTF-8, and this byte is not", "save the file as UTF-8");
    return;
  }
  LogstashCursor cursor(text, options, diagnostics);
  LogstashParser(cursor, graph).read_file();
}

}  // namespace logboom
