// geoip: looks an address up in a database of places or networks.
// Tested by tests/plugins/filters/geoip_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plugin/registry.h"
#include "plugins/filters/geoip/database.h"
#include "plugins/filters/geoip/fields.h"

namespace logboom {
namespace {

constexpr std::uint64_t kLargestCache = 65'536;

struct GeoipOptions {
  FieldRef source;
  std::optional<FieldRef> target;
  std::string database;
  std::string default_database_type = "City";
  std::vector<std::string> fields;
  std::uint64_t cache_size = 1000;
  std::vector<std::string> tag_on_failure = {"_geoip_lookup_failure"};
};

OptionTable<GeoipOptions> geoip_options() {
  using Options = GeoipOptions;
  OptionTable<Options> table;
  table.required("source", &Options::source, "The field that holds the address; of a list the first element counts.");
  table.optional("target", &Options::target,
                 "The field below which results go: geoip without ECS, with ECS the parent of a source that ends in [ip].");
  table.optional("database", &Options::database, "The database file (.mmdb); City, Country, ASN and MaxMind's other types.")
      .must_exist();
  table
      .optional("default_database_type", &Options::default_database_type,
                "Accepted: no database comes along, so none is the default.")
      .one_of({"City", "ASN"});
  table.optional("fields", &Options::fields, "What to tell about an address; what suits the database when not given.");
  table.optional("cache_size", &Options::cache_size, "How many addresses each worker remembers.")
      .at_least(1)
      .at_most(kLargestCache);
  table.optional("tag_on_failure", &Options::tag_on_failure, "Tags of events whose address is none or is not known.");
  return table;
}

/// The answers to the last addresses, one place for each remainder of their hash.
class AnswerCache {
 public:
  struct Answer {
    GeoAddress address;
    bool is_used = false;
    bool is_found = false;
    GeoFacts facts;
  };

  explicit AnswerCache(std::size_t size) : answers_(std::bit_ceil(size)) {}

  Answer& place_of(const GeoAddress& address) {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, address.bytes.data(), 8);
    std::memcpy(&low, address.bytes.data() + 8, 8);
    const std::uint64_t mixed = (high * 0x9e37'79b9'7f4a'7c15 ^ low) * 0xd6e8'feb8'6659'fd93;
    return answers_[(mixed >> 32) & (answers_.size() - 1)];
  }
  void clear() {
    for (Answer& answer : answers_) answer.is_used = false;
  }

 private:
  std::vector<Answer> answers_;
};

/// What all workers share.
struct Program {
  std::shared_ptr<GeoDatabaseFile> file;
  GeoDatabaseKind kind = GeoDatabaseKind::Unknown;
  FieldRef target;
  std::vector<GeoField> fields;         // each once, in Logstash's order, those that the mode can show
  std::vector<std::vector<Key>> paths;  // of each of them, below the target
};

std::optional<FieldRef> parent_of_ip(const FieldRef& source) {
  const auto& steps = source.steps();
  if (steps.empty() || steps.back().key.text() != "ip" || (steps.size() == 1 && !source.is_metadata())) return std::nullopt;
  FieldRef parent;
  if (source.is_metadata()) {
    if (auto root = FieldRef::parse("[@metadata]")) parent = *root;
  }
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) parent = parent.child(steps[i].key.text());
  return parent;
}

void choose_target(const GeoipOptions& options, const PluginContext& context, Program& program) {
  if (options.target) {
    program.target = *options.target;
  } else if (!context.is_ecs()) {
    program.target = FieldRef::of_name("geoip");
  } else if (auto parent = parent_of_ip(options.source)) {
    program.target = *parent;
  } else {
    context.error(
        "source",
        fmt::format("geoip needs a target: the source {} does not end in [ip] below another field", options.source.text()),
        R"(write target => "client", or use a source such as "[client][ip]")");
  }
}

void choose_fields(const GeoipOptions& options, const PluginContext& context, Program& program) {
  std::vector<GeoField> wanted;
  for (const std::string& name : options.fields) {
    if (const auto field = geo_field_of(name)) {
      wanted.push_back(*field);
      continue;
    }
    const std::string_view near = nearest_name(name, geo_field_names());
    context.error("fields", fmt::format("fields: geoip knows no field \"{}\"", name),
                  near.empty() ? "see the reference page of geoip" : fmt::format("did you mean \"{}\"?", near));
  }
  if (wanted.empty()) wanted = default_geo_fields(program.kind, context.is_ecs());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const GeoField field : wanted) {
    std::vector<Key> path = geo_field_path(field, context.is_ecs());
    if (path.empty()) continue;
    program.fields.push_back(field);
    program.paths.push_back(std::move(path));
  }
}

