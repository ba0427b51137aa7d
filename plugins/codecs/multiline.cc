// multiline: joins lines that belong together (stack traces, continued lines) into one event.
// Tested by tests/plugins/codecs/multiline_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "pipeline/plugin/registry.h"
#include "pipeline/text/matcher.h"
#include "pipeline/text/pattern_library.h"
#include "plugins/codecs/text/charset.h"
#include "plugins/codecs/text/line_framing.h"
#include "plugins/codecs/text/text_event.h"

namespace logboom {
namespace {

constexpr std::uint64_t kLongestLineBytes = 64 * 1024 * 1024;  // or max_bytes, when that is more

struct MultilineOptions {
  std::string pattern;
  std::string what;
  bool negate = false;
  std::vector<std::string> patterns_dir;
  std::string charset = "UTF-8";
  std::string multiline_tag = "multiline";
  std::int64_t max_lines = 500;
  ByteSize max_bytes{10 * 1024 * 1024};
  std::optional<double> auto_flush_interval;
};

OptionTable<MultilineOptions> multiline_options() {
  OptionTable<MultilineOptions> table;
  table.required("pattern", &MultilineOptions::pattern,
                 "Expression that tells lines that belong to a neighbour; grok names may be used.");
  table.required("what", &MultilineOptions::what, "The neighbour: the previous or the next line.")
      .one_of({"previous", "next"});
  table.optional("negate", &MultilineOptions::negate, "Lines that do not match belong to the neighbour.");
  table.optional("patterns_dir", &MultilineOptions::patterns_dir, "Folders or file globs with more grok patterns.");
  table.optional("charset", &MultilineOptions::charset, "Character set of the bytes that come in.");
  table.optional("multiline_tag", &MultilineOptions::multiline_tag, "Tag of events that have more than one line.");
  table.optional("max_lines", &MultilineOptions::max_lines, "Lines after which an event goes out with the next line.")
      .at_least(1);
  table.optional("max_bytes", &MultilineOptions::max_bytes, "Bytes at which an event goes out.");
  table
      .optional("auto_flush_interval", &MultilineOptions::auto_flush_interval,
                "Seconds of silence after which a waiting event goes out; never when not given.")
      .at_least(0);
  return table;
}

struct MultilineShared {
  Charset charset;
  TextEventMaker events;
  std::shared_ptr<const Matcher> matcher;
  bool joins_next;
  bool negate;
  std::string tag;
  std::size_t max_lines;
  std::size_t max_bytes;
  double auto_flush_seconds;
  Counter& invalid;
  Counter& too_long;
};

class MultilineDecoder final : public Decoder {
 public:
  explicit MultilineDecoder(std::shared_ptr<const MultilineShared> shared)
      : shared_(std::move(shared)),
        reader_(shared_->charset, shared_->invalid),
        framing_(shared_->charset, "\n", std::max<std::size_t>(kLongestLineBytes, shared_->max_bytes)) {}

  void decode(std::string_view bytes, Chunk& chunk) override {
    framing_.split(bytes, chunk, [&](const FramedLine& line) { take_line(line, chunk); });
  }
  void decode_message(std::string_view bytes, Chunk& chunk) override {
    decode(bytes, chunk);
    const std::string_view rest = framing_.take_rest(chunk);
    if (rest.data() != nullptr) {
      take_line(FramedLine{rest, false, false}, chunk);
    } else if (bytes.empty()) {
      take_line(FramedLine{{}, true, false}, chunk);
    }
  }
  void flush(Chunk& chunk) override {
    const std::string_view rest = framing_.take_rest(chunk);
    if (rest.data() != nullptr) take_line(FramedLine{rest, false, false}, chunk);
    emit(chunk);
  }
  std::string take_unfinished() override {
    std::string raw;
    if (lines_ > 0) raw = shared_->charset.encode(text_ + "\n");
    reset();
    return raw + framing_.take_unfinished();
  }
  std::size_t held_bytes() const override { return framing_.held_bytes() + (lines_ > 0 ? text_.size() + 1 : 0); }
  double auto_flush_seconds() const override { return shared_->auto_flush_seconds; }

 private:
  void take_line(const FramedLine& line, Chunk& chunk) {
    if (reader_.charset().has_open_byte_order() && framing_.knows_byte_order())
      reader_.set_charset(reader_.charset().with_byte_order(framing_.is_little_endian()));
    if (line.is_cut) {
      shared_->too_long.add();
      is_cut_ = true;
    }
    const std::string_view text = line.is_valid_utf8 ? line.bytes : reader_.to_utf8(line.bytes, chunk.arena());
    const bool belongs = (shared_->matcher->match(text, scratch_) == MatchStatus::Matched) != shared_->negate;
    if (shared_->joins_next) {
      hold(text);
      if (!belongs || is_full()) emit(chunk);
    } else {
      if (!belongs || is_full()) emit(chunk);
      hold(text);
    }
  }

