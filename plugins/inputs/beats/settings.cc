#include "plugins/inputs/beats/settings.h"

#include <fmt/format.h>

#include <algorithm>

namespace logboom::beats {
namespace {

constexpr double kMaxFrameBytes = 2e9;  // lengths on the wire have 32 bits, and texts are counted in as many

bool has(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// Whether the default codec does what is to be done: texts in UTF-8 as they are.
bool is_default_codec(const CodecChoice& codec) {
  return codec.name == "plain" && (codec.node == nullptr || codec.node->attributes.empty());
}

}  // namespace

OptionTable<BeatsOptions> beats_options() {
  using O = BeatsOptions;
  OptionTable<O> table;
  table.optional("host", &O::host, "Address to listen on.");
  table.optional("port", &O::port, "Port to listen on.").at_most(65535);
  table.optional("codec", &O::codec, "Decodes `message` (or `line`) of events that have it.");
  table
      .optional("enrich", &O::enrich,
                "What is added to events: the sender's address, how it was decoded, the client certificate; all or none.")
      .one_of({"source_metadata", "codec_metadata", "ssl_peer_metadata", "all", "none"});
  table.optional("include_codec_tag", &O::include_codec_tag, "Tags events with how they were decoded.")
      .deprecated("enrich with or without codec_metadata");
  table.optional("add_hostname", &O::add_hostname, "Copies [beat][hostname] to the host field.")
      .deprecated("what the Beat itself puts into the event");
  table.optional("client_inactivity_timeout", &O::client_inactivity_timeout,
                 "Seconds without traffic after which a connection that waits for nothing is closed; 0: never.");
  table.optional("executor_threads", &O::executor_threads,
                 "Accepted for compatibility: the server's I/O threads serve all inputs.");
  table.optional("event_loop_threads", &O::event_loop_threads, "Accepted for compatibility, as executor_threads.");
  table.optional("max_frame_bytes", &O::max_frame_bytes,
                 "Largest frame as sent; a connection that announces more is closed.");
  table.optional("max_inflated_bytes", &O::max_inflated_bytes,
                 "Largest content of a compressed frame; a connection that sends more is closed.");
  table.optional("max_window_events", &O::max_window_events, "Largest window; a connection that announces more is closed.")
      .at_least(1)
      .at_most(4294967295.0);
  table.optional("max_connections", &O::max_connections, "Connections at a time; more are closed at once.").at_least(1);
  declare_tls_server_options(table);
  table.alias("ssl", "ssl_enabled", "ssl_enabled");
  table.alias("cipher_suites", "ssl_cipher_suites", "ssl_cipher_suites");
  table.optional("ssl_verify_mode", &O::ssl_verify_mode, "none, peer or force_peer.")
      .one_of({"none", "peer", "force_peer"})
      .deprecated("ssl_client_authentication: none, optional (peer) or required (force_peer)");
  table.optional("ssl_peer_metadata", &O::ssl_peer_metadata, "Adds the client certificate's identity to events.")
      .deprecated("enrich => [ssl_peer_metadata, ...]");
  table.optional("tls_min_version", &O::tls_min_version, "Oldest TLS version: 1.1, 1.2 or 1.3.")
      .deprecated("ssl_supported_protocols");
  table.optional("tls_max_version", &O::tls_max_version, "Newest TLS version: 1.1, 1.2 or 1.3.")
      .deprecated("ssl_supported_protocols");
  table.obsolete("congestion_threshold", "it does nothing any more: a full queue is not read from; remove it");
  table.obsolete("target_field_for_codec", "the codec always reads `message`; remove it");
  return table;
}

Enrichment resolve_enrichment(const BeatsOptions& options, const PluginContext& context) {
  if (context.written("enrich") != nullptr && context.written("include_codec_tag") != nullptr)
    context.error("include_codec_tag", "enrich and include_codec_tag say the same thing",
                  "keep enrich: codec_metadata in it means the tag");
  std::vector<std::string> wanted = options.enrich;
  if (wanted.size() > 1 && (has(wanted, "all") || has(wanted, "none")))
    context.error("enrich", "enrich: all and none stand alone", "write one of them, or a list of enrichments");
  const bool has_all = has(wanted, "all");
  const bool has_codec_metadata = has_all || has(wanted, "codec_metadata");
  Enrichment made;
  made.is_ecs = context.is_ecs();
  made.has_source = has_all || has(wanted, "source_metadata");
  made.has_codec_tag = context.written("include_codec_tag") != nullptr ? options.include_codec_tag : has_codec_metadata;
  made.has_tls_peer = (has_all || has(wanted, "ssl_peer_metadata") || options.ssl_peer_metadata) && options.ssl_enabled &&
                      options.ssl_client_authentication != "none";
  made.adds_hostname = options.add_hostname;
  made.sets_original = context.is_ecs() && (has_codec_metadata || context.written("codec") != nullptr);
  if (!has_codec_metadata && context.written("codec") != nullptr)
    context.warning("codec",
                    "a codec is given and enrich leaves codec_metadata out: the codec still sets [event][original] "
                    "where ECS asks for it");
  const bool wants_peer = has(wanted, "ssl_peer_metadata") || options.ssl_peer_metadata;
  if (wants_peer && options.ssl_enabled && options.ssl_client_authentication == "none")
    context.error("enrich", "ssl_peer_metadata tells of client certificates, and none are asked for",
                  "set ssl_client_authentication to optional or required");
  return made;
}

void resolve_tls_spellings(BeatsOptions& options, const PluginContext& context) {
  const bool has_mode = context.written("ssl_client_authentication") != nullptr;
  if (context.written("ssl_verify_mode") != nullptr) {
    if (has_mode) {
      context.error("ssl_verify_mode", "ssl_verify_mode and ssl_client_authentication say the same thing",
                    "keep ssl_client_authentication");
    }
    if (options.ssl_verify_mode == "peer") options.ssl_client_authentication = "optional";
    if (options.ssl_verify_mode == "force_peer") options.ssl_client_authentication = "required";
  } else if (!has_mode && !options.ssl_certificate_authorities.empty()) {
    options.ssl_client_authentication = "required";  // as Logstash: authorities ask for certificates
  }
  if (has_mode && options.ssl_client_authentication == "none" && !options.ssl_certificate_authorities.empty())
    context.error("ssl_certificate_authorities", "authorities are given, and no client certificates are asked for",
                  "set ssl_client_authentication to optional or required");
  const bool has_range = context.written("tls_min_version") != nullptr || context.written("tls_max_version") != nullptr;
  if (!has_range) return;
  const char* const range_option = context.written("tls_min_version") != nullptr ? "tls_min_version" : "tls_max_version";
  if (context.written("ssl_supported_protocols") != nullptr)
    context.error(range_option, fmt::format("{} and ssl_supported_protocols say the same thing", range_option),
                  "keep ssl_supported_protocols");
  constexpr double kTolerance = 0.01;
  options.ssl_supported_protocols.clear();
  for (const auto& [version, name] : {std::pair(1.1, "TLSv1.1"), std::pair(1.2, "TLSv1.2"), std::pair(1.3, "TLSv1.3")})
    if (version > options.tls_min_version - kTolerance && version < options.tls_max_version + kTolerance)
      options.ssl_supported_protocols.emplace_back(name);
  if (options.ssl_supported_protocols.empty())
    context.error(range_option,
                  fmt::format("no TLS version lies between {} and {}", options.tls_min_version, options.tls_max_version),
                  "write ssl_supported_protocols => [\"TLSv1.2\", \"TLSv1.3\"]");
}

CodecPtr resolve_codec(const BeatsOptions& options, const PluginContext& context) {
  if (options.max_frame_bytes.bytes < 1 || static_cast<double>(options.max_frame_bytes.bytes) > kMaxFrameBytes)
    context.error("max_frame_bytes", "max_frame_bytes: wants 1 byte to 2 GB");
  if (options.max_inflated_bytes.bytes < 1 || static_cast<double>(options.max_inflated_bytes.bytes) > kMaxFrameBytes)
    context.error("max_inflated_bytes", "max_inflated_bytes: wants 1 byte to 2 GB");
  if (options.codec.name == "multiline") {
    context.error("codec", "codec: multiline cannot be used here: events of several files come mixed",
                  "let the Beat join lines (multiline in filebeat.yml)");
    return nullptr;
  }
  if (is_default_codec(options.codec)) return nullptr;
  CodecPtr codec = context.make_codec(options.codec);
  if (codec != nullptr && codec->make_decoder() == nullptr)
    context.error("codec", fmt::format("codec: {} cannot read", options.codec.name), "choose plain or json");
  return codec;
}

}  // namespace logboom::beats
