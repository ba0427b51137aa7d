#include "server/cli/dlq_command.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "pipeline/base/log.h"
#include "pipeline/dead_letter/entry_cursor.h"
#include "pipeline/dead_letter/failure_shape.h"
#include "pipeline/event/json.h"
#include "server/cli/columns.h"
#include "server/dead_letters/offline_replay.h"
#include "server/dead_letters/purge.h"
#include "server/dead_letters/selection_json.h"
#include "server/dead_letters/settings.h"
#include "server/json_line.h"

namespace logboom {
namespace {

using nlohmann::json;

constexpr const char* kRootName = "path.dead_letter_queue";
constexpr auto kCloseLimit = std::chrono::seconds(5);

struct Arguments {
  StorePlaces places;
  bool is_json = false;
  std::string sequences;
  std::string since;
  std::string until;
  std::string plugin;
  std::string group;
  bool is_all = false;
  std::uint64_t limit = 10;
  std::uint64_t most = 0;
  std::string to;
  std::uint32_t max_replays = 3;
  std::uint32_t wait_seconds = 30;
  std::string config;
};

/// "7", "7-", "7-9", "-9".
bool read_range(const std::string& text, EntrySelection& selection) {
  const std::size_t dash = text.find('-');
  const auto read = [](std::string_view digits, std::uint64_t& number) {
    if (digits.empty()) return true;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return problem == std::errc() && end == digits.data() + digits.size();
  };
  if (text.empty() || text == "-") return false;
  if (!read(std::string_view(text).substr(0, dash), selection.first)) return false;
  if (dash == std::string::npos) {
    selection.last = selection.first;
    return true;
  }
  return read(std::string_view(text).substr(dash + 1), selection.last) && selection.first <= selection.last;
}

json head_json(const DeadLetter& entry) {
  return {{"sequence", entry.sequence},       {"entry_time", to_iso8601(entry.entry_time)},
          {"plugin_type", entry.plugin_type}, {"plugin_id", entry.plugin_id},
          {"reason", entry.reason},           {"code", entry.code},
          {"replays", entry.replays},         {"group", failure_group(entry)}};
}

class DlqCommand {
 public:
  DlqCommand(const Arguments& arguments, CommandConsole console) : arguments_(arguments), console_(console) {}

  int list() {
    if (!prepare(false)) return status_;
    Columns rows({"PIPELINE", "ENTRIES", "SIZE", "OLDEST", "NEWEST", "DAMAGED"});
    json all = json::array();
    for (const std::string& id : pipelines_in(root_)) {
      std::uint64_t entries = 0;
      std::optional<Timestamp> oldest, newest;
      std::uint64_t damaged = 0;
      const bool is_read = for_each(id, {}, damaged, [&](const DeadLetter& entry) {
        if (!oldest) oldest = entry.entry_time;
        newest = entry.entry_time;
        ++entries;
        return true;
      });
      if (!is_read) return status_;
      std::uint64_t bytes = 0;
      if (auto segments = DirectorySegments::read(local_files(), root_ + "/" + id))
        for (const SegmentView& segment : segments->segments()) bytes += segment.limit;
      const auto time = [](const std::optional<Timestamp>& at) { return at ? to_iso8601(*at) : std::string("-"); };
      rows.add({id, std::to_string(entries), size_text(bytes), time(oldest), time(newest), std::to_string(damaged)});
      all.push_back({{"pipeline", id}, {"entries", entries}, {"bytes", bytes}, {"damaged", damaged}});
      if (oldest) all.back().update({{"oldest", time(oldest)}, {"newest", time(newest)}});
    }
    if (arguments_.is_json) {
      console_.out << json_line(all) << '\n';
    } else if (rows.empty()) {
      fmt::print(console_.out, "no dead-letter queues in {}\n", root_);
    } else {
      console_.out << rows.text();
    }
    return kCommandDone;
  }

