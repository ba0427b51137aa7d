#include "server/grok/grok_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <utility>

#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"
#include "server/grok/grok_filter_run.h"
#include "server/grok/suggestion.h"
#include "server/grok/workbench.h"

namespace logboom {
namespace {

constexpr int kAllMatched = 0;
constexpr int kSomeMissed = 1;
constexpr int kUsage = 2;
constexpr std::size_t kLongestLine = 1024 * 1024;
constexpr std::size_t kMostSamples = 1000;
constexpr std::size_t kShownOfRest = 60;

struct Arguments {
  std::vector<std::string> words;  // the pattern, then files
  std::vector<std::string> more_patterns;
  std::vector<std::string> definitions;  // NAME=REGEX
  std::vector<std::string> directories;
  std::string glob = "*";
  std::string ecs = "v8";
  std::string color = "auto";
  std::string list;
  bool captures_all = false;
  bool keeps_empty = false;
  bool is_json = false;
  bool explains = false;
  bool suggests = false;
  bool is_quiet = false;
  bool lists = false;
};

void declare(CLI::App& app, Arguments& arguments) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.add_option("words", arguments.words, "The pattern, then files of lines (standard input when none, or -)");
  app.add_option("-m,--match", arguments.more_patterns, "A further pattern, tried when those before it do not match")
      ->allow_extra_args(false);
  app.add_option("-p,--pattern-definition", arguments.definitions, "NAME=REGEX, as pattern_definitions")
      ->allow_extra_args(false);
  app.add_option("--patterns-dir", arguments.directories, "A directory of pattern files, as patterns_dir")
      ->allow_extra_args(false);
  app.add_option("--patterns-glob", arguments.glob, "Which files of it, as patterns_files_glob");
  app.add_option("--ecs-compatibility", arguments.ecs, "disabled, v1 or v8: which set of patterns")
      ->check(CLI::IsMember({"disabled", "v1", "v8"}));
  app.add_flag("--all", arguments.captures_all, "Capture %{WORD} without a field name too (named_captures_only => false)");
  app.add_flag("--keep-empty", arguments.keeps_empty, "Keep captures of nothing (keep_empty_captures => true)");
  app.add_flag("--json", arguments.is_json, "One JSON object per line");
  app.add_option("--color", arguments.color, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("--explain", arguments.explains, "Say how each pattern is matched, and why so");
  app.add_flag("--suggest", arguments.suggests, "Propose a pattern for the lines; all words are files then");
  app.add_flag("-q,--quiet", arguments.is_quiet, "Nothing but the summary");
  app.add_option("--list", arguments.list, "List the patterns whose name or expression holds a text; all when empty")
      ->expected(0, 1);
}

/// Texts in colours, or as they are.
class Paint {
 public:
  explicit Paint(bool is_on) : is_on_(is_on) {}
  std::string field(std::size_t number, std::string_view text) const {
    static constexpr const char* kColors[] = {"\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[35m", "\x1b[34m"};
    return with(kColors[number % std::size(kColors)], text);
  }
  std::string bad(std::string_view text) const { return with("\x1b[31m", text); }
  std::string faint(std::string_view text) const { return with("\x1b[2m", text); }
  bool is_on() const { return is_on_; }

 private:
  std::string with(const char* color, std::string_view text) const {
    return is_on_ ? fmt::format("{}{}\x1b[0m", color, text) : std::string(text);
  }
  bool is_on_;
};

class Command {
 public:
  Command(Arguments arguments, std::istream& in, std::ostream& out, std::ostream& err, bool is_terminal)
      : arguments_(std::move(arguments)),
        in_(in),
        out_(out),
        err_(err),
        paint_(arguments_.color == "always" ||
               (arguments_.color == "auto" && is_terminal && std::getenv("NO_COLOR") == nullptr)),
        library_(PatternLibrary::bundled(pattern_set())) {}

  int run() {
    if (!load_library()) return kUsage;
    if (arguments_.lists) return list_patterns();
    if (arguments_.suggests) return suggest();
    if (arguments_.words.empty() && arguments_.more_patterns.empty())
      return usage("give a pattern, as in: logboom grok '%{IP:client} %{WORD:verb}' access.log");
    GrokWorkbench workbench(library_, {.named_captures_only = !arguments_.captures_all});
    for (const std::string& pattern : patterns()) {
      if (const auto added = workbench.add(pattern); !added)
        return usage(fmt::format("the pattern {}: {}", pattern, added.error().message));
    }
    if (arguments_.explains) {
      for (std::size_t i = 0; i < workbench.pattern_count(); ++i) out_ << workbench.explain(i);
      return kAllMatched;
    }
    GrokFilterSettings settings{patterns(),
                                definitions_,
                                arguments_.directories,
                                arguments_.glob,
                                arguments_.ecs != "disabled",
                                !arguments_.captures_all,
                                arguments_.keeps_empty};
    auto filter = GrokFilterRun::make(settings);
    if (!filter) return usage(filter.error().message);
    return match_lines(workbench, *filter);
  }

