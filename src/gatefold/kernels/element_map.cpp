#include "gatefold/kernels/element_map.h"

#include <algorithm>
#include <cstring>

#include "gatefold/kernels/element_visit.h"

namespace gatefold {
namespace {

bool has_fill(const std::vector<std::int64_t>& table) { return std::find(table.begin(), table.end(), ElementMap::kFill) != table.end(); }

/// True if the table is base, base + stride, base + 2 * stride, ..
bool is_run(const std::vector<std::int64_t>& table, std::int64_t stride) {
  if (has_fill(table)) return false;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i] != table[0] + static_cast<std::int64_t>(i) * stride) return false;
  }
  return true;
}

/// The innermost loop: blocks of `block` elements from the offsets of one table.
template <class Word>
void copy_row(const std::vector<std::int64_t>& table, std::int64_t block, bool filled, const Word* x, const Word* fill, Word* y) {
  if (block == 1 && !filled) {
    for (std::size_t i = 0; i < table.size(); ++i) y[i] = x[table[i]];
    return;
  }
  for (const std::int64_t offset : table) {
    if (offset == ElementMap::kFill) std::fill_n(y, block, *fill);
    else std::memcpy(y, x + offset, static_cast<std::size_t>(block) * sizeof(Word));
    y += block;
  }
}

template <class Word>
void copy_words(const ElementMap& map, const Word* x, const Word* fill, Word* y) {
  // Trailing axes that lie in the input as in the output form one block; their offsets collapse into a base.
  auto axes = static_cast<int>(map.offset.size());
  std::int64_t block = 1;
  std::int64_t base = 0;
  while (axes > 0 && is_run(map.offset[static_cast<std::size_t>(axes - 1)], block)) {
    --axes;
    base += map.offset[static_cast<std::size_t>(axes)][0];
    block *= static_cast<std::int64_t>(map.offset[static_cast<std::size_t>(axes)].size());
  }
  if (axes == 0) {
    std::memcpy(y, x + base, static_cast<std::size_t>(block) * sizeof(Word));
    return;
  }
  const std::vector<std::int64_t>& row = map.offset[static_cast<std::size_t>(axes - 1)];
  const bool row_filled = has_fill(row);
  const std::int64_t row_elements = block * static_cast<std::int64_t>(row.size());
  std::vector<std::size_t> index(static_cast<std::size_t>(axes - 1), 0);
  for (;; y += row_elements) {
    std::int64_t start = base;
    bool filled = false;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      const std::int64_t offset = map.offset[axis][index[axis]];
      filled = filled || offset == ElementMap::kFill;
      start += filled ? 0 : offset;
    }
    if (filled) std::fill_n(y, row_elements, *fill);
    else copy_row(row, block, row_filled, x + start, fill, y);
    int axis = axes - 2;
    for (; axis >= 0; --axis) {
      const auto at = static_cast<std::size_t>(axis);
      if (++index[at] < map.offset[at].size()) break;
      index[at] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace

void ElementMap::add_axis(std::int64_t count, std::int64_t stride, std::int64_t first, std::int64_t step) {
  std::vector<std::int64_t>& table = offset.emplace_back(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = (first + static_cast<std::int64_t>(i) * step) * stride;
}

void copy_mapped(const ElementMap& map, std::int64_t element_bytes, const std::byte* x, const std::byte* fill, std::byte* y) {
  const auto empty = [](const std::vector<std::int64_t>& table) { return table.empty(); };
  if (std::any_of(map.offset.begin(), map.offset.end(), empty)) return;
  visit_word(element_bytes, [&](auto zero) {
    using Word = decltype(zero);
    copy_words(map, reinterpret_cast<const Word*>(x), reinterpret_cast<const Word*>(fill), reinterpret_cast<Word*>(y));
  });
}

}  // namespace gatefold
