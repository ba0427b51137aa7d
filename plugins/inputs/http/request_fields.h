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
  /// Sets the fields on every event of a chunk.
  void apply(const HttpRequest& request, Chunk& chunk) const;

 private:
  void apply_ecs(const HttpRequest& request, Chunk& chunk) const;

  bool is_ecs_;
  FieldRef remote_host_;
  FieldRef headers_;
  FieldRef http_version_ = *FieldRef::parse("[http][version]");
  FieldRef http_method_ = *FieldRef::parse("[http][method]");
  FieldRef url_path_ = *FieldRef::parse("[url][path]");
  FieldRef url_domain_ = *FieldRef::parse("[url][domain]");
  FieldRef url_port_ = *FieldRef::parse("[url][port]");
  FieldRef user_agent_ = *FieldRef::parse("[user_agent][original]");
  FieldRef body_bytes_ = *FieldRef::parse("[http][request][body][bytes]");
  FieldRef mime_type_ = *FieldRef::parse("[http][request][mime_type]");
};

}  // namespace logboom
