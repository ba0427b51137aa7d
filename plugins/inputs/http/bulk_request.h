// Elasticsearch's bulk format: a line that says what to do, then a line with the document.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/event/batch.h"
#include "pipeline/event/json.h"

namespace logboom {

/// Reads documents into events of one chunk and writes the answer that their sender wants. Each event gets
/// [@metadata][elasticsearch] with op, and as far as given index, id, routing and pipeline.
class BulkRequest {
 public:
  enum class Answer {
    Full,   // as Elasticsearch's
    Terse,  // status and error of each item only: the sender asked for a filter_path
  };

  /// `index`: for actions that name none; may be empty. `peer_ip` goes to [@metadata][ip_address].
  BulkRequest(Chunk& chunk, std::string_view index, std::string_view peer_ip, Answer answer);

  /// Reads a whole body, which must lie in the chunk's received buffer. InvalidArgument: an action cannot be read, the
  /// request is refused as a whole. Documents that cannot be read are errors of their items.
  Result<void> read(std::string_view body);
  /// One document, from outside the bulk format. `id` may be empty.
  void read_document(std::string_view op, std::string_view id, std::string_view document);

  /// The answer, for when the events are safe.
  std::string bulk_answer(std::chrono::milliseconds took) const;
  /// The first item alone, and its status.
  const std::string& first_item() const { return items_; }
  int first_status() const { return first_status_; }
  /// Items that are errors.
  std::size_t failures() const { return failures_; }

 private:
  struct Action {
    std::string_view op;
    std::string_view index;
    std::string_view id;
    const Object* parameters = nullptr;
  };
  Result<Action> read_action(std::string_view line, std::size_t number);
  void add(const Action& action, std::string_view document);
  void set_metadata(const Action& action, Event& event);
  void note_success(const Action& action);
  void note_failure(const Action& action, int status, std::string_view type, std::string_view reason);
  void begin_item(const Action& action);
  void append_place(const Action& action);

  Chunk& chunk_;
  const std::string index_;
  std::string_view peer_ip_;
  const Answer answer_;
  bool is_bulk_ = false;
  std::size_t failures_ = 0;
  int first_status_ = 0;
  JsonReader reader_;
  std::string items_;
};

}  // namespace logboom
