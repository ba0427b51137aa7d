// BulkAnswer: what a server says became of the documents of one bulk request.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "plugins/outputs/elasticsearch/options.h"

namespace logboom {

/// The statuses of a request's documents.
struct BulkAnswer {
  struct Document {
    int status = 0;
    std::string error_type;  // "mapper_parsing_exception"
    std::string reason;      // type and reason, with their causes
  };
  bool has_errors = false;
  std::vector<Document> documents;  // empty without errors: all were taken

  /// Reads the answer to a request of `sent` documents. Errors: Corrupt - it is no such answer, or not of so many documents:
  /// nothing is known of any of them.
  static Result<BulkAnswer> read(std::string_view body, std::size_t sent);
};

enum class DocumentVerdict {
  Taken,     // it is there
  Conflict,  // 409: a document of this id or a newer version is there
  LetGo,     // an error type that the operator wants to ignore
  Retry,
  Final,  // dead-letter queue
};

/// What a document's status means, as Logstash sorts it.
DocumentVerdict verdict_of(const BulkAnswer::Document& document, const ElasticsearchOptions& options);

/// What to do about an error of a document, for a person; empty when there is nothing to say.
std::string_view remedy_of(std::string_view error_type);

/// Why a whole request failed and what to do: status (0: none), media type and body of an answer that was no bulk answer.
std::string explain_answer(int status, std::string_view content_type, std::string_view body);

}  // namespace logboom
