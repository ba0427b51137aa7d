// file: events appended to files whose names may depend on the event.
// Tested by tests/plugins/outputs/file_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>
#include <sys/stat.h>

#include <filesystem>
#include <mutex>
#include <unordered_map>

#include "pipeline/base/log.h"
#include "pipeline/plugin/registry.h"
#include "plugins/outputs/file/target_file.h"

namespace logboom {
namespace {

constexpr std::size_t kMaxOpenFiles = 512;
constexpr std::size_t kKeptTextBytes = 4 * 1024 * 1024;

struct FileOptions {
  std::string path;
  CodecChoice codec{"json_lines", nullptr, {}};
  Duration flush_interval{2};
  bool gzip = false;
  bool create_if_deleted = true;
  std::string filename_failure = "_filepath_failures";
  std::int64_t dir_mode = -1;
  std::int64_t file_mode = -1;
  std::string write_behavior = "append";
  Duration stale_cleanup_interval{10};
  bool fsync = false;
};

OptionTable<FileOptions> file_options() {
  OptionTable<FileOptions> table;
  table.required("path", &FileOptions::path,
                 "File to write to; %{field} and %{+yyyy.MM.dd} may be used behind the first folder.");
  table.optional("codec", &FileOptions::codec, "How an event is written.");
  table.optional("flush_interval", &FileOptions::flush_interval,
                 "Accepted for compatibility: nothing is held back, every batch is written at once.");
  table.optional("gzip", &FileOptions::gzip,
                 "Compresses; every batch is a member of its own, so the file can always be read.");
  table.optional("create_if_deleted", &FileOptions::create_if_deleted,
                 "Makes a file anew that is not there; otherwise its events go to the failure file.");
  table.optional("filename_failure", &FileOptions::filename_failure,
                 "File, beside the fixed part of the path, for events without a usable path.");
  table.optional("dir_mode", &FileOptions::dir_mode, "Access mode of new folders, such as 0750; -1 leaves it to the umask.")
      .at_least(-1);
  table.optional("file_mode", &FileOptions::file_mode, "Access mode of new files, such as 0640; -1 leaves it to the umask.")
      .at_least(-1);
  table.optional("write_behavior", &FileOptions::write_behavior, "append, or overwrite: the file holds the last event only.")
      .one_of({"append", "overwrite"});
  table.optional("stale_cleanup_interval", &FileOptions::stale_cleanup_interval,
                 "A file without events for this long is closed.");
  table.optional("fsync", &FileOptions::fsync, "Syncs the file before events count as delivered.");
  return table;
}

bool has_reference(std::string_view text) {
  const std::size_t start = text.find("%{");
  return start != std::string_view::npos && text.find('}', start) != std::string_view::npos;
}

std::string expanded(std::string_view path) {
  std::error_code ignored;
  std::filesystem::path whole(path);
  if (whole.is_relative()) whole = std::filesystem::current_path(ignored) / whole;
  return whole.lexically_normal().string();
}

class FileOutput final : public Output {
 public:
  FileOutput(FileOptions options, const PluginContext& context)
      : options_(std::move(options)),
        codec_(context.make_codec(options_.codec)),
        path_(FieldTemplate::parse(options_.path)),
        is_dynamic_(has_reference(options_.path)),
        clock_(context.clock()),
        misnamed_(context.metrics().counter("failures")),
        id_(context.id()) {
    if (codec_ != nullptr && !codec_->can_encode())
      context.error("codec", fmt::format("codec: {} cannot write", options_.codec.name), "choose json_lines or line");
    settings_.behavior = options_.write_behavior == "overwrite" ? WriteBehavior::Overwrite : WriteBehavior::Append;
    settings_.is_gzip = options_.gzip;
    settings_.syncs = options_.fsync;
    settings_.dir_mode = options_.dir_mode;
    settings_.file_mode = options_.file_mode;
    find_root(context);
    last_cleanup_ = clock_.steady_now();
  }

  void deliver(DeliveryPtr delivery) override {
    if (!is_dynamic_) {
      deliver_to_one(*delivery);
    } else {
      deliver_to_many(*delivery);
    }
    close_idle_files();
  }

  void stop() override {
    const std::lock_guard lock(mutex_);
    files_.clear();
  }

 private:
  struct Group {
    std::string text;
    std::vector<std::size_t> indices;
  };

  void find_root(const PluginContext& context) {
    const std::string whole = is_dynamic_ ? options_.path : expanded(options_.path);
    if (!is_dynamic_) {
      static_path_ = whole;
      root_ = std::filesystem::path(whole).parent_path().string();
      failure_path_ = expanded(root_ + "/" + options_.filename_failure);
      return;
    }
    const std::size_t folder_end = whole.rfind('/', whole.find("%{"));
    const std::string fixed = folder_end == std::string::npos ? std::string() : whole.substr(0, folder_end);
    if (fixed.find_first_not_of('/') == std::string::npos) {
      context.error("path", "path: the first part may not depend on the event",
                    "begin with a fixed folder, such as /var/log/");
      return;
    }
    root_ = expanded(fixed);
    while (root_.size() > 1 && root_.back() == '/') root_.pop_back();
    failure_path_ = expanded(root_ + "/" + options_.filename_failure);
  }