 private:
  PatternSet pattern_set() const { return arguments_.ecs == "disabled" ? PatternSet::Legacy : PatternSet::EcsV1; }

  int usage(const std::string& problem) {
    err_ << "logboom grok: " << problem << "\nlogboom grok --help lists all options\n";
    return kUsage;
  }

  std::vector<std::string> patterns() const {
    std::vector<std::string> all = arguments_.more_patterns;
    if (!arguments_.words.empty()) all.insert(all.begin(), arguments_.words.front());
    return all;
  }

  bool load_library() {
    for (const std::string& directory : arguments_.directories) {
      if (const auto loaded = library_.load_directory(directory, arguments_.glob); !loaded) {
        usage(loaded.error().message);
        return false;
      }
    }
    for (const std::string& definition : arguments_.definitions) {
      const std::size_t equals = definition.find('=');
      if (equals == 0 || equals == std::string::npos) {
        usage(fmt::format("\"{}\" is no definition: write NAME=REGEX", definition));
        return false;
      }
      definitions_.emplace_back(definition.substr(0, equals), definition.substr(equals + 1));
      library_.add(definitions_.back().first, definitions_.back().second, "--pattern-definition");
    }
    return true;
  }

  int list_patterns() {
    std::size_t listed = 0;
    for (const auto& [name, pattern] : library_.patterns()) {
      if (name.find(arguments_.list) == std::string::npos && pattern.expression.find(arguments_.list) == std::string::npos)
        continue;
      out_ << paint_.field(0, name) << ' ' << pattern.expression << '\n';
      ++listed;
    }
    err_ << listed << " of " << library_.size() << " patterns\n";
    return listed > 0 ? kAllMatched : kSomeMissed;
  }

  /// Calls `take` with every line of the files (or of `in`), as valid UTF-8 without its end, until it says no. False when a
  /// file cannot be read.
  bool each_line(std::vector<std::string> files, const std::function<bool(const std::string&)>& take) {
    if (files.empty()) files.emplace_back("-");
    for (const std::string& name : files) {
      std::ifstream file;
      if (name != "-") {
        file.open(name);
        if (!file) {
          usage(fmt::format("cannot read {}", name));
          return false;
        }
      }
      std::istream& from = name == "-" ? in_ : file;
      while (next_line(from))
        if (!take(line_)) return true;
    }
    return true;
  }

  bool next_line(std::istream& from) {
    std::string bytes;
    bool has_any = false;
    for (int c = from.get(); c != std::istream::traits_type::eof() && c != '\n'; c = from.get()) {
      has_any = true;
      if (bytes.size() < kLongestLine) bytes += static_cast<char>(c);
    }
    if (!has_any && from.eof()) return false;
    if (!bytes.empty() && bytes.back() == '\r') bytes.pop_back();
    line_.clear();
    append_utf8_escaped(bytes, line_);
    return true;
  }

  int match_lines(GrokWorkbench& workbench, GrokFilterRun& filter) {
    std::vector<std::string> files = arguments_.words;
    if (!files.empty()) files.erase(files.begin());
    std::size_t lines = 0;
    std::size_t matched = 0;
    const bool could_read = each_line(files, [&](const std::string& line) {
      ++lines;
      const auto match = workbench.match(line);
      matched += match ? 1 : 0;
      if (arguments_.is_quiet) return true;
      if (arguments_.is_json) {
        out_ << (match ? json_of_match(line, *match, filter) : json_of_miss(line, workbench)) << '\n';
      } else if (match) {
        show_match(line, *match, workbench, filter);
      } else {
        show_miss(line, workbench);
      }
      return static_cast<bool>(out_);
    });
    if (!could_read) return kUsage;
    err_ << fmt::format("{} line{}: {} matched, {} did not\n", lines, lines == 1 ? "" : "s", matched, lines - matched);
    return matched == lines ? kAllMatched : kSomeMissed;
  }

  static std::string json_text(std::string_view text) {
    std::string out;
    write_json_string(text, out);
    return out;
  }

  std::string json_of_match(const std::string& line, const GrokMatch& match, GrokFilterRun& filter) {
    return fmt::format(R"({{"matched":true,"pattern":{},"line":{},"fields":{}}})", match.pattern, json_text(line),
                       filter.fields_of(line, false));
  }

  std::string json_of_miss(const std::string& line, GrokWorkbench& workbench) {
    const GrokDiagnosis found = workbench.diagnose(line);
    if (found.is_over_budget)
      return fmt::format(R"({{"matched":false,"pattern":{},"line":{},"over_budget":true}})", found.pattern, json_text(line));
    std::string within;
    for (const std::string& name : found.within) within += (within.empty() ? "" : ",") + json_text(name);
    return fmt::format(
        R"({{"matched":false,"pattern":{},"line":{},"longest_prefix":{},"prefix_begin":{},"prefix_end":{},"failing":{},)"
        R"("within":[{}]}})",
        found.pattern, json_text(line), json_text(found.prefix), found.begin, found.end, json_text(found.failing), within);
  }

