// Aligned columns of text.
#pragma once

#include <string>
#include <vector>

namespace gatefold {

/// Rows of cells, printed in aligned columns. Column titles say the alignment: a leading '>' means right.
class Grid {
 public:
  /// Without a row of titles if all are empty.
  explicit Grid(const std::vector<std::string>& titles);

  /// Requires: as many cells as titles.
  void add(std::vector<std::string> row);

  /// Ends with a newline, unless there are no rows.
  [[nodiscard]] std::string text(const std::string& indent = "") const;

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gatefold
