#include "plugins/filters/translate/dictionary_file.h"

#include <sys/stat.h>

#include <exception>
#include <utility>

#include "pipeline/base/log.h"

namespace logboom {

DictionaryFile::DictionaryFile(Settings settings, std::chrono::steady_clock::time_point now)
    : settings_(std::move(settings)), next_look_((now + settings_.refresh_interval).time_since_epoch().count()) {
  state_ = look_at_file();
  auto made = read(nullptr);
  if (made) {
    current_ = std::move(*made);
  } else {
    problem_ = made.error().message;
  }
}

DictionaryFile::~DictionaryFile() {
  if (reader_.joinable()) reader_.join();
}

std::shared_ptr<const Dictionary> DictionaryFile::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

DictionaryFile::FileState DictionaryFile::look_at_file() const {
  struct stat info {};
  if (stat(settings_.path.c_str(), &info) != 0) return {};
  return {static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec,
          static_cast<std::int64_t>(info.st_size), static_cast<std::uint64_t>(info.st_ino)};
}

void DictionaryFile::refresh_when_due(std::chrono::steady_clock::time_point now) {
  if (settings_.refresh_interval.count() <= 0) return;
  const std::int64_t at = now.time_since_epoch().count();
  std::int64_t due = next_look_.load(std::memory_order_relaxed);
  if (at < due || !next_look_.compare_exchange_strong(due, at + settings_.refresh_interval.count())) return;
  if (is_reading_.exchange(true)) return;
  const FileState state = look_at_file();
  const std::lock_guard lock(mutex_);
  if (state == state_) {
    is_reading_ = false;
    return;
  }
  state_ = state;
  if (reader_.joinable()) reader_.join();  // it ended: is_reading_ was false
  try {
    reader_ = std::thread([this] { read_again(); });
  } catch (const std::exception& problem) {
    log_warn(settings_.log_name, "cannot start to read {} again: {}", settings_.path, problem.what());
    state_ = {};
    is_reading_ = false;
  }
}

Result<std::shared_ptr<const Dictionary>> DictionaryFile::read(const Dictionary* earlier) const {
  auto made = std::make_shared<Dictionary>(settings_.mode);
  try {
    if (earlier != nullptr) made->add_all(*earlier);
    if (auto done = read_dictionary_file(settings_.path, settings_.format, settings_.yaml_code_points, *made); !done)
      return done.error();
    if (auto done = made->finish(); !done) return Error{done.error().code, settings_.path + ": " + done.error().message};
  } catch (const std::exception& problem) {
    return Error{ErrorCode::TooLarge, settings_.path + ": " + problem.what()};
  }
  return std::shared_ptr<const Dictionary>(std::move(made));
}

void DictionaryFile::read_again() {
  const auto earlier = current();
  auto made = read(settings_.keeps_removed_entries ? earlier.get() : nullptr);
  if (made) {
    log_info(settings_.log_name, "read {} again: {} entries", settings_.path, (*made)->size());
    {
      const std::lock_guard lock(mutex_);
      current_ = std::move(*made);
    }
    version_.fetch_add(1, std::memory_order_release);
  } else {
    log_warn(settings_.log_name, "the dictionary stays as it was: {}", made.error().message);
  }
  is_reading_ = false;
}

}  // namespace logboom
