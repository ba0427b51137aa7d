// unix: bytes of connections over a Unix socket, cut into events by a codec.
// Tested by tests/plugins/inputs/unix_test.cc. Reference page: generated from the declarations below.
#include <fmt/format.h>

#include "pipeline/plugin/decoded_stream.h"
#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

struct UnixInputOptions {
  std::string path;
  std::string mode = "server";
  CodecChoice codec{"line", nullptr, {}};
  bool force_unlink = false;
  double socket_not_present_retry_interval_seconds = 5;
  double data_timeout = -1;
};

OptionTable<UnixInputOptions> unix_input_options() {
  using O = UnixInputOptions;
  OptionTable<O> table;
  table.required("path", &O::path, "Socket file to listen on, or to connect to.");
  table.optional("mode", &O::mode, "server accepts connections, client makes one.").one_of({"server", "client"});
  table.optional("codec", &O::codec, "Cuts the bytes into events; plain reads as line, json as json_lines.");
  table.optional("force_unlink", &O::force_unlink, "server: takes the path also from a program that still answers there.");
  table.optional("socket_not_present_retry_interval_seconds", &O::socket_not_present_retry_interval_seconds,
                 "client: the pause before it tries to connect again.");
  table.optional("data_timeout", &O::data_timeout,
                 "Closes a connection that sends nothing for so many seconds; -1 for never.");
  return table;
}

/// What all connections share.
struct UnixInputShared {
  CodecPtr codec;
  InputDecorations decorations;
  FieldRef host_field;
  FieldRef path_field;
  std::string host_name;
  std::string path;
};

class UnixService final : public StreamService {
 public:
  explicit UnixService(std::shared_ptr<const UnixInputShared> shared) : shared_(std::move(shared)) {}

  Awaitable<void> serve(ByteStream& peer, EventSink& sink) override {
    DecodedStream stream;
    stream.decoder = shared_->codec->make_decoder();
    stream.finish = [shared = shared_](Chunk& chunk) {
      shared->decorations.apply(chunk);
      for (Event* event : chunk.events()) {
        if (!event->has(shared->host_field)) event->set(shared->host_field, Value::string(shared->host_name));
        if (!event->has(shared->path_field)) event->set(shared->path_field, Value::string(shared->path));
      }
    };
    co_await serve_decoded(peer, sink, std::move(stream));
  }

 private:
  std::shared_ptr<const UnixInputShared> shared_;
};

class UnixInput final : public Input {
 public:
  UnixInput(UnixInputOptions options, const PluginContext& context) : options_(std::move(options)) {
    CodecPtr codec = context.make_codec(for_byte_stream(options_.codec));
    if (codec != nullptr && codec->make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options_.codec.name), "choose line or json_lines");
    if (options_.socket_not_present_retry_interval_seconds <= 0) {
      context.warning("socket_not_present_retry_interval_seconds",
                      "socket_not_present_retry_interval_seconds: must be above 0, 5 is used");
      options_.socket_not_present_retry_interval_seconds = 5;
    }
    shared_.reset(new UnixInputShared{
        std::move(codec), InputDecorations(context), *FieldRef::parse(context.is_ecs() ? "[host][name]" : "host"),
        *FieldRef::parse(context.is_ecs() ? "[file][path]" : "path"), context.host_name(), options_.path});
  }

  std::vector<Endpoint> endpoints() override {
    Endpoint endpoint;
    endpoint.mode = options_.mode == "client" ? Endpoint::Mode::Connect : Endpoint::Mode::Listen;
    endpoint.unix_path = options_.path;
    endpoint.takes_unix_path_over = options_.force_unlink;
    endpoint.idle_seconds = options_.data_timeout > 0 ? options_.data_timeout : 0;
    endpoint.reconnect_seconds = options_.socket_not_present_retry_interval_seconds;
    endpoint.stream = std::make_shared<UnixService>(shared_);
    return {endpoint};
  }

 private:
  UnixInputOptions options_;
  std::shared_ptr<const UnixInputShared> shared_;
};

const RegisterInput registered(
    {.name = "unix",
     .summary = "Bytes of connections over a Unix socket, cut into events by a codec.",
     .make = make_input<UnixInput, unix_input_options>,
     .details =
         R"(Each connection has a codec of its own; at its end what waits in the codec becomes an event. A full queue stops reading,
so the sender feels it. There is nobody to acknowledge to: what was read and not yet delivered is lost in a crash, unless the
queue is persisted.

Events get the machine's name in `host` and the socket's path in `path`; with ECS `[host][name]` and `[file][path]`. Fields
that an event brings are kept.

A socket file that nobody answers on is replaced; one that another program serves is an error, unless `force_unlink` is set.
Our own is removed at the end.

A reload keeps connections open; a line that had begun is finished under the new configuration. With `mode => client` the
connection is made again after `socket_not_present_retry_interval_seconds`.)"});

}  // namespace
}  // namespace logboom
