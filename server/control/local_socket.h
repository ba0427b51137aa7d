// The control channel's socket: lines of text between processes of one user on one machine.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace logboom {

/// Owns a descriptor.
class LocalSocket {
 public:
  LocalSocket() = default;
  explicit LocalSocket(int descriptor) : descriptor_(descriptor) {}
  LocalSocket(LocalSocket&& other) noexcept;
  LocalSocket& operator=(LocalSocket&& other) noexcept;
  ~LocalSocket();

  /// Listens at DIRECTORY/.control, readable and writable for its owner alone. Whoever holds the directory's lock may call
  /// it: a socket file that is there is left over. Errors: Io.
  static Result<LocalSocket> listen(const std::string& directory);
  /// Errors: NotFound - nobody listens there; Io.
  static Result<LocalSocket> connect(const std::string& directory);

  int descriptor() const { return descriptor_; }
  /// Errors: Io.
  Result<void> send_line(std::string line);
  /// The next line without its end. Errors: NotFound - the peer has closed; TooLarge; Io; Unavailable - it takes longer than
  /// `patience`.
  Result<std::string> receive_line(std::chrono::milliseconds patience);

 private:
  int descriptor_ = -1;
  std::string received_;
};

}  // namespace logboom
