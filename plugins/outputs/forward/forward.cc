// forward: to Fluentd, Fluent Bit or another Logboom.
// Tested by tests/plugins/outputs/forward_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include <charconv>

#include "pipeline/plugin/registry.h"
#include "pipeline/plugin/tls_options.h"
#include "plugins/outputs/forward/chunk_encoder.h"
#include "plugins/outputs/forward/forward_client.h"

namespace logboom {
namespace {

struct ForwardOutputOptions : TlsClientOptions {
  std::vector<ConfigValue> servers;
  std::optional<std::string> host;
  std::uint64_t port = 24224;
  FieldTemplate tag = FieldTemplate::parse("%{[@metadata][fluent][tag]}");
  std::string default_tag = "logboom";
  bool require_ack_response = true;
  Duration ack_response_timeout{190};
  Duration connect_timeout{10};
  Duration send_timeout{60};
  std::string compress = "none";
  ByteSize chunk_limit_size{4 * 1024 * 1024};
  bool time_as_integer = false;
  bool keepalive = true;
  Duration keepalive_timeout{0};
  std::uint64_t connections = 2;
  std::string heartbeat_type = "transport";
  Duration heartbeat_interval{1};
  Duration hard_timeout{60};
  Duration recover_wait{10};
  std::optional<std::string> self_hostname;
  Secret shared_key;
  std::string username;
  Secret password;
};

OptionTable<ForwardOutputOptions> forward_output_options() {
  using O = ForwardOutputOptions;
  OptionTable<O> table;
  table.optional(
      "servers", &O::servers,
      "Servers: \"host:port\" each, or hashes of host, port, name, weight, standby, shared_key, username, password.");
  table.optional("host", &O::host, "The one server, instead of `servers`.");
  table.optional("port", &O::port, "Port of servers that name none.").at_least(1).at_most(65535);
  table.optional("tag", &O::tag, "Tag of an event.");
  table.optional("default_tag", &O::default_tag, "Tag of events for which `tag` gives none.");
  table.optional("require_ack_response", &O::require_ack_response, "Events are delivered when the server says so.");
  table.optional("ack_response_timeout", &O::ack_response_timeout,
                 "Seconds without the acknowledgement after which a message is sent again.");
  table.optional("connect_timeout", &O::connect_timeout, "Seconds for a connection, with TLS and handshake.");
  table.optional("send_timeout", &O::send_timeout, "Seconds that writing a message may take.");
  table.optional("compress", &O::compress, "Compression of messages.").one_of({"none", "text", "gzip", "zstd"});
  table.optional("chunk_limit_size", &O::chunk_limit_size, "Largest message before compression; one event may be more.");
  table.optional("time_as_integer", &O::time_as_integer, "Writes whole seconds, for Fluentd before 0.14.");
  table.optional("keepalive", &O::keepalive, "Keeps connections; false makes one for each message, as Fluentd does.");
  table.optional("keepalive_timeout", &O::keepalive_timeout, "Closes connections that are idle for so long; 0: never.");
  table.optional("connections", &O::connections, "Connections to each server at the same time.").at_least(1).at_most(64);
  table
      .optional("heartbeat_type", &O::heartbeat_type,
                "How servers are watched: a connection (transport, tcp), a datagram (udp), or only by what is sent (none).")
      .one_of({"transport", "tcp", "udp", "none"});
  table.optional("heartbeat_interval", &O::heartbeat_interval, "Seconds between heartbeats.");
  table.optional("hard_timeout", &O::hard_timeout, "Seconds without an answer to UDP heartbeats until a server is away.");
  table.optional("recover_wait", &O::recover_wait,
                 "Seconds that a server which came back must stay, before it is used beside others.");
  table.optional("self_hostname", &O::self_hostname, "Our name in the handshake; the machine's when not given.");
  table.optional("shared_key", &O::shared_key, "Key of the handshake that servers ask for.");
  table.optional("username", &O::username, "User of the handshake, where servers want one.");
  table.optional("password", &O::password, "The user's password.");
  declare_tls_client_options(table);
  return table;
}

/// Servers as written; what is wrong is reported at its place.
class ServerList {
 public:
  ServerList(const ForwardOutputOptions& options, const PluginContext& context) : options_(options), context_(context) {}

