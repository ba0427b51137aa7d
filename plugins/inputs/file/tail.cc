// Tail mode: files that grow, are rotated by rename or by copy and truncate, vanish and come back.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "plugins/inputs/file/settings.h"

namespace logboom {
namespace {

constexpr std::uint64_t kBytesPerTurn = 8 * 1024 * 1024;  // then the other files have theirs
// A file that lost its name is kept open this long after it last grew, because its writer may lag behind.
constexpr int kQuietIntervals = 5;
constexpr std::chrono::seconds kShortestQuiet(1);

struct Watched {
  Watched(const FileReading& reading, const FoundFile& file, std::uint64_t start, std::shared_ptr<AckLedger> made_ledger)
      : identity(file.identity), path(file.path), reader(reading, start), ledger(std::move(made_ledger)) {}

  FileIdentity identity;
  std::string path;
  LineReader reader;
  std::shared_ptr<AckLedger> ledger;
  std::unique_ptr<ByteSource> source;          // nullptr: closed
  std::optional<std::uint64_t> sleeping_size;  // closed for its age: opened again when the size is another
  bool has_name = true;                        // the path still names this file
  std::optional<std::chrono::steady_clock::time_point> quiet_since;  // without a name and without news
  std::uint64_t counted_size = 0;                                    // part of bytes_total
  std::chrono::steady_clock::time_point last_read;
  bool waits_for_flush = false;
};

class TailLoop {
 public:
  TailLoop(const FileContext& context, EventSink& sink, StopSignal& stop)
      : context_(context), settings_(context.settings), sink_(sink), stop_(stop), writer_(context) {}

  void run() {
    for (std::uint64_t tick = 0; !is_stopping(); ++tick) {
      if (tick % settings_.discover_interval == 0) look_for_files(tick == 0);
      bool has_more = true;
      while (has_more && !is_stopping()) {
        has_more = visit_all();
        writer_.write_if_due();
      }
      if (stop_.wait_for(settings_.stat_interval)) break;
    }
    context_.files_open.set(0);
    writer_.write_now();
  }

 private:
  /// Also when the pipeline refused events: reading on would leave a hole behind.
  bool is_stopping() const { return is_refused_ || stop_.is_stopping(); }

  void look_for_files(bool is_first) {
    for (const FoundFile& file : discover(settings_)) {
      const auto known = watched_.find(file.identity);
      if (known == watched_.end()) {
        watch(file, is_first);
      } else if (known->second->path != file.path && !names(known->second->path, file.identity)) {
        known->second->path = file.path;
        known->second->ledger->set_path(file.path);
      }
    }
  }

  static bool names(const std::string& path, const FileIdentity& identity) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && static_cast<std::uint64_t>(status.st_dev) == identity.device &&
           static_cast<std::uint64_t>(status.st_ino) == identity.inode;
  }

  void watch(const FoundFile& file, bool is_first) {
    const bool is_old =
        settings_.ignore_older_seconds && wall_seconds(context_.clock) - file.modified > *settings_.ignore_older_seconds;
    const auto known = known_position(*context_.sincedb, file);
    std::uint64_t start = 0;
    if (known) {
      start = *known <= file.size ? *known : 0;
    } else if (is_old || (is_first && !settings_.starts_at_beginning)) {
      start = file.size;
    }
    auto made = std::make_unique<Watched>(context_.reading, file, start,
                                          std::make_shared<AckLedger>(context_.sincedb, file.identity, file.path));
    if (is_old) made->sleeping_size = file.size;
    if (!known) context_.sincedb->set(file.identity, start, file.path);
    made->counted_size = start;
    made->last_read = context_.clock.steady_now();
    watched_[file.identity] = std::move(made);
  }

  /// A turn for every file. True when one has more to read at once.
  bool visit_all() {
    bool has_more = false;
    std::vector<FoundFile> successors;
    for (auto at = watched_.begin(); at != watched_.end() && !is_stopping();) {
      Watched& file = *at->second;
      bool is_over = false;
      has_more = visit(file, successors, is_over) || has_more;
      if (is_over) {
        close(file);
        at = watched_.erase(at);
      } else {
        ++at;
      }
    }
    for (const FoundFile& file : successors)
      if (watched_.find(file.identity) == watched_.end()) watch(file, false);
    return has_more || (!successors.empty() && !is_stopping());
  }

