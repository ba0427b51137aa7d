#include "server/listen/open_endpoint.h"

#include "server/listen/listener.h"
#include "server/listen/udp_listener.h"

namespace logboom {
namespace {

template <class Opened>
Result<std::shared_ptr<OpenEndpoint>> as_open_endpoint(Result<std::shared_ptr<Opened>> opened) {
  if (!opened) return opened.error();
  return std::shared_ptr<OpenEndpoint>(std::move(*opened));
}

}  // namespace

Result<std::shared_ptr<OpenEndpoint>> open_endpoint(NetworkThreads& threads, const Endpoint& endpoint,
                                                    std::shared_ptr<EventSink> sink, std::string name,
                                                    MetricScope& metrics) {
  if (endpoint.datagram)
    return as_open_endpoint(UdpListener::open(threads, endpoint, std::move(sink), std::move(name), metrics));
  return as_open_endpoint(Listener::open(threads, endpoint, std::move(sink), std::move(name), metrics));
}

}  // namespace logboom
