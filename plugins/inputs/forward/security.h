// The handshake's server side: who may send. [HELO], [PING], [PONG], all in MessagePack.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"

namespace logboom {

/// What holds for peers from certain addresses.
struct ForwardClientRule {
  std::string place;                                          // as written: an address, a network or a host name
  std::optional<std::string> shared_key;                      // instead of the common one
  std::vector<std::string> users;                             // who may log in from there; empty: every user
  std::vector<std::pair<std::string, std::string>> networks;  // first and last address, 16 bytes each

  /// Fills `networks` from `place`; a host name is asked of the system, which may take seconds. InvalidArgument: it is
  /// neither, or the system does not know it.
  Result<void> resolve();
  bool covers(std::string_view ip) const;
};

struct ForwardSecurity {
  std::string self_hostname;
  std::string shared_key;
  bool wants_users = false;
  std::map<std::string, std::string, std::less<>> users;  // name to password
  bool allows_anonymous_source = true;
  std::vector<ForwardClientRule> clients;
};

/// One connection's handshake.
class ForwardHandshake {
 public:
  /// With a nonce and a salt of its own.
  ForwardHandshake(const ForwardSecurity& security, bool keeps_alive);
  ForwardHandshake(const ForwardSecurity& security, bool keeps_alive, std::string nonce, std::string auth_salt);

  /// The greeting to send first.
  std::string helo() const;
  struct Verdict {
    bool is_accepted = false;
    std::string reason;  // in Fluentd's words; empty when accepted
    std::string pong;    // the answer to send
  };
  /// What to answer to the peer's first message.
  Verdict judge(std::string_view ping, std::string_view peer_ip) const;

 private:
  struct Ping;
  std::string refusal(const Ping& ping, std::string_view peer_ip, std::string& shared_key) const;

  const ForwardSecurity& security_;
  bool keeps_alive_;
  std::string nonce_;
  std::string auth_salt_;
};

}  // namespace logboom