void open_database(const GeoipOptions& options, const PluginContext& context, Program& program) {
  if (options.database.empty()) {
    context.error(
        "database", "geoip needs a database; none comes with Logboom",
        fmt::format(
            "download GeoLite2-{}.mmdb with a free account from https://www.maxmind.com/en/geolite2/signup and write "
            "database => \"/path/to/GeoLite2-{}.mmdb\"",
            options.default_database_type, options.default_database_type));
    return;
  }
  auto file = GeoDatabaseFile::open(options.database);
  if (!file) {
    context.error("database", fmt::format("database: {}", file.error().message));
    return;
  }
  const std::string type((*file)->current()->type());
  program.kind = geo_database_kind(type);
  if (program.kind == GeoDatabaseKind::Unknown)
    context.error("database",
                  fmt::format("database: {} is a \"{}\" database, which geoip cannot use", options.database, type),
                  "use a City, Country, ASN, ISP, Domain, Enterprise or Anonymous-IP database");
  program.file = std::move(*file);
}

std::unique_ptr<Program> make_program(const GeoipOptions& options, const PluginContext& context) {
  auto program = std::make_unique<Program>();
  choose_target(options, context, *program);
  open_database(options, context, *program);
  choose_fields(options, context, *program);
  return program;
}

/// Seconds that do not go back, a few milliseconds old, for next to nothing.
std::int64_t coarse_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

class Geoip {
 public:
  Geoip(GeoipOptions options, const PluginContext& context)
      : options_(std::move(options)),
        program_(context.shared<Program>([&] { return make_program(options_, context).release(); })),
        cache_(options_.cache_size),
        matches_(&context.metrics().counter("matches")),
        failures_(&context.metrics().counter("failures")),
        cache_hits_(&context.metrics().counter("cache_hits")) {}

  Verdict apply(Event& event) {
    const std::string_view text = source_text(event);
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return fail(event);
    program_->file->check(coarse_seconds());
    const GeoFacts* facts = nullptr;
    if (const auto address = GeoAddress::parse(text)) facts = look_up(*address);
    if (facts == nullptr) {
      leave_empty_target(event);
      return fail(event);
    }
    Object* target = target_object(event);
    if (target == nullptr || !store(*facts, *target, event.arena())) return fail(event);
    matches_->add();
    return Verdict::Pass;
  }

 private:
  Verdict fail(Event& event) const {
    failures_->add();
    for (const std::string& tag : options_.tag_on_failure) event.add_failure_tag(tag);
    return Verdict::Unmatched;
  }

  /// Empty when there is no text.
  std::string_view source_text(const Event& event) const {
    const Value* value = event.get(options_.source);
    if (value != nullptr && value->is_array() && !value->as_array().empty()) value = &value->as_array()[0];
    return value != nullptr && value->is_string() ? value->as_string() : std::string_view();
  }

  /// Nothing for an address that is not known.
  const GeoFacts* look_up(const GeoAddress& address) {
    if (const std::uint64_t generation = program_->file->generation(); generation != generation_) {
      cache_.clear();  // before the old database goes, in which its texts lie
      database_ = program_->file->current();
      generation_ = generation;
    }
    AnswerCache::Answer& answer = cache_.place_of(address);
    if (answer.is_used && answer.address.bytes == address.bytes) {
      cache_hits_->add();
    } else {
      answer.is_found = answer.facts.read(*database_, program_->kind, address, program_->fields);
      answer.address = address;
      answer.is_used = true;
    }
    return answer.is_found ? &answer.facts : nullptr;
  }

  void leave_empty_target(Event& event) const {
    if (program_->target.refers_to_metadata_root()) return;
    const Value* existing = event.get(program_->target);
    if (existing == nullptr || existing->is_null()) event.set(program_->target, Value::object(Object::make(event.arena())));
  }

