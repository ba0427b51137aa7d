// beats: what Filebeat and the other Beats, Elastic Agent and logstash-forwarder send (Lumberjack, versions 1 and 2).
// Tested by tests/plugins/inputs/beats_test.cc. Reference page: generated from the declarations in settings.cc.
#include "pipeline/plugin/registry.h"
#include "plugins/inputs/beats/session.h"
#include "plugins/inputs/beats/settings.h"

namespace logboom {
namespace {

using namespace beats;

class BeatsInput final : public Input {
 public:
  BeatsInput(BeatsOptions options, const PluginContext& context)
      : options_(std::move(options)),
        service_(std::make_shared<BeatsService>(make_beats_shared(options_, context))),
        tls_(tls_server_context(options_, context)) {}

  std::vector<Endpoint> endpoints() override {
    Endpoint endpoint;
    endpoint.host = options_.host;
    endpoint.port = static_cast<std::uint16_t>(options_.port);
    endpoint.max_connections = options_.max_connections;
    endpoint.handshake_seconds = static_cast<double>(options_.ssl_handshake_timeout) / 1000;
    endpoint.tls = tls_;
    endpoint.stream = service_;
    return {endpoint};
  }

 private:
  BeatsOptions options_;
  std::shared_ptr<BeatsService> service_;
  std::shared_ptr<const TlsContext> tls_;
};

constexpr std::string_view kSummary = "Events of Filebeat and the other Beats, Elastic Agent and logstash-forwarder.";

constexpr std::string_view kDetails =
    R"(Speaks the Lumberjack protocol in versions 1 and 2, as Beats' and Elastic Agent's Logstash output do: windows, JSON, data
and compressed frames, on connections that stay open. Several windows of a connection may be under way.

**Acknowledgement.** A window is acknowledged when all of its events are safe: with a memory queue when every event reached
its outputs, was dropped by a filter or is in the dead-letter queue; with a persisted queue when it is synced. Once a second
the part of a window that is safe already is acknowledged too, and while nothing moves a keep-alive every five seconds lets
the sender wait instead of sending again. Version 1 knows neither: there a window is answered once, when it is complete.
When an event is given up, the connection is closed without an answer, and the sender sends again. While the queue is full
the connection is not read.

**Fields.** `[@metadata]` is what the Beat sent (`beat`, `version`, `type`), and with `source_metadata` in `enrich` the
sender's address: `[@metadata][input][beats][host][ip]`, without ECS `[@metadata][ip_address]`. `message` (version 1:
`line`) goes through the codec; the Beat's other fields are laid over what it makes, and the tag
`beats_input_codec_plain_applied` says so. An event without a message is tagged `beats_input_raw_event`. With ECS the
default codec keeps the message in `[event][original]`. With `ssl_peer_metadata` there are
`[@metadata][tls_peer][status]` (`verified` or `unverified`) and `[@metadata][input][beats][tls]` with `version_protocol`,
`cipher` and `[client][subject]`, without ECS `[@metadata][tls_peer]` with `protocol`, `cipher_suite` and `subject`.

**Refusals.** A connection that breaks the protocol or a limit is closed, after the windows before are answered. Each reason
has a counter (`refused_…`), and one line in ten seconds names the peer. An event is taken whole or not at all. JSON that
cannot be read is such a breach, as in Logstash.

A reload keeps connections open: windows under way are answered, and the rest of a begun window goes to the new
configuration.)";

const RegisterInput registered(
    {.name = "beats", .summary = kSummary, .make = make_input<BeatsInput, beats_options>, .details = kDetails});
const RegisterInput registered_for_agent({.name = "elastic_agent",
                                          .summary = "The beats input under the name that Elastic Agent's users know.",
                                          .make = make_input<BeatsInput, beats_options>,
                                          .details = kDetails,
                                          .another_name_of = "beats"});

}  // namespace
}  // namespace logboom
