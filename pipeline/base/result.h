// Result<T>: a value or an Error. No exception crosses a plugin call or a coroutine's edge; this is what does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace logboom {

/// What the caller should do next, not what went wrong inside (that is Error::message).
enum class ErrorCode {
  InvalidArgument,  // the input is wrong and stays wrong: report it to who wrote it
  NotFound,         // the named thing does not exist
  AlreadyExists,    // the name, address or file is taken
  TooLarge,         // never fits: dead-letter or refuse it
  Full,             // no room now: wait for space, nothing was taken
  Io,               // the operating system refused: say so, retry later
  Corrupt,          // stored or received bytes are damaged: set them aside and go on
  Unavailable,      // the peer is away: retry with backoff
  Cancelled,        // shutting down: give up quietly
};

/// Name of a code for logs and API answers ("not_found").
constexpr std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument: return "invalid_argument";
    case ErrorCode::NotFound: return "not_found";
    case ErrorCode::AlreadyExists: return "already_exists";
    case ErrorCode::TooLarge: return "too_large";
    case ErrorCode::Full: return "full";
    case ErrorCode::Io: return "io";
    case ErrorCode::Corrupt: return "corrupt";
    case ErrorCode::Unavailable: return "unavailable";
    case ErrorCode::Cancelled: return "cancelled";
  }
  return "unknown";
}

struct Error {
  ErrorCode code = ErrorCode::InvalidArgument;
  std::string message;  // one sentence for a person; names place and remedy where known
};

/// A value or an Error. A class, not an alias of std::variant, so that [[nodiscard]] holds.
/// `*r` and r.value() on an Error are broken invariants: test the result first.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success or an Error: `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose
  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace logboom
