#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "pipeline/net/http_text.h"
#include "server/api/api_context.h"
#include "server/api/own_routes.h"
#include "server/api/problem.h"
#include "server/pipelines/stored_pipelines.h"

namespace logboom {
namespace {

constexpr std::size_t kMostRecordedBytes = 16 * 1024;  // of a text, in the audit log

/// One change after the other, over all connections.
std::mutex& changes() {
  static std::mutex mutex;
  return mutex;
}

std::string yaml_of(const ProposedPipeline& proposed) {
  OrderedJson settings = OrderedJson::object();  // JSON is YAML
  for (const auto& [name, value] : proposed.settings) settings[name] = value;
  return proposed.settings.empty() ? "" : settings.dump(2) + "\n";
}

OrderedJson recorded(const Result<StoredPipelines::Text>& text) {
  if (!text) return nullptr;
  OrderedJson one = {{"config", text->text.substr(0, kMostRecordedBytes)}, {"sha256", sha256_hex(text->text)}};
  if (!text->settings.empty()) one["settings"] = text->settings;
  return one;
}

/// Pipelines that the command line gives cannot be changed here: a restart and every reload would take that again.
std::optional<HttpResponse> refuse_for_command_line(const ApiContext& context, std::string_view path) {
  if (!context.settings.has("config.string") && context.settings.text("path.config").empty()) return std::nullopt;
  return error_answer(path, 409,
                      "the pipeline of this process is given by -f, -e, path.config or config.string; pipelines are changed "
                      "here when it is started with --path.settings");
}

std::string_view after_restart(bool is_stored) {
  return is_stored ? "a restart takes the stored text, not what pipelines.yml says for this id; DELETE takes it back"
                   : "a restart takes what pipelines.yml says";
}

struct Reloaded {
  bool is_accepted = false;
  std::string outcome;
  std::string diagnostics;
  bool has_ended = false;  // the process ends
};

Reloaded reload_one(ApiContext& context, const std::string& id) {
  auto outcomes = context.pipelines.reload({id});
  if (!outcomes) return {false, "refused", outcomes.error().message, outcomes.error().code == ErrorCode::Cancelled};
  Reloaded reloaded{true, "unchanged", "", false};
  for (const ReloadOutcome& outcome : *outcomes) {
    if (outcome.pipeline != id) continue;
    reloaded.outcome = outcome.outcome;
    reloaded.diagnostics = outcome.diagnostics;
    reloaded.is_accepted = outcome.outcome != "refused";
  }
  return reloaded;
}

OrderedJson document_of(const std::string& id, const std::string& outcome, const std::string& diagnostics, bool is_stored) {
  return {{"pipeline", id},
          {"outcome", outcome},
          {"diagnostics", diagnostics},
          {"source", is_stored ? "stored" : "files"},
          {"after_restart", std::string(after_restart(is_stored))}};
}

HttpResponse failure(std::string_view path, const Error& error) {
  const int status = error.code == ErrorCode::NotFound          ? 404
                     : error.code == ErrorCode::InvalidArgument ? 422
                     : error.code == ErrorCode::Full            ? 507
                                                                : 500;
  return error_answer(path, status, "nothing was changed: " + error.message);
}

/// Puts the text back as it was before.
Result<void> put_back(const StoredPipelines& stored, const std::string& id, const Result<StoredPipelines::Text>& before) {
  if (before) return stored.write(id, *before);
  return stored.has(id) ? stored.remove(id) : Result<void>();
}

HttpResponse put_pipeline(ApiContext& context, const ApiCall& call) {
  const std::string_view path = path_of(call.request.target);
  const std::string& id = call.parameter("id");
  if (!StoredPipelines::is_possible_id(id))
    return error_answer(path, 400, "an id has letters, digits, - _ and ., 100 at most, and no dot at its start");
  ProposedPipeline proposed;
  proposed.id = id;
  if (auto read = read_proposal(call, proposed); !read) return error_answer(path, 400, read.error().message);
  if (auto refusal = refuse_for_command_line(context, path)) return std::move(*refusal);
  const std::lock_guard lock(changes());
  auto checked = context.pipelines.check(proposed);
  if (!checked) return failure(path, checked.error());
  if (!checked->is_accepted)
    return error_answer(path, 422, "the configuration is refused; nothing was changed",
                        {{"diagnostics", checked->diagnostics}});
  if (call.flag("dry_run")) return json_answer(call, document_of(id, "valid", checked->diagnostics, true));

  const StoredPipelines stored(context.settings);
  const auto before = stored.read(id);
  const StoredPipelines::Text text{proposed.text, yaml_of(proposed)};
  *call.record = {{"before", recorded(before)}, {"after", recorded(Result<StoredPipelines::Text>(text))}};
  if (auto written = stored.write(id, text); !written) return failure(path, written.error());
  const Reloaded reloaded = reload_one(context, id);
  if (reloaded.is_accepted)
    return json_answer(call, document_of(id, reloaded.outcome, reloaded.diagnostics, true),
                       reloaded.outcome == "added" ? 201 : 200);
  (*call.record)["after"] = (*call.record)["before"];
  if (auto restored = put_back(stored, id, before); !restored)
    return error_answer(path, 500,
                        fmt::format("the pipeline goes on as it was, but its stored text could not be put back: {}",
                                    restored.error().message));
  return error_answer(path, reloaded.has_ended ? 503 : 422, "the configuration could not be started; nothing was changed",
                      {{"diagnostics", reloaded.diagnostics}});
}

HttpResponse delete_pipeline(ApiContext& context, const ApiCall& call) {
  const std::string_view path = path_of(call.request.target);
  const std::string& id = call.parameter("id");
  if (auto refusal = refuse_for_command_line(context, path)) return std::move(*refusal);
  const std::lock_guard lock(changes());
  const StoredPipelines stored(context.settings);
  const auto before = stored.read(id);
  if (!before) {
    if (before.error().code != ErrorCode::NotFound) return failure(path, before.error());
    for (const PipelineView& view : context.pipelines.pipelines())
      if (view.id == id)
        return error_answer(path, 409, fmt::format("\"{}\" comes from pipelines.yml: remove it there, then reload", id));
    return error_answer(path, 404, fmt::format("there is no pipeline \"{}\"", id));
  }
  if (call.flag("dry_run")) return json_answer(call, document_of(id, "valid", "", false));
  *call.record = {{"before", recorded(before)}, {"after", nullptr}};
  if (auto removed = stored.remove(id); !removed) return failure(path, removed.error());
  const Reloaded reloaded = reload_one(context, id);
  if (reloaded.is_accepted) return json_answer(call, document_of(id, reloaded.outcome, reloaded.diagnostics, false));
  (*call.record)["after"] = (*call.record)["before"];
  if (auto restored = put_back(stored, id, before); !restored)
    return error_answer(
        path, 500,
        fmt::format("the pipeline goes on, but its stored text could not be put back: {}", restored.error().message));
  return error_answer(path, reloaded.has_ended ? 503 : 422, "the pipeline could not be removed; nothing was changed",
                      {{"diagnostics", reloaded.diagnostics}});
}

HttpResponse get_config(ApiContext& context, const ApiCall& call) {
  const StoredPipelines stored(context.settings);
  const std::string& id = call.parameter("id");
  const auto text = stored.read(id);
  if (!text)
    return error_answer(path_of(call.request.target), 404,
                        fmt::format("no text is stored for \"{}\"; pipelines of pipelines.yml have theirs in files", id));
  return json_answer(call, {{"pipeline", id}, {"config", text->text}, {"settings", text->settings}});
}

}  // namespace

std::vector<Route> stored_pipeline_routes() {
  constexpr const char* kBody = "The configuration's text, or a JSON object: config, settings";
  return {
      {"GET", "/v1/pipelines/{id}/config", Role::Admin, "The text that is stored for a pipeline.", get_config},
      {"PUT", "/v1/pipelines/{id}", Role::Admin,
       "Checks a configuration, stores it and runs it; ?dry_run=true only checks. Needs a token even on loopback.",
       put_pipeline, false, true, kBody, "dry_run", "PipelineChange"},
      {"DELETE", "/v1/pipelines/{id}", Role::Admin, "Takes a stored pipeline away again.", delete_pipeline, false, true, "",
       "dry_run", "PipelineChange"},
  };
}

}  // namespace logboom
