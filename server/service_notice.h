// ServiceNotice: tells the service manager (systemd) how the process is, as sd_notify(3) does.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace logboom {

/// Without NOTIFY_SOCKET in the environment everything does nothing. One thread. A manager that does not listen is no reason
/// to fail: what cannot be sent at once is not sent.
class ServiceNotice {
 public:
  /// Reads NOTIFY_SOCKET (a path, or @ and an abstract name), WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the
  /// environment, so that processes that outputs and filters start do not speak for this one.
  static ServiceNotice from_environment();
  ServiceNotice(ServiceNotice&& other) noexcept;
  ServiceNotice(const ServiceNotice&) = delete;
  ServiceNotice& operator=(const ServiceNotice&) = delete;
  ~ServiceNotice();

  bool is_on() const { return descriptor_ >= 0; }
  /// `status` is the line that `systemctl status` shows.
  void tell_ready(std::string_view status) const;
  /// A reload begins; tell_ready() ends it.
  void tell_reloading() const;
  void tell_stopping() const;
  /// The process makes progress.
  void feed_watchdog() const;
  /// The manager kills the process when it has not been fed for this long; nullopt: it does not watch.
  std::optional<std::chrono::microseconds> watchdog_limit() const { return watchdog_limit_; }

 private:
  ServiceNotice() = default;
  void send(const std::string& message) const;

  int descriptor_ = -1;
  std::string address_;  // a leading zero byte: an abstract name
  std::optional<std::chrono::microseconds> watchdog_limit_;
};

}  // namespace logboom
