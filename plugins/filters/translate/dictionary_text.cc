#include "plugins/filters/translate/dictionary_text.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "pipeline/base/utf8.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

constexpr std::uint64_t kLargestFile = 1024ULL * 1024 * 1024;
constexpr std::uint64_t kMostYamlValuesPerByte = 16;  // aliases of aliases must not multiply without bound
constexpr int kDeepestYaml = 500;

Error corrupt(std::string message) { return {ErrorCode::Corrupt, std::move(message)}; }

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return Error{ErrorCode::Io, fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  const auto size = static_cast<std::int64_t>(file.tellg());
  if (size < 0) return Error{ErrorCode::Io, fmt::format("cannot read {}: it is no file", path)};
  if (static_cast<std::uint64_t>(size) > kLargestFile)
    return Error{ErrorCode::TooLarge, fmt::format("{} is larger than 1 GiB", path)};
  file.seekg(0);
  std::string text(static_cast<std::size_t>(size), '\0');
  file.read(text.data(), static_cast<std::streamsize>(size));
  if (file.gcount() != size) return Error{ErrorCode::Io, fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  if (text.compare(0, 3, "\xEF\xBB\xBF") == 0) text.erase(0, 3);
  if (is_valid_utf8(text)) return text;
  std::string valid;
  append_valid_utf8(text, valid);
  return valid;
}

// --- YAML -----------------------------------------------------------------------------------------------------------------

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words)
    if (text == word) return true;
  return false;
}

/// A plain scalar as YAML 1.1 reads it: null, boolean, integer, float, else text.
Value plain_scalar(const std::string& text, Arena& arena) {
  if (is_any_of(text, {"", "~", "null", "Null", "NULL"})) return Value::null();
  if (is_any_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return Value::boolean(true);
  if (is_any_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) return Value::boolean(false);
  std::string digits;
  for (const char c : text)
    if (c != '_' && c != ',') digits += c;
  const bool is_negative = !digits.empty() && digits.front() == '-';
  std::string_view number = digits;
  if (!number.empty() && (number.front() == '-' || number.front() == '+')) number.remove_prefix(1);
  if (!number.empty() && ((number.front() >= '0' && number.front() <= '9') || number.front() == '.') && text.back() != ',') {
    int base = 10;
    std::string_view whole = number;
    if (number.size() > 2 && number.substr(0, 2) == "0x") base = 16;
    if (number.size() > 2 && number.substr(0, 2) == "0b") base = 2;
    if (base != 10) whole.remove_prefix(2);
    if (base == 10 && number.size() > 1 && number.front() == '0' &&
        number.find_first_not_of("01234567") == std::string_view::npos)
      base = 8;
    const std::string signed_text = (is_negative ? "-" : "") + std::string(whole);
    std::int64_t integer = 0;
    const char* const last = signed_text.data() + signed_text.size();
    const auto [end, problem] = std::from_chars(signed_text.data(), last, integer, base);
    if (end == last && problem == std::errc()) return Value::integer(integer);
    if (end == last && problem == std::errc::result_out_of_range && base == 10)
      return Value::big_number(arena.copy(signed_text));
    double real = 0;
    const auto [real_end, real_problem] = std::from_chars(signed_text.data(), last, real);
    if (base == 10 && real_end == last && real_problem == std::errc() && number.find('.') != std::string_view::npos)
      return Value::real(real);
  }
  return Value::string(arena.copy(text));
}

class YamlReader {
 public:
  YamlReader(Arena& arena, std::size_t document_bytes, Dictionary& into)
      : arena_(arena), into_(into), most_values_(document_bytes * kMostYamlValuesPerByte) {}

  Result<void> read_document(const YAML::Node& root) {
    if (!root.IsDefined() || root.IsNull()) return {};
    if (root.IsSequence()) {  // an ordered map: one entry per item
      for (const YAML::Node& item : root) {
        if (!item.IsMap()) return corrupt("the document is a list, not a map of keys and values");
        if (auto done = read_map(item); !done) return done;
      }
      return {};
    }
    if (!root.IsMap()) return corrupt("the document is no map of keys and values");
    return read_map(root);
  }

 private:
  Result<void> read_map(const YAML::Node& map) {
    for (const auto& pair : map) {
      if (!pair.first.IsScalar() && !pair.first.IsNull())
        return corrupt(fmt::format("line {}: a key is a list or a map", pair.first.Mark().line + 1));
      auto value = read_value(pair.second, 1);
      if (!value) return value.error();
      into_.set(pair.first.IsNull() ? std::string() : pair.first.Scalar(), *value);
    }
    return {};
  }

  Result<Value> read_value(const YAML::Node& node, int depth) {
    if (++values_ > most_values_) return corrupt("the document has too many values (aliases that repeat each other?)");
    if (depth > kDeepestYaml) return corrupt("the document nests deeper than 500 levels");
    if (node.IsScalar()) {
      const bool is_plain = node.Tag() == "?" || node.Tag().empty();
      return is_plain ? plain_scalar(node.Scalar(), arena_) : Value::string(arena_.copy(node.Scalar()));
    }
    if (node.IsSequence()) {
      Array* made = Array::make(arena_, static_cast<std::uint32_t>(node.size()));
      for (const YAML::Node& item : node) {
        auto value = read_value(item, depth + 1);
        if (!value) return value;
        made->push(arena_, *value);
      }
      return Value::array(made);
    }
    if (node.IsMap()) {
      Object* made = Object::make(arena_, static_cast<std::uint32_t>(node.size()));
      for (const auto& pair : node) {
        if (!pair.first.IsScalar())
          return corrupt(fmt::format("line {}: a key is a list or a map", pair.first.Mark().line + 1));
        auto value = read_value(pair.second, depth + 1);
        if (!value) return value;
        made->set(arena_, make_key(arena_.copy(pair.first.Scalar())), *value);
      }
      return Value::object(made);
    }
    return Value::null();
  }

  Arena& arena_;
  Dictionary& into_;
  std::uint64_t most_values_;
  std::uint64_t values_ = 0;
};

std::uint64_t count_code_points(std::string_view text) {
  std::uint64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1U : 0U;
  return count;
}

Result<void> read_yaml(const std::string& text, std::uint64_t most_code_points, Dictionary& into) {
  const std::uint64_t code_points = count_code_points(text);
  if (code_points > most_code_points) {
    return Error{ErrorCode::TooLarge,
                 fmt::format("the document has {} characters, more than yaml_dictionary_code_point_limit ({})", code_points,
                             most_code_points)};
  }
  try {
    Arena arena;
    return YamlReader(arena, text.size(), into).read_document(YAML::Load(text));
  } catch (const YAML::Exception& problem) {
    return corrupt(problem.what());
  }
}

// --- JSON, CSV ------------------------------------------------------------------------------------------------------------

Result<void> read_json(const std::string& text, Dictionary& into) {
  if (text.empty()) return {};
  Arena arena;
  JsonReader reader;
  auto document = reader.parse_unpadded(text, arena);
  if (!document) return corrupt(document.error().message);
  if (!document->is_object()) return corrupt("the document is no object");
  for (const ObjectEntry& entry : document->as_object()) into.set(entry.key.text(), entry.value);
  return {};
}

/// RFC 4180 with any line ending.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : rest_(text) {}

  struct Cell {
    std::string text;
    bool is_quoted = false;
  };
  bool at_end() const { return rest_.empty(); }
  int line() const { return line_; }

  /// One record; false when a quote stands where it must not.
  bool read_record(std::vector<Cell>& cells) {
    cells.clear();
    for (;;) {
      Cell cell;
      if (!read_cell(cell)) return false;
      cells.push_back(std::move(cell));
      if (!rest_.empty() && rest_.front() == ',') {
        rest_.remove_prefix(1);
        continue;
      }
      if (!rest_.empty() && rest_.front() == '\r') rest_.remove_prefix(1);
      if (!rest_.empty() && rest_.front() == '\n') rest_.remove_prefix(1);
      ++line_;
      return true;
    }
  }

 private:
  bool read_cell(Cell& cell) {
    if (rest_.empty() || rest_.front() != '"') {
      const std::size_t end = std::min(rest_.find_first_of(",\r\n\""), rest_.size());
      cell.text = rest_.substr(0, end);
      rest_.remove_prefix(end);
      return rest_.empty() || rest_.front() != '"';
    }
    cell.is_quoted = true;
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) return false;
      cell.text += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (rest_.empty() || rest_.front() != '"') break;
      cell.text += '"';
      rest_.remove_prefix(1);
    }
    return rest_.empty() || rest_.find_first_of(",\r\n") == 0;
  }

  std::string_view rest_;
  int line_ = 1;
};