  void hold(std::string_view text) {
    if (lines_ > 0) text_ += '\n';
    text_ += text;
    line_bytes_ += text.size();
    ++lines_;
  }

  bool has_too_many_lines() const { return lines_ > shared_->max_lines; }
  bool has_too_many_bytes() const { return line_bytes_ >= shared_->max_bytes; }
  bool is_full() const { return has_too_many_lines() || has_too_many_bytes(); }

  void emit(Chunk& chunk) {
    if (lines_ == 0) return;
    Event& event = shared_->events.add(chunk.arena().copy(text_), chunk);
    if (lines_ > 1 && !shared_->tag.empty()) event.add_tag(shared_->tag);
    if (has_too_many_bytes()) event.add_tag("multiline_codec_max_bytes_reached");
    if (has_too_many_lines()) event.add_tag("multiline_codec_max_lines_reached");
    if (is_cut_) event.add_tag("_line_too_long");
    reset();
  }

  void reset() {
    constexpr std::size_t kKeptBytes = 256 * 1024;
    if (text_.capacity() > kKeptBytes) std::string().swap(text_);
    text_.clear();
    lines_ = 0;
    line_bytes_ = 0;
    is_cut_ = false;
  }

  std::shared_ptr<const MultilineShared> shared_;
  CharsetReader reader_;
  LineFraming framing_;
  MatchScratch scratch_;
  std::string text_;  // the lines that wait, joined by line feeds
  std::size_t lines_ = 0;
  std::size_t line_bytes_ = 0;  // of the lines that wait, without line feeds
  bool is_cut_ = false;
};

/// Adds the patterns of a folder, or of the files that a glob names.
void load_patterns(const std::string& place, PatternLibrary& library, const PluginContext& context) {
  std::error_code ignored;
  const std::filesystem::path path(place);
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  const auto loaded =
      is_folder ? library.load_directory(path)
                : library.load_directory(path.has_parent_path() ? path.parent_path() : ".", path.filename().string());
  if (!loaded) context.error("patterns_dir", "patterns_dir: " + loaded.error().message, "name a folder of pattern files");
}

std::shared_ptr<const Matcher> compile_pattern(const MultilineOptions& options, const PluginContext& context) {
  PatternLibrary library = PatternLibrary::bundled(PatternSet::Legacy);
  for (const std::string& place : options.patterns_dir) load_patterns(place, library, context);
  const auto expanded = library.expand(options.pattern);
  if (!expanded) {
    context.error("pattern", "pattern: " + expanded.error().message);
    return nullptr;
  }
  MatcherOptions matching;
  matching.dot_matches_newline = true;
  matching.captures = false;
  auto compiled = Matcher::compile(expanded->regex, matching);
  if (!compiled) {
    context.error("pattern", "pattern: " + compiled.error().message);
    return nullptr;
  }
  return *compiled;
}

class Multiline final : public Codec {
 public:
  Multiline(const MultilineOptions& options, const PluginContext& context)
      : shared_(std::make_shared<const MultilineShared>(
            MultilineShared{Charset::of_option(options.charset, context), TextEventMaker(context.is_ecs()),
                            compile_pattern(options, context), options.what == "next", options.negate, options.multiline_tag,
                            static_cast<std::size_t>(options.max_lines), static_cast<std::size_t>(options.max_bytes.bytes),
                            options.auto_flush_interval.value_or(0), context.metrics().counter("invalid_texts"),
                            context.metrics().counter("lines_too_long")})) {}

  std::unique_ptr<Decoder> make_decoder() const override { return std::make_unique<MultilineDecoder>(shared_); }

 private:
  std::shared_ptr<const MultilineShared> shared_;
};

const RegisterCodec registered({.name = "multiline",
                                .summary = "Joins lines that belong together into one event.",
                                .make = make_codec<Multiline, multiline_options>,
                                .details = R"(A line that matches `pattern` (with `negate`: that does not) is joined
to its neighbour: to the line before it with `what => previous`, to the one after it with `what => next`. `message`
holds the lines with line feeds between them; with ECS `[event][original]` does too. Events of more than one line get
`multiline_tag`.

An event goes out before its end when it holds more than `max_lines` lines (tagged
`multiline_codec_max_lines_reached`) or when its lines together reach `max_bytes` (tagged
`multiline_codec_max_bytes_reached`). Grok names in the pattern are those of the plain pattern set, whatever the ECS
mode. Each connection or file is joined for itself.

Lines that wait belong to no event yet: a crash loses them unless the input reads them again (file does). With
`auto_flush_interval` they go out after that much silence, and always at the end of the stream.)"});

}  // namespace
}  // namespace logboom
