// Options as data: a plugin declares each option once (name, member, doc, limits), and validation, did-you-mean, defaults,
// the reference page and the plugins API follow from that declaration.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/graph.h"
#include "pipeline/event/field_ref.h"
#include "pipeline/event/field_template.h"

namespace logboom {

// Types of options beyond std::string, bool, std::int64_t, std::uint64_t, double, FieldRef, FieldTemplate, std::optional<T>
// of these, and std::vector<T> of these (a single value is a list of one).

/// A hash as written, in order; values of any kind, with their places for diagnostics.
using ConfigHash = std::vector<std::pair<ConfigValue, ConfigValue>>;
/// A hash of texts.
using TextHash = std::vector<std::pair<std::string, std::string>>;
/// A text that is never printed: not by errors, not by the API.
struct Secret {
  std::string value;
};
/// "10MiB" (binary), "10MB" (SI: a million each), or a bare number of bytes.
struct ByteSize {
  std::uint64_t bytes = 0;
};
/// "5", "0.5", "15 s", "2 minutes", "1 day": seconds unless a unit is given.
struct Duration {
  double seconds = 0;
};
/// A codec by name or with options of its own; made with PluginContext's make_codec().
struct CodecChoice {
  std::string name;
  std::shared_ptr<PluginNode> node;  // nullptr: the codec's defaults
  SourceSpan span;
};

/// What the world may know about an option.
struct OptionDeclaration {
  std::string name;
  std::string type;          // "string", "number", "boolean", "array of strings", …
  std::string default_text;  // as the user would write it; empty when there is none
  std::string doc;           // one line
  std::vector<std::string> choices;
  bool is_required = false;
  bool is_path = false;    // must exist
  std::string deprecated;  // what to use instead; empty when current
  std::string obsolete;    // using it is refused with this text
};

/// Reads one attribute's value into a member; reports what is wrong at the value's place. One overload per option type.
class OptionReader {
 public:
  OptionReader(std::string option, Diagnostics& diagnostics) : option_(std::move(option)), diagnostics_(diagnostics) {}

  bool read(const ConfigValue& value, std::string& out);
  bool read(const ConfigValue& value, bool& out);
  bool read(const ConfigValue& value, std::int64_t& out);
  bool read(const ConfigValue& value, std::uint64_t& out);
  bool read(const ConfigValue& value, double& out);
  bool read(const ConfigValue& value, FieldRef& out);
  bool read(const ConfigValue& value, FieldTemplate& out);
  bool read(const ConfigValue& value, ConfigHash& out);
  bool read(const ConfigValue& value, TextHash& out);
  bool read(const ConfigValue& value, Secret& out);
  bool read(const ConfigValue& value, ByteSize& out);
  bool read(const ConfigValue& value, Duration& out);
  bool read(const ConfigValue& value, CodecChoice& out);
  bool read(const ConfigValue& value, ConfigValue& out) {
    out = value;
    return true;
  }
  template <class T>
  bool read(const ConfigValue& value, std::optional<T>& out) {
    T made{};
    if (!read(value, made)) return false;
    out = std::move(made);
    return true;
  }
  template <class T>
  bool read(const ConfigValue& value, std::vector<T>& out) {
    out.clear();
    if (value.kind != ConfigValue::Kind::Array) {
      T item{};
      if (!read(value, item)) return false;
      out.push_back(std::move(item));
      return true;
    }
    for (const ConfigValue& entry : value.items) {
      T item{};
      if (!read(entry, item)) return false;
      out.push_back(std::move(item));
    }
    return true;
  }

  /// Holds a number against a minimum or maximum.
  bool check_bound(const ConfigValue& value, double bound, bool is_minimum);
  /// Reports a problem of this option. Always false.
  bool refuse(const ConfigValue& value, std::string_view problem, std::string hint = {});