Result<void> read_csv(const std::string& text, Dictionary& into) {
  CsvReader reader(text);
  std::vector<CsvReader::Cell> cells;
  while (!reader.at_end()) {
    const int line = reader.line();
    if (!reader.read_record(cells))
      return corrupt(fmt::format("record {}: a quote that is not closed or not at the border of a cell", line));
    if (cells.size() == 1 && cells[0].text.empty()) continue;  // a blank line
    const bool has_value = cells.size() > 1 && (cells[1].is_quoted || !cells[1].text.empty());
    into.set(cells[0].text, has_value ? Value::string(cells[1].text) : Value::null());
  }
  return {};
}

bool ends_with(const std::string& text, std::string_view ending) {
  return text.size() >= ending.size() && text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

}  // namespace

Result<DictionaryFormat> dictionary_format_of(const std::string& path) {
  if (ends_with(path, ".yml") || ends_with(path, ".yaml")) return DictionaryFormat::Yaml;
  if (ends_with(path, ".json")) return DictionaryFormat::Json;
  if (ends_with(path, ".csv")) return DictionaryFormat::Csv;
  return Error{ErrorCode::NotFound,
               fmt::format("\"{}\" is no dictionary: its name must end in .yml, .yaml, .json or .csv", path)};
}

Result<void> read_dictionary_file(const std::string& path, DictionaryFormat format, std::uint64_t yaml_code_points,
                                  Dictionary& into) {
  auto text = read_file(path);
  if (!text) return text.error();
  Result<void> done;
  switch (format) {
    case DictionaryFormat::Yaml: done = read_yaml(*text, yaml_code_points, into); break;
    case DictionaryFormat::Json: done = read_json(*text, into); break;
    case DictionaryFormat::Csv: done = read_csv(*text, into); break;
  }
  if (!done) return Error{done.error().code, fmt::format("{}: {}", path, done.error().message)};
  return {};
}

}  // namespace logboom
