// tcp: events as a codec writes them, to one destination or to everyone who connects.
// Tested by tests/plugins/outputs/tcp_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include "pipeline/plugin/registry.h"
#include "pipeline/plugin/tls_options.h"
#include "plugins/outputs/tcp/tcp_client.h"
#include "plugins/outputs/tcp/tcp_server.h"

namespace logboom {
namespace {

struct TcpOutputOptions : TlsClientOptions {
  std::string host;
  std::uint64_t port = 0;
  std::string mode = "client";
  CodecChoice codec{"json", nullptr, {}};
  Duration reconnect_interval{10};
  std::string ssl_client_authentication = "none";
  std::optional<bool> ssl_verify;
};

OptionTable<TcpOutputOptions> tcp_output_options() {
  using O = TcpOutputOptions;
  OptionTable<O> table;
  table.required("host", &O::host, "Host to connect to, or address to listen on.");
  table.required("port", &O::port, "Port to connect to, or to listen on.").at_most(65535);
  table.optional("mode", &O::mode, "client connects to host, server writes to everyone who connects.")
      .one_of({"client", "server"});
  table.optional("codec", &O::codec, "How events are written; json has no line end, json_lines has.");
  table.optional("reconnect_interval", &O::reconnect_interval, "Seconds between two attempts to connect.");
  declare_tls_client_options(table);
  table
      .optional("ssl_client_authentication", &O::ssl_client_authentication,
                "With mode server; TLS is not available there in this version.")
      .one_of({"none", "optional", "required"});
  table.optional("ssl_verify", &O::ssl_verify, "Whether the destination's certificate is checked.")
      .deprecated("ssl_verification_mode");
  table.alias("ssl_enable", "ssl_enabled", "ssl_enabled");
  table.alias("ssl_cert", "ssl_certificate", "ssl_certificate");
  table.alias("ssl_cacert", "ssl_certificate_authorities", "ssl_certificate_authorities");
  table.obsolete("message_format", "write codec => line { format => \"…\" }");
  return table;
}

class TcpOutput final : public Output {
 public:
  TcpOutput(TcpOutputOptions options, const PluginContext& context) : codec_(context.make_codec(options.codec)) {
    if (codec_ != nullptr && !codec_->can_encode())
      context.error("codec", fmt::format("codec: {} cannot write", options.codec.name), "choose json_lines or line");
    const auto port = static_cast<std::uint16_t>(options.port);
    if (options.ssl_verify == false) options.ssl_verification_mode = "none";
    if (options.mode == "server") {
      if (options.ssl_enabled)
        context.error("ssl_enabled", "ssl_enabled: with mode => server TLS is not available in this version",
                      "let the destinations connect through a local TLS proxy, or use mode => client");
      TcpServerOptions server{options.host, port, context.id()};
      sender_ = make_tcp_server(std::move(server), context.metrics());
    } else {
      TcpClientOptions client{options.host, port, options.reconnect_interval.seconds, context.id(),
                              tls_client_context(options, context)};
      sender_ = make_tcp_client(std::move(client), context.metrics());
    }
  }

  Result<void> start() override { return sender_->start(); }
  void deliver(DeliveryPtr delivery) override {
    sender_->deliver(std::make_shared<EncodedDelivery>(std::move(delivery), *codec_));
  }
  void stop() override { sender_->stop(); }

 private:
  CodecPtr codec_;
  std::unique_ptr<TcpSender> sender_;
};

const RegisterOutput registered(
    {.name = "tcp",
     .summary = "Events as a codec writes them, over TCP.",
     .make = make_output<TcpOutput, tcp_output_options>,
     .details =
         R"(**Delivered** means handed to the kernel: TCP has no acknowledgement of its own, and what a destination had not read when it
died is lost. Events that were not wholly written when a connection broke are sent again on the next one.

With `mode => client` a connection is made when the first event comes; while there is none events wait, attempts are
`reconnect_interval` seconds apart. With `ssl_enabled` it speaks TLS, and checks the destination's certificate and name unless
`ssl_verification_mode` says otherwise. With `mode => server` events go to every client that is connected at that moment; without a
client they are dropped and counted in `without_clients`. A client that falls 16 MiB behind or reads nothing for 30 seconds is
disconnected.

The codec `json` writes no line end: choose `json_lines` for a receiver that reads lines.)"});

}  // namespace
}  // namespace logboom
