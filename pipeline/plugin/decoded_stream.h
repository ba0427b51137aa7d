// Serving a connection whose bytes a codec cuts into events: order, silence, and what a reload must give back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pipeline/net/awaitable.h"
#include "pipeline/net/byte_stream.h"
#include "pipeline/plugin/input.h"

namespace logboom {

/// One connection as an input wants it served.
struct DecodedStream {
  std::unique_ptr<Decoder> decoder;
  /// Called with each chunk that has events, before it is handed over: adds what the input knows of the peer.
  std::function<void(Chunk&)> finish;
  /// What was read before, such as a PROXY header: given back in front of the unfinished rest, so that whoever serves the
  /// connection next sees it again.
  std::string earlier_bytes;
};

/// Reads until the stream ends. The events of each read are handed over in order; what the decoder holds follows after its
/// own time of silence, and at the end of the stream. When the input was replaced, the unfinished rest is given back to the
/// stream instead.
Awaitable<void> serve_decoded(ByteStream& peer, EventSink& sink, DecodedStream stream);

}  // namespace logboom
