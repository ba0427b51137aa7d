#include "server/api/audit_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "pipeline/base/redaction.h"

namespace logboom {
namespace {

constexpr off_t kTurnOverBytes = 100 * 1024 * 1024;

int open_for_appending(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

Error failed(const std::string& path, int number) {
  const auto code = number == ENOSPC || number == EDQUOT ? ErrorCode::Full : ErrorCode::Io;
  return {code, fmt::format("the audit log {} cannot be written: {}", path, strerror(number))};
}

std::string now_text() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1'000'000);
}

}  // namespace

Result<AuditLog> AuditLog::open(const std::string& path) {
  const int descriptor = open_for_appending(path);
  if (descriptor < 0) return failed(path, errno);
  return AuditLog(path, descriptor);
}

AuditLog::AuditLog(AuditLog&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

AuditLog::~AuditLog() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<void> AuditLog::turn_over() {
  struct stat facts {};
  if (fstat(descriptor_, &facts) != 0 || facts.st_size < kTurnOverBytes) return {};
  if (rename(path_.c_str(), (path_ + ".1").c_str()) != 0) return failed(path_, errno);
  const int next = open_for_appending(path_);
  if (next < 0) return failed(path_, errno);
  close(std::exchange(descriptor_, next));
  return {};
}

Result<void> AuditLog::write(nlohmann::ordered_json entry) {
  nlohmann::ordered_json dated = {{"@timestamp", now_text()}};
  dated.update(entry);
  const std::string line = redacted(dated.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + "\n";
  const std::lock_guard lock(mutex_);
  if (auto turned = turn_over(); !turned) return turned;
  const ssize_t written = ::write(descriptor_, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) return {};
  const int number = written < 0 ? errno : ENOSPC;
  if (written > 0) {  // no torn line stays
    struct stat facts {};
    if (fstat(descriptor_, &facts) == 0 && ftruncate(descriptor_, facts.st_size - written) != 0) return failed(path_, errno);
  }
  return failed(path_, number);
}

}  // namespace logboom
