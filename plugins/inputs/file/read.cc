// Read mode: files that are complete, read once from their beginning to their end.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "plugins/inputs/file/settings.h"

namespace logboom {
namespace {

constexpr std::chrono::milliseconds kSettlePause(5);  // between two looks at what is not acknowledged yet

struct Reading {
  Reading(const FileReading& reading, FoundFile found, std::uint64_t start, std::shared_ptr<AckLedger> made_ledger)
      : file(std::move(found)),
        is_archive(is_gzip_name(file.path)),
        reader(reading, start),
        ledger(std::move(made_ledger)) {}

  FoundFile file;
  bool is_archive;
  LineReader reader;
  std::shared_ptr<AckLedger> ledger;
  std::unique_ptr<ByteSource> source;
};

class ReadLoop {
 public:
  ReadLoop(const FileContext& context, EventSink& sink, StopSignal& stop)
      : context_(context), settings_(context.settings), sink_(sink), stop_(stop), writer_(context) {}

  void run() {
    for (std::uint64_t tick = 0; !is_stopping(); ++tick) {
      const bool looks = settings_.exits_after_read ? tick == 0 : tick % settings_.discover_interval == 0;
      if (looks) look_for_files();
      while (!active_.empty() && !is_stopping()) {
        read_front();
        complete_settled();
        writer_.write_if_due();
      }
      while (!completing_.empty() && settings_.exits_after_read && !stop_.wait_for(kSettlePause)) complete_settled();
      if (settings_.exits_after_read) break;
      complete_settled();
      writer_.write_if_due();
      if (stop_.wait_for(settings_.stat_interval)) break;
    }
    context_.files_open.set(0);
    writer_.write_now();
  }

 private:
  /// Also when the pipeline refused events: reading on would leave a hole behind.
  bool is_stopping() const { return is_refused_ || stop_.is_stopping(); }

  using Name = std::pair<FileIdentity, std::string>;

  void look_for_files() {
    std::set<Name> still_there;
    for (const FoundFile& file : discover(settings_)) {
      const Name name{file.identity, file.path};
      if (known_.count(name) == 0) begin(file);
      still_there.insert(name);
    }
    known_ = std::move(still_there);  // an inode that comes back with another file is another file
  }

  void begin(const FoundFile& file) {
    if (settings_.ignore_older_seconds && wall_seconds(context_.clock) - file.modified > *settings_.ignore_older_seconds)
      return;
    std::uint64_t start = 0;
    if (const auto known = known_position(*context_.sincedb, file)) {
      if (*known >= file.size && file.size > 0) return;  // read by an earlier run
      if (!is_gzip_name(file.path)) start = *known <= file.size ? *known : 0;
    }
    context_.sincedb->set(file.identity, start, file.path);
    context_.bytes_total.add(file.size - start);
    active_.push_back(std::make_unique<Reading>(context_.reading, file, start,
                                                std::make_shared<AckLedger>(context_.sincedb, file.identity, file.path)));
  }

  /// Every file that is given up is named: nobody reads it again before the next start.
  void report(const std::string& message) {
    context_.failures.add();
    log_error("input.file", "{}: {}", settings_.id, message);
  }

  bool is_whole_archive(const std::string& path) {
    auto source = open_gzip(path);
    if (!source) return false;
    std::vector<char> piece(context_.reading.chunk_bytes);
    while (!is_stopping()) {
      const auto count = (*source)->read(piece.data(), piece.size());
      if (!count) {
        report(count.error().message + "; it is skipped");
        return false;
      }
      if (*count == 0) return true;
    }
    return false;
  }

  bool open(Reading& reading) {
    if (reading.source != nullptr) return true;
    if (reading.is_archive && settings_.checks_archives && !is_whole_archive(reading.file.path)) return false;
    auto opened =
        reading.is_archive ? open_gzip(reading.file.path) : open_plain(reading.file.path, reading.reader.position());
    if (!opened) {
      report(opened.error().message);
      return false;
    }
    reading.source = std::move(*opened);
    context_.files_open.set(++open_files_);
    return true;
  }

  void read_front() {
    std::unique_ptr<Reading> reading = std::move(active_.front());
    active_.pop_front();
    if (!open(*reading)) return;
    for (std::uint64_t chunks = 0; chunks < settings_.chunk_count && !is_stopping(); ++chunks) {
      const std::size_t unread = reading->is_archive ? context_.reading.chunk_bytes : unread_bytes(*reading);
      const auto step = reading->reader.read(*reading->source, unread, reading->file.path, *reading->ledger,
                                             !reading->is_archive, sink_, stop_);
      if (!step) {
        report(step.error().message + "; the rest of it is skipped and the file is kept");
        close(*reading);
        return;
      }
      is_refused_ = *step == ReadStep::Stopped;
      if (*step == ReadStep::AtEnd) {
        finish(std::move(reading));
        return;
      }
      if (chunks % 64 == 63) {
        complete_settled();
        writer_.write_if_due();
      }
    }
    // Files take turns only as far as max_open_files allows; the others wait behind them.
    if (is_stopping()) return;
    if (open_files_ >= settings_.max_open_files) {
      active_.push_front(std::move(reading));
    } else {
      active_.push_back(std::move(reading));
    }
  }

  /// What the file is known to hold still, and a chunk more in case it grew.
  std::size_t unread_bytes(const Reading& reading) const {
    const std::uint64_t position = reading.reader.position();
    return position < reading.file.size ? reading.file.size - position : context_.reading.chunk_bytes / 8;
  }

  void close(Reading& reading) {
    if (reading.source == nullptr) return;
    reading.source.reset();
    context_.files_open.set(--open_files_);
  }

  void finish(std::unique_ptr<Reading> reading) {
    const std::uint64_t end = reading->is_archive ? reading->source->file_offset() : reading->reader.position();
    close(*reading);
    is_refused_ = !reading->reader.finish(reading->file.path, *reading->ledger, end, sink_, stop_);
    if (is_refused_) return;
    completing_.push_back(std::move(reading));
  }

  void complete_settled() {
    for (auto at = completing_.begin(); at != completing_.end();) {
      const AckFrontier& frontier = (*at)->ledger->frontier();
      if (frontier.is_delivered()) complete(**at);
      const bool is_over = frontier.is_delivered() || frontier.has_failed();
      at = is_over ? completing_.erase(at) : std::next(at);
    }
  }

  /// Every event of the file is delivered.
  void complete(const Reading& reading) {
    context_.files_completed.add();
    const std::string& path = reading.file.path;
    if (settings_.logs_completed && !append_to_log(path + "\n"))
      report(fmt::format("{}: {}", settings_.completed_log_path, std::strerror(errno)));
    if (!settings_.deletes_completed) return;
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      report(fmt::format("{}: delete: {}", path, std::strerror(errno)));
      return;
    }
    context_.sincedb->forget(reading.file.identity);
    known_.erase({reading.file.identity, path});
  }

  bool append_to_log(const std::string& line) const {
    const int log = ::open(settings_.completed_log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) return false;
    const bool is_written = ::write(log, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    ::close(log);
    return is_written;
  }

  const FileContext& context_;
  const FileSettings& settings_;
  EventSink& sink_;
  StopSignal& stop_;
  SincedbWriter writer_;
  std::set<Name> known_;
  std::deque<std::unique_ptr<Reading>> active_;
  std::deque<std::unique_ptr<Reading>> completing_;
  std::size_t open_files_ = 0;
  bool is_refused_ = false;
};

}  // namespace

void run_read(const FileContext& context, EventSink& sink, StopSignal& stop) { ReadLoop(context, sink, stop).run(); }

}  // namespace logboom
