// AuditLog: every change that was asked of the admin API, a JSON object a line.
#pragma once

#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pipeline/base/result.h"

namespace logboom {

/// Appends to one file. Any thread.
class AuditLog {
 public:
  /// Makes the file (mode 0600) when it is not there. Errors: Io.
  static Result<AuditLog> open(const std::string& path);
  AuditLog(AuditLog&& other) noexcept;
  AuditLog& operator=(AuditLog&&) = delete;
  ~AuditLog();

  /// The time is added; secrets are hidden. A file past 100 MB becomes PATH.1, whose predecessor goes. Errors: Io, Full -
  /// the change should not be made, or the caller says that it was made without a record.
  Result<void> write(nlohmann::ordered_json entry);
  const std::string& path() const { return path_; }

 private:
  AuditLog(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Result<void> turn_over();

  std::mutex mutex_;
  std::string path_;
  int descriptor_;
};

}  // namespace logboom
