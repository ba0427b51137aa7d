// An input that is an HTTP server, with its defaults.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "pipeline/base/log.h"
#include "pipeline/plugin/registry.h"
#include "tests/fuzz/reading_sink.h"

namespace logboom {

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
  ReadingSink sink_;
};

}  // namespace logboom