  bool visit(Watched& file, std::vector<FoundFile>& successors, bool& is_over) {
    struct stat status {};
    const bool has_path = stat(file.path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    const FileIdentity there{static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)};
    file.has_name = has_path && there == file.identity;
    if (has_path && !file.has_name && watched_.find(there) == watched_.end()) {
      // Rotated: the new file of that name is read from its beginning, without waiting for the next discovery.
      successors.push_back({file.path, there, static_cast<std::uint64_t>(status.st_size), wall_seconds(context_.clock)});
    }
    if (file.source != nullptr && fstat(file.source->descriptor(), &status) != 0) return false;
    if (file.source == nullptr && !file.has_name) {
      is_over = true;
      return false;
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (file.sleeping_size) {
      if (*file.sleeping_size == size) return false;
      file.sleeping_size.reset();
    }
    count_size(file, size);
    if (size < file.reader.position()) start_over(file, "it was truncated");
    if (is_refused_) return false;
    if (size > file.reader.position()) return read_more(file, size);
    rest(file, size, is_over);
    return false;
  }

  void count_size(Watched& file, std::uint64_t size) {
    if (size > file.counted_size) context_.bytes_total.add(size - file.counted_size);
    file.counted_size = size;
  }

  /// The file's content is another: begins at its start.
  void start_over(Watched& file, const char* reason) {
    log_info("input.file", "{}: {}: {}; reading it from its beginning", settings_.id, file.path, reason);
    is_refused_ = !file.reader.finish(file.path, *file.ledger, file.reader.position(), sink_, stop_);
    if (is_refused_) return;
    file.ledger->frontier().abandon();
    file.ledger = std::make_shared<AckLedger>(context_.sincedb, file.identity, file.path);
    context_.sincedb->set(file.identity, 0, file.path);
    file.reader.restart_at(0);
    close(file);
  }

  bool open(Watched& file) {
    if (file.source != nullptr) return true;
    if (open_files_ >= settings_.max_open_files) {
      if (context_.log_limit.allow())
        log_warn("input.file", "{}: max_open_files ({}) is reached; other files wait", settings_.id,
                 settings_.max_open_files);
      return false;
    }
    auto opened = open_plain(file.path, file.reader.position());
    if (!opened) {
      context_.failures.add();
      if (context_.log_limit.allow()) log_warn("input.file", "{}: {}", settings_.id, opened.error().message);
      return false;
    }
    struct stat status {};
    const bool is_same = fstat((*opened)->descriptor(), &status) == 0 &&
                         static_cast<std::uint64_t>(status.st_dev) == file.identity.device &&
                         static_cast<std::uint64_t>(status.st_ino) == file.identity.inode;
    if (!is_same) return false;  // renamed between the two looks
    file.source = std::move(*opened);
    context_.files_open.set(++open_files_);
    return true;
  }

  void close(Watched& file) {
    if (file.source == nullptr) return;
    file.source.reset();
    context_.files_open.set(--open_files_);
  }

  /// Copied away, truncated and filled past the old size between two looks: the bytes before the position are others then.
  static bool is_rewritten(const Watched& file) {
    const std::string& expected = file.reader.last_bytes();
    if (expected.empty()) return false;
    char found[256];
    const std::size_t size = std::min(expected.size(), sizeof found);
    const ssize_t count = pread(file.source->descriptor(), found, size, static_cast<off_t>(file.reader.position() - size));
    return count == static_cast<ssize_t>(size) && std::memcmp(found, expected.data() + expected.size() - size, size) != 0;
  }

  bool read_more(Watched& file, std::uint64_t size) {
    if (!open(file)) return false;
    if (is_rewritten(file)) {
      start_over(file, "its content was replaced");
      return true;
    }
    file.quiet_since.reset();
    file.last_read = context_.clock.steady_now();
    file.waits_for_flush = file.reader.auto_flush_seconds() > 0;
    const std::uint64_t turn_end = file.reader.position() + kBytesPerTurn;
    for (std::uint64_t chunks = 0; chunks < settings_.chunk_count; ++chunks) {
      const std::uint64_t unread = size > file.reader.position() ? size - file.reader.position() : 0;
      if (unread == 0) return false;
      if (file.reader.position() >= turn_end) return true;
      const auto step = file.reader.read(*file.source, unread, file.path, *file.ledger, true, sink_, stop_);
      if (!step) {
        context_.failures.add();
        if (context_.log_limit.allow()) log_warn("input.file", "{}: {}", settings_.id, step.error().message);
        close(file);
        return false;
      }
      is_refused_ = *step == ReadStep::Stopped;
      if (*step != ReadStep::Pushed) return false;
    }
    return file.reader.position() < size;
  }

  void rest(Watched& file, std::uint64_t size, bool& is_over) {
    const auto silence = context_.clock.steady_now() - file.last_read;
    if (file.waits_for_flush && silence >= std::chrono::duration<double>(file.reader.auto_flush_seconds())) {
      file.waits_for_flush = false;
      is_refused_ = !file.reader.flush_codec(file.path, *file.ledger, sink_, stop_);
      if (is_refused_) return;
    }
    if (!file.has_name) {
      if (!file.quiet_since) file.quiet_since = context_.clock.steady_now();
      const auto quiet = std::max<std::chrono::nanoseconds>(kShortestQuiet, kQuietIntervals * settings_.stat_interval);
      if (context_.clock.steady_now() - *file.quiet_since < quiet) return;
      is_refused_ = !file.reader.finish(file.path, *file.ledger, file.reader.position(), sink_, stop_);
      is_over = true;
      return;
    }
    file.quiet_since.reset();
    if (file.source != nullptr && silence >= settings_.close_older) {
      is_refused_ = !file.reader.flush_codec(file.path, *file.ledger, sink_, stop_);
      if (is_refused_) return;
      file.reader.restart_at(file.reader.position() - file.reader.held_line_bytes());
      file.sleeping_size = size;
      close(file);
    }
  }

  const FileContext& context_;
  const FileSettings& settings_;
  EventSink& sink_;
  StopSignal& stop_;
  SincedbWriter writer_;
  std::map<FileIdentity, std::unique_ptr<Watched>> watched_;
  std::size_t open_files_ = 0;
  bool is_refused_ = false;
};

}  // namespace

void run_tail(const FileContext& context, EventSink& sink, StopSignal& stop) { TailLoop(context, sink, stop).run(); }

}  // namespace logboom
