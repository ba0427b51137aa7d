// syslog: RFC 3164 and RFC 5424 messages over UDP, TCP and TLS.
// Tested by tests/plugins/inputs/syslog_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include "pipeline/base/log.h"
#include "pipeline/net/proxy_protocol.h"
#include "pipeline/plugin/async_push.h"
#include "pipeline/plugin/decoded_stream.h"
#include "pipeline/plugin/registry.h"
#include "plugins/inputs/syslog/syslog_decoder.h"
#include "plugins/inputs/syslog/syslog_event.h"

namespace logboom {
namespace {

OptionTable<SyslogInputOptions> syslog_input_options() {
  using O = SyslogInputOptions;
  OptionTable<O> table;
  table.optional("port", &O::port, "Port to listen on, UDP and TCP.").at_most(65535);
  table.optional("host", &O::host, "Address to listen on.");
  table.optional("codec", &O::codec, "Makes an event of each message before it is parsed.");
  table.optional("syslog_field", &O::syslog_field, "The field that is parsed; for codecs that put the line elsewhere.");
  table.optional("grok_pattern", &O::grok_pattern,
                 "Pattern that lines are parsed with instead of the forms described below.");
  table.optional("proxy_protocol", &O::proxy_protocol, "TCP connections begin with a PROXY header, version 1 or 2.");
  table.optional("use_labels", &O::use_labels, "Adds names to the numbers of facility and severity.");
  table.optional("facility_labels", &O::facility_labels, "Names of the facilities, from 0 on.");
  table.optional("severity_labels", &O::severity_labels, "Names of the severities, from 0 on.");
  table.optional("timezone", &O::timezone,
                 "Zone of times that name none: Europe/Paris, +01:00; the machine's when not given.");
  table.optional("locale", &O::locale, "Language of month names: de, fr-FR; English when not given.");
  table.optional("service_type", &O::service_type, "What [service][type] says, with ECS.");
  table.optional("decode_size_limit_bytes", &O::decode_size_limit_bytes,
                 "Longest message over TCP; what is longer is cut there and tagged _line_too_long.");
  table.optional("receive_buffer_bytes", &O::receive_buffer_bytes,
                 "UDP: what the kernel may hold; four megabytes, as far as it lets, when not given.");
  table.optional("max_connections", &O::max_connections, "TCP: connections at the same time; more are refused.").at_least(1);
  declare_tls_server_options(table);
  return table;
}

/// What all connections share.
struct SyslogShared {
  SyslogSettings settings;
  SyslogCounters counters;
  CodecPtr codec;
  InputDecorations decorations;
  std::size_t limit_bytes;
  bool expects_proxy_header;
  Counter& bad_proxy_headers;
  LogRateLimit proxy_log;
  std::string id;
};

class SyslogStreamService final : public StreamService {
 public:
  explicit SyslogStreamService(std::shared_ptr<SyslogShared> shared) : shared_(std::move(shared)) {}

  Awaitable<void> serve(ByteStream& peer, EventSink& sink) override {
    std::string ip = peer.peer().ip;
    DecodedStream stream;
    if (shared_->expects_proxy_header) {
      const Result<ProxyHeader> header = co_await read_proxy_header(peer, stream.earlier_bytes);
      if (!header) {
        refuse(header.error(), ip);
        co_return;
      }
      if (!header->source.ip.empty()) ip = header->source.ip;
    }
    stream.decoder =
        std::make_unique<SyslogDecoder>(shared_->codec->make_decoder(), shared_->limit_bytes, shared_->counters);
    stream.finish = [shared = shared_, ip, filler = std::make_shared<SyslogEventFiller>(shared_->settings)](Chunk& chunk) {
      shared->decorations.apply(chunk);
      const Value address = Value::string(chunk.arena().copy(ip));
      for (Event* event : chunk.events()) filler->fill(*event, address, chunk.now());
    };
    co_await serve_decoded(peer, sink, std::move(stream));
  }

 private:
  void refuse(const Error& why, const std::string& ip) {
    if (why.code != ErrorCode::Corrupt) return;
    shared_->bad_proxy_headers.add();
    if (shared_->proxy_log.allow())
      log_warn("input.syslog", "{}: the connection from {} is closed: {}", shared_->id, ip, why.message);
  }

  std::shared_ptr<SyslogShared> shared_;
};

class SyslogDatagramService final : public DatagramService {
 public:
  explicit SyslogDatagramService(std::shared_ptr<SyslogShared> shared)
      : shared_(std::move(shared)), decoder_(shared_->codec->make_decoder()), filler_(shared_->settings) {}

  Awaitable<void> take(DatagramBatch& batch, EventSink& sink) override {
    ChunkPtr chunk = decode(batch, sink);
    if (!chunk->events().empty()) co_await push_chunk(sink, std::move(chunk));
  }

 private:
  ChunkPtr decode(const DatagramBatch& batch, EventSink& sink) {
    ChunkPtr chunk = sink.new_chunk(batch.received());
    ends_.clear();
    for (const Datagram& datagram : batch.datagrams()) {
      const std::string_view message = syslog_message(datagram.bytes);
      if (!message.empty()) {
        shared_->counters.messages.add();
        decoder_->decode_message(message, *chunk);
      }
      ends_.push_back(chunk->events().size());
    }
    if (chunk->events().empty()) return chunk;
    shared_->decorations.apply(*chunk);
    const PeerAddress* peer = nullptr;
    Value address;
    std::size_t at = 0;
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      if (at == ends_[i]) continue;
      if (batch.datagrams()[i].peer != peer) {
        peer = batch.datagrams()[i].peer;
        address = Value::string(chunk->arena().copy(peer->ip));
      }
      for (; at < ends_[i]; ++at) filler_.fill(*chunk->events()[at], address, chunk->now());
    }
    return chunk;
  }

