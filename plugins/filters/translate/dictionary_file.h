// A dictionary file that is read again when it changes. Shared by all workers of a filter.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "plugins/filters/translate/dictionary.h"
#include "plugins/filters/translate/dictionary_text.h"

namespace logboom {

/// Any thread. Reading again happens on a thread of its own, so that no worker waits for it; it lives only as long as that.
class DictionaryFile {
 public:
  struct Settings {
    std::string path;
    DictionaryFormat format = DictionaryFormat::Yaml;
    LookupMode mode = LookupMode::Exact;
    std::uint64_t yaml_code_points = 0;
    std::chrono::nanoseconds refresh_interval{0};  // 0: the file is read once
    bool keeps_removed_entries = true;             // entries that a later version of the file lacks
    std::string log_name;
  };

  /// Reads the file; problem() says when that failed.
  DictionaryFile(Settings settings, std::chrono::steady_clock::time_point now);
  ~DictionaryFile();
  DictionaryFile(const DictionaryFile&) = delete;
  DictionaryFile& operator=(const DictionaryFile&) = delete;

  /// Why the first reading failed; empty when it did not.
  const std::string& problem() const { return problem_; }
  /// Grows with each new content.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const Dictionary> current() const;
  /// When the interval has passed and the file has changed, starts to read it. A file that cannot be read is logged and
  /// the entries stay as they are.
  void refresh_when_due(std::chrono::steady_clock::time_point now);

 private:
  struct FileState {
    std::int64_t modified_nanoseconds = -1;
    std::int64_t size = -1;
    std::uint64_t inode = 0;
    bool operator==(const FileState&) const = default;
  };
  FileState look_at_file() const;
  Result<std::shared_ptr<const Dictionary>> read(const Dictionary* earlier) const;
  void read_again();

  Settings settings_;
  std::string problem_;
  std::atomic<std::int64_t> next_look_;  // steady clock, nanoseconds
  std::atomic<std::uint64_t> version_{0};
  std::atomic<bool> is_reading_{false};
  mutable std::mutex mutex_;
  std::shared_ptr<const Dictionary> current_;  // under mutex_
  FileState state_;                            // under mutex_
  std::thread reader_;                         // under mutex_
};

}  // namespace logboom
