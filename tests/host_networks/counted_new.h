// How often this program has asked for memory: its allocation functions are replaced by ones that count.
#pragma once

#include <cstdint>

namespace gatefold::test {

[[nodiscard]] std::int64_t allocation_count();

}  // namespace gatefold::test
