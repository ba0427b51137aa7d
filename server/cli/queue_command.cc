#include "server/cli/queue_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "pipeline/event/json.h"
#include "pipeline/store/segment_list.h"
#include "pipeline/store/store_reader.h"
#include "pipeline/store/stored_event.h"
#include "server/cli/columns.h"
#include "server/json_line.h"
#include "server/pipeline_queue.h"

namespace logboom {
namespace {

using nlohmann::json;

constexpr const char* kRootName = "path.queue";

struct Arguments {
  StorePlaces places;
  bool is_json = false;
  std::uint64_t limit = 10;
  bool takes_done = false;
};

/// What reading a queue from one end to the other finds.
struct Findings {
  std::uint64_t records = 0;
  std::uint64_t events = 0;
  std::uint64_t done = 0;
  std::uint64_t missing = 0;  // neither there nor done
  std::uint64_t damaged_places = 0;
  std::vector<std::string> problems;
};

class QueueCommand {
 public:
  QueueCommand(const Arguments& arguments, CommandConsole console) : arguments_(arguments), console_(console) {}

  int list() {
    if (!prepare(false)) return status_;
    json all = json::array();
    Columns rows({"PIPELINE", "WAITING", "DONE UP TO", "NEXT", "SEGMENTS", "SIZE", "STATE"});
    for (const std::string& id : pipelines_in(root_)) {
      auto segments = DirectorySegments::read(local_files(), root_ + "/" + id);
      if (!segments) return refuse(segments.error().message);
      const StoreState& state = segments->state();
      std::uint64_t bytes = 0;
      for (const SegmentView& segment : segments->segments()) bytes += segment.limit;
      const std::uint64_t waiting = state.next_sequence - state.frontier - state.done.size();
      const char* const known = !segments->has_state() ? "missing" : state.is_clean ? "clean" : "in use";
      rows.add({id, std::to_string(waiting), std::to_string(state.frontier), std::to_string(state.next_sequence),
                std::to_string(segments->segments().size()), size_text(bytes), known});
      all.push_back({{"pipeline", id},
                     {"waiting", waiting},
                     {"frontier", state.frontier},
                     {"next_sequence", state.next_sequence},
                     {"segments", segments->segments().size()},
                     {"bytes", bytes},
                     {"state", known}});
    }
    auto answer = ask_server(data_directory_, {{"do", "pipelines"}});
    if (!answer && answer.error().code != ErrorCode::NotFound) return refuse(answer.error().message);
    if (arguments_.is_json) {
      json out = {{"queues", std::move(all)}};
      if (answer) out["pipelines"] = (*answer)["pipelines"];
      console_.out << json_line(out) << '\n';
      return kCommandDone;
    }
    if (rows.empty()) {
      fmt::print(console_.out, "no persisted queues in {}\n", root_);
    } else {
      console_.out << rows.text();
    }
    if (answer) print_ledgers((*answer)["pipelines"]);
    return kCommandDone;
  }

  int show() {
    if (!prepare(true)) return status_;
    std::uint64_t shown = 0;
    Findings findings;
    const bool is_read = read_all(findings, [&](std::uint64_t sequence, const Event& event, bool is_done) {
      if (is_done && !arguments_.takes_done) return true;
      if (shown++ == arguments_.limit) {
        if (!arguments_.is_json) fmt::print(console_.out, "more events follow; --limit shows more of them\n");
        return false;
      }
      if (arguments_.is_json) {
        print_line(sequence, event);
      } else {
        std::string text;
        write_json_pretty(Value::object(const_cast<Object*>(&event.fields())), text);
        fmt::print(console_.out, "#{}{}\n{}\n\n", sequence, is_done ? "  done" : "", text);
      }
      return true;
    });
    return is_read ? kCommandDone : status_;
  }

  int export_events() {
    if (!prepare(true)) return status_;
    Findings findings;
    const bool is_read = read_all(findings, [&](std::uint64_t sequence, const Event& event, bool is_done) {
      if (!is_done || arguments_.takes_done) print_line(sequence, event);
      return true;
    });
    for (const std::string& problem : findings.problems) fmt::print(console_.err, "logboom: {}\n", problem);
    return is_read ? kCommandDone : status_;
  }

