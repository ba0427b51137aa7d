// Columns: rows of text, aligned.
#pragma once

#include <string>
#include <vector>

namespace logboom {

class Columns {
 public:
  explicit Columns(std::vector<std::string> heads) : rows_{std::move(heads)} {}
  /// As many texts as there are heads. Control characters are shown as blanks.
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.size() == 1; }
  /// Two blanks between columns; numbers are set to the right; the last column is as long as it is.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace logboom
