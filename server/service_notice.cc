#include "server/service_notice.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "pipeline/base/log.h"

namespace logboom {
namespace {

/// The variable's value, which is gone from the environment then.
std::string taken_from_environment(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value != nullptr ? value : "";
  unsetenv(name);
  return taken;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// One line of a message: what would begin another one is left out.
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  return line;
}

std::uint64_t monotonic_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

ServiceNotice ServiceNotice::from_environment() {
  ServiceNotice notice;
  std::string address = taken_from_environment("NOTIFY_SOCKET");
  const std::string limit = taken_from_environment("WATCHDOG_USEC");
  const std::string watched = taken_from_environment("WATCHDOG_PID");
  if (address.empty()) return notice;
  const bool is_known_kind = address.front() == '/' || address.front() == '@';
  if (!is_known_kind || address.size() >= sizeof(sockaddr_un::sun_path)) {
    log_warn("logboom", "NOTIFY_SOCKET \"{}\" is no address of a datagram socket: the service manager is told nothing",
             address);
    return notice;
  }
  if (address.front() == '@') address.front() = '\0';
  notice.descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  notice.address_ = std::move(address);
  const auto microseconds = whole_number(limit);
  const bool is_for_this_process = watched.empty() || whole_number(watched) == static_cast<std::uint64_t>(getpid());
  if (microseconds && *microseconds > 0 && is_for_this_process)
    notice.watchdog_limit_ = std::chrono::microseconds(*microseconds);
  return notice;
}

ServiceNotice::ServiceNotice(ServiceNotice&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      address_(std::move(other.address_)),
      watchdog_limit_(other.watchdog_limit_) {}

ServiceNotice::~ServiceNotice() {
  if (descriptor_ >= 0) close(descriptor_);
}

void ServiceNotice::send(const std::string& message) const {
  if (descriptor_ < 0) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  // A path ends with its zero byte, an abstract name with the address.
  const bool is_path = address_.front() != '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size() + (is_path ? 1 : 0));
  const auto sent =
      sendto(descriptor_, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), length);
  if (sent < 0) log_warn("logboom", "the service manager cannot be told \"{}\": {}", one_line(message), strerror(errno));
}

void ServiceNotice::tell_ready(std::string_view status) const {
  send(fmt::format("READY=1\nMAINPID={}\nSTATUS={}", getpid(), one_line(status)));
}

void ServiceNotice::tell_reloading() const {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reading the configuration again", monotonic_microseconds()));
}

void ServiceNotice::tell_stopping() const { send("STOPPING=1\nSTATUS=Delivering what is queued"); }

void ServiceNotice::feed_watchdog() const { send("WATCHDOG=1"); }

}  // namespace logboom