  std::shared_ptr<SyslogShared> shared_;
  std::unique_ptr<Decoder> decoder_;
  SyslogEventFiller filler_;
  std::vector<std::size_t> ends_;  // of the datagrams' events in the chunk
};

class SyslogInput final : public Input {
 public:
  SyslogInput(SyslogInputOptions options, const PluginContext& context) : options_(std::move(options)) {
    CodecPtr codec = context.make_codec(options_.codec);
    if (codec != nullptr && codec->make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options_.codec.name), "leave it out for plain");
    tls_ = tls_server_context(options_, context);
    shared_.reset(new SyslogShared{SyslogSettings(options_, context), SyslogCounters(context.id(), context.metrics()),
                                   std::move(codec), InputDecorations(context),
                                   static_cast<std::size_t>(options_.decode_size_limit_bytes.bytes), options_.proxy_protocol,
                                   context.metrics().counter("bad_proxy_headers"), LogRateLimit(), context.id()});
  }

  std::vector<Endpoint> endpoints() override {
    Endpoint stream;
    stream.host = options_.host;
    stream.port = static_cast<std::uint16_t>(options_.port);
    stream.stream = std::make_shared<SyslogStreamService>(shared_);
    stream.max_connections = options_.max_connections;
    stream.tls = tls_;
    stream.handshake_seconds = static_cast<double>(options_.ssl_handshake_timeout) / 1000;
    if (tls_ != nullptr) return {stream};
    Endpoint datagrams;
    datagrams.host = options_.host;
    datagrams.port = static_cast<std::uint16_t>(options_.port);
    datagrams.receive_buffer_bytes = options_.receive_buffer_bytes;
    datagrams.datagram = std::make_shared<SyslogDatagramService>(shared_);
    return {stream, datagrams};
  }

 private:
  SyslogInputOptions options_;
  std::shared_ptr<const TlsContext> tls_;
  std::shared_ptr<SyslogShared> shared_;
};

const RegisterInput registered(
    {.name = "syslog",
     .summary = "Syslog messages over UDP, TCP and TLS.",
     .make = make_input<SyslogInput, syslog_input_options>,
     .details =
         R"(One input listens on UDP and TCP. With `ssl_enabled` it speaks TLS (RFC 5425) and opens no UDP port, which could not be
protected. Over TCP both framings of RFC 6587 are read, told apart message by message: a message that begins with a count of
its octets and `<`, and one that ends with a line feed. Line ends and zero bytes behind a message are not part of it, and an
empty message is none.

These lines are parsed:

| Form | Example |
|---|---|
| RFC 3164 | `<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed` |
| the same with an ISO 8601 time | `<34>2003-10-11T22:14:15.003Z mymachine su: 'su root' failed` |
| RFC 5424 | `<165>1 2003-10-11T22:14:15.003Z mymachine app 12 ID47 [id@32473 iut="3"] text` |

RFC 3164 lines are what Logstash's `<%{POSINT:priority}>%{SYSLOGLINE}` finds, also in the middle of a text; a priority of 0
is read too. Logstash tags RFC 5424 lines as failures; here they are parsed.

| What | ECS | without ECS |
|---|---|---|
| priority, facility, severity | `[log][syslog][priority]`, `[log][syslog][facility][code]`, `[log][syslog][severity][code]` | `priority`, `facility`, `severity` |
| their names | `[log][syslog][facility][name]`, `[log][syslog][severity][name]` | `facility_label`, `severity_label` |
| host that the line names | `[host][hostname]` | `logsource` |
| program and process id | `[process][name]`, `[process][pid]` (a number) | `program`, `pid` |
| time | `@timestamp` | `@timestamp`, and as text `timestamp` (ISO 8601: `timestamp8601` too) |
| peer's address | `[host][ip]` | `host` |
| whole line | `[event][original]` | |
| RFC 5424: version, message id | `[log][syslog][version]`, `[log][syslog][msgid]` | `version`, `msgid` |
| RFC 5424: process id that is no number | `[log][syslog][procid]` | `pid` |
| RFC 5424: structured data | `[log][syslog][structured_data][id][name]` | `[structured_data][id][name]` |

With ECS `[service][type]` is `service_type`. `message` is the rest of the line; a line of RFC 3164 with nothing behind its
header keeps all of it. A parameter of structured data that comes twice is a list.

A time without a year is of this year; read in January, December is last year's, and read in December, January is next
year's. Fractions of seconds may have any number of digits; nine are kept. A time that cannot be read leaves `@timestamp` as
it is and adds the tag `_dateparsefailure`.

A line that cannot be parsed keeps its text in `message`, gets the tag `_grokparsefailure_sysloginput` and the priority 13
(user-level, notice). A custom `grok_pattern` is searched for in the line instead of the forms above; it should capture
`timestamp` and `priority` (ECS: `[log][syslog][priority]`).

There is nobody to acknowledge to: what was read and not yet delivered is lost in a crash, unless the queue is persisted.
Over TCP a full queue stops reading, so the sender waits. Over UDP the kernel's buffer fills, then the kernel drops: those
are counted in `dropped_by_kernel`, and a message in the log says so. `receive_buffer_bytes` above `net.core.rmem_max` needs
the capability CAP_NET_ADMIN or a larger limit.

Counters: `messages_received`, `unknown_messages`, `bad_times`, `messages_too_long`, `incomplete_messages` (counted messages
whose connection closed before their end; they are dropped), `bad_proxy_headers`.)"});

}  // namespace
}  // namespace logboom
