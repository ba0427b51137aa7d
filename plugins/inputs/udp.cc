// udp: datagrams, each decoded by itself.
// Tested by tests/plugins/inputs/udp_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include "pipeline/plugin/async_push.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct UdpInputOptions {
  std::string host = "0.0.0.0";
  std::uint64_t port = 0;
  CodecChoice codec{"plain", nullptr, {}};
  std::uint64_t buffer_size = 65536;
  std::uint64_t receive_buffer_bytes = 0;
  std::uint64_t queue_size = 2000;
  std::uint64_t workers = 2;
  std::optional<FieldRef> source_ip_fieldname;
};

OptionTable<UdpInputOptions> udp_input_options() {
  using O = UdpInputOptions;
  OptionTable<O> table;
  table.required("port", &O::port, "Port to listen on.").at_most(65535);
  table.optional("host", &O::host, "Address to listen on.");
  table.optional("codec", &O::codec, "Makes events of a datagram.");
  table.optional("buffer_size", &O::buffer_size, "Longest datagram in bytes; what is longer is cut.").at_least(1);
  table.optional("receive_buffer_bytes", &O::receive_buffer_bytes,
                 "What the kernel may hold; four megabytes, as far as it lets, when not given.");
  table.optional("queue_size", &O::queue_size, "Accepted; datagrams wait in the kernel's buffer, see receive_buffer_bytes.");
  table.optional("workers", &O::workers, "Accepted; datagrams of one port are decoded in order.");
  table.optional("source_ip_fieldname", &O::source_ip_fieldname,
                 "Field for the sender's address; host, or [host][ip] with ECS, when not given.");
  return table;
}

class UdpService final : public DatagramService {
 public:
  UdpService(CodecPtr codec, InputDecorations decorations, FieldRef source_ip)
      : codec_(std::move(codec)),
        decoder_(codec_->make_decoder()),
        decorations_(std::move(decorations)),
        source_ip_(std::move(source_ip)) {}

  Awaitable<void> take(DatagramBatch& batch, EventSink& sink) override {
    ChunkPtr chunk = decode(batch, sink);
    if (!chunk->events().empty()) co_await push_chunk(sink, std::move(chunk));
  }

 private:
  ChunkPtr decode(const DatagramBatch& batch, EventSink& sink) {
    ChunkPtr chunk = sink.new_chunk(batch.received());
    const PeerAddress* peer = nullptr;
    Value address;
    for (const Datagram& datagram : batch.datagrams()) {
      const std::size_t first = chunk->events().size();
      decoder_->decode(datagram.bytes, *chunk);
      decoder_->flush(*chunk);  // what a datagram holds ends with it
      if (datagram.peer != peer) {
        peer = datagram.peer;
        address = Value::string(chunk->arena().copy(peer->ip));
      }
      decorations_.apply(*chunk, first);
      for (std::size_t i = first; i < chunk->events().size(); ++i) {
        Event& event = *chunk->events()[i];
        const Value* known = event.get(source_ip_);
        if (known == nullptr || known->is_null()) event.set(source_ip_, address);
      }
    }
    return chunk;
  }

  CodecPtr codec_;
  std::unique_ptr<Decoder> decoder_;
  InputDecorations decorations_;
  FieldRef source_ip_;
};

class UdpInput final : public Input {
 public:
  UdpInput(UdpInputOptions options, const PluginContext& context)
      : options_(std::move(options)), codec_(context.make_codec(options_.codec)), decorations_(context) {
    if (codec_ != nullptr && codec_->make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options_.codec.name), "leave it out for plain");
    source_ip_ = options_.source_ip_fieldname ? *options_.source_ip_fieldname
                                              : *FieldRef::parse(context.is_ecs() ? "[host][ip]" : "host");
  }

  std::vector<Endpoint> endpoints() override {
    Endpoint endpoint;
    endpoint.host = options_.host;
    endpoint.port = static_cast<std::uint16_t>(options_.port);
    endpoint.max_datagram_bytes = options_.buffer_size;
    endpoint.receive_buffer_bytes = options_.receive_buffer_bytes;
    endpoint.datagram = std::make_shared<UdpService>(codec_, decorations_, source_ip_);
    return {endpoint};
  }

 private:
  UdpInputOptions options_;
  CodecPtr codec_;
  InputDecorations decorations_;
  FieldRef source_ip_;
};

const RegisterInput registered(
    {.name = "udp",
     .summary = "Datagrams, each decoded by itself.",
     .make = make_input<UdpInput, udp_input_options>,
     .details =
         R"(Each datagram is a stream of its own for the codec: `plain` makes one event of it, `line` and `json_lines` one for each
line, `json` one for each document. Events get the sender's address in `host` (ECS: `[host][ip]`) or in
`source_ip_fieldname`, unless they bring that field.

There is nobody to acknowledge to: what was read and not yet delivered is lost in a crash, unless the queue is persisted.
While the queue is full nothing is read: the kernel's buffer fills, then the kernel drops. Its own figure is counted in
`dropped_by_kernel`, and a message in the log says so. `receive_buffer_bytes` above `net.core.rmem_max` needs the capability
CAP_NET_ADMIN or a larger limit; the log says when the kernel gave less. A datagram longer than `buffer_size` is cut and
counted in `truncated`.)"});

}  // namespace
}  // namespace logboom
