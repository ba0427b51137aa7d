#include "plugins/outputs/elasticsearch/bulk_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pipeline/event/json.h"
#include "pipeline/net/http_remedies.h"

namespace logboom {
namespace {

constexpr int kMostCauses = 4;

const Value* member(const Value* value, std::string_view name) {
  return value != nullptr && value->is_object() ? value->as_object().find(make_key(name)) : nullptr;
}

std::string text_member(const Value* value, std::string_view name) {
  const Value* found = member(value, name);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

/// "type: reason; type: reason of its cause; …". An error may also be a bare text.
std::string describe_error(const Value* error) {
  if (error == nullptr) return {};
  if (error->is_string()) return std::string(error->as_string());
  std::string out;
  int causes = 0;
  for (const Value* at = error; at != nullptr && at->is_object() && causes < kMostCauses;
       at = member(at, "caused_by"), ++causes) {
    if (!out.empty()) out += "; ";
    out += text_member(at, "type") + ": " + text_member(at, "reason");
  }
  return out;
}

}  // namespace

Result<BulkAnswer> BulkAnswer::read(std::string_view body, std::size_t sent) {
  Arena arena;
  JsonReader reader;
  const auto parsed = reader.parse_unpadded(body, arena);
  const Value* errors = parsed ? member(&*parsed, "errors") : nullptr;
  const Value* items = parsed ? member(&*parsed, "items") : nullptr;
  if (errors == nullptr || !errors->is_boolean() || items == nullptr || !items->is_array())
    return Error{ErrorCode::Corrupt, "the answer is no answer to a bulk request: " + shown_body(body)};
  if (items->as_array().size() != sent)
    return Error{ErrorCode::Corrupt,
                 fmt::format("the answer speaks of {} documents, {} were sent", items->as_array().size(), sent)};
  BulkAnswer answer;
  answer.has_errors = errors->as_boolean();
  if (!answer.has_errors) return answer;
  answer.documents.reserve(sent);
  for (const Value& item : items->as_array()) {
    const Value* result = item.is_object() && item.as_object().size() == 1 ? &item.as_object().begin()->value : nullptr;
    const Value* status = member(result, "status");
    if (status == nullptr || !status->is_integer())
      return Error{ErrorCode::Corrupt, "the answer has a document without a status"};
    Document& document = answer.documents.emplace_back();
    document.status = static_cast<int>(status->as_integer());
    if (document.status < 300) continue;
    const Value* error = member(result, "error");
    document.error_type = text_member(error, "type");
    document.reason = describe_error(error);
  }
  return answer;
}

DocumentVerdict verdict_of(const BulkAnswer::Document& document, const ElasticsearchOptions& options) {
  if (document.status >= 200 && document.status < 300) return DocumentVerdict::Taken;
  if (document.status == 409) return DocumentVerdict::Conflict;
  const auto& dropped = options.drop_error_types;
  if (!document.error_type.empty() && std::find(dropped.begin(), dropped.end(), document.error_type) != dropped.end())
    return DocumentVerdict::LetGo;
  const auto& codes = options.dlq_custom_codes;
  const bool is_final = document.status == 400 || document.status == 404 ||
                        std::find(codes.begin(), codes.end(), static_cast<std::uint64_t>(document.status)) != codes.end();
  return is_final ? DocumentVerdict::Final : DocumentVerdict::Retry;
}

std::string_view remedy_of(std::string_view error_type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kRemedies = {{
      {"mapper_parsing_exception",
       "the field's mapping expects another type: convert or rename the field (mutate), or change the index template"},
      {"document_parsing_exception",
       "the field's mapping expects another type: convert or rename the field (mutate), or change the index template"},
      {"strict_dynamic_mapping_exception",
       "the index takes no fields that its mapping does not have: remove the field, or add it to the mapping"},
      {"illegal_argument_exception", "look at the index's mapping and settings"},
      {"index_not_found_exception",
       "create the index, or let the server create indexes by itself (action.auto_create_index)"},
      {"invalid_index_name_exception", "the name of an index is lower case, without blanks and \\ / * ? \" < > | , #"},
      {"document_missing_exception", "the document to update is not there: set doc_as_upsert or upsert"},
      {"security_exception", "the user may not do this: give its role the privileges for the index"},
      {"cluster_block_exception", "the index is read-only, often for a full disk: make room and remove the block"},
  }};
  for (const auto& [type, remedy] : kRemedies)
    if (type == error_type) return remedy;
  return {};
}

std::string explain_answer(int status, std::string_view content_type, std::string_view body) {
  std::string_view why;
  if (is_html(content_type, body)) {
    why =
        "answered with an HTML page instead of JSON: another service or a proxy seems to be at this address; check hosts "
        "and path";
  } else if (status == 401) {
    why = "refuses the credentials: check user and password, or api_key";
  } else if (status == 403) {
    why = "does not allow this: give the user's role the privileges to write to the index";
  } else if (status == 404) {
    why = "knows no such path: check hosts, path and bulk_path";
  } else if (status == 413) {
    why = "takes no request of this size";
  } else if (status == 429) {
    why = "is too busy";
  } else if (status == 503) {
    why = "is not ready";
  }
  std::string out = status == 0 ? std::string() : fmt::format("HTTP {}", status);
  if (!why.empty()) out += (out.empty() ? "" : ": ") + std::string(why);
  if (!body.empty()) out += " (" + shown_body(body) + ")";
  return out;
}

}  // namespace logboom
