// Datagrams on real sockets: what arrives, what is cut or dropped, and what draining and a reload do.
#include "server/listen/udp_listener.h"

#include "tests/support/listener_fixture.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;

/// An event for each datagram: prefix, bytes, and the sender's address. Throws at "throw", answers "ping".
class EchoingService final : public DatagramService {
 public:
  explicit EchoingService(std::string prefix) : prefix_(std::move(prefix)) {}
  Awaitable<void> take(DatagramBatch& batch, EventSink& sink) override {
    ChunkPtr chunk = sink.new_chunk(batch.received());
    for (const Datagram& datagram : batch.datagrams()) {
      if (datagram.bytes == "throw") throw std::runtime_error("asked to");
      if (datagram.bytes == "ping") batch.reply(datagram, "pong");
      Event& event = chunk->new_event();
      const std::string text = prefix_ + std::string(datagram.bytes) + "@" + datagram.peer->ip;
      event.fields().set(chunk->arena(), well_known().message, Value::string(chunk->arena().copy(text)));
      event.add_defaults(chunk->now());
    }
    co_await push_chunk(sink, std::move(chunk));
  }

 private:
  std::string prefix_;
};

Endpoint echoing_endpoint(std::string prefix = "") {
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.datagram = std::make_shared<EchoingService>(std::move(prefix));
  return endpoint;
}