  std::vector<ForwardServer> read() {
    if (options_.host) {
      if (!options_.servers.empty()) context_.error("host", "host and servers exclude each other", "list it in servers");
      made_.push_back(with_defaults());
      made_.back().host = *options_.host;
    }
    for (const ConfigValue& written : options_.servers)
      written.kind == ConfigValue::Kind::Hash ? read_hash(written) : read_address(written);
    if (made_.empty() && !options_.host && options_.servers.empty())
      context_.error("servers", "there is no server to send to", "add servers => [\"host:24224\"]");
    bool has_active = made_.empty();
    for (const ForwardServer& server : made_) has_active = has_active || (!server.is_standby && server.weight > 0);
    if (!has_active)
      context_.error("servers", "every server is a standby, or has no weight", "one must be used in ordinary times");
    return made_;
  }

 private:
  ForwardServer with_defaults() const {
    ForwardServer server;
    server.port = static_cast<std::uint16_t>(options_.port);
    server.shared_key = options_.shared_key.value;
    server.user = options_.username;
    server.password = options_.password.value;
    return server;
  }

  void read_address(const ConfigValue& written) {
    ForwardServer server = with_defaults();
    const std::string& text = written.text;
    const std::size_t colon = text.rfind(':');
    const bool has_brackets = !text.empty() && text.front() == '[';
    const bool is_bare_ipv6 = !has_brackets && colon != std::string::npos && text.find(':') != colon;
    if (colon == std::string::npos || is_bare_ipv6 || text.back() == ']') {
      server.host = text;
    } else {
      server.host = text.substr(0, colon);
      if (!read_port(text.substr(colon + 1), server.port))
        context_.error(written.span, fmt::format("servers: \"{}\" has no port that could be", text), "write \"host:24224\"");
    }
    if (has_brackets && server.host.size() > 2) server.host = server.host.substr(1, server.host.size() - 2);
    if (server.host.empty()) context_.error(written.span, "servers: a host is missing", "write \"host:24224\"");
    made_.push_back(std::move(server));
  }

  void read_hash(const ConfigValue& written) {
    ForwardServer server = with_defaults();
    for (const auto& [name, value] : written.entries) {
      if (name.text == "host") {
        server.host = value.text;
      } else if (name.text == "name") {
        server.tls_name = value.text;
      } else if (name.text == "shared_key") {
        server.shared_key = value.text;
      } else if (name.text == "username") {
        server.user = value.text;
      } else if (name.text == "password") {
        server.password = value.text;
      } else if (name.text == "standby") {
        server.is_standby = value.text == "true";
      } else if (name.text == "port") {
        if (!read_port(value.text, server.port)) context_.error(value.span, "servers: a port is 1 to 65535");
      } else if (name.text == "weight") {
        if (!read_number(value.text, 1'000'000, server.weight))
          context_.error(value.span, "servers: a weight is 0 to 1000000");
      } else {
        context_.error(name.span, fmt::format("servers: \"{}\" is no part of a server", name.text),
                       "host, port, name, weight, standby, shared_key, username and password are");
      }
    }
    if (server.host.empty()) context_.error(written.span, "servers: a host is missing", "add host => \"…\"");
    made_.push_back(std::move(server));
  }

  static bool read_number(const std::string& text, std::uint32_t most, std::uint32_t& out) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
    return problem == std::errc() && end == text.data() + text.size() && out <= most;
  }
  static bool read_port(const std::string& text, std::uint16_t& out) {
    std::uint32_t number = 0;
    if (!read_number(text, 65535, number) || number == 0) return false;
    out = static_cast<std::uint16_t>(number);
    return true;
  }

