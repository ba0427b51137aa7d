#include "server/control/control_server.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "pipeline/base/log.h"
#include "server/json_line.h"

namespace logboom {
namespace {

constexpr int kLookMilliseconds = 200;
constexpr auto kPatience = std::chrono::milliseconds(200);
constexpr std::size_t kMostClients = 16;

bool is_own_user(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

std::string refusal(const std::string& problem) { return json_line({{"ok", false}, {"error", problem}}); }

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& directory, ControlHandlers handlers) {
  auto socket = LocalSocket::listen(directory);
  if (!socket) return socket.error();
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(*socket), std::move(handlers)));
}

ControlServer::ControlServer(LocalSocket socket, ControlHandlers handlers)
    : socket_(std::move(socket)), handlers_(std::move(handlers)), thread_([this] { run(); }) {}

ControlServer::~ControlServer() {
  is_stopping_ = true;
  thread_.join();
  for (Client& client : clients_) client.thread.join();
}

void ControlServer::run() {
  pthread_setname_np(pthread_self(), "control");
  while (!is_stopping_) {
    clients_.remove_if([](Client& client) {
      if (!client.is_over) return false;
      client.thread.join();
      return true;
    });
    pollfd watched{socket_.descriptor(), POLLIN, 0};
    const bool is_full = clients_.size() >= kMostClients;  // then the next one waits
    if (poll(&watched, is_full ? 0 : 1, kLookMilliseconds) <= 0) continue;
    LocalSocket peer(accept4(socket_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    if (peer.descriptor() < 0 || !is_own_user(peer.descriptor())) continue;
    Client& client = clients_.emplace_back();
    client.thread = std::thread([this, &client, peer = std::move(peer)]() mutable {
      serve(std::move(peer));
      client.is_over = true;
    });
  }
}

void ControlServer::serve(LocalSocket peer) {
  while (!is_stopping_) {
    auto line = peer.receive_line(kPatience);
    if (!line && line.error().code == ErrorCode::Unavailable) continue;
    if (!line || !peer.send_line(answer(handlers_, *line))) return;
  }
}

std::string ControlServer::answer(const ControlHandlers& handlers, const std::string& line) {
  const auto request = nlohmann::json::parse(line, nullptr, false);
  if (!request.is_object() || !request.contains("do") || !request["do"].is_string())
    return refusal("a request is a JSON object with the name of what to do in \"do\"");
  const auto handler = handlers.find(request["do"].get<std::string>());
  if (handler == handlers.end()) return refusal("there is no request \"" + request["do"].get<std::string>() + "\"");
  auto answered = handler->second(line);
  if (!answered) return refusal(answered.error().message);
  auto answer = nlohmann::json::parse(*answered, nullptr, false);
  if (!answer.is_object()) return refusal("the answer cannot be written");
  answer["ok"] = true;
  return json_line(answer);
}

}  // namespace logboom
