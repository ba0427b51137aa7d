// Makes single plugins from the text that a user would write, outside any pipeline.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config/logstash_parser.h"
#include "pipeline/event/json.h"
#include "pipeline/plugin/registry.h"

namespace logboom {

/// One plugin and everything it needs. `text` is what stands in the section: `file { path => "/x" }`.
template <class Interface>
class PluginHarness {
 public:
  PluginHarness(std::string_view section, std::string_view text, EcsMode ecs = EcsMode::V1, const Clock* clock = nullptr,
                std::string data_directory = {}, DeadLetterAccess* dead_letters = nullptr) {
    surroundings_.ecs = ecs;
    surroundings_.clock = clock;
    surroundings_.data_directory = std::move(data_directory);
    surroundings_.dead_letters = dead_letters;
    make(section, text);
  }
  PluginHarness(std::string_view section, std::string_view text, PipelineBus& bus) {
    surroundings_.pipelines = &bus;
    make(section, text);
  }

  MetricScope metrics;
  Diagnostics diagnostics;
  std::unique_ptr<Interface> plugin;  // nullptr: refused, see diagnostics

 protected:
  Graph graph_;
  PluginNode node_;
  PluginContext::Surroundings surroundings_;
  SharedSlot slot_;
  std::unique_ptr<PluginContext> context_;

 private:
  void make(std::string_view section, std::string_view text) {
    auto source = std::make_shared<SourceText>("test.conf", std::string(section) + " { " + std::string(text) + " }");
    parse_logstash(source, {}, graph_, diagnostics);
    if (diagnostics.has_errors()) return;
    node_ = section == "input" ? graph_.inputs.at(0) : std::get<PluginNode>(graph_.outputs.at(0).node);
    context_ = std::make_unique<PluginContext>(node_, "test", surroundings_, metrics, slot_, diagnostics);
    const auto* descriptor = Registry<Interface>::instance().find(node_.name);
    REQUIRE(descriptor != nullptr);
    plugin = descriptor->make.make(node_, *context_, diagnostics);
  }
};

/// A codec as an option of an input: `json { charset => "CP1252" }` or `line`.
class CodecHarness {
 public:
  explicit CodecHarness(std::string_view text, EcsMode ecs = EcsMode::Disabled) {
    surroundings_.ecs = ecs;
    auto source = std::make_shared<SourceText>("test.conf", "input { x { codec => " + std::string(text) + " } }");
    parse_logstash(source, {}, graph_, diagnostics);
    if (diagnostics.has_errors()) return;
    context_ = std::make_unique<PluginContext>(graph_.inputs.at(0), "test", surroundings_, metrics, slot_, diagnostics);
    CodecChoice choice;
    if (!OptionReader("codec", diagnostics).read(graph_.inputs.at(0).find("codec")->value, choice)) return;
    codec = context_->make_codec(choice);
    if (codec) decoder_ = codec->make_decoder();
  }

  /// Sends pieces of a stream, then its end; the events as JSON lines without @timestamp and @version.
  std::string decode(const std::vector<std::string>& pieces, bool ends = true) {
    REQUIRE(decoder_ != nullptr);
    std::string out;
    for (const std::string& piece : pieces) {
      Chunk chunk(Buffer::copy_of(piece), Timestamp{1'700'000'000, 0});
      decoder_->decode(chunk.received().view(), chunk);
      append_events(chunk, out);
    }
    if (ends) flush(out);
    return without_last_break(out);
  }
  /// Sends whole messages, then the end.
  std::string decode_messages(const std::vector<std::string>& messages) {
    REQUIRE(decoder_ != nullptr);
    std::string out;
    for (const std::string& message : messages) {
      Chunk chunk(Buffer::copy_of(message), Timestamp{1'700'000'000, 0});
      decoder_->decode_message(chunk.received().view(), chunk);
      append_events(chunk, out);
    }
    flush(out);
    return without_last_break(out);
  }
  /// An event, given as JSON, as the codec writes it.
  std::string encode(std::string_view json) const {
    Chunk chunk(Buffer::copy_of(json), Timestamp{1'700'000'000, 0});
    JsonReader reader;
    auto value = reader.parse(chunk.received().view(), chunk.arena());
    REQUIRE(value.has_value());
    Event& event = chunk.new_event();
    event.adopt_fields(&value->as_object(), chunk.now());
    std::string out;
    codec->encode(event, out);
    return out;
  }

  Decoder& decoder() { return *decoder_; }
  MetricScope metrics;
  Diagnostics diagnostics;
  CodecPtr codec;

  static void append_events(const Chunk& chunk, std::string& out) {
    for (Event* event : chunk.events()) {
      CHECK(event->timestamp().has_value());
      event->fields().erase(well_known().timestamp);
      event->fields().erase(well_known().version);
      write_json(event->fields(), out);
      out += '\n';
    }
  }

 private:
  void flush(std::string& out) {
    Chunk chunk({}, Timestamp{1'700'000'000, 0});
    decoder_->flush(chunk);
    append_events(chunk, out);
  }
  static std::string without_last_break(std::string text) {
    if (!text.empty()) text.pop_back();
    return text;
  }

  Graph graph_;
  PluginContext::Surroundings surroundings_;
  SharedSlot slot_;
  std::unique_ptr<PluginContext> context_;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace logboom
