// tcp: bytes of TCP connections, cut into events by a codec.
// Tested by tests/plugins/inputs/tcp_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include "pipeline/base/log.h"
#include "pipeline/net/proxy_protocol.h"
#include "pipeline/net/reverse_lookup.h"
#include "pipeline/plugin/decoded_stream.h"
#include "pipeline/plugin/registry.h"
#include "pipeline/plugin/tls_options.h"

namespace logboom {
namespace {

struct TcpInputOptions : TlsServerOptions {
  TcpInputOptions() { ssl_client_authentication = "required"; }  // as Logstash's tcp input has it
  std::string host = "0.0.0.0";
  std::uint64_t port = 0;
  std::string mode = "server";
  CodecChoice codec{"line", nullptr, {}};
  bool proxy_protocol = false;
  bool tcp_keep_alive = false;
  bool dns_reverse_lookup_enabled = true;
  std::uint64_t max_connections = 65'536;
  std::string ssl_verification_mode = "full";
  std::optional<bool> ssl_verify;
};

OptionTable<TcpInputOptions> tcp_input_options() {
  using O = TcpInputOptions;
  OptionTable<O> table;
  table.required("port", &O::port, "Port to listen on, or to connect to.").at_most(65535);
  table.optional("host", &O::host, "Address to listen on, or host to connect to.");
  table.optional("mode", &O::mode, "server accepts connections, client makes one.").one_of({"server", "client"});
  table.optional("codec", &O::codec, "Cuts the bytes into events; plain reads as line, json as json_lines.");
  table.optional("proxy_protocol", &O::proxy_protocol, "Connections begin with a PROXY header, version 1 or 2.");
  table.optional("tcp_keep_alive", &O::tcp_keep_alive, "Lets the kernel probe silent connections.");
  table.optional("dns_reverse_lookup_enabled", &O::dns_reverse_lookup_enabled,
                 "Looks the peer's name up; its address otherwise.");
  table.optional("max_connections", &O::max_connections, "Connections at a time; more are closed at once and counted.")
      .at_least(1);
  declare_tls_server_options(table);
  table
      .optional("ssl_verification_mode", &O::ssl_verification_mode,
                "With mode client: how the server's certificate is checked.")
      .one_of({"full", "certificate", "none"});
  table.optional("ssl_verify", &O::ssl_verify, "Whether peers' certificates are checked.")
      .deprecated("ssl_client_authentication (server) or ssl_verification_mode (client)");
  table.alias("ssl_enable", "ssl_enabled", "ssl_enabled");
  table.alias("ssl_cert", "ssl_certificate", "ssl_certificate");
  table.obsolete("data_timeout", "silent connections are kept; tcp_keep_alive finds dead ones");
  return table;
}

/// Where the peer is told, by ECS mode.
struct PeerFields {
  FieldRef name;
  FieldRef ip;
  FieldRef port;
  FieldRef proxy_ip;
  FieldRef proxy_port;

  explicit PeerFields(bool is_ecs)
      : name(*FieldRef::parse(is_ecs ? "[@metadata][input][tcp][source][name]" : "host")),
        ip(*FieldRef::parse(is_ecs ? "[@metadata][input][tcp][source][ip]" : "[@metadata][ip_address]")),
        port(*FieldRef::parse(is_ecs ? "[@metadata][input][tcp][source][port]" : "port")),
        proxy_ip(*FieldRef::parse(is_ecs ? "[@metadata][input][tcp][proxy][ip]" : "proxy_host")),
        proxy_port(*FieldRef::parse(is_ecs ? "[@metadata][input][tcp][proxy][port]" : "proxy_port")) {}
};

/// What all connections share.
struct TcpInputShared {
  CodecPtr codec;
  InputDecorations decorations;
  PeerFields fields;
  bool expects_proxy_header;
  bool looks_names_up;
  Counter& bad_proxy_headers;
  LogRateLimit proxy_log;
  std::string id;
};

/// Whom a connection's events come from.
struct TcpPeer {
  PeerAddress source;
  std::string source_name;
  PeerAddress proxy;  // empty without a PROXY header
};

void decorate(Chunk& chunk, const TcpInputShared& shared, const TcpPeer& peer) {
  shared.decorations.apply(chunk);
  Arena& arena = chunk.arena();
  const PeerFields& fields = shared.fields;
  const Value name = Value::string(arena.copy(peer.source_name));
  const Value ip = Value::string(arena.copy(peer.source.ip));
  const Value proxy_ip = Value::string(arena.copy(peer.proxy.ip));
  for (Event* event : chunk.events()) {
    if (!event->has(fields.name)) event->set(fields.name, name);
    if (!event->has(fields.ip)) event->set(fields.ip, ip);
    if (!event->has(fields.port)) event->set(fields.port, Value::integer(peer.source.port));
    if (peer.proxy.ip.empty()) continue;
    if (!event->has(fields.proxy_ip)) event->set(fields.proxy_ip, proxy_ip);
    if (!event->has(fields.proxy_port)) event->set(fields.proxy_port, Value::integer(peer.proxy.port));
  }
}

class TcpService final : public StreamService {
 public:
  explicit TcpService(std::shared_ptr<TcpInputShared> shared) : shared_(std::move(shared)) {}

