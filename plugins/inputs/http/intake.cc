#include "plugins/inputs/http/intake.h"

#include <fmt/format.h>

#include "pipeline/net/http_text.h"
#include "plugins/inputs/http/body_charset.h"

namespace logboom {
namespace {

std::unique_ptr<DecoderPool> pool_for(const CodecChoice& choice, std::string_view option, const PluginContext& context) {
  CodecPtr codec = context.make_codec(choice);
  if (codec != nullptr && codec->make_decoder() == nullptr)
    context.error(option, fmt::format("{}: {} cannot read", option, choice.name), "choose plain, line, json or json_lines");
  return std::make_unique<DecoderPool>(std::move(codec), choice.name);
}

}  // namespace

HttpIntake::HttpIntake(const HttpInputOptions& options, const PluginContext& context)
    : response_code_(options.response_code),
      response_headers_(options.response_headers),
      gate_(options, context, "POST, PUT, GET, HEAD"),
      decorations_(context),
      fields_(options.remote_host_target_field, options.request_headers_target_field, context.is_ecs()),
      undecodable_(context.metrics().counter("undecodable")),
      default_codec_(pool_for(options.codec, "codec", context)) {
  for (const auto& [media_type, codec] : options.additional_codecs) {
    std::string key = parse_content_type(media_type).media_type;
    codecs_[std::move(key)] = pool_for(CodecChoice{codec, nullptr, {}}, "additional_codecs", context);
  }
}

std::optional<HttpResponse> HttpIntake::refuse_early(const HttpRequest& head) {
  std::optional<HttpResponse> refusal = gate_.refuse_early(head);
  if (!refusal && (head.method == "CONNECT" || head.method == "TRACE")) {
    refusal.emplace(405, "events are sent with POST or PUT\n");
    refusal->headers.emplace_back("Allow", "POST, PUT, GET, HEAD");
  }
  return refusal;
}

Awaitable<HttpResponse> HttpIntake::answer(HttpRequest request, EventSink& sink) {
  HttpResponse response = co_await take(request, sink);
  gate_.add_cors_headers(request, response);
  co_return response;
}

Awaitable<HttpResponse> HttpIntake::take(const HttpRequest& request, EventSink& sink) {
  const ContentType type = parse_content_type(request.header("content-type"));
  const Result<Buffer> body = body_to_utf8(request.body, type.charset);
  if (!body) {
    undecodable_.add();
    co_return HttpResponse(400, body.error().message + "\n");
  }
  ChunkPtr chunk = decode(*body, request, type.media_type, sink);
  if (!chunk->events().empty()) {
    const HttpGate::Delivery outcome = co_await gate_.deliver(sink, std::move(chunk));
    if (outcome != HttpGate::Delivery::Delivered) co_return HttpGate::refusal_for(outcome);
  }
  HttpResponse response(static_cast<int>(response_code_), response_code_ == 204 ? "" : "ok");
  response.headers = response_headers_;
  co_return response;
}

ChunkPtr HttpIntake::decode(const Buffer& body, const HttpRequest& request, std::string_view media_type, EventSink& sink) {
  ChunkPtr chunk = sink.new_chunk(body);
  const auto found = codecs_.find(std::string(media_type));
  DecoderPool& pool = found != codecs_.end() ? *found->second : *default_codec_;
  pool.decode(chunk->received().view(), *chunk);
  if (chunk->events().empty()) return chunk;
  fields_.apply(request, *chunk);
  decorations_.apply(*chunk);
  return chunk;
}

}  // namespace logboom