 private:
  std::string option_;
  Diagnostics& diagnostics_;
};

// Names of option types for pages and messages, and defaults as text.
std::string option_type_name(const std::string&);
std::string option_type_name(const bool&);
std::string option_type_name(const std::int64_t&);
std::string option_type_name(const std::uint64_t&);
std::string option_type_name(const double&);
std::string option_type_name(const FieldRef&);
std::string option_type_name(const FieldTemplate&);
std::string option_type_name(const ConfigHash&);
std::string option_type_name(const TextHash&);
std::string option_type_name(const Secret&);
std::string option_type_name(const ByteSize&);
std::string option_type_name(const Duration&);
std::string option_type_name(const CodecChoice&);
std::string option_type_name(const ConfigValue&);
template <class T>
std::string option_type_name(const std::optional<T>&) {
  return option_type_name(T{});
}
template <class T>
std::string option_type_name(const std::vector<T>&) {
  return "array of " + option_type_name(T{});
}
std::string option_default_text(const std::string& value);
std::string option_default_text(bool value);
std::string option_default_text(std::int64_t value);
std::string option_default_text(std::uint64_t value);
std::string option_default_text(double value);
std::string option_default_text(const FieldRef& value);
std::string option_default_text(const FieldTemplate& value);
std::string option_default_text(const TextHash& value);
std::string option_default_text(const ConfigHash& value);
std::string option_default_text(const Secret& value);
std::string option_default_text(const ByteSize& value);
std::string option_default_text(const Duration& value);
std::string option_default_text(const CodecChoice& value);
std::string option_default_text(const ConfigValue& value);
template <class T>
std::string option_default_text(const std::optional<T>& value) {
  return value ? option_default_text(*value) : std::string();
}
template <class T>
std::string option_default_text(const std::vector<T>& value) {
  std::string out = "[";
  for (const T& item : value) out += (out.size() > 1 ? ", " : "") + option_default_text(item);
  return out + "]";
}

/// Options that every plugin of a kind has (id, add_field …) are declared to the table's reader, not by plugins.
bool is_common_option(PluginKind kind, std::string_view name);
/// Declarations of the common options of a kind, for pages and suggestions.
const std::vector<OptionDeclaration>& common_options(PluginKind kind);

/// Reports an unknown option with the nearest known name.
void report_unknown_option(const PluginNode& node, const Attribute& attribute, const std::vector<OptionDeclaration>& known,
                           Diagnostics& diagnostics);

/// The options of a plugin as members of its options struct. The default of an option is the struct's initialiser.
template <class Options>
class OptionTable {
 public:
  /// Limits and remarks on the option that was declared last.
  class Declared {
   public:
    Declared(OptionDeclaration& declaration,
             std::vector<std::function<bool(const Options&, const ConfigValue&, OptionReader&)>>& checks)
        : declaration_(declaration), checks_(checks) {}
    Declared& deprecated(std::string instead) {
      declaration_.deprecated = std::move(instead);
      return *this;
    }
    /// The value, or each item of a list, must be one of these.
    Declared& one_of(std::vector<std::string> choices) {
      declaration_.choices = std::move(choices);
      return *this;
    }
    /// The value must name a file or directory that exists.
    Declared& must_exist() {
      declaration_.is_path = true;
      return *this;
    }
    Declared& at_least(double minimum) {
      add_bound(minimum, true);
      return *this;
    }
    Declared& at_most(double maximum) {
      add_bound(maximum, false);
      return *this;
    }

   private:
    void add_bound(double bound, bool is_minimum) {
      checks_.push_back([bound, is_minimum](const Options&, const ConfigValue& value, OptionReader& reader) {
        return reader.check_bound(value, bound, is_minimum);
      });
    }
    OptionDeclaration& declaration_;
    std::vector<std::function<bool(const Options&, const ConfigValue&, OptionReader&)>>& checks_;
  };

