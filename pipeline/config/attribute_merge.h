// What it means in the Logstash language when a plugin repeats an option.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pipeline/config/graph.h"
#include "pipeline/config/logstash_cursor.h"

namespace logboom {

/// Collects the options of one plugin in order and merges those that repeat: lists append, scalars become a list (equal ones
/// stay one), hashes join and the values of a key that both have become a list without repetitions.
/// A list or scalar against a hash, and a second plugin value (codec), are errors at the repetition. Linear in what is
/// added.
class AttributeMerge {
 public:
  AttributeMerge(LogstashCursor& cursor, std::vector<Attribute>& attributes) : cursor_(cursor), attributes_(attributes) {}

  void add(Attribute attribute);

 private:
  struct Entry;
  using EntryIndex = std::unordered_map<std::string, Entry>;
  struct Entry {
    std::size_t index = 0;                         // in the hash
    std::unordered_set<std::string> known_values;  // of a list that repetition made; filled when the key first repeats
    std::unique_ptr<EntryIndex> nested;            // of a hash, likewise
  };

  void merge(std::size_t index, Attribute& repeated);
  static void add_known_keys(const ConfigValue& hash, EntryIndex& known);
  void merge_entries(ConfigValue& into, EntryIndex& known, ConfigValue& from);
  void merge_entry(ConfigValue& into, Entry& entry, ConfigValue from);

  LogstashCursor& cursor_;
  std::vector<Attribute>& attributes_;
  std::unordered_map<std::string, std::size_t> positions_;
  std::unordered_map<std::size_t, EntryIndex> entries_;  // per attribute that has been merged as a hash
};

}  // namespace logboom