  int verify() {
    if (!prepare(true)) return status_;
    Findings findings;
    if (!read_all(findings, [](std::uint64_t, const Event&, bool) { return true; })) return status_;
    if (arguments_.is_json) {
      console_.out << json_line({{"pipeline", id_},
                                 {"records", findings.records},
                                 {"events", findings.events},
                                 {"done", findings.done},
                                 {"missing", findings.missing},
                                 {"damaged_places", findings.damaged_places},
                                 {"problems", findings.problems}})
                   << '\n';
    } else {
      for (const std::string& problem : findings.problems) fmt::print(console_.out, "{}\n", problem);
      fmt::print(console_.out, "{} records with {} events ({} done), {} events missing, {} damaged places\n",
                 findings.records, findings.events, findings.done, findings.missing, findings.damaged_places);
    }
    return findings.missing == 0 && findings.damaged_places == 0 ? kCommandDone : kCommandRefused;
  }

 private:
  using Take = std::function<bool(std::uint64_t sequence, const Event& event, bool is_done)>;

  bool prepare(bool needs_pipeline) {
    auto settings = arguments_.places.settings(kRootName);
    if (!settings) return !refuse(settings.error().message);
    data_directory_ = settings->text("path.data");
    root_ = settings->text(kRootName);
    if (root_.empty()) root_ = data_directory_ + "/queue";
    auto keys = StoreKeys::parse(settings->text("queue.encryption"));
    if (!keys) return !refuse(keys.error().message);
    keys_ = std::move(*keys);
    if (!needs_pipeline) return true;
    if (!arguments_.places.pipeline_id.empty()) {
      id_ = queue_directory(*settings, arguments_.places.pipeline_id).substr(root_.size() + 1);
      return true;
    }
    const auto known = pipelines_in(root_);
    if (known.empty())
      return !refuse(
          fmt::format("there are no persisted queues in {}; say where with --path.data or --path.settings", root_));
    if (known.size() > 1) return !refuse(fmt::format("which pipeline? --pipeline.id is one of {}", fmt::join(known, ", ")));
    id_ = known[0];
    return true;
  }

  /// Reads every record; false when the queue cannot be read.
  bool read_all(Findings& findings, const Take& take) {
    auto segments = DirectorySegments::read(local_files(), root_ + "/" + id_);
    if (!segments) return !refuse(segments.error().message);
    const StoreState& state = segments->state();
    StoreReader reader(*segments, local_files(), keys_,
                       segments->segments().empty() ? 0 : segments->segments()[0].header.first_sequence);
    reader.on_damage([&](const StoreReader::Damage& damage) {
      ++findings.damaged_places;
      findings.problems.push_back(
          fmt::format("{}: bytes {} to {} hold no intact record", damage.segment.path, damage.from, damage.to));
    });
    std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
    StoredRecord record;
    for (;;) {
      auto found = reader.next(record);
      if (!found) return !refuse(found.error().message);
      if (*found == StoreReader::Found::End) break;
      if (*found == StoreReader::Found::Gap) {
        gaps.emplace_back(reader.gap_first(), reader.position());
        continue;
      }
      ++findings.records;
      if (!read_record(record, state, findings, take)) return true;
    }
    if (reader.position() < state.next_sequence) gaps.emplace_back(reader.position(), state.next_sequence);
    if (gaps.empty()) return true;
    // A running server may have finished and deleted them meanwhile.
    auto later = DirectorySegments::read(local_files(), root_ + "/" + id_);
    for (const auto& [first, end] : gaps) note_missing(first, end, later ? later->state() : state, findings);
    return true;
  }

  static void note_missing(std::uint64_t first, std::uint64_t end, const StoreState& state, Findings& findings) {
    std::uint64_t missing = 0;
    for (std::uint64_t sequence = std::max(first, state.frontier); sequence < end; ++sequence)
      missing += is_done(state, sequence) ? 0 : 1;
    if (missing == 0) return;
    findings.missing += missing;
    findings.problems.push_back(
        fmt::format("{} events are missing: their numbers lie between {} and {}", missing, first, end - 1));
  }

