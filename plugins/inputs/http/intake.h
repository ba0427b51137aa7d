// The http input's service for plain requests: a codec cuts each body into events.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/inputs/http/decoder_pool.h"
#include "plugins/inputs/http/options.h"
#include "plugins/inputs/http/request_fields.h"

namespace logboom {

/// Any thread.
class HttpIntake final : public HttpService {
 public:
  HttpIntake(const HttpInputOptions& options, const PluginContext& context);

  std::optional<HttpResponse> refuse_early(const HttpRequest& head) override;
  Awaitable<HttpResponse> answer(HttpRequest request, EventSink& sink) override;

 private:
  Awaitable<HttpResponse> take(const HttpRequest& request, EventSink& sink);
  ChunkPtr decode(const Buffer& body, const HttpRequest& request, std::string_view media_type, EventSink& sink);

  const std::uint64_t response_code_;
  const TextHash response_headers_;
  HttpGate gate_;
  InputDecorations decorations_;
  RequestFields fields_;
  Counter& undecodable_;
  std::unique_ptr<DecoderPool> default_codec_;
  std::map<std::string, std::unique_ptr<DecoderPool>> codecs_;  // by media type
};

}  // namespace logboom
