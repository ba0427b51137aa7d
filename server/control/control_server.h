// ControlServer: answers the command-line tools on a local socket, one JSON document a line.
//   → {"do":"dlq.purge", …}
//   ← {"ok":true, …}   or   {"ok":false,"error":"…"}
// What can be asked for is registered by name, so that the admin API can offer the same.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "pipeline/base/result.h"
#include "server/control/local_socket.h"

namespace logboom {

/// Takes the request and gives the answer, both JSON objects as text; the answer's "ok" is added. Runs on a thread of its
/// own and may take its time; calls overlap.
using ControlHandler = std::function<Result<std::string>(const std::string& request)>;

/// Registered requests, by the name in "do". Not changed while a server uses them.
using ControlHandlers = std::map<std::string, ControlHandler, std::less<>>;

class ControlServer {
 public:
  /// Errors: Io - the socket cannot be made.
  static Result<std::unique_ptr<ControlServer>> start(const std::string& directory, ControlHandlers handlers);
  /// Waits for requests that are being answered.
  ~ControlServer();

  /// The answer to one line, also for what is no request.
  static std::string answer(const ControlHandlers& handlers, const std::string& line);

 private:
  struct Client {
    std::thread thread;
    std::atomic<bool> is_over{false};
  };
  ControlServer(LocalSocket socket, ControlHandlers handlers);
  void run();
  void serve(LocalSocket peer);

  LocalSocket socket_;
  const ControlHandlers handlers_;
  std::atomic<bool> is_stopping_{false};
  std::list<Client> clients_;  // of the accepting thread
  std::thread thread_;
};

}  // namespace logboom