  template <class Member>
  Declared optional(std::string name, Member Options::*member, std::string doc) {
    return declare(std::move(name), member, std::move(doc), false);
  }
  template <class Member>
  Declared required(std::string name, Member Options::*member, std::string doc) {
    return declare(std::move(name), member, std::move(doc), true);
  }
  /// Another name for a declared option.
  void alias(std::string name, std::string_view of, std::string deprecated) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i]->declaration.name != of) continue;
      auto made = std::make_unique<Entry>(*entries_[i]);
      made->alias_of = std::move(made->declaration.name);
      made->declaration.name = std::move(name);
      made->declaration.deprecated = std::move(deprecated);
      made->declaration.is_required = false;
      entries_.push_back(std::move(made));
      return;
    }
  }
  /// A name that is refused with an explanation.
  void obsolete(std::string name, std::string explanation) {
    auto made = std::make_unique<Entry>();
    made->declaration.name = std::move(name);
    made->declaration.obsolete = std::move(explanation);
    entries_.push_back(std::move(made));
  }

  /// Reads a plugin's attributes; every problem is reported, and the result is usable only when there was none.
  Options read(const PluginNode& node, Diagnostics& diagnostics) const {
    Options options{};
    for (const Attribute& attribute : node.attributes) {
      if (is_common_option(node.kind, attribute.name) && find(attribute.name) == nullptr) continue;
      const Entry* entry = find(attribute.name);
      if (entry == nullptr) {
        report_unknown_option(node, attribute, declarations(), diagnostics);
      } else {
        read_entry(*entry, attribute, options, diagnostics);
      }
    }
    for (const auto& entry : entries_)
      if (entry->declaration.is_required && !is_given(node, entry->declaration.name))
        diagnostics.error(node.name_span,
                          std::string(plugin_kind_name(node.kind)) + " \"" + node.name + "\" needs the option \"" +
                              entry->declaration.name + "\"",
                          entry->declaration.doc);
    return options;
  }

  std::vector<OptionDeclaration> declarations() const {
    std::vector<OptionDeclaration> out;
    for (const auto& entry : entries_) out.push_back(entry->declaration);
    return out;
  }

 private:
  using Check = std::function<bool(const Options&, const ConfigValue&, OptionReader&)>;
  struct Entry {
    OptionDeclaration declaration;
    std::string alias_of;  // empty when it is the option itself
    std::function<bool(Options&, const ConfigValue&, OptionReader&)> store;
    std::vector<Check> checks;
  };

  template <class Member>
  Declared declare(std::string name, Member Options::*member, std::string doc, bool is_required) {
    auto made = std::make_unique<Entry>();
    made->declaration.name = std::move(name);
    made->declaration.type = option_type_name(Member{});
    made->declaration.doc = std::move(doc);
    made->declaration.is_required = is_required;
    if (!is_required) made->declaration.default_text = option_default_text(Options{}.*member);
    made->store = [member](Options& options, const ConfigValue& value, OptionReader& reader) {
      return reader.read(value, options.*member);
    };
    entries_.push_back(std::move(made));
    return Declared(entries_.back()->declaration, entries_.back()->checks);
  }

  /// Under its own name or another one.
  bool is_given(const PluginNode& node, std::string_view name) const {
    if (node.find(name) != nullptr) return true;
    for (const auto& entry : entries_)
      if (entry->alias_of == name && node.find(entry->declaration.name) != nullptr) return true;
    return false;
  }

  const Entry* find(std::string_view name) const {
    for (const auto& entry : entries_)
      if (entry->declaration.name == name) return entry.get();
    return nullptr;
  }

  static void read_entry(const Entry& entry, const Attribute& attribute, Options& options, Diagnostics& diagnostics);

  std::vector<std::unique_ptr<Entry>> entries_;
};

/// Choices, paths, deprecation and obsolescence of one attribute; false when the value must not be read.
bool check_declaration(const OptionDeclaration& declaration, const Attribute& attribute, Diagnostics& diagnostics);

template <class Options>
void OptionTable<Options>::read_entry(const Entry& entry, const Attribute& attribute, Options& options,
                                      Diagnostics& diagnostics) {
  if (!check_declaration(entry.declaration, attribute, diagnostics)) return;
  OptionReader reader(attribute.name, diagnostics);
  if (!entry.store(options, attribute.value, reader)) return;
  for (const Check& check : entry.checks) check(options, attribute.value, reader);
}

/// A configuration value as an event value in `arena`: numbers stay numbers, barewords and strings become texts.
Value config_value_to_event(const ConfigValue& value, Arena& arena);

}  // namespace logboom
