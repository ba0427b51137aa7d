// The beats input's options, and what follows from them for every connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/plugin/codec.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"
#include "pipeline/plugin/tls_options.h"
#include "plugins/inputs/beats/frames.h"

namespace logboom::beats {

struct BeatsOptions : TlsServerOptions {
  std::string host = "0.0.0.0";
  std::uint64_t port = 5044;
  CodecChoice codec{"plain", nullptr, {}};
  std::vector<std::string> enrich = {"source_metadata", "codec_metadata"};
  bool include_codec_tag = true;
  bool add_hostname = false;
  std::uint64_t client_inactivity_timeout = 60;
  std::uint64_t executor_threads = 0;
  std::uint64_t event_loop_threads = 0;
  ByteSize max_frame_bytes{100 * 1024 * 1024};
  ByteSize max_inflated_bytes{100 * 1024 * 1024};
  std::uint64_t max_window_events = 1'000'000;
  std::uint64_t max_connections = 65'536;
  // Older spellings.
  std::string ssl_verify_mode = "none";
  bool ssl_peer_metadata = false;
  double tls_min_version = 1.2;
  double tls_max_version = 1.3;
};

OptionTable<BeatsOptions> beats_options();

/// What is put into events.
struct Enrichment {
  bool is_ecs = true;
  bool has_source = true;
  bool has_codec_tag = true;
  bool has_tls_peer = false;
  bool adds_hostname = false;
  bool sets_original = true;  // the default codec's [event][original]
};

/// Resolves enrich, its older forms and the TLS options' older spellings; problems are reported.
Enrichment resolve_enrichment(const BeatsOptions& options, const PluginContext& context);
void resolve_tls_spellings(BeatsOptions& options, const PluginContext& context);
/// Refuses codecs that cannot be used, and makes the one that will be; nullptr for plain text in UTF-8, which needs none.
CodecPtr resolve_codec(const BeatsOptions& options, const PluginContext& context);

}  // namespace logboom::beats
