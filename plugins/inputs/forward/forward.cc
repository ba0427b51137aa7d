// forward: what Fluentd, Fluent Bit and the fluent-logger libraries send.
// Tested by tests/plugins/inputs/forward_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include "pipeline/plugin/registry.h"
#include "pipeline/plugin/tls_options.h"
#include "plugins/inputs/forward/session.h"

namespace logboom {
namespace {

struct ForwardInputOptions : TlsServerOptions {
  std::string host = "0.0.0.0";
  std::uint64_t port = 24224;
  std::optional<std::string> tag;
  std::optional<std::string> add_tag_prefix;
  std::optional<FieldRef> tag_field;
  std::optional<FieldRef> source_address_key;
  std::optional<FieldRef> source_hostname_key;
  bool skip_invalid_event = true;
  ByteSize chunk_size_limit{512 * 1024 * 1024};
  ByteSize chunk_size_warn_limit{0};
  ByteSize decompression_size_limit{256 * 1024 * 1024};
  bool deny_keepalive = false;
  bool send_keepalive_packet = false;
  bool udp_heartbeat = true;
  std::uint64_t max_connections = 65536;
  Duration idle_timeout{0};
  std::optional<std::string> self_hostname;
  std::optional<Secret> shared_key;
  bool user_auth = false;
  ConfigHash users;
  bool allow_anonymous_source = true;
  ConfigHash clients;
  Duration handshake_timeout{10};
};

OptionTable<ForwardInputOptions> forward_input_options() {
  using O = ForwardInputOptions;
  OptionTable<O> table;
  table.optional("host", &O::host, "Address to listen on.");
  table.alias("bind", "host", "");
  table.optional("port", &O::port, "Port to listen on; UDP heartbeats are answered on the same number.").at_most(65535);
  table.optional("tag", &O::tag, "Tag of every event, instead of the one that was sent.");
  table.optional("add_tag_prefix", &O::add_tag_prefix, "Text that is put, with a dot, before every tag.");
  table.optional("tag_field", &O::tag_field, "Field for the tag, beside [@metadata][fluent][tag].");
  table.optional("source_address_key", &O::source_address_key, "Field for the sender's address.");
  table.optional("source_hostname_key", &O::source_hostname_key,
                 "Field for the sender's host name; its address when it has none.");
  table.optional("skip_invalid_event", &O::skip_invalid_event,
                 "Leaves events out that cannot be read; false refuses their whole message.");
  table.optional("chunk_size_limit", &O::chunk_size_limit, "Largest message; a larger one is dropped and not acknowledged.");
  table.optional("chunk_size_warn_limit", &O::chunk_size_warn_limit, "Messages above it are logged; 0: none.");
  table.optional("decompression_size_limit", &O::decompression_size_limit,
                 "Largest size that compressed entries may grow to; more closes the connection.");
  table.optional("deny_keepalive", &O::deny_keepalive, "Closes a connection after its first message.");
  table.optional("send_keepalive_packet", &O::send_keepalive_packet, "Lets the kernel probe silent connections.");
  table.optional("udp_heartbeat", &O::udp_heartbeat, "Answers heartbeats over UDP.");
  table.optional("max_connections", &O::max_connections, "Connections at the same time; more are closed at once.")
      .at_least(1);
  table.optional("idle_timeout", &O::idle_timeout, "Closes connections that are silent for so long; 0: never.");
  table.optional("self_hostname", &O::self_hostname, "This server's name in the handshake; senders must have another one.");
  table.optional("shared_key", &O::shared_key,
                 "Key that senders must know; with it every connection begins with a handshake.");
  table.optional("user_auth", &O::user_auth, "Senders must log in with a user of `users` too.");
  table.optional("users", &O::users, "Passwords by user name: { \"name\" => \"password\" }.");
  table.optional("allow_anonymous_source", &O::allow_anonymous_source, "Takes senders that `clients` does not name.");
  table.optional("clients", &O::clients,
                 "Rules by address, network or host: { \"10.0.0.0/8\" => { shared_key => \"…\" users => [\"name\"] } }.");
  table.optional("handshake_timeout", &O::handshake_timeout, "Seconds that the handshake with a shared key may take.");
  declare_tls_server_options(table);
  return table;
}

/// Answers each datagram with a zero byte: what Fluentd's UDP heartbeat waits for.
class UdpHeartbeat final : public DatagramService {
 public:
  explicit UdpHeartbeat(Counter& heartbeats) : heartbeats_(heartbeats) {}
  Awaitable<void> take(DatagramBatch& batch, EventSink&) override {
    for (const Datagram& datagram : batch.datagrams()) batch.reply(datagram, std::string_view("\0", 1));
    heartbeats_.add(batch.datagrams().size());
    co_return;
  }

