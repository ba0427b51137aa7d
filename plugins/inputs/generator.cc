// generator: the same messages again and again, to measure and to try things out.
// Tested by tests/plugins/inputs/generator_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>
#include <unistd.h>

#include <iostream>
#include <thread>

#include "pipeline/plugin/registry.h"

namespace logboom {
namespace {

constexpr std::size_t kEventsPerChunk = 250;

struct GeneratorOptions {
  std::string message = "Hello world!";
  std::vector<std::string> lines;
  std::int64_t count = 0;
  std::int64_t threads = 1;
  CodecChoice codec{"plain", nullptr, {}};
};

OptionTable<GeneratorOptions> generator_options() {
  OptionTable<GeneratorOptions> table;
  table.optional("message", &GeneratorOptions::message, "The message; \"stdin\" takes the first line of standard input.");
  table.optional("lines", &GeneratorOptions::lines,
                 "Messages that follow each other in every round, instead of one message.");
  table.optional("count", &GeneratorOptions::count, "Rounds; 0 for no end.");
  table.optional("threads", &GeneratorOptions::threads, "Threads, each of which makes all rounds.").at_least(1).at_most(64);
  table.optional("codec", &GeneratorOptions::codec, "What makes events of the messages.");
  return table;
}

class Generator final : public Input {
 public:
  Generator(GeneratorOptions options, const PluginContext& context)
      : options_(std::move(options)),
        codec_(context.make_codec(options_.codec)),
        decorations_(context),
        host_(context.host_name()),
        host_field_(*FieldRef::parse(context.is_ecs() ? "[host][name]" : "host")),
        sequence_field_(*FieldRef::parse(context.is_ecs() ? "[event][sequence]" : "sequence")) {
    if (codec_ != nullptr && codec_->make_decoder() == nullptr)
      context.error("codec", fmt::format("codec: {} cannot read", options_.codec.name), "choose plain or json");
  }

  Result<void> run(EventSink& sink, StopSignal& stop) override {
    std::vector<std::string> lines = options_.lines;
    if (lines.empty()) {
      lines.push_back(options_.message);
      if (options_.message == "stdin") std::getline(std::cin, lines[0]);
    }
    std::size_t bytes = 0;
    for (const std::string& line : lines) bytes += line.size();
    Buffer text = Buffer::allocate(bytes);
    std::vector<std::string_view> views;
    char* at = text.writable_data();
    for (const std::string& line : lines) {
      line.copy(at, line.size());
      views.emplace_back(at, line.size());
      at += line.size();
    }
    std::vector<std::thread> others;
    for (std::int64_t i = 1; i < options_.threads; ++i) others.emplace_back([&] { generate(text, views, sink, stop); });
    generate(text, views, sink, stop);
    for (std::thread& other : others) other.join();
    return {};
  }

 private:
  void generate(const Buffer& text, const std::vector<std::string_view>& lines, EventSink& sink, StopSignal& stop) const {
    const std::unique_ptr<Decoder> decoder = codec_->make_decoder();
    std::int64_t round = 0;
    const auto has_more = [&] { return options_.count <= 0 || round < options_.count; };
    while (has_more() && !stop.is_stopping()) {
      ChunkPtr chunk = sink.new_chunk(text);
      const Value host = Value::string(chunk->arena().copy(host_));
      while (has_more() && chunk->events().size() < kEventsPerChunk && !stop.is_stopping()) {
        for (const std::string_view line : lines) {
          const std::size_t first = chunk->events().size();
          decoder->decode_message(line, *chunk);
          set_fields(*chunk, first, host, round);
        }
        ++round;
      }
      decorations_.apply(*chunk);
      if (!chunk->events().empty() && !sink.push(std::move(chunk), stop)) return;
    }
    ChunkPtr chunk = sink.new_chunk({});
    decoder->flush(*chunk);
    if (chunk->events().empty()) return;
    set_fields(*chunk, 0, Value::string(chunk->arena().copy(host_)), -1);
    decorations_.apply(*chunk);
    sink.push(std::move(chunk), stop);
  }

  void set_fields(Chunk& chunk, std::size_t first, const Value& host, std::int64_t round) const {
    for (std::size_t i = first; i < chunk.events().size(); ++i) {
      Event& event = *chunk.events()[i];
      if (!event.has(host_field_)) event.set(host_field_, host);
      if (round >= 0) event.set(sequence_field_, Value::integer(round));
    }
  }

  GeneratorOptions options_;
  CodecPtr codec_;
  InputDecorations decorations_;
  std::string host_;
  FieldRef host_field_;
  FieldRef sequence_field_;
};

const RegisterInput registered({.name = "generator",
                                .summary = "The same messages again and again.",
                                .make = make_input<Generator, generator_options>,
                                .details = R"(Makes `count` rounds of `message` or of all `lines`, as fast as the
pipeline takes them. `sequence` (with ECS `[event][sequence]`) is the number of the round from 0 on, `host` (with ECS
`[host][name]`) the machine's name.)"});

}  // namespace
}  // namespace logboom