  void show_match(const std::string& line, const GrokMatch& match, const GrokWorkbench& workbench, GrokFilterRun& filter) {
    std::string shown;
    std::string legend;
    std::size_t done = 0;
    std::size_t number = 0;
    for (const FieldSpan& span : match.fields) {
      const std::size_t color = number++;
      if (span.begin < done || span.begin == span.end) continue;  // inside the one before
      shown += paint_.faint(line.substr(done, span.begin - done)) +
               paint_.field(color, line.substr(span.begin, span.end - span.begin));
      legend += ' ' + paint_.field(color, span.field);
      done = span.end;
    }
    if (paint_.is_on()) {
      out_ << shown << paint_.faint(line.substr(done)) << '\n' << ' ' << legend << '\n';
    } else {
      out_ << line << '\n';
    }
    if (workbench.pattern_count() > 1) out_ << "  by " << workbench.pattern_text(match.pattern) << '\n';
    out_ << filter.fields_of(line, true) << "\n\n";
  }

  void show_miss(const std::string& line, GrokWorkbench& workbench) {
    const GrokDiagnosis found = workbench.diagnose(line);
    out_ << paint_.bad("no match: ") << line << '\n';
    if (found.is_over_budget) {
      out_ << "  took too many steps (_groktimeout): " << workbench.pattern_text(found.pattern) << "\n\n";
      return;
    }
    const std::string_view text = line;
    if (found.prefix.empty()) {
      out_ << "  nothing matches, not even the first piece\n";
    } else {
      out_ << "  matches  " << found.prefix << "\n           "
           << paint_.field(0, text.substr(found.begin, found.end - found.begin)) << '\n';
    }
    if (!found.failing.empty()) {
      if (!found.within.empty()) out_ << "  in       " << fmt::format("{}", fmt::join(found.within, " > ")) << '\n';
      const bool is_blank = found.failing.find_first_not_of(' ') == std::string::npos;
      out_ << "  fails    " << paint_.bad(is_blank ? '"' + found.failing + '"' : found.failing)
           << (found.expression.empty() ? "" : "  =  " + found.expression) << '\n';
      std::string_view rest = text.substr(found.end);
      const bool is_cut = rest.size() > kShownOfRest;
      while (is_cut && rest.size() > kShownOfRest) {
        rest.remove_suffix(1);
        while (!rest.empty() && utf8_sequence_length(rest.substr(rest.size() - 1)) == 0 && !is_valid_utf8(rest))
          rest.remove_suffix(1);
      }
      out_ << fmt::format("  at byte {}: {}\n", found.end,
                          rest.empty() ? "the end of the line" : std::string(rest) + (is_cut ? "…" : ""));
    }
    out_ << '\n';
  }

  int suggest() {
    std::vector<std::string> lines;
    const bool could_read = each_line(arguments_.words, [&](const std::string& line) {
      if (!line.empty()) lines.push_back(line);
      return lines.size() < kMostSamples;
    });
    if (!could_read) return kUsage;
    if (lines.empty()) return usage("--suggest needs lines: name a file or pipe some in");
    const std::string pattern = suggest_pattern(lines, library_, pattern_set());
    out_ << pattern << '\n';
    GrokFilterSettings settings{
        {pattern}, definitions_, arguments_.directories, arguments_.glob, arguments_.ecs != "disabled", true, false};
    if (auto filter = GrokFilterRun::make(settings); filter && !arguments_.is_quiet)
      out_ << filter->fields_of(lines.front(), true) << '\n';
    err_ << fmt::format("matches all {} lines{}\n", lines.size(), lines.size() == kMostSamples ? " that were read" : "");
    return kAllMatched;
  }

  Arguments arguments_;
  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  Paint paint_;
  PatternLibrary library_;
  std::vector<std::pair<std::string, std::string>> definitions_;
  std::string line_;
};

}  // namespace

int run_grok_command(const std::vector<std::string>& arguments, std::istream& in, std::ostream& out, std::ostream& err,
                     bool is_terminal) {
  CLI::App app("Tries grok patterns on lines and shows what they capture, or where they fail.", "logboom grok");
  Arguments parsed;
  declare(app, parsed);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    app.parse(reversed);
  } catch (const CLI::ParseError& problem) {
    return problem.get_exit_code() == 0 ? app.exit(problem, out, err) : (app.exit(problem, out, err), kUsage);
  }
  parsed.lists = app.get_option("--list")->count() > 0;
  return Command(std::move(parsed), in, out, err, is_terminal).run();
}

}  // namespace logboom
