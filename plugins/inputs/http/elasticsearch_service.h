// The http input's service for senders that only speak Elasticsearch: Beats, agents, Fluent Bit.
#pragma once

#include <string>

#include "plugins/inputs/http/options.h"

namespace logboom {

/// Any thread.
class ElasticsearchService final : public HttpService {
 public:
  ElasticsearchService(const HttpInputOptions& options, const PluginContext& context);

  std::optional<HttpResponse> refuse_early(const HttpRequest& head) override;
  Awaitable<HttpResponse> answer(HttpRequest request, EventSink& sink) override;

 private:
  struct Route;
  Route route_of(const HttpRequest& request) const;
  Awaitable<HttpResponse> take_bulk(const HttpRequest& request, const Route& route, EventSink& sink);
  Awaitable<HttpResponse> take_document(const HttpRequest& request, const Route& route, EventSink& sink);
  HttpResponse dressed(const HttpRequest& request, HttpResponse response) const;
  std::string greeting() const;

  HttpGate gate_;
  InputDecorations decorations_;
  const std::string version_;
  Counter& undecodable_;
};

}  // namespace logboom
