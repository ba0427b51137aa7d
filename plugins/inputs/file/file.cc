// file: follows log files, or reads them once.
// Tested by tests/plugins/inputs/file_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "pipeline/base/log.h"
#include "pipeline/plugin/registry.h"
#include "plugins/inputs/file/settings.h"

namespace logboom {
namespace {

struct FileOptions {
  std::vector<std::string> path;
  std::vector<std::string> exclude;
  std::string mode = "tail";
  std::string start_position = "end";
  Duration stat_interval{1};
  std::uint64_t discover_interval = 15;
  std::optional<std::string> sincedb_path;
  Duration sincedb_write_interval{15};
  Duration sincedb_clean_after{14 * 86400.0};
  std::string delimiter = "\n";
  std::optional<Duration> ignore_older;
  Duration close_older{3600};
  std::optional<std::uint64_t> max_open_files;
  std::string file_completed_action = "delete";
  std::optional<std::string> file_completed_log_path;
  std::uint64_t file_chunk_size = 64 * 1024;
  std::uint64_t file_chunk_count = 4611686018427387903;
  std::string file_sort_by = "last_modified";
  std::string file_sort_direction = "asc";
  bool exit_after_read = false;
  bool check_archive_validity = false;
  CodecChoice codec{"plain", nullptr, {}};
};

OptionTable<FileOptions> file_options() {
  OptionTable<FileOptions> table;
  table.required("path", &FileOptions::path,
                 "Absolute paths; *, ?, [a-z], {a,b} and ** (folders at any depth) may be used.");
  table.optional("exclude", &FileOptions::exclude, "Patterns of file names, without folders, to pass over.");
  table.optional("mode", &FileOptions::mode, "tail follows files that grow, read reads complete files once.")
      .one_of({"tail", "read"});
  table
      .optional("start_position", &FileOptions::start_position,
                "Where tail begins with a file that is there at first and has no recorded position.")
      .one_of({"beginning", "end"});
  table.optional("stat_interval", &FileOptions::stat_interval, "How often files are looked at.");
  table
      .optional("discover_interval", &FileOptions::discover_interval,
                "How often new files are looked for, in stat intervals.")
      .at_least(1);
  table.optional("sincedb_path", &FileOptions::sincedb_path,
                 "File that keeps the positions; below path.data when not given; /dev/null keeps none.");
  table.optional("sincedb_write_interval", &FileOptions::sincedb_write_interval, "How often the positions are saved.");
  // The bare number of this option counts days, unlike every other one's: see days_of().
  table.optional("sincedb_clean_after", &FileOptions::sincedb_clean_after,
                 "Positions of files without news for this long are forgotten; a bare number is days.");
  table.optional("delimiter", &FileOptions::delimiter, "What ends a line.");
  table.optional("ignore_older", &FileOptions::ignore_older,
                 "Files last changed longer ago are passed over until they change.");
  table.optional("close_older", &FileOptions::close_older,
                 "Files without news for this long are closed until they change (tail).");
  table.optional("max_open_files", &FileOptions::max_open_files, "Files open at a time; 4095 when not given. Others wait.")
      .at_least(1);
  table
      .optional("file_completed_action", &FileOptions::file_completed_action,
                "What becomes of a file that is read and delivered (read).")
      .one_of({"delete", "log", "log_and_delete"});
  table.optional("file_completed_log_path", &FileOptions::file_completed_log_path,
                 "File that the names of completed files are appended to (read).");
  table.optional("file_chunk_size", &FileOptions::file_chunk_size, "Bytes read at a time.")
      .at_least(1024)
      .at_most(16 * 1024 * 1024);
  table.optional("file_chunk_count", &FileOptions::file_chunk_count, "Reads before the next file has its turn.").at_least(1);
  table.optional("file_sort_by", &FileOptions::file_sort_by, "Order of the files.").one_of({"last_modified", "path"});
  table.optional("file_sort_direction", &FileOptions::file_sort_direction, "asc: oldest, or first by name, first.")
      .one_of({"asc", "desc"});
  table.optional("exit_after_read", &FileOptions::exit_after_read,
                 "Ends when the files that were there at start are read (read).");
  table.optional("check_archive_validity", &FileOptions::check_archive_validity,
                 "Unpacks an archive once before its events are made, and skips it whole when it is damaged (read).");
  table.optional("codec", &FileOptions::codec, "What makes events of lines.");
  return table;
}

std::string md5_hex(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr) != 1) return "default";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::chrono::nanoseconds nanoseconds_of(const Duration& duration) {
  constexpr double kLongestSeconds = 86400.0 * 365;
  const double seconds = std::clamp(duration.seconds, 0.001, kLongestSeconds);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

class FileInput final : public Input {
 public:
  FileInput(const FileOptions& options, const PluginContext& context)
      : reading_{context.make_codec(options.codec),
                 InputDecorations(context),
                 FileFields(context.is_ecs(), context.host_name()),
                 options.delimiter,
                 options.file_chunk_size,
                 context.metrics().counter("bytes_read"),
                 context.metrics().counter("lines"),
                 context.metrics().counter("lines_too_long")},
        clock_(context.clock()),
        bytes_total_(context.metrics().counter("bytes_total")),
        files_open_(context.metrics().counter("files_open")),
        files_completed_(context.metrics().counter("files_completed")),
        failures_(context.metrics().counter("failures")),
        is_read_mode_(options.mode == "read") {
    if (reading_.codec != nullptr && reading_.codec->make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options.codec.name), "choose plain, json or multiline");
    check(options, context);
    settings_ = settings_of(options, context);
    sincedb_ = std::make_shared<Sincedb>(sincedb_path(options, context), days_of(options, context), clock_);
  }

  Result<void> run(EventSink& sink, StopSignal& stop) override {
    if (!is_loaded_) {
      if (const auto loaded = sincedb_->load(); !loaded) return loaded;
      is_loaded_ = true;
    }
    const FileContext context{settings_,   reading_,         sincedb_,  clock_,    bytes_total_,
                              files_open_, files_completed_, failures_, log_limit_};
    if (is_read_mode_) {
      run_read(context, sink, stop);
    } else {
      run_tail(context, sink, stop);
    }
    return {};
  }

  void hand_over() override {
    if (const auto written = sincedb_->write(); !written)
      log_error("input.file", "{}: {}", settings_.id, written.error().message);
  }

 private:
  static void check(const FileOptions& options, const PluginContext& context) {
    for (const std::string& path : options.path)
      if (path.empty() || path.front() != '/')
        context.error("path", fmt::format("path: \"{}\" is not absolute", path), "begin it with /");
    if (options.path.empty()) context.error("path", "path: names no file", "give at least one path");
    if (options.delimiter.empty()) context.error("delimiter", "delimiter: is empty", "leave it out for line feeds");
    if (options.sincedb_path && is_folder(*options.sincedb_path))
      context.error("sincedb_path", fmt::format("sincedb_path: {} is a folder", *options.sincedb_path), "name a file");
    const bool reads = options.mode == "read";
    if (!reads && options.exit_after_read) context.error("exit_after_read", "exit_after_read: needs mode => read");
    const bool logs = options.file_completed_action != "delete";
    if (reads && logs && !options.file_completed_log_path)
      context.error("file_completed_action",
                    fmt::format("file_completed_action: {} needs file_completed_log_path", options.file_completed_action));
    if (options.file_completed_log_path && is_folder(*options.file_completed_log_path))
      context.error("file_completed_log_path", "file_completed_log_path: is a folder", "name a file");
  }

  static FileSettings settings_of(const FileOptions& options, const PluginContext& context) {
    FileSettings made;
    made.id = context.id();
    made.paths = options.path;
    made.excluded = options.exclude;
    made.starts_at_beginning = options.start_position == "beginning";
    made.stat_interval = nanoseconds_of(options.stat_interval);
    made.discover_interval = options.discover_interval;
    made.sincedb_write_interval = std::chrono::duration<double>(options.sincedb_write_interval.seconds);
    made.close_older = std::chrono::duration<double>(options.close_older.seconds);
    if (options.ignore_older) made.ignore_older_seconds = options.ignore_older->seconds;
    made.max_open_files = options.max_open_files.value_or(4095);
    made.chunk_count = options.file_chunk_count;
    made.sort_by = options.file_sort_by == "path" ? SortBy::Path : SortBy::LastModified;
    made.sorts_descending = options.file_sort_direction == "desc";
    made.deletes_completed = options.file_completed_action != "log";
    made.logs_completed = options.file_completed_action != "delete";
    made.completed_log_path = options.file_completed_log_path.value_or("");
    made.exits_after_read = options.exit_after_read;
    made.checks_archives = options.check_archive_validity;
    return made;
  }

  /// sincedb_clean_after in seconds. Only here a bare number means days.
  static double days_of(const FileOptions& options, const PluginContext& context) {
    const ConfigValue* written = context.written("sincedb_clean_after");
    const bool is_bare = written != nullptr && (written->kind == ConfigValue::Kind::Number ||
                                                written->text.find_first_not_of("0123456789.") == std::string::npos);
    return is_bare ? options.sincedb_clean_after.seconds * 86400 : options.sincedb_clean_after.seconds;
  }

  static std::string sincedb_path(const FileOptions& options, const PluginContext& context) {
    if (options.sincedb_path) return *options.sincedb_path == "/dev/null" ? std::string() : *options.sincedb_path;
    if (context.data_directory().empty()) return {};
    std::string joined;
    for (const std::string& path : options.path) joined += (joined.empty() ? "" : ",") + path;
    return context.data_directory() + "/plugins/inputs/file/.sincedb_" + md5_hex(joined);
  }

  FileReading reading_;
  const Clock& clock_;
  Counter& bytes_total_;
  Counter& files_open_;
  Counter& files_completed_;
  Counter& failures_;
  bool is_read_mode_;
  FileSettings settings_;
  std::shared_ptr<Sincedb> sincedb_;
  LogRateLimit log_limit_;
  bool is_loaded_ = false;
};

const RegisterInput registered({.name = "file",
                                .summary = "Log files: followed as they grow, or read once.",
                                .make = make_input<FileInput, file_options>,
                                .details = R"(**Acknowledged**: a position is saved only when every event up to it is
delivered (with a persisted queue: is in the queue). After a crash reading goes on from there; events may be doubled,
none is lost. Lines that the codec still holds are read again.

Every line is given to the codec without its delimiter. Events get `host` and `path` (with ECS `[host][name]` and
`[log][file][path]`) unless they bring them, and always `[@metadata][host]` and `[@metadata][path]`. A line over 64
MiB is cut, tagged `_line_too_long` and counted in `lines_too_long`.

**tail** follows files. A file is known by device and inode, so a renamed one is not read again, and it is read to its
end before it is let go. A file that shrank, or whose bytes before the position changed (copy and truncate), is read
from its beginning. A new file of an old name, and any file found after the start, is read from its beginning.

**read** reads complete files once, `.gz` and `.gzip` ones unpacked, and then deletes or logs them, after all their
events are delivered. The last line needs no delimiter. A damaged archive is logged and kept, and read again after a
restart. With `exit_after_read` the input ends after the files that were there at start.

Positions are kept in Logstash's sincedb format and its files are understood. Metrics: `bytes_total`, `bytes_read`,
`lines`, `files_open`, `files_completed`, `failures`.)"});

}  // namespace
}  // namespace logboom