  Awaitable<void> serve(ByteStream& peer, EventSink& sink) override {
    TcpPeer from;
    from.source = peer.peer();
    DecodedStream stream;
    if (shared_->expects_proxy_header) {
      const bool is_known = co_await learn_from_proxy(peer, from, stream.earlier_bytes);
      if (!is_known) co_return;
    }
    from.source_name = from.source.ip;
    if (shared_->looks_names_up) from.source_name = co_await reverse_lookup(from.source.ip);
    stream.decoder = shared_->codec->make_decoder();
    stream.finish = [shared = shared_, from](Chunk& chunk) { decorate(chunk, *shared, from); };
    co_await serve_decoded(peer, sink, std::move(stream));
  }

 private:
  Awaitable<bool> learn_from_proxy(ByteStream& peer, TcpPeer& from, std::string& raw_header) {
    const Result<ProxyHeader> header = co_await read_proxy_header(peer, raw_header);
    if (!header) {
      if (header.error().code != ErrorCode::Corrupt) co_return false;
      shared_->bad_proxy_headers.add();
      if (shared_->proxy_log.allow())
        log_warn("input.tcp", "{}: the connection from {} is closed: {}", shared_->id, peer.peer().ip,
                 header.error().message);
      co_return false;
    }
    if (!header->source.ip.empty()) {
      from.source = header->source;
      from.proxy = header->destination;
    }
    co_return true;
  }

  std::shared_ptr<TcpInputShared> shared_;
};

class TcpInput final : public Input {
 public:
  TcpInput(TcpInputOptions options, const PluginContext& context) : options_(std::move(options)) {
    CodecPtr codec = context.make_codec(for_byte_stream(options_.codec));
    if (codec != nullptr && codec->make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options_.codec.name), "choose line or json_lines");
    tls_ = make_tls(context);
    std::shared_ptr<TcpInputShared> shared(new TcpInputShared{
        std::move(codec), InputDecorations(context), PeerFields(context.is_ecs()), options_.proxy_protocol,
        options_.dns_reverse_lookup_enabled, context.metrics().counter("bad_proxy_headers"), LogRateLimit(), context.id()});
    service_ = std::make_shared<TcpService>(std::move(shared));
  }

  std::vector<Endpoint> endpoints() override {
    Endpoint endpoint;
    endpoint.mode = options_.mode == "client" ? Endpoint::Mode::Connect : Endpoint::Mode::Listen;
    endpoint.host = options_.host;
    endpoint.port = static_cast<std::uint16_t>(options_.port);
    endpoint.has_tcp_keep_alive = options_.tcp_keep_alive;
    endpoint.max_connections = options_.max_connections;
    endpoint.tls = tls_;
    endpoint.handshake_seconds = static_cast<double>(options_.ssl_handshake_timeout) / 1000;
    endpoint.stream = service_;
    return {endpoint};
  }

 private:
  std::shared_ptr<const TlsContext> make_tls(const PluginContext& context) {
    if (options_.mode == "client") {
      TlsClientOptions client;
      static_cast<TlsOptions&>(client) = options_;
      client.ssl_verification_mode = options_.ssl_verify == false ? "none" : options_.ssl_verification_mode;
      return tls_client_context(client, context);
    }
    if (options_.ssl_verify) options_.ssl_client_authentication = *options_.ssl_verify ? "required" : "none";
    return tls_server_context(options_, context);
  }

  TcpInputOptions options_;
  std::shared_ptr<const TlsContext> tls_;
  std::shared_ptr<TcpService> service_;
};

const RegisterInput registered(
    {.name = "tcp",
     .summary = "Bytes of TCP connections, cut into events by a codec.",
     .make = make_input<TcpInput, tcp_input_options>,
     .details =
         R"(Each connection has a codec of its own; at its end what waits in the codec becomes an event. A full queue stops reading,
so the sender feels it. There is nobody to acknowledge to: what was read and not yet delivered is lost in a crash, unless the
queue is persisted.

Without ECS events get `host` (the peer's name), `port` and `[@metadata][ip_address]`; with ECS `[@metadata][input][tcp][source]`
with `name`, `ip` and `port`. Fields that an event brings are kept. Names are looked up beside the data path, wait at most two
seconds, and are kept for five minutes; a peer without a name is named by its address.

With `proxy_protocol` every connection must begin with a PROXY header; the addresses in it are the peer's, and the proxy's own
go to `proxy_host` and `proxy_port` (ECS: `[@metadata][input][tcp][proxy][ip]` and `[port]`). A connection without one is closed
and counted in `bad_proxy_headers`.

With `ssl_enabled` a server asks clients for a certificate unless `ssl_client_authentication` says otherwise. A handshake that fails
is counted in `tls_failures`, one that takes too long in `tls_timeouts`; plain text on a TLS port is such a failure.

A reload keeps connections open; a line that had begun is finished under the new configuration. With `mode => client` the
connection is made again one second after it ended.)"});

}  // namespace
}  // namespace logboom