  const ForwardOutputOptions& options_;
  const PluginContext& context_;
  std::vector<ForwardServer> made_;
};

ChunkEncoderOptions encoder_options(const ForwardOutputOptions& options) {
  ChunkEncoderOptions made;
  made.tag = options.tag;
  made.default_tag = options.default_tag;
  made.writes_integer_times = options.time_as_integer;
  made.asks_for_acks = options.require_ack_response;
  made.compression = options.compress == "gzip"   ? ForwardCompression::Gzip
                     : options.compress == "zstd" ? ForwardCompression::Zstd
                                                  : ForwardCompression::None;
  made.chunk_bytes = options.chunk_limit_size.bytes;
  return made;
}

ForwardClientOptions client_options(const ForwardOutputOptions& options, const PluginContext& context) {
  ForwardClientOptions made;
  made.servers = ServerList(options, context).read();
  made.self_hostname = options.self_hostname.value_or(context.host_name());
  made.asks_for_acks = options.require_ack_response;
  made.ack_seconds = options.ack_response_timeout.seconds;
  made.connect_seconds = options.connect_timeout.seconds;
  made.send_seconds = options.send_timeout.seconds;
  made.keeps_alive = options.keepalive;
  made.keepalive_seconds = options.keepalive_timeout.seconds;
  made.connections = options.connections;
  made.heartbeat = options.heartbeat_type == "udp"    ? ForwardHeartbeat::Udp
                   : options.heartbeat_type == "none" ? ForwardHeartbeat::None
                                                      : ForwardHeartbeat::Transport;
  made.heartbeat_seconds = options.heartbeat_interval.seconds;
  made.udp_patience_seconds = options.hard_timeout.seconds;
  made.recover_seconds = options.recover_wait.seconds;
  made.tls = tls_client_context(options, context);
  made.id = context.id();
  return made;
}

class ForwardOutput final : public Output {
 public:
  ForwardOutput(const ForwardOutputOptions& options, const PluginContext& context)
      : encoder_(encoder_options(options)), client_(client_options(options, context), context.metrics()) {
    if (options.default_tag.empty()) context.error("default_tag", "default_tag: it is empty");
  }

  Result<void> start() override {
    client_.start();
    return {};
  }
  void deliver(DeliveryPtr delivery) override {
    for (ForwardChunkPtr& chunk : encoder_.encode(delivery)) client_.send(std::move(chunk));
  }
  void stop() override { client_.stop(); }

 private:
  const ChunkEncoder encoder_;
  ForwardClient client_;
};

const RegisterOutput registered(
    {.name = "forward",
     .summary = "Events to Fluentd, Fluent Bit or another Logboom.",
     .make = make_output<ForwardOutput, forward_output_options>,
     .details =
         R"(**Delivered** means acknowledged by the server; with `require_ack_response => false` handed to the kernel, and what a server had
not read when it died is lost. Messages that are not acknowledged within `ack_response_timeout`, or whose connection broke
before, are sent again: at least once.

Events go out in PackedForward mode, one message for each tag of a batch (and `chunk_limit_size`); `compress` makes it
CompressedPackedForward. `@timestamp` is the entry's time, with nanoseconds unless `time_as_integer`; all other fields are the
record, timestamps in it as ISO 8601 texts. The tag is the one that the event came with (`[@metadata][fluent][tag]`), unless
`tag` says otherwise; `default_tag` where that is missing.

**Several servers** share the messages by `weight` (default 60). A message that a server fails goes to the next one at once.
A server that failed is left out until its heartbeat (or, with `heartbeat_type => none`, a pause of 0.25 to 30 seconds) says that
it is there, and for `recover_wait` seconds more while others are there. `standby => true` keeps a server for the weight of
those that are away. When no server takes a message its events are offered again, after pauses that grow.

    output {
      forward {
        servers => [ { host => "a.example" weight => 100 }, { host => "b.example" standby => true } ]
        compress => zstd
        ssl_enabled => true
      }
    }

With `shared_key` the handshake of a server's `<security>` section is expected; our `self_hostname` and the server's must
differ. TLS checks the server's name and chain; `name` of a server is checked instead of its host. Up to 32 messages are under
way on each connection.)"});

}  // namespace
}  // namespace logboom
