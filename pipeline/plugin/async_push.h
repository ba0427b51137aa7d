// Handing chunks over from a coroutine: waits without holding a thread.
#pragma once

#include "pipeline/event/ack.h"
#include "pipeline/net/awaitable.h"
#include "pipeline/plugin/input.h"

namespace logboom {

/// Hands a chunk over, waiting while the queue is full: the socket is not read meanwhile, and the sender feels it.
/// False when the sink is stopping; the chunk was not taken then.
Awaitable<bool> push_chunk(EventSink& sink, ChunkPtr chunk);

/// The same, then waits until the chunk's token is finished.
Awaitable<AckResult> push_and_await_ack(EventSink& sink, ChunkPtr chunk);

}  // namespace logboom