 private:
  Counter& heartbeats_;
};

/// Turns the flat options into the handshake's rules; reports what is wrong with them.
class SecurityOptions {
 public:
  SecurityOptions(const ForwardInputOptions& options, const PluginContext& context) : options_(options), context_(context) {}

  std::optional<ForwardSecurity> read() const {
    if (!options_.shared_key) {
      refuse_without_key("self_hostname", options_.self_hostname.has_value());
      refuse_without_key("user_auth", options_.user_auth);
      refuse_without_key("users", !options_.users.empty());
      refuse_without_key("clients", !options_.clients.empty());
      refuse_without_key("allow_anonymous_source", !options_.allow_anonymous_source);
      return std::nullopt;
    }
    ForwardSecurity security;
    if (!options_.self_hostname || options_.self_hostname->empty())
      context_.error("shared_key", "shared_key: the handshake needs self_hostname", "add self_hostname => \"a name\"");
    security.self_hostname = options_.self_hostname.value_or("");
    security.shared_key = options_.shared_key->value;
    security.wants_users = options_.user_auth;
    security.allows_anonymous_source = options_.allow_anonymous_source;
    for (const auto& [name, password] : options_.users) security.users[name.text] = password.text;
    if (options_.user_auth && security.users.empty())
      context_.error("user_auth", "user_auth: nobody could log in", "add users => { \"name\" => \"password\" }");
    for (const auto& [place, rule] : options_.clients) read_client(place, rule, security);
    if (!options_.allow_anonymous_source && options_.clients.empty())
      context_.error("allow_anonymous_source", "allow_anonymous_source: nobody could send",
                     "name who may send: clients => { \"10.0.0.0/8\" => {} }");
    return security;
  }

 private:
  void refuse_without_key(std::string_view option, bool is_given) const {
    if (is_given)
      context_.error(option, fmt::format("{}: without shared_key there is no handshake", option),
                     "add shared_key and self_hostname");
  }

  void read_client(const ConfigValue& place, const ConfigValue& written, ForwardSecurity& security) const {
    ForwardClientRule rule;
    rule.place = place.text;
    if (written.kind != ConfigValue::Kind::Hash) {
      context_.error(written.span, "clients: the rule of a client is a hash", "write { } or { shared_key => \"…\" }");
      return;
    }
    for (const auto& [name, value] : written.entries) {
      if (name.text == "shared_key") {
        rule.shared_key = value.text;
      } else if (name.text == "users" && value.kind == ConfigValue::Kind::Array) {
        for (const ConfigValue& user : value.items) rule.users.push_back(user.text);
      } else if (name.text == "users") {
        rule.users.push_back(value.text);
      } else {
        context_.error(name.span, fmt::format("clients: \"{}\" is no part of a rule", name.text),
                       "shared_key and users are");
      }
    }
    for (const std::string& user : rule.users)
      if (security.users.find(user) == security.users.end())
        context_.error(written.span, fmt::format("clients: there is no user \"{}\"", user), "add it to users");
    security.clients.push_back(std::move(rule));
  }

  const ForwardInputOptions& options_;
  const PluginContext& context_;
};

class ForwardInput final : public Input {
 public:
  ForwardInput(ForwardInputOptions options, const PluginContext& context) : options_(std::move(options)) {
    refuse_empty("tag", options_.tag, context);
    refuse_empty("add_tag_prefix", options_.add_tag_prefix, context);
    if (options_.deny_keepalive && options_.send_keepalive_packet)
      context.error("send_keepalive_packet", "send_keepalive_packet: deny_keepalive leaves no connection to probe",
                    "remove one of them");
    ForwardSettings settings;
    settings.fields.fixed_tag = options_.tag;
    if (options_.add_tag_prefix) settings.fields.tag_prefix = *options_.add_tag_prefix + ".";
    settings.fields.tag_field = options_.tag_field;
    settings.fields.source_address_field = options_.source_address_key;
    settings.fields.source_hostname_field = options_.source_hostname_key;
    settings.chunk_size_limit = options_.chunk_size_limit.bytes;
    settings.chunk_size_warn_limit = options_.chunk_size_warn_limit.bytes;
    settings.decompression_size_limit = options_.decompression_size_limit.bytes;
    settings.skips_invalid_events = options_.skip_invalid_event;
    settings.denies_keepalive = options_.deny_keepalive;
    settings.handshake_seconds = options_.handshake_timeout.seconds;
    settings.security = SecurityOptions(options_, context).read();
    tls_ = tls_server_context(options_, context);
    shared_ = std::make_shared<ForwardShared>(std::move(settings), context);
    heartbeat_ = std::make_shared<UdpHeartbeat>(context.metrics().counter("udp_heartbeats"));
  }

