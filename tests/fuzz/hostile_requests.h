// An input that is an HTTP server, with its defaults, and a sink that takes and writes everything.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "pipeline/base/log.h"
#include "pipeline/event/json.h"
#include "pipeline/plugin/registry.h"

namespace logboom {

/// Writes every event as JSON, so that sanitizers see all of its bytes, and acknowledges it.
class SwallowingSink final : public EventSink {
 public:
  ChunkPtr new_chunk(Buffer received) override {
    return std::make_shared<Chunk>(std::move(received), Timestamp{1'700'000'000, 0});
  }
  bool push(ChunkPtr chunk, StopSignal&) override { return try_push(chunk); }
  bool try_push(ChunkPtr& chunk) override {
    const std::size_t events = chunk->events().size();
    std::string line;
    for (const Event* event : chunk->events()) {
      line.clear();
      write_json(event->fields(), line);
      if (event->metadata_if_any() != nullptr) write_json(*event->metadata_if_any(), line);
    }
    chunk->token().arm(events);
    chunk->token().complete_many(events);
    chunk.reset();
    return true;
  }
  void call_when_room(std::function<void()> callback) override { callback(); }
  bool is_stopping() const override { return false; }
};

/// Made once. One thread.
class HostileRequests {
 public:
  /// `switched_on`: a boolean option that is true, or empty.
  HostileRequests(const std::string& plugin, const std::string& switched_on) {
    set_log_level(LogLevel::Off);
    node_.kind = PluginKind::Input;
    node_.name = plugin;
    if (!switched_on.empty()) {
      Attribute attribute;
      attribute.name = switched_on;
      attribute.value.kind = ConfigValue::Kind::Bareword;
      attribute.value.text = "true";
      node_.attributes.push_back(attribute);
    }
    context_ = std::make_unique<PluginContext>(node_, "fuzz", surroundings_, metrics_, slot_, diagnostics_);
    input_ = Registry<Input>::instance().find(plugin)->make.make(node_, *context_, diagnostics_);
    if (!input_) std::abort();
    endpoint_ = input_->endpoints().at(0);
  }

  HttpResponse ask(HttpRequest request) {
    HttpResponse response(0, "");
    boost::asio::io_context context;
    boost::asio::co_spawn(context, answer(*this, std::move(request), response), boost::asio::detached);
    context.run();
    return response;
  }
  const Endpoint& endpoint() const { return endpoint_; }
  MetricScope& metrics() { return metrics_; }

 private:
  static Awaitable<void> answer(HostileRequests& self, HttpRequest request, HttpResponse& response) {
    if (auto refusal = self.endpoint_.http->refuse_early(request)) {
      response = *std::move(refusal);
    } else {
      response = co_await self.endpoint_.http->answer(std::move(request), self.sink_);
    }
  }

  PluginNode node_;
  PluginContext::Surroundings surroundings_;
  MetricScope metrics_;
  SharedSlot slot_;
  Diagnostics diagnostics_;
  std::unique_ptr<PluginContext> context_;
  std::unique_ptr<Input> input_;
  Endpoint endpoint_;
  SwallowingSink sink_;
};

}  // namespace logboom
