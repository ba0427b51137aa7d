// stdin: what is piped into the process or typed at it.
// Tested by tests/plugins/inputs/stdin_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

struct StdinOptions {
  CodecChoice codec{"line", nullptr, {}};
};

OptionTable<StdinOptions> stdin_options() {
  OptionTable<StdinOptions> table;
  table.optional("codec", &StdinOptions::codec, "Cuts the stream into events; plain is read as line, json as json_lines.");
  return table;
}

class Stdin final : public Input {
 public:
  Stdin(const StdinOptions& options, const PluginContext& context)
      : codec_(context.make_codec(for_byte_stream(options.codec))),
        decorations_(context),
        is_text_(options.codec.name == "plain" || options.codec.name == "line" || options.codec.name == "multiline"),
        host_(context.host_name()),
        host_field_(*FieldRef::parse(context.is_ecs() ? "[host][hostname]" : "host")) {
    if (codec_ != nullptr && codec_->make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options.codec.name), "choose line or json_lines");
  }

  Result<void> run(EventSink& sink, StopSignal& stop) override {
    if (decoder_ == nullptr) decoder_ = codec_->make_decoder();
    while (!stop.is_stopping()) {
      pollfd waiting[2] = {{STDIN_FILENO, POLLIN, 0}, {stop.descriptor(), POLLIN, 0}};
      const double silence = decoder_->auto_flush_seconds();
      const int ready = poll(waiting, 2, silence > 0 ? static_cast<int>(silence * 1000) : -1);
      if (ready < 0 && errno != EINTR) return failure("poll");
      if (stop.is_stopping()) break;
      if (ready == 0) {
        if (!finish(sink, stop)) return {};
        continue;
      }
      if (ready < 0 || waiting[0].revents == 0) continue;
      Buffer buffer = Buffer::allocate(kReadBytes);
      const ssize_t got = read(STDIN_FILENO, buffer.writable_data(), kReadBytes);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) return failure("read");
      if (got == 0) {
        finish(sink, stop);
        return {};
      }
      ChunkPtr chunk = sink.new_chunk(shrunk(std::move(buffer), static_cast<std::size_t>(got)));
      decoder_->decode(chunk->received().view(), *chunk);
      if (!push(std::move(chunk), sink, stop)) return {};
    }
    finish(sink, stop);
    return {};
  }

 private:
  static Error failure(const char* call) {
    return Error{ErrorCode::Io, fmt::format("standard input: {}: {}", call, std::strerror(errno))};
  }

  /// A few typed bytes shall not hold a whole read buffer.
  static Buffer shrunk(Buffer buffer, std::size_t size) {
    return size < kReadBytes / 8 ? Buffer::copy_of({buffer.data(), size}) : buffer.slice(0, size);
  }

  bool finish(EventSink& sink, StopSignal& stop) {
    ChunkPtr chunk = sink.new_chunk({});
    decoder_->flush(*chunk);
    return push(std::move(chunk), sink, stop);
  }

  bool push(ChunkPtr chunk, EventSink& sink, StopSignal& stop) const {
    if (chunk->events().empty()) return true;
    decorations_.apply(*chunk);
    if (is_text_) {
      const Value host = Value::string(chunk->arena().copy(host_));
      for (Event* event : chunk->events())
        if (!event->has(host_field_)) event->set(host_field_, host);
    }
    return sink.push(std::move(chunk), stop);
  }

  CodecPtr codec_;
  std::unique_ptr<Decoder> decoder_;  // run() may be called again after an error
  InputDecorations decorations_;
  const bool is_text_;  // structured events say themselves whose they are
  std::string host_;
  FieldRef host_field_;
};

const RegisterInput registered({.name = "stdin",
                                .summary = "Standard input.",
                                .make = make_input<Stdin, stdin_options>,
                                .details = R"(Reads until the end of input; then the pipeline ends when it has no
other input that still reads. The last line needs no delimiter. With a codec for bare text (line, plain, multiline)
`host`, with ECS `[host][hostname]`, is the machine's name unless the event brings one; JSON documents say themselves whose
they are. There is nobody to acknowledge to: what was read and not yet delivered is lost in a crash,
unless the queue is persisted.)"});

}  // namespace
}  // namespace logboom
