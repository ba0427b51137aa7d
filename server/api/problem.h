// Answers of the admin API: JSON documents, and errors in the words that each path's clients expect.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/api/route.h"

namespace logboom {

using OrderedJson = nlohmann::ordered_json;

/// `?pretty` indents. Bytes that are no UTF-8 become U+FFFD; hidden secrets become ***.
HttpResponse json_answer(const ApiCall& call, const OrderedJson& document, int status = 200);

/// An RFC 9457 problem document, or Logstash's error for Logstash's paths. `more` adds members ("diagnostics").
HttpResponse error_answer(std::string_view path, int status, std::string_view message, const OrderedJson& more = {});

}  // namespace logboom
