#include "gatefold/model/layer.h"

#include <algorithm>

namespace gatefold {

Range part_of(std::int64_t total, std::int64_t count, std::int64_t index) {
  GATEFOLD_REQUIRE(count > 0 && index >= 0 && index < count);
  const std::int64_t base = total / count;
  const std::int64_t longer = total % count;
  const std::int64_t begin = index * base + std::min(index, longer);
  return {begin, begin + base + (index < longer ? 1 : 0)};
}

}  // namespace gatefold