  int groups() {
    if (!prepare(true)) return status_;
    struct Group {
      DeadLetter example;
      std::uint64_t count = 0;
      Timestamp newest;
    };
    std::map<std::string, Group> found;
    std::uint64_t damaged = 0;
    const bool is_read = for_each(id_, selection_, damaged, [&](DeadLetter& entry) {
      Group& group = found[failure_group(entry)];
      group.newest = entry.entry_time;
      if (++group.count == 1) {
        group.example = std::move(entry);
        group.example.payload = {};
      }
      return true;
    });
    if (!is_read) return status_;
    std::vector<std::pair<std::string, Group>> sorted(found.begin(), found.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& left, const auto& right) { return left.second.count > right.second.count; });
    Columns rows({"GROUP", "ENTRIES", "PLUGIN", "CODE", "FIRST", "LAST", "FAILURE"});
    json all = json::array();
    for (const auto& [name, group] : sorted) {
      const std::string shape = failure_shape(group.example.reason);
      rows.add({name, std::to_string(group.count), group.example.plugin_id,
                group.example.code != 0 ? std::to_string(group.example.code) : "-", to_iso8601(group.example.entry_time),
                to_iso8601(group.newest), shape});
      all.push_back({{"group", name},
                     {"entries", group.count},
                     {"plugin_type", group.example.plugin_type},
                     {"plugin_id", group.example.plugin_id},
                     {"code", group.example.code},
                     {"first", to_iso8601(group.example.entry_time)},
                     {"last", to_iso8601(group.newest)},
                     {"failure", shape},
                     {"example", {{"sequence", group.example.sequence}, {"reason", group.example.reason}}}});
    }
    console_.out << (arguments_.is_json ? json_line(all) + "\n" : rows.empty() ? "no entries\n" : rows.text());
    return kCommandDone;
  }

  int show() {
    if (!prepare(true)) return status_;
    std::uint64_t damaged = 0, shown = 0;
    bool has_more = false;
    const bool is_read = for_each(id_, selection_, damaged, [&](const DeadLetter& entry) {
      if (shown == arguments_.limit) {
        has_more = true;
        return false;
      }
      ++shown;
      show_entry(entry);
      return true;
    });
    if (!is_read) return status_;
    if (has_more && !arguments_.is_json) fmt::print(console_.out, "more entries follow; --limit shows more of them\n");
    if (shown == 0 && !arguments_.is_json) fmt::print(console_.out, "no such entries\n");
    return kCommandDone;
  }

  int replay() {
    if (!prepare(true) || !is_chosen("replay")) return status_;
    json request = {{"do", "dlq.replay"},
                    {"pipeline", id_},
                    {"selection", to_json(selection_)},
                    {"max_replays", arguments_.max_replays},
                    {"wait_seconds", arguments_.wait_seconds}};
    if (!arguments_.to.empty()) request["to"] = arguments_.to;
    if (arguments_.most > 0) request["most"] = arguments_.most;
    auto answer = ask_server(data_directory_, request);
    if (!answer && answer.error().code == ErrorCode::NotFound) answer = replay_without_server();
    if (!answer) return refuse(answer.error().message);
    if (arguments_.is_json) {
      console_.out << json_line(*answer) << '\n';
      return kCommandDone;
    }
    const auto number = [&](const char* name) { return answer->value(name, std::uint64_t{0}); };
    fmt::print(console_.out, "{} sent, {} delivered and removed, {} under way, {} not delivered\n", number("sent"),
               number("delivered"), number("under_way"), number("not_delivered"));
    if (number("left_for_too_many_replays") > 0)
      fmt::print(console_.out, "{} have failed {} times again and were left; --max-replays sends them once more\n",
                 number("left_for_too_many_replays"), arguments_.max_replays);
    if (number("in_another_replay") > 0) fmt::print(console_.out, "{} are in another replay\n", number("in_another_replay"));
    if (number("under_way") > 0) fmt::print(console_.out, "those under way are removed when they are delivered\n");
    return kCommandDone;
  }

  int purge() {
    if (!prepare(true) || !is_chosen("purge")) return status_;
    auto answer = ask_server(data_directory_, {{"do", "dlq.purge"}, {"pipeline", id_}, {"selection", to_json(selection_)}});
    std::uint64_t removed = 0;
    if (answer) {
      removed = answer->value("removed", std::uint64_t{0});
    } else {
      if (answer.error().code != ErrorCode::NotFound) return refuse(answer.error().message);
      DeadLetterOptions options;
      options.directory = root_ + "/" + id_;
      options.pipeline_id = id_;
      options.keys = keys_;
      auto queue = DeadLetterQueue::open(std::move(options));
      if (!queue) return refuse(queue.error().message);
      auto purged = purge_entries(**queue, selection_);
      if (!purged) return refuse(purged.error().message);
      removed = *purged;
      (*queue)->close(kCloseLimit);
    }
    if (arguments_.is_json) {
      console_.out << json_line({{"removed", removed}}) << '\n';
    } else {
      fmt::print(console_.out, "{} entries removed\n", removed);
    }
    return kCommandDone;
  }

