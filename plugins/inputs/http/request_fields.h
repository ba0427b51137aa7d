// What a request says about itself, as fields of its events.
#pragma once

#include <optional>

#include "pipeline/event/batch.h"
#include "pipeline/event/field_ref.h"
#include "pipeline/net/http_exchange.h"

namespace logboom {

/// Any thread.
class RequestFields {
 public:
  RequestFields(const std::optional<FieldRef>& remote_host, const std::optional<FieldRef>& headers, bool is_ecs);
  /// Sets the fields on every event of a chunk, in place of what the event brings.
  void apply(const HttpRequest& request, Chunk& chunk) const;
  /// The request's headers as apply() would set them.
  static Object* headers_object(const HttpRequest& request, Arena& arena);

 private:
  const bool is_ecs_;
  const FieldRef remote_host_;
  const FieldRef headers_;
  const FieldRef http_version_ = *FieldRef::parse("[http][version]");
  const FieldRef http_method_ = *FieldRef::parse("[http][method]");
  const FieldRef url_path_ = *FieldRef::parse("[url][path]");
  const FieldRef url_domain_ = *FieldRef::parse("[url][domain]");
  const FieldRef url_port_ = *FieldRef::parse("[url][port]");
  const FieldRef user_agent_ = *FieldRef::parse("[user_agent][original]");
  const FieldRef body_bytes_ = *FieldRef::parse("[http][request][body][bytes]");
  const FieldRef mime_type_ = *FieldRef::parse("[http][request][mime_type]");
};

}  // namespace logboom
