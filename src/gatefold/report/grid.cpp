#include "gatefold/report/grid.h"

#include <algorithm>
#include <utility>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

/// Characters, not bytes: continuation bytes of UTF-8 begin with the bits 10.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Grid::Grid(const std::vector<std::string>& titles) {
  std::vector<std::string> row;
  for (const std::string& title : titles) {
    right_.push_back(title.starts_with('>'));
    row.push_back(right_.back() ? title.substr(1) : title);
  }
  if (std::any_of(row.begin(), row.end(), [](const std::string& cell) { return !cell.empty(); })) add(std::move(row));
}

void Grid::add(std::vector<std::string> row) {
  GATEFOLD_REQUIRE(row.size() == right_.size());
  rows_.push_back(std::move(row));
}

std::string Grid::text(const std::string& indent) const {
  std::vector<std::size_t> widths(right_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string all;
  for (const auto& row : rows_) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string fill(widths[i] - width(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (right_[i] ? fill + row[i] : row[i] + fill);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    all += line + "\n";
  }
  return all;
}

}  // namespace gatefold