 private:
  /// The answer as a server gives it.
  Result<json> replay_without_server() {
    auto settings = arguments_.places.command_line(kRootName);
    if (!settings) return settings.error();
    if (!arguments_.config.empty())
      if (auto set = settings->set("path.config", arguments_.config, "command line"); !set) return set.error();
    set_log_level(LogLevel::Warn);
    OfflineReplay wanted;
    wanted.from = id_;
    wanted.to = arguments_.to;
    wanted.order.selection = selection_;
    wanted.order.max_replays = arguments_.max_replays;
    if (arguments_.most > 0) wanted.order.most = arguments_.most;
    wanted.patience = std::chrono::seconds(arguments_.wait_seconds);
    auto counts = replay_offline(*settings, wanted);
    if (!counts && counts.error().code == ErrorCode::NotFound)
      return Error{
          ErrorCode::NotFound,
          fmt::format("no server runs on {}, and without one replay needs the pipelines' configuration (--path.settings "
                      "or -f): {}. Give it, or start the server",
                      data_directory_, counts.error().message)};
    if (!counts) return counts.error();
    if (!counts->problem.empty()) return Error{ErrorCode::Unavailable, counts->problem};
    return to_json(*counts);
  }

  bool prepare(bool needs_pipeline) {
    auto settings = arguments_.places.settings(kRootName);
    if (!settings) return !refuse(settings.error().message);
    root_ = dead_letter_root(*settings);
    data_directory_ = settings->text("path.data");
    auto keys = StoreKeys::parse(settings->text("queue.encryption"));
    if (!keys) return !refuse(keys.error().message);
    keys_ = std::move(*keys);
    const auto read_time = [&](const std::string& text, std::optional<Timestamp>& time, const char* flag) {
      if (text.empty()) return true;
      time = parse_iso8601(text);
      if (!time) use_wrong(fmt::format("{}: \"{}\" is no ISO 8601 time such as 2024-05-01T12:00:00Z", flag, text));
      return time.has_value();
    };
    if (!read_time(arguments_.since, selection_.since, "--since") ||
        !read_time(arguments_.until, selection_.until, "--until"))
      return false;
    if (!arguments_.sequences.empty() && !read_range(arguments_.sequences, selection_))
      return use_wrong(fmt::format("--sequence: \"{}\" is no range such as 7, 7-9 or 7-", arguments_.sequences));
    selection_.plugin = arguments_.plugin;
    selection_.group = arguments_.group;
    if (!needs_pipeline) return true;
    id_ = arguments_.places.pipeline_id;
    if (!id_.empty()) {
      id_ = dead_letter_directory(*settings, id_).substr(root_.size() + 1);
      return true;
    }
    const auto known = pipelines_in(root_);
    if (known.empty())
      return !refuse(
          fmt::format("there are no dead-letter queues in {}; say where with --path.data or --path.settings", root_));
    if (known.size() > 1)
      return use_wrong(fmt::format("which pipeline? --pipeline.id is one of {}", fmt::join(known, ", ")));
    id_ = known[0];
    return true;
  }

  /// Everything only when that is said.
  bool is_chosen(const char* what) {
    if (arguments_.is_all || !selection_.is_everything()) return true;
    return use_wrong(
        fmt::format("{} what? Choose entries (--group, --plugin, --sequence, --since, --until), or say --all", what));
  }

  /// Calls `take` until it says false; false when the queue cannot be read.
  template <class Take>
  bool for_each(const std::string& id, const EntrySelection& selection, std::uint64_t& damaged, Take&& take) {
    auto cursor = EntryCursor::open(root_ + "/" + id, selection.first, keys_);
    if (!cursor) {
      const bool is_missing = cursor.error().code == ErrorCode::NotFound;
      return !refuse(is_missing ? fmt::format("there is no dead-letter queue {}/{}", root_, id) : cursor.error().message);
    }
    DeadLetter entry;
    for (;;) {
      auto has_entry = cursor->next(entry);
      if (!has_entry) return !refuse(has_entry.error().message);
      damaged = cursor->damaged();
      if (!*has_entry || entry.sequence > selection.last) return true;
      if (selection.matches(entry) && !take(entry)) return true;
    }
  }