  std::vector<Endpoint> endpoints() override {
    resolve_clients();
    Endpoint stream;
    stream.host = options_.host;
    stream.port = static_cast<std::uint16_t>(options_.port);
    stream.max_connections = options_.max_connections;
    stream.idle_seconds = options_.idle_timeout.seconds;
    stream.has_tcp_keep_alive = options_.send_keepalive_packet;
    stream.handshake_seconds = static_cast<double>(options_.ssl_handshake_timeout) / 1000;
    stream.tls = tls_;
    stream.stream = make_forward_service(shared_);
    std::vector<Endpoint> wanted = {stream};
    if (options_.udp_heartbeat) {
      Endpoint heartbeat;
      heartbeat.host = stream.host;
      heartbeat.port = stream.port;
      heartbeat.max_datagram_bytes = 128;
      heartbeat.datagram = heartbeat_;
      wanted.push_back(heartbeat);
    }
    return wanted;
  }

 private:
  static void refuse_empty(std::string_view option, const std::optional<std::string>& text, const PluginContext& context) {
    if (text && text->empty()) context.error(option, fmt::format("{}: it is empty", option), "remove the option");
  }
  void resolve_clients() {
    if (!shared_->settings.security) return;
    for (ForwardClientRule& rule : shared_->settings.security->clients)
      if (const auto resolved = rule.resolve(); !resolved)
        log_error("input.forward", "{}: clients: {}; nobody is let in by this rule", shared_->id, resolved.error().message);
  }

  ForwardInputOptions options_;
  std::shared_ptr<const TlsContext> tls_;
  std::shared_ptr<ForwardShared> shared_;
  std::shared_ptr<UdpHeartbeat> heartbeat_;
};

const RegisterInput registered(
    {.name = "forward",
     .summary = "Events from Fluentd, Fluent Bit and the fluent-logger libraries.",
     .make = make_input<ForwardInput, forward_input_options>,
     .details =
         R"(All modes of the forward protocol are taken: Message, Forward, PackedForward and CompressedPackedForward (gzip and zstd,
several members too), with integer times, fractions of seconds and EventTimes, in MessagePack or, when the first byte of a
connection is `{` or `[`, in JSON. Senders need no change: Fluentd from 0.12, Fluent Bit in every version (wrapped times with
metadata, group marks), and the libraries for Python, Ruby, Go, Java and Node.

**Acknowledgement.** A message with the option `chunk` is acknowledged when all its events are safe: with a memory queue when
every output has them, with a persisted queue when they are on disk. Several messages of a connection may be under way, their
acknowledgements come in order. Without `chunk` there is nobody to tell. A message whose acknowledgement does not come is sent
again by its sender: at least once, not exactly once.

**Events.** The record's fields become the event's fields, the time `@timestamp` (a time of 0 is the present; one beyond the
year 9999 goes to `_@timestamp`, with the tag `_timestampparsefailure`). A field `@timestamp` in a record is replaced. The tag
is in `[@metadata][fluent][tag]`, and in a field when `tag_field` says so; metadata that Fluent Bit sends in
`[@metadata][fluent][metadata]`, the attributes of its groups (`resource`, `scope`) in `[@metadata][fluent][group]`, the subject
of a sender's certificate in `[@metadata][tls_peer][subject]`. Route by tag with conditionals:

    output {
      if [@metadata][fluent][tag] =~ /^app\./ { relabel { label => "@APP" } }
    }

Texts that are not valid UTF-8, and binary values, get U+FFFD for what is broken; integers beyond 63 bits keep their digits;
names of fields that are no text become text.

**What is left out.** An event without a proper time or record (`invalid_events`), a record nested deeper than 1000 levels; the
rest of its message stays, and is acknowledged, for sending it again would not help. Messages with `fluent_signal` 1 to 4 hold
metrics, traces, blobs or profiles, no log events: they are acknowledged and counted in `signals`. A message past
`chunk_size_limit` is passed over without an acknowledgement (`too_large_messages`). What is no MessagePack, does not
decompress, or grows past `decompression_size_limit` closes its connection without an acknowledgement (`corrupt_messages`).

**Handshake.** With `shared_key` (and `self_hostname`) every connection begins with the protocol's handshake; with `user_auth`
senders log in as well. The first rule of `clients` that covers the sender's address gives its key and its users; who is
covered by none is refused when `allow_anonymous_source` is false. After a reload such connections are closed at the end of a
message, and their senders connect again.

**Heartbeats.** Connections that carry no byte are heartbeats. Datagrams on the same port are answered; they are never
encrypted.)"});

}  // namespace
}  // namespace logboom