  static bool read_record(const StoredRecord& record, const StoreState& state, Findings& findings, const Take& take) {
    Chunk chunk(record.payload, {});
    MsgpackReader reader(record.payload.view(), stored_event_limits());
    for (std::uint64_t sequence = record.head.first_sequence; sequence < record.head.end_sequence(); ++sequence) {
      Event& event = chunk.new_event();
      if (!read_stored_event(reader, event)) {
        ++findings.damaged_places;
        findings.problems.push_back(fmt::format("event {} cannot be read", sequence));
        return true;
      }
      ++findings.events;
      const bool is_it_done = is_done(state, sequence);
      findings.done += is_it_done ? 1 : 0;
      if (!take(sequence, event, is_it_done)) return false;
    }
    return true;
  }

  void print_line(std::uint64_t sequence, const Event& event) {
    std::string fields, metadata;
    write_json(event.fields(), fields);
    if (event.metadata_if_any() != nullptr) write_json(*event.metadata_if_any(), metadata);
    console_.out << "{\"sequence\":" << sequence << ",\"event\":" << fields
                 << (metadata.empty() ? "" : ",\"@metadata\":" + metadata) << "}\n";
  }

  void print_ledgers(const json& pipelines) {
    Columns rows({"PIPELINE", "RECEIVED", "REPLAYED", "CREATED", "DROPPED", "DEAD LETTERS", "FINISHED", "QUEUED",
                  "IN FLIGHT", "LOST"});
    Columns outputs({"OUTPUT", "TAKEN", "DELIVERED", "DEAD LETTERS", "REJECTED", "BUFFERED"});
    for (const json& pipeline : pipelines) {
      if (!pipeline.contains("ledger")) continue;  // it did not start
      const json& ledger = pipeline["ledger"];
      std::vector<std::string> row = {pipeline["id"].get<std::string>()};
      for (const char* name :
           {"received", "replayed", "created", "dropped", "dead_lettered", "finished", "queued", "in_flight", "lost"})
        row.push_back(ledger[name].dump());
      rows.add(std::move(row));
      for (const json& output : ledger["outputs"]) {
        std::vector<std::string> line = {output["id"].get<std::string>()};
        for (const char* name : {"taken", "delivered", "dead_lettered", "rejected", "buffered"})
          line.push_back(output[name].dump());
        outputs.add(std::move(line));
      }
    }
    if (!rows.empty()) console_.out << '\n' << rows.text();
    if (!outputs.empty()) console_.out << '\n' << outputs.text();
  }

  /// Always kCommandRefused, which is true.
  int refuse(const std::string& problem) {
    fmt::print(console_.err, "logboom: {}\n", problem);
    return status_ = kCommandRefused;
  }

  const Arguments& arguments_;
  CommandConsole console_;
  std::string root_;
  std::string data_directory_;
  std::string id_;
  StoreKeys keys_;
  int status_ = kCommandDone;
};

}  // namespace

int run_queue_command(const std::vector<std::string>& words, CommandConsole console) {
  Arguments arguments;
  CLI::App app{"Persisted queues: what they hold, and whether it is intact.", "logboom queue"};
  app.require_subcommand(1);
  app.fallthrough();
  arguments.places.declare(app, kRootName);
  app.add_flag("--json", arguments.is_json, "Print JSON");
  CLI::App* list = app.add_subcommand("ls", "The queues; of a running server its pipelines' ledgers too");
  CLI::App* show = app.add_subcommand("show", "Events that wait");
  CLI::App* verify = app.add_subcommand("verify", "Read everything; name what is damaged or missing");
  CLI::App* exporting = app.add_subcommand("export", "Events that wait, as JSON lines");
  show->add_option("-n,--limit", arguments.limit, "Most events shown")->capture_default_str()->type_name("COUNT");
  for (CLI::App* reading : {show, exporting})
    reading->add_flag("--done", arguments.takes_done, "Events that are done, too, as far as they are still there");
  if (const auto ended = parse_command(app, words, console)) return *ended;
  QueueCommand command(arguments, console);
  if (list->parsed()) return command.list();
  if (show->parsed()) return command.show();
  if (verify->parsed()) return command.verify();
  return command.export_events();
}

}  // namespace logboom