  void show_entry(const DeadLetter& entry) {
    Chunk chunk({}, entry.entry_time);
    Event* event = add_dead_letter(entry, id_, chunk);
    std::string fields = "null", metadata;
    if (event != nullptr) {
      fields.clear();
      if (arguments_.is_json) {
        write_json(event->fields(), fields);
      } else {
        write_json_pretty(Value::object(&event->fields()), fields);
      }
      event->metadata().erase(intern_key("dead_letter_queue"));
      if (event->metadata().size() > 0) write_json(event->metadata(), metadata);
    }
    if (arguments_.is_json) {
      std::string line = json_line(head_json(entry));
      line.pop_back();
      console_.out << line << ",\"event\":" << fields << (metadata.empty() ? "" : ",\"@metadata\":" + metadata) << "}\n";
      return;
    }
    fmt::print(console_.out, "#{}  {}  {} ({})  group {}{}{}\n{}\n", entry.sequence, to_iso8601(entry.entry_time),
               entry.plugin_id, entry.plugin_type, failure_group(entry),
               entry.code != 0 ? fmt::format("  code {}", entry.code) : "",
               entry.replays > 0 ? fmt::format("  replayed {} times", entry.replays) : "", entry.reason);
    console_.out << fields << '\n';
    if (!metadata.empty()) console_.out << "@metadata " << metadata << '\n';
    console_.out << '\n';
  }

  /// Always kCommandRefused, which is true.
  int refuse(const std::string& problem) {
    fmt::print(console_.err, "logboom: {}\n", problem);
    return status_ = kCommandRefused;
  }
  bool use_wrong(const std::string& problem) {
    fmt::print(console_.err, "logboom dlq: {}\n", problem);
    status_ = kCommandUsage;
    return false;
  }

  const Arguments& arguments_;
  CommandConsole console_;
  std::string root_;
  std::string data_directory_;
  std::string id_;
  EntrySelection selection_;
  StoreKeys keys_;
  int status_ = kCommandDone;
};

void declare_selection(CLI::App& command, Arguments& arguments) {
  command.add_option("-g,--group", arguments.group, "Entries of a group, as dlq groups names it")->type_name("GROUP");
  command.add_option("--plugin", arguments.plugin, "Entries of a plugin, by id or type")->type_name("NAME");
  command.add_option("-s,--sequence", arguments.sequences, "One entry (7) or a range (7-9, 7-)")->type_name("RANGE");
  command.add_option("--since", arguments.since, "Entries from this time on (ISO 8601)")->type_name("TIME");
  command.add_option("--until", arguments.until, "Entries before this time")->type_name("TIME");
}

}  // namespace

int run_dlq_command(const std::vector<std::string>& words, CommandConsole console) {
  Arguments arguments;
  CLI::App app{"Dead letters: events that could not be delivered, and what to do with them.", "logboom dlq"};
  app.require_subcommand(1);
  app.fallthrough();
  arguments.places.declare(app, kRootName);
  app.add_flag("--json", arguments.is_json, "Print JSON");
  CLI::App* list = app.add_subcommand("ls", "The queues, and how much they hold");
  CLI::App* groups = app.add_subcommand("groups", "Entries by plugin and kind of failure");
  CLI::App* show = app.add_subcommand("show", "Entries with their events");
  CLI::App* replay = app.add_subcommand("replay", "Send entries through a pipeline again; they go when they are delivered");
  CLI::App* purge = app.add_subcommand("purge", "Remove entries for good");
  for (CLI::App* choosing : {groups, show, replay, purge}) declare_selection(*choosing, arguments);
  for (CLI::App* acting : {replay, purge}) acting->add_flag("--all", arguments.is_all, "All entries");
  show->add_option("-n,--limit", arguments.limit, "Most entries shown")->capture_default_str()->type_name("COUNT");
  replay->add_option("--to", arguments.to, "The pipeline that they go to; their own when not given")->type_name("ID");
  replay->add_option("-n,--most", arguments.most, "Send at most so many")->type_name("COUNT");
  replay->add_option("-f,--path.config", arguments.config, "With no server: the pipeline's configuration, as for logboom -f")
      ->type_name("FILE");
  replay->add_option("--max-replays", arguments.max_replays, "Leave entries that have failed again so often")
      ->capture_default_str()
      ->type_name("COUNT");
  replay->add_option("--wait", arguments.wait_seconds, "Wait so many seconds for their delivery")
      ->capture_default_str()
      ->type_name("SECONDS");
  if (const auto ended = parse_command(app, words, console)) return *ended;
  DlqCommand command(arguments, console);
  if (list->parsed()) return command.list();
  if (groups->parsed()) return command.groups();
  if (show->parsed()) return command.show();
  if (replay->parsed()) return command.replay();
  return command.purge();
}

}  // namespace logboom
