// DocumentWriter: what a bulk request says of one event.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/event/event.h"
#include "pipeline/event/field_template.h"
#include "pipeline/plugin/output.h"
#include "plugins/outputs/elasticsearch/options.h"

namespace logboom {

/// How a document got its id.
enum class DocumentId { NotOurs, Lasting, OfThisRun, None };

/// Immutable. Any thread.
class DocumentWriter {
 public:
  struct Target {
    bool is_data_stream = false;
    FieldTemplate index;  // not used for data streams
  };
  DocumentWriter(const ElasticsearchOptions& options, Target target);

  struct Written {
    std::optional<Outcome> refusal;  // nothing was appended: the event can never be sent
    DocumentId id = DocumentId::NotOurs;
  };
  /// Appends the event's action line and, unless it is deleted, its source line.
  Written append(const Event& event, std::string& body) const;

 private:
  enum class Action { Index, Create, Update, Delete };
  struct StreamName {
    std::string_view type;
    std::string_view dataset;
    std::string_view name_space;
  };
  std::optional<Action> action_of(const Event& event) const;
  StreamName stream_of(const Event& event) const;
  void append_option(std::string_view name, const std::optional<FieldTemplate>& option, const Event& event,
                     const std::string_view* ingest_value, std::string& body) const;
  void append_source(Action action, const Event& event, const StreamName& stream, std::string& body) const;
  void append_event(const Event& event, const StreamName& stream, std::string& body) const;
  void append_event_with(const Event& event, const FieldRef& field, Value value, Arena& arena, std::string& body) const;
  void append_update(const Event& event, const StreamName& stream, std::string& body) const;

  const ElasticsearchOptions& options_;
  Target target_;
  std::optional<Action> fixed_action_;
  std::string fixed_line_;  // the whole action line when it is the same for every event; with effectively_once up to the id
  FieldRef ingest_document_, ingest_pipeline_;
  Key data_stream_, type_, dataset_, namespace_;
};

}  // namespace logboom