/// A UDP socket that sends to a port of this machine.
class Sender {
 public:
  explicit Sender(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Sender() { close(descriptor_); }
  void send(std::string_view bytes) {
    REQUIRE(::send(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  /// The next datagram, empty after ten seconds.
  std::string receive() {
    pollfd waiting{descriptor_, POLLIN, 0};
    char bytes[100];
    if (poll(&waiting, 1, 10'000) != 1) return {};
    const ssize_t received = recv(descriptor_, bytes, sizeof bytes, 0);
    return {bytes, static_cast<std::size_t>(received < 0 ? 0 : received)};
  }

 private:
  int descriptor_;
};

struct UdpFixture {
  explicit UdpFixture(const Endpoint& endpoint) {
    auto opened = UdpListener::open(network, endpoint, sink, "input udp", metrics);
    REQUIRE(opened.has_value());
    listener = *opened;
  }
  std::uint64_t count(const char* name) { return metrics.counter(name).value(); }

  std::shared_ptr<CollectingSink> sink = std::make_shared<CollectingSink>();
  MetricScope metrics;
  NetworkThreads network{2};
  std::shared_ptr<UdpListener> listener;
};

std::string message(const std::string& text) { return R"({"message":")" + text + "\"}"; }

}  // namespace

TEST_CASE("datagrams reach the sink in order with their sender", "[listen][udp]") {
  UdpFixture fixture(echoing_endpoint());
  Sender sender(fixture.listener->port());
  for (int i = 0; i < 1000; ++i) {
    sender.send(std::to_string(i));
    if (i % 100 == 99)
      REQUIRE(fixture.sink->wait_for(static_cast<std::size_t>(i) + 1).size() == static_cast<std::size_t>(i) + 1);
  }
  const auto events = fixture.sink->events();
  for (int i = 0; i < 1000; ++i) REQUIRE(events[static_cast<std::size_t>(i)] == message(std::to_string(i) + "@127.0.0.1"));
  CHECK(fixture.count("datagrams") == 1000);
  CHECK(fixture.count("bytes_in") == 10 + 90 * 2 + 900 * 3);
  CHECK(fixture.count("dropped_by_kernel") == 0);
}

TEST_CASE("a datagram may be as long as UDP lets, and empty", "[listen][udp]") {
  UdpFixture fixture(echoing_endpoint());
  Sender sender(fixture.listener->port());
  sender.send(std::string(65507, 'x'));
  sender.send("");
  const auto events = fixture.sink->wait_for(2);
  REQUIRE(events.size() == 2);
  CHECK(events[0] == message(std::string(65507, 'x') + "@127.0.0.1"));
  CHECK(events[1] == message("@127.0.0.1"));
  CHECK(fixture.count("truncated") == 0);
}

TEST_CASE("a datagram beyond the limit is cut and counted", "[listen][udp]") {
  Endpoint endpoint = echoing_endpoint();
  endpoint.max_datagram_bytes = 4;
  UdpFixture fixture(endpoint);
  Sender sender(fixture.listener->port());
  sender.send("12345");
  sender.send("1234");
  const auto events = fixture.sink->wait_for(2);
  REQUIRE(events.size() == 2);
  CHECK(events[0] == message("1234@127.0.0.1"));
  CHECK(fixture.count("truncated") == 1);
}

TEST_CASE("what the kernel drops while the queue is full is counted to the last one", "[listen][udp][backpressure]") {
  Endpoint endpoint = echoing_endpoint();
  endpoint.receive_buffer_bytes = 4096;
  UdpFixture fixture(endpoint);
  fixture.sink->set_full(true);
  Sender sender(fixture.listener->port());
  sender.send("first");
  REQUIRE(fixture.sink->wait_for_waiter());  // nothing is read from here on
  for (int i = 0; i < 500; ++i) sender.send(std::string(100, 'x'));
  fixture.sink->set_full(false);
  fixture.listener->drain();
  const std::uint64_t received = fixture.sink->events().size();
  CHECK(received > 1);
  CHECK(fixture.count("dropped_by_kernel") > 0);
  CHECK(received + fixture.count("dropped_by_kernel") == 501);
}

TEST_CASE("draining takes what the kernel holds", "[listen][udp]") {
  UdpFixture fixture(echoing_endpoint());
  fixture.sink->set_full(true);
  Sender sender(fixture.listener->port());
  sender.send("first");
  REQUIRE(fixture.sink->wait_for_waiter());
  for (int i = 0; i < 300; ++i) sender.send("more");
  fixture.listener->ask_sessions_to_end();
  fixture.sink->set_full(false);
  fixture.listener->drain();
  CHECK(fixture.sink->events().size() == 301);
}

TEST_CASE("draining does not wait for ever for a full queue", "[listen][udp]") {
  UdpFixture fixture(echoing_endpoint());
  fixture.sink->set_full(true);
  Sender sender(fixture.listener->port());
  sender.send("first");
  REQUIRE(fixture.sink->wait_for_waiter());
  fixture.listener->drain(std::chrono::milliseconds(1));
  CHECK(fixture.sink->events().empty());
  fixture.sink->stop();
}

TEST_CASE("a rebinding keeps the socket and what it holds", "[listen][udp][reload]") {
  UdpFixture fixture(echoing_endpoint("old "));
  Sender sender(fixture.listener->port());
  sender.send("1");
  REQUIRE(fixture.sink->wait_for(1).size() == 1);
  fixture.sink->set_full(true);
  sender.send("2");
  REQUIRE(fixture.sink->wait_for_waiter());  // the old service has the second one
  sender.send("3");
  const auto next = std::make_shared<CollectingSink>();
  fixture.listener->rebind(echoing_endpoint("new "), next);
  fixture.sink->set_full(false);
  REQUIRE(next->wait_for(1).size() == 1);
  CHECK(next->events()[0] == message("new 3@127.0.0.1"));
  CHECK(fixture.sink->events().back() == message("old 2@127.0.0.1"));
}

TEST_CASE("a service that throws loses its batch alone", "[listen][udp]") {
  UdpFixture fixture(echoing_endpoint());
  Sender sender(fixture.listener->port());
  sender.send("throw");
  for (int i = 0; i < 20; ++i) sender.send("fine");  // some may share the batch
  std::size_t sent = 0;
  while (fixture.sink->events().empty() && sent++ < 1000) {
    sender.send("fine");
    ::poll(nullptr, 0, 1);
  }
  CHECK(fixture.count("failed_batches") == 1);
  CHECK(!fixture.sink->events().empty());
}

TEST_CASE("a service can answer a datagram", "[listen][udp]") {
  UdpFixture fixture(echoing_endpoint());
  Sender sender(fixture.listener->port());
  sender.send("ping");
  CHECK(sender.receive() == "pong");
}

TEST_CASE("IPv6 and IPv4 share an address of all", "[listen][udp]") {
  Endpoint endpoint = echoing_endpoint();
  endpoint.host = "::";
  UdpFixture fixture(endpoint);
  Sender sender(fixture.listener->port());
  sender.send("four");
  REQUIRE(fixture.sink->wait_for(1).size() == 1);
  CHECK(fixture.sink->events()[0] == message("four@127.0.0.1"));
  const int descriptor = socket(AF_INET6, SOCK_DGRAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(fixture.listener->port());
  address.sin6_addr = in6addr_loopback;
  REQUIRE(sendto(descriptor, "six", 3, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 3);
  close(descriptor);
  REQUIRE(fixture.sink->wait_for(2).size() == 2);
  CHECK(fixture.sink->events()[1] == message("six@::1"));
}

TEST_CASE("a UDP port in use and a host that is none are clear errors", "[listen][udp]") {
  UdpFixture fixture(echoing_endpoint());
  Endpoint second = echoing_endpoint();
  second.port = fixture.listener->port();
  MetricScope metrics;
  const auto opened = UdpListener::open(fixture.network, second, fixture.sink, "input two", metrics);
  REQUIRE(!opened.has_value());
  CHECK(opened.error().code == ErrorCode::AlreadyExists);
  CHECK_THAT(opened.error().message, Contains("input two cannot listen on 127.0.0.1:" + std::to_string(second.port)) &&
                                         Contains("UDP port is in use") && Contains("ss -lunp"));
  second.host = "192.0.2.1";
  const auto foreign = UdpListener::open(fixture.network, second, fixture.sink, "input two", metrics);
  REQUIRE(!foreign.has_value());
  CHECK_THAT(foreign.error().message, Contains("does not have that address"));
}

TEST_CASE("an endpoint is opened with what its service needs", "[listen][udp]") {
  NetworkThreads network{2};
  MetricScope metrics;
  const auto sink = std::make_shared<CollectingSink>();
  const auto datagrams = open_endpoint(network, echoing_endpoint(), sink, "input", metrics);
  REQUIRE(datagrams.has_value());
  CHECK(dynamic_cast<UdpListener*>(datagrams->get()) != nullptr);
  Endpoint in_use = echoing_endpoint();
  in_use.port = (*datagrams)->port();
  CHECK(!open_endpoint(network, in_use, sink, "input", metrics).has_value());
  (*datagrams)->drain();
}

}  // namespace logboom
