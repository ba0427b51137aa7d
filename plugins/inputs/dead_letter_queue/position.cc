#include "plugins/inputs/dead_letter_queue/position.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "pipeline/base/replace_file.h"

namespace logboom {
namespace {

constexpr std::string_view kHead = "logboom dead letters, next: ";
constexpr std::size_t kMostBytes = 4096;
constexpr unsigned kMode = 0640;

}  // namespace

class DeadLetterPosition::Receipt final : public AckReceiver {
 public:
  Receipt(std::shared_ptr<DeadLetterPosition> position, std::uint64_t number)
      : position_(std::move(position)), number_(number) {}
  void finished(AckResult result) override {
    if (result == AckResult::Delivered) position_->finished(number_);
  }

 private:
  std::shared_ptr<DeadLetterPosition> position_;
  const std::uint64_t number_;
};

Result<std::uint64_t> DeadLetterPosition::load() {
  if (path_.empty()) return std::uint64_t{0};
  auto text = read_whole_file(path_, kMostBytes);
  if (!text && text.error().code == ErrorCode::NotFound) return std::uint64_t{0};
  if (!text) return text.error();
  std::uint64_t next = 0;
  std::string_view rest = *text;
  if (rest.substr(0, kHead.size()) == kHead) {
    rest.remove_prefix(kHead.size());
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), next);
    if (problem == std::errc() && end + 1 == rest.data() + rest.size() && *end == '\n') {
      const std::lock_guard lock(mutex_);
      next_ = saved_ = next;
      return next;
    }
  }
  return Error{ErrorCode::Corrupt,
               fmt::format("{} holds no position; remove it to read the dead-letter queue from its start", path_)};
}

std::shared_ptr<AckReceiver> DeadLetterPosition::expect(std::uint64_t next) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({next, false});
  return std::make_shared<Receipt>(shared_from_this(), first_number_ + entries_.size() - 1);
}

void DeadLetterPosition::note(std::uint64_t next) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({next, true});
  advance();
}

void DeadLetterPosition::finished(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  entries_[number - first_number_].is_done = true;
  advance();
}

void DeadLetterPosition::advance() {
  while (!entries_.empty() && entries_.front().is_done) {
    next_ = entries_.front().next;
    entries_.pop_front();
    ++first_number_;
  }
}

Result<void> DeadLetterPosition::save() {
  std::uint64_t next = 0;
  {
    const std::lock_guard lock(mutex_);
    if (path_.empty() || next_ == saved_) return {};
    next = next_;
  }
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  if (auto written = replace_file(path_, fmt::format("{}{}\n", kHead, next), kMode); !written) return written;
  const std::lock_guard lock(mutex_);
  saved_ = next;
  return {};
}

}  // namespace logboom