  /// A rendered path, or the failure file's when it leads out of the fixed part or cannot be a path.
  std::string usable_path(const std::string& rendered) const {
    if (rendered.find('\0') == std::string::npos) {
      std::string whole = expanded(rendered);
      if (whole.size() > root_.size() + 1 && whole.compare(0, root_.size(), root_) == 0 && whole[root_.size()] == '/' &&
          whole.back() != '/')
        return whole;
    }
    misnamed_.add();
    return failure_path_;
  }

  void deliver_to_one(Delivery& delivery) {
    thread_local std::string text;
    text.clear();
    encode(delivery.events(), text);
    const WriteProblem problem = write(static_path_, text);
    if (text.capacity() > kKeptTextBytes) std::string().swap(text);
    delivery.report_all(outcome_of(problem));
  }

  void encode(std::span<Event* const> events, std::string& text) const {
    if (settings_.behavior == WriteBehavior::Overwrite && !events.empty()) events = events.last(1);
    for (const Event* event : events) codec_->encode(*event, text);
  }

  void deliver_to_many(Delivery& delivery) {
    std::unordered_map<std::string, Group> groups;
    std::string rendered;
    std::string last_rendered;
    Group* group = nullptr;  // of last_rendered: neighbours often share a path
    for (std::size_t i = 0; i < delivery.events().size(); ++i) {
      const Event& event = *delivery.events()[i];
      rendered.clear();
      path_.append_to(event, rendered);
      if (group == nullptr || rendered != last_rendered) {
        last_rendered = rendered;
        group = &groups[usable_path(rendered)];
      }
      if (settings_.behavior == WriteBehavior::Overwrite) group->text.clear();
      codec_->encode(event, group->text);
      group->indices.push_back(i);
    }
    for (const auto& [path, written] : groups) {
      WriteProblem problem = write(path, written.text);
      if (problem.is_the_name && path != failure_path_) {
        misnamed_.add(written.indices.size());
        if (log_limit_.allow()) log_warn("output.file", "{}: {}; its events go to {}", id_, problem.reason, failure_path_);
        problem = write(failure_path_, written.text);
      }
      const Outcome outcome = outcome_of(problem);
      for (const std::size_t index : written.indices) delivery.report(index, outcome);
    }
  }

  static Outcome outcome_of(const WriteProblem& problem) {
    return problem.code == 0 ? Outcome::delivered() : Outcome::retry(problem.reason, problem.code);
  }

  WriteProblem write(const std::string& path, std::string_view text) {
    struct stat ignored {};
    if (!options_.create_if_deleted && path != failure_path_ && stat(path.c_str(), &ignored) != 0 && errno == ENOENT) {
      misnamed_.add();
      return file_at(failure_path_)->write(text);
    }
    WriteProblem problem = file_at(path)->write(text);
    if (problem.code != EMFILE && problem.code != ENFILE) return problem;
    close_all_but(path);
    return file_at(path)->write(text);
  }

  std::shared_ptr<TargetFile> file_at(const std::string& path) {
    const std::lock_guard lock(mutex_);
    auto found = files_.find(path);
    if (found != files_.end()) return found->second;
    if (files_.size() >= kMaxOpenFiles) files_.clear();  // whoever is writing still holds its file
    auto made = std::make_shared<TargetFile>(path, settings_);
    files_.emplace(path, made);
    return made;
  }

  void close_all_but(const std::string& path) {
    const std::lock_guard lock(mutex_);
    for (auto at = files_.begin(); at != files_.end();) at = at->first == path ? std::next(at) : files_.erase(at);
  }

  void close_idle_files() {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.steady_now();
    if (std::chrono::duration<double>(now - last_cleanup_).count() < options_.stale_cleanup_interval.seconds) return;
    last_cleanup_ = now;
    for (auto at = files_.begin(); at != files_.end();) at = at->second->take_activity() ? std::next(at) : files_.erase(at);
  }

  FileOptions options_;
  CodecPtr codec_;
  FieldTemplate path_;
  bool is_dynamic_;
  const Clock& clock_;
  Counter& misnamed_;
  std::string id_;
  TargetFileSettings settings_;
  std::string static_path_;
  std::string root_;  // the folder that no event leaves
  std::string failure_path_;
  LogRateLimit log_limit_;

  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<TargetFile>> files_;
  std::chrono::steady_clock::time_point last_cleanup_;
};

const RegisterOutput registered({.name = "file",
                                 .summary = "Files, named by the event if you like.",
                                 .make = make_output<FileOutput, file_options>,
                                 .details = R"(**Delivered**: written by write(2); with `fsync => true` synced to the
disk. `flush_interval` delays nothing. The events of a batch are written to each file in one go, and several workers
never mix within a line. When the disk is full or broken, what was written of the batch is cut off again and the
events are offered again later.

Folders are made as needed. A file that was moved or deleted is made anew. An event whose path leads out of the fixed
part of `path` (through `..`), holds a NUL byte or cannot be opened for its name goes to `filename_failure` beside
that fixed part, counted in `failures`; so do, with `create_if_deleted => false`, events of a file that is not there.

With `gzip` every batch is a whole gzip member: the file is a valid archive at any time, also after a crash. With
`write_behavior => overwrite` a file holds only the last event. At most 512 files are kept open.)"});

}  // namespace
}  // namespace logboom