  /// The object that results go into; nullptr when something else stands there.
  Object* target_object(Event& event) const {
    if (program_->target.refers_to_metadata_root()) return &event.metadata();
    Value* existing = event.get(program_->target);
    if (existing != nullptr && !existing->is_null()) return existing->is_object() ? &existing->as_object() : nullptr;
    Object* made = Object::make(event.arena(), static_cast<std::uint32_t>(program_->fields.size()));
    return event.set(program_->target, Value::object(made)) ? made : nullptr;
  }

  /// False when a path leads through something that is no object.
  bool store(const GeoFacts& facts, Object& target, Arena& arena) const {
    for (const GeoFacts::Fact& fact : facts.facts) {
      const std::vector<Key>& path = program_->paths[fact.index];
      Object* parent = &target;
      for (std::size_t i = 0; i + 1 < path.size(); ++i) {
        Value* next = parent->find(path[i]);
        if (next == nullptr || next->is_null()) next = &parent->set(arena, path[i], Value::object(Object::make(arena)));
        if (!next->is_object()) return false;
        parent = &next->as_object();
      }
      parent->set(arena, path.back(), event_value(fact, facts, arena));
    }
    return true;
  }

  Value event_value(const GeoFacts::Fact& fact, const GeoFacts& facts, Arena& arena) const {
    static const Key lat = intern_key("lat");
    static const Key lon = intern_key("lon");
    if (fact.value.is_string()) return Value::string(arena.copy(fact.value.as_string()));
    if (program_->fields[fact.index] != GeoField::Location) return fact.value;
    Object* place = Object::make(arena, 2);
    place->append(arena, lat, Value::real(facts.latitude));
    place->append(arena, lon, Value::real(facts.longitude));
    return Value::object(place);
  }

  GeoipOptions options_;
  std::shared_ptr<const Program> program_;
  std::shared_ptr<const GeoDatabase> database_;  // outlives what the cache points at
  std::uint64_t generation_ = 0;
  AnswerCache cache_;
  Counter* matches_;
  Counter* failures_;
  Counter* cache_hits_;
};

const RegisterFilter registered({
    .name = "geoip",
    .summary = "Looks an address up in a database of places or networks.",
    .make = make_filter<Geoip, geoip_options>,
    .details =
        R"(Databases in MaxMind's format (`.mmdb`) are read: City, Country, ASN, ISP, Domain, Enterprise and
Anonymous-IP; the file says which it is. None comes along: GeoLite2 is free with an account at MaxMind.

| `fields` | With ECS, below the target | Without |
|---|---|---|
| `ip` | `[ip]` | `ip` |
| `city_name`, `country_name`, `continent_code`, `continent_name`, `postal_code`, `timezone` | `[geo][…]` | the same names |
| `country_code2` | `[geo][country_iso_code]` | `country_code2` |
| `country_code3` | left out | `country_code3` (also the code of two letters) |
| `region_name`, `region_code`, `region_iso_code` | `[geo][…]` | the same names |
| `location` | `[geo][location]` | `location`, with `lat` and `lon` |
| `latitude`, `longitude` | `[geo][location][lat]`, `[lon]` | `latitude`, `longitude` |
| `dma_code`, `isp`, `organization` | `[mmdb][…]` | the same names |
| `autonomous_system_number` | `[as][number]` | `asn` |
| `autonomous_system_organization` | `[as][organization][name]` | `as_org` |
| `network`, `hosting_provider`, `tor_exit_node`, `anonymous_vpn` | `[ip_traits][…]` | the same names |
| `anonymous`, `public_proxy`, `residential_proxy` | `[ip_traits][…]` | the same names |
| `domain` | `[domain]` | `domain` |

Names of places are the English ones. IPv6 addresses are written with all eight groups. What a database does not tell
is left out.

An event whose address is missing, is none (host names are not resolved), is not in the database (private addresses
never are), or has no place in a City database is tagged `_geoip_lookup_failure` (`tag_on_failure`); unless the
address was missing or blank it also gets an empty target. So is one whose target is something else than an object.
`add_field` and the like then do not happen.

A database is opened once for all filters and pipelines that name it and held in memory. When the file changes, the
new version is taken within seconds, without a reload; one that cannot be used is logged and the old one stays.

Counters: `matches`, `failures`, `cache_hits`.)",
});

}  // namespace
}  // namespace logboom
